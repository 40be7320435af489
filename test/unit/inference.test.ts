import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  chooseModel,
  loadBestModel,
  loadModel,
  type Model,
  type Provider,
  type TensorValue,
} from '../../src/inference.ts';

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

describe('provider', () => {
  const inputs = { x: { data: Float32Array.of(1, 2), dims: [2] } };
  const check = { inputs, tolerance: 1e-3 };
  /** Doubles its input; `spoil` is added to the first value, `delayMs` is how long it takes. */
  function doubler(provider: Provider, spoil = 0, delayMs = 0): Model & { broken: boolean } {
    return {
      name: 'doubler',
      provider,
      broken: false,
      async run({ x }: Record<string, TensorValue>) {
        if (this.broken) throw new Error('device lost\nstack');
        const until = performance.now() + delayMs;
        while (performance.now() < until);
        return { y: { data: x.data.map((v, i) => 2 * v + (i === 0 ? spoil : 0)), dims: x.dims } };
      },
    };
  }
  const candidate = (model: Model) => ({ provider: model.provider, load: async () => model });

  it('takes the first that agrees with the cpu, and says why not the others', async () => {
    const missing = { provider: 'cuda' as const, load: () => Promise.reject(new Error('no driver')) };
    const { model, notes } = await chooseModel(
      doubler('cpu'),
      [missing, candidate(doubler('webgpu', 1e-4))],
      check,
      false,
    );
    expect(model.provider).toBe('webgpu');
    expect(notes).toEqual([expect.stringMatching(/fails on cuda \(no driver\)/)]);
  });

  it.each([0.1, Number.NaN])('refuses wrong numbers (%d)', async (spoil) => {
    const { model, notes } = await chooseModel(doubler('cpu'), [candidate(doubler('cuda', spoil))], check, false);
    expect(model.provider).toBe('cpu');
    expect(notes).toEqual([expect.stringMatching(/on cuda differs from the cpu/)]);
  });

  it('passes over a slower one where speed is the point', async () => {
    const slow = candidate(doubler('webgpu', 0, 20));
    expect((await chooseModel(doubler('cpu'), [slow], check, true)).model.provider).toBe('cpu');
    expect((await chooseModel(doubler('cpu'), [slow], check, false)).model.provider).toBe('webgpu');
  });

  it('goes on on the cpu when the device dies', async () => {
    const gpu = doubler('cuda');
    const { model, notes } = await chooseModel(doubler('cpu', 0, 5), [candidate(gpu)], check, true);
    expect(model.provider).toBe('cuda');
    gpu.broken = true;
    expect((await model.run(inputs)).y.data).toEqual(Float32Array.of(2, 4));
    expect(model.provider).toBe('cpu');
    expect(notes).toEqual([expect.stringMatching(/failed on cuda \(device lost\) and goes on on the cpu/)]);
  });

  it('finds a provider on this very machine', async () => {
    const image = { data: new Float32Array(128 * 128 * 3).fill(0.5), dims: [1, 128, 128, 3] };
    const { model } = await loadBestModel('face-detector-near', { inputs: { input: image }, tolerance: 1e-3 });
    expect((await model.run({ input: image })).scores.dims).toEqual([896]);
  });
});
