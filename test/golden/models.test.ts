/** The shipped ONNX models give the numbers of the tflite files they were made from (reference: training/convert/check_models.py). */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/inference.ts';

const folder = new URL('./models/', import.meta.url);
const reference = JSON.parse(gunzipSync(await readFile(new URL('reference.json.gz', folder))).toString());

async function run(model: string, input: string, caseName: string, low: number, high: number) {
  const image = sharp(fileURLToPath(new URL(`${caseName}.png`, folder)))
    .removeAlpha()
    .toColourspace('srgb');
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const values = Float32Array.from(data, (v) => low + ((high - low) * v) / 255);
  return (await loadModel(model)).run({ [input]: { data: values, dims: [1, info.height, info.width, 3] } });
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
}

describe.each(['face-detector-near', 'face-detector-far'])('%s', (model) => {
  it.each(Object.keys(reference[model]))('%s', async (caseName) => {
    const want = reference[model][caseName];
    const { boxes, scores } = await run(model, 'input', caseName, -1, 1);
    const best = Array.from(scores.data.keys()).sort((a, b) => scores.data[b] - scores.data[a]);
    expect(best[0]).toBe(want.rows[0]);
    const gotScores = want.rows.map((row: number) => scores.data[row]);
    const gotBoxes = want.rows.flatMap((row: number) => Array.from(boxes.data.subarray(row * 16, row * 16 + 16)));
    expect(largestDifference(gotScores, want.scores)).toBeLessThan(0.01);
    expect(largestDifference(gotBoxes, want.boxes)).toBeLessThan(0.02);
  });
});

describe('face-mesh', () => {
  it.each(Object.keys(reference['face-mesh']))('%s', async (caseName) => {
    const want = reference['face-mesh'][caseName];
    const { landmarks, presence } = await run('face-mesh', 'input_1', caseName, 0, 1);
    expect(landmarks.dims).toEqual([478, 3]);
    expect(largestDifference(landmarks.data, want.landmarks)).toBeLessThan(0.02);
    expect(largestDifference(presence.data, want.presence)).toBeLessThan(1e-3);
  });
});

describe('person-matte', () => {
  it.each(Object.keys(reference['person-matte']))('%s', async (caseName) => {
    const { matte } = await run('person-matte', 'input_1', caseName, 0, 1);
    const means = new Float32Array(32 * 32);
    for (let i = 0; i < matte.data.length; i++) means[((i / 256) >> 3) * 32 + ((i % 256) >> 3)] += matte.data[i] / 64;
    expect(largestDifference(means, reference['person-matte'][caseName].matte32)).toBeLessThan(1e-3);
  });
});
