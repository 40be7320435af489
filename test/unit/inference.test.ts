import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadModel } from '../../src/inference.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'visavis-models-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

it('names the missing file and how to restore it', async () => {
  await expect(loadModel('face-mesh', { directory })).rejects.toMatchObject({
    code: 'MODEL_MISSING',
    message: expect.stringMatching(/face-mesh\.onnx is missing: restore it with/),
  });
});

it('names a file that is no model, and loads it once it is put right', async () => {
  const path = join(directory, 'face-detector-near.onnx');
  await writeFile(path, 'not a model');
  await expect(loadModel('face-detector-near', { directory })).rejects.toMatchObject({
    code: 'MODEL_CORRUPT',
    message: expect.stringContaining(path),
  });
  await writeFile(path, await readFile(new URL('../../models/face-detector-near.onnx', import.meta.url)));
  const model = await loadModel('face-detector-near', { directory });
  expect(await loadModel('face-detector-near', { directory })).toBe(model);
});
