// What an emotion does to the lips is a resting shape: a pressed mouth opens for a vowel, and presses again when nothing is said.
import { expect, it } from 'vitest';
import type { MouthState } from '../../src/engine/motion/coarticulation.ts';
import { emotionOffset } from '../../src/engine/motion/emotion.ts';
import { CHANNEL_INDEX, CHANNELS } from '../../src/engine/motion/phonemes.ts';
import { applyMouth, WEIGHT_COUNT } from '../../src/engine/motion/retarget.ts';
import { BLENDSHAPE_INDEX } from '../../src/engine/motion-frame.ts';

function angryMouth(rest: number, jaw: number): Float32Array {
  const weights = new Float32Array(WEIGHT_COUNT);
  emotionOffset({ angry: 1 }).addTo(weights);
  const mouth: MouthState = { rest, channels: new Float32Array(CHANNELS.length) };
  mouth.channels[CHANNEL_INDEX.jaw] = jaw;
  applyMouth(weights, mouth, { loudness: 0.8, expressiveness: 1 });
  return weights;
}

it('an angry mouth is pressed shut at rest and opens for a vowel', () => {
  const [resting, speaking] = [angryMouth(1, 0), angryMouth(0, 0.9)];
  for (const name of ['mouthPressLeft', 'mouthPressRight', 'mouthRollUpper'] as const) {
    expect(resting[BLENDSHAPE_INDEX[name]]).toBeGreaterThan(0.2);
    expect(speaking[BLENDSHAPE_INDEX[name]]).toBeLessThan(0.08);
  }
  expect(resting[BLENDSHAPE_INDEX.mouthClose]).toBeGreaterThan(resting[BLENDSHAPE_INDEX.jawOpen]!);
  expect(speaking[BLENDSHAPE_INDEX.jawOpen]).toBeGreaterThan(0.3);
  expect(speaking[BLENDSHAPE_INDEX.mouthClose]).toBeLessThan(0.02);
});
