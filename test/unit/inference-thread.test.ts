/** Networks in a thread of their own: the same answers, errors that say what they are, and no run lost with a thread. */
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { InferenceThread } from '../../src/engine/inference-thread.ts';
import { HeadPlanModel } from '../../src/engine/motion/head-plan-model.ts';
import { loadBestModel } from '../../src/inference.ts';
import { spawnWorker } from '../../src/media/worker-thread.ts';

const REQUEST = {
  start: new Float32Array(75).fill(0.2),
  past: new Float32Array(60).fill(0.1),
  voice: new Float32Array(180).fill(0.5),
  logPace: 0.3,
};

it('computes what the calling thread would', async () => {
  await using thread = new InferenceThread();
  const [here, there] = [await HeadPlanModel.load(), await HeadPlanModel.load({}, thread.loadBestModel)];
  const plans = await Promise.all([there.plan(REQUEST), there.plan(REQUEST)]);
  for (const plan of plans) expect(plan).toEqual(await here.plan(REQUEST));
});

it('says by its code what is wrong with a model', async () => {
  await using thread = new InferenceThread();
  const options = { provider: 'cpu', directory: '/nowhere' } as const;
  await expect(HeadPlanModel.load(options, thread.loadBestModel)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
});

it('does a run again whose thread was lost, in another one that has to load the model first', async () => {
  const started: Worker[] = [];
  await using thread = new InferenceThread(() => {
    started.push(spawnWorker(new URL('../../src/engine/inference-worker.ts', import.meta.url)));
    return started.at(-1)!;
  });
  const plans = await HeadPlanModel.load({}, thread.loadBestModel);
  const before = await plans.plan(REQUEST);
  await started[0]!.terminate(); // no network runs in it now
  expect(await plans.plan(REQUEST)).toEqual(before);
  expect(started.length).toBe(2);
});

it('fails for good where the network itself does, and answers what is asked afterwards', async () => {
  await using thread = new InferenceThread();
  const inputs = { time: { data: new Float32Array(1), dims: [1, 1] } };
  await expect(thread.loadBestModel('head-flow', { inputs, tolerance: 1 }, { provider: 'cpu' })).resolves.toBeDefined();
  const { model } = await thread.loadBestModel('head-flow', { inputs, tolerance: 1 }, { provider: 'cpu' });
  const { model: own } = await loadBestModel('head-flow', { inputs, tolerance: 1 }, { provider: 'cpu' });
  await expect(own.run(inputs)).rejects.toThrow(/input/);
  await expect(model.run(inputs)).rejects.toThrow(/input/);
  const plans = await HeadPlanModel.load({}, thread.loadBestModel);
  expect((await plans.plan(REQUEST)).length).toBe(75);
});
