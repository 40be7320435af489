/** Many sessions on one network: who waits for whom, fixed shapes, and a device that dies in the middle of a call. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ArticulationStream } from '../../src/engine/motion/articulation.ts';
import { ArticulationModel, HOP_MS, HOP_VALUES } from '../../src/engine/motion/articulation-model.ts';
import { chooseModel, type Model, type Provider, type TensorValue } from '../../src/inference.ts';

/** Answers with zeros, and as the next state with the old one plus the mean of the features; counts the rows of each call. */
class FakeNetwork implements Model {
  readonly name = 'fake';
  readonly provider: Provider;
  readonly batches: number[] = [];
  readonly tensors = new Set<Float32Array>();
  isBroken = false;

  constructor(provider: Provider = 'cpu') {
    this.provider = provider;
  }

  async run({ mel, past }: Record<string, TensorValue>): Promise<Record<string, TensorValue>> {
    if (this.isBroken) throw new Error('device lost');
    const size = mel.dims[0];
    const steps = mel.dims[1] / 2;
    this.batches.push(size);
    this.tensors.add(mel.data);
    const next = past.data.map((value, i) => {
      const row = Math.floor(i / (past.data.length / size));
      return value + mel.data[row * (mel.data.length / size)] / 100;
    });
    return {
      classes: { data: new Float32Array(size * steps * 42).fill(1 / 42), dims: [size, steps, 42] },
      curves: { data: new Float32Array(size * steps * 9), dims: [size, steps, 9] },
      next: { data: next, dims: past.dims },
    };
  }
}

const hop = (model: ArticulationModel, value: number, liveStream?: object) =>
  model.hear({
    mel: new Float32Array(HOP_VALUES).fill(value),
    lookAhead: 2,
    past: model.freshState(2),
    ...(liveStream ? { liveStream } : {}),
  });

describe('sessions on one network', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are computed together when their sound comes at nearly the same time, each with its own state', async () => {
    const network = new FakeNetwork();
    const model = new ArticulationModel(network);
    const streams = Array.from({ length: 24 }, () => ({}));
    for (const stream of streams) void hop(model, 0, stream);
    await vi.advanceTimersByTimeAsync(HOP_MS);
    network.batches.length = 0;

    const results: Promise<{ next: Float32Array }>[] = [];
    for (const [i, stream] of streams.entries()) {
      results.push(hop(model, i, stream));
      if (i % 8 === 7) await vi.advanceTimersByTimeAsync(1);
    }
    expect((await Promise.all(results)).map(({ next }) => Math.round(next[17] * 100))).toEqual(
      streams.map((_, i) => i),
    );
    expect(network.batches).toEqual([24]);
  });

  it('wait neither for one who is late nor for one who has left', async () => {
    const network = new FakeNetwork();
    const model = new ArticulationModel(network);
    const [here, gone] = [{}, {}];
    void hop(model, 1, here);
    void hop(model, 1, gone);
    await vi.advanceTimersByTimeAsync(HOP_MS);
    const late = hop(model, 1, here);
    await vi.advanceTimersByTimeAsync(HOP_MS / 4);
    await late;
    await vi.advanceTimersByTimeAsync(10 * HOP_MS);
    const alone = hop(model, 1, here);
    await vi.advanceTimersByTimeAsync(0);
    await alone;
  });

  it('do not hold up a recording, which takes waiting sessions with it', async () => {
    const network = new FakeNetwork();
    const model = new ArticulationModel(network);
    const streams = Array.from({ length: 16 }, () => ({}));
    for (const stream of streams) void hop(model, 0, stream);
    await vi.advanceTimersByTimeAsync(HOP_MS);
    network.batches.length = 0;
    const live = hop(model, 0, streams[0]);
    const recording = hop(model, 0);
    await vi.advanceTimersByTimeAsync(0);
    await Promise.all([live, recording]);
    expect(network.batches).toEqual([2]);
  });

  it('are not mixed with windows of recordings, which go in calls of their own', async () => {
    const network = new FakeNetwork();
    const model = new ArticulationModel(network);
    const window = { mel: new Float32Array(50 * HOP_VALUES).fill(7), lookAhead: 'whole' as const };
    const results = [hop(model, 1), model.hear({ ...window, past: model.freshState('whole') }), hop(model, 2)];
    await vi.advanceTimersByTimeAsync(HOP_MS);
    expect((await Promise.all(results)).map(({ next }) => Math.round(next[0] * 100))).toEqual([1, 7, 2]);
    expect((await results[1]).classes.length).toBe(100 * 42);
    expect(network.batches).toEqual([2, 1]);
  });

  it('pad to few shapes, whose tensors are made once', async () => {
    const network = new FakeNetwork();
    const model = new ArticulationModel(network);
    for (let round = 0; round < 3; round++)
      for (const count of [5, 13, 13, 70]) await Promise.all(Array.from({ length: count }, () => hop(model, 0)));
    expect(new Set(network.batches)).toEqual(new Set([6, 16, 64]));
    expect(network.tensors.size).toBe(3);
  });

  it('all hear of it when a call fails, and the next call is made', async () => {
    const network = new FakeNetwork();
    const model = new ArticulationModel(network);
    network.isBroken = true;
    const failed = await Promise.allSettled([hop(model, 0), hop(model, 0)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    network.isBroken = false;
    await hop(model, 0);
  });
});

it('a device that dies in the middle of a call costs no frame: the CPU goes on from the same state', async () => {
  const cpu = new FakeNetwork('cpu');
  const gpu = new FakeNetwork('webgpu');
  const inputs = {
    mel: { data: new Float32Array(HOP_VALUES), dims: [1, 4, 80] },
    past: { data: new Float32Array(100), dims: [1, 100] },
  };
  const choice = await chooseModel(
    cpu,
    [{ provider: 'webgpu', load: async () => gpu }],
    { inputs, tolerance: 1e-3 },
    false,
  );
  const model = new ArticulationModel(choice.model, choice.notes);
  const reference = new ArticulationStream(new ArticulationModel(new FakeNetwork()));
  const stream = new ArticulationStream(model);
  const sound = Float32Array.from({ length: 16_000 }, (_, i) => 0.3 * Math.sin(i * i * 0.01));
  expect(model.provider).toBe('webgpu');
  const frames = await stream.push(sound.subarray(0, 7000), 16_000);
  gpu.isBroken = true;
  frames.push(...(await stream.push(sound.subarray(7000), 16_000)), ...(await stream.end()));
  expect(model.provider).toBe('cpu');
  expect(model.notes).toEqual([expect.stringMatching(/failed on webgpu \(device lost\) and goes on on the cpu/)]);
  expect(frames).toEqual([...(await reference.push(sound, 16_000)), ...(await reference.end())]);
});
