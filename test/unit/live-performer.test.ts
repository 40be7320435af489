// A face that lives as long as the call: idle, speaking, interrupted, without a jump.
import { describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { LivePerformer } from '../../src/engine/motion/live-performer.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';

const FPS = 25;
const RATE_HZ = 8000;

/** Two seconds of open vowels. */
function vowels(): SpeechChunk {
  const samples = Float32Array.from({ length: 2 * RATE_HZ }, (_, i) => 0.3 * Math.sin(0.2 * i));
  const phonemes = ['a', 'ɛ', 'a', 'ɔ', 'a', 'ɛ', 'a', 'ɔ', 'a', 'ɛ'].map((ipa, i) => ({
    ipa,
    startUs: i * 200_000,
    endUs: (i + 1) * 200_000,
    stress: 2 as const,
  }));
  return { samples, sampleRateHz: RATE_HZ, startUs: 0, phonemes, words: [] };
}

const closed = ({ blendshapes: w }: MotionFrame): boolean => (w.mouthClose ?? 0) >= Math.max(w.jawOpen ?? 0, 0.08);
const jaw = ({ blendshapes }: MotionFrame): number => blendshapes.jawOpen ?? 0;

const performer = (given = {}): LivePerformer =>
  new LivePerformer({ fps: FPS, controls: resolveControls({ seed: 11, ...given }) });

describe('live performer', () => {
  it('idles with a closed mouth and living eyes and head', () => {
    const face = performer();
    const frames = Array.from({ length: 20 * FPS }, () => face.next(undefined));
    expect(frames.every(closed)).toBe(true);
    const blinks = frames.filter(
      (f, i) => (f.blendshapes.eyeBlinkLeft ?? 0) > 0.5 && (frames[i - 1]?.blendshapes.eyeBlinkLeft ?? 0) <= 0.5,
    );
    expect(blinks.length).toBeGreaterThanOrEqual(2);
    expect(blinks.length).toBeLessThan(16);
    const yaws = frames.map(({ pose }) => pose.yawRad);
    expect(Math.max(...yaws) - Math.min(...yaws)).toBeGreaterThan(0.01);
  });

  it('speaks, and after an interruption its mouth is closed within 120 ms without a jump', () => {
    const face = performer();
    for (let i = 0; i < 10; i++) face.next(undefined);
    face.pushSpeech(vowels());
    const speaking = Array.from({ length: 22 }, (_, i) => face.next(i / FPS));
    expect(Math.max(...speaking.map(jaw))).toBeGreaterThan(0.25);
    face.endSpeech();
    const after = Array.from({ length: 10 }, () => face.next(undefined));
    expect(after.slice(Math.ceil(0.12 * FPS) - 1).every(closed)).toBe(true);
    const all = [...speaking, ...after];
    for (let i = 1; i < all.length; i++) {
      expect(Math.abs(jaw(all[i]) - jaw(all[i - 1]))).toBeLessThan(0.28);
      expect(Math.abs(all[i].pose.pitchRad - all[i - 1].pose.pitchRad)).toBeLessThan(0.03);
      expect(Math.abs(all[i].pose.yawRad - all[i - 1].pose.yawRad)).toBeLessThan(0.03);
    }
  });

  it('stays closed when the voice runs dry', () => {
    const face = performer();
    face.pushSpeech(vowels());
    const late = Array.from({ length: 8 * FPS }, (_, i) => face.next(i / FPS)).slice(3 * FPS);
    expect(late.every(closed)).toBe(true);
  });

  it('takes new controls within 200 ms, gliding', () => {
    const face = performer({ headMotion: 0 });
    for (let i = 0; i < FPS; i++) face.next(undefined);
    face.setControls({ emotion: { happy: 1 }, headDistance: 1.5, gaze: { yawRad: 0.15, pitchRad: 0 } });
    const frames = Array.from({ length: 10 }, () => face.next(undefined));
    const smiles = frames.map(({ blendshapes }) => blendshapes.mouthSmileLeft ?? 0);
    expect(smiles[0]).toBeLessThan(0.5);
    for (const frame of frames.slice(Math.round(0.24 * FPS))) {
      expect(frame.blendshapes.mouthSmileLeft ?? 0).toBeGreaterThan(0.65);
      expect(frame.pose.scale).toBeCloseTo(1 / 1.5, 1);
    }
  });

  it('looks where it is told, whatever the head does', () => {
    const face = performer({ gaze: { yawRad: 0.3, pitchRad: -0.1 } });
    const frames = Array.from({ length: 60 * FPS }, () => face.next(undefined));
    const mean = (pick: (frame: MotionFrame) => number): number =>
      frames.reduce((sum, f) => sum + pick(f), 0) / frames.length;
    expect(mean(({ pose, gaze }) => pose.yawRad + gaze.yawRad)).toBeCloseTo(0.3, 1);
    expect(Math.abs(mean(({ pose, gaze }) => pose.yawRad + gaze.yawRad) - 0.3)).toBeLessThan(0.05);
    expect(Math.abs(mean(({ pose, gaze }) => pose.pitchRad + gaze.pitchRad) + 0.1)).toBeLessThan(0.05);
    const frozen = performer({ headMotion: 0, expressiveness: 0 });
    const still = Array.from({ length: 5 * FPS }, () => frozen.next(undefined));
    for (const frame of still) expect({ ...frame, timestampUs: 0 }).toEqual({ ...still[0], timestampUs: 0 });
  });
});
