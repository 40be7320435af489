// The reference driver's mouth did not move: a fixed utterance, compared by tolerance. UPDATE_GOLDEN=1 writes them anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import type { Performance } from '../../src/engine/motion/performance-source.ts';
import { SpeechMotion } from '../../src/engine/motion/speech-motion.ts';
import { type MotionFrame, NEUTRAL_POSE } from '../../src/engine/motion-frame.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';

const FILE = new URL('./speech-motion.jsonl', import.meta.url);
const TOLERANCE = 0.004;

/** Head and eyes have generators and tests of their own. */
const STILL: Performance = {
  pose: NEUTRAL_POSE,
  gaze: { yawRad: 0, pitchRad: 0 },
  upperFace: { blink: 0, browInnerUp: 0, browOuterUp: 0, browDown: 0, squint: 0 },
};

/** "My five thin shoes … pop" with a pause, at a brisk rate. */
function utterance(): SpeechChunk {
  const sounds: [ipa: string, ms: number][] = [
    ...([
      ['', 300],
      ['m', 80],
      ['aɪ', 140],
      ['f', 80],
      ['aɪ', 150],
      ['v', 60],
      ['θ', 90],
      ['ɪ', 80],
    ] as [string, number][]),
    ...([
      ['n', 60],
      ['ʃ', 110],
      ['uː', 170],
      ['z', 90],
      ['', 260],
      ['p', 90],
      ['ɑː', 160],
      ['p', 90],
      ['', 500],
    ] as [string, number][]),
  ];
  const rateHz = 8000;
  const phonemes: SpeechChunk['phonemes'] = [];
  const samples: number[] = [];
  for (const [ipa, ms] of sounds) {
    const startUs = (samples.length / rateHz) * 1e6;
    const level = ipa === '' ? 0 : /[aɪuɑ]/.test(ipa) ? 0.3 : 0.08;
    for (let i = 0; i < (ms / 1000) * rateHz; i++) samples.push(level * Math.sin(0.3 * i));
    if (ipa !== '') phonemes.push({ ipa, startUs, endUs: startUs + ms * 1000, stress: ms >= 140 ? 2 : 0 });
  }
  return { samples: Float32Array.from(samples), sampleRateHz: rateHz, startUs: 0, phonemes, words: [] };
}

function perform(): MotionFrame[] {
  const controls = resolveControls({ seed: 2026, emotion: { happy: 0.2 } });
  const driver = new SpeechMotion({ fps: 25, controls, performance: { next: () => STILL } });
  return [...driver.push(utterance()), ...driver.finish()];
}

it('draws the same curves as before', () => {
  const frames = perform();
  if (process.env.UPDATE_GOLDEN === '1')
    writeFileSync(FILE, frames.map((frame) => `${JSON.stringify(frame)}\n`).join(''));
  const golden: MotionFrame[] = readFileSync(FILE, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(frames.length).toBe(golden.length);
  for (const [i, frame] of frames.entries()) {
    const before = golden[i];
    expect(frame.timestampUs).toBe(before.timestampUs);
    for (const part of ['pose', 'gaze', 'blendshapes'] as const) {
      const [now, then] = [frame[part], before[part]] as Record<string, number>[];
      for (const name of new Set([...Object.keys(now), ...Object.keys(then)])) {
        const change = Math.abs((now[name] ?? 0) - (then[name] ?? 0));
        expect(change, `${part}.${name} of frame ${i}: ${then[name] ?? 0} became ${now[name] ?? 0}`).toBeLessThan(
          TOLERANCE,
        );
      }
    }
  }
});
