// The learned head: the same for one seed whoever waits for its plans, alive where none come, deaf to nonsense, without seams.
import { beforeAll, describe, expect, it } from 'vitest';
import { type HeadPlanner, PAST_FRAMES, PLAN_FRAMES, VOICE_VALUES } from '../../src/engine/motion/head-plan.ts';
import { HeadPlanModel } from '../../src/engine/motion/head-plan-model.ts';
import { LearnedHead } from '../../src/engine/motion/learned-head.ts';
import { loadHeadPrior } from '../../src/engine/motion/load-priors.ts';
import type { Model, TensorValue } from '../../src/inference.ts';

const DEG = 180 / Math.PI;
let model: HeadPlanModel;
beforeAll(async () => {
  model = await HeadPlanModel.load();
});

/** @param waitEvery after how many ticks the plan that was asked for is waited for; 0: never. */
async function run(planner: HeadPlanner, ticks: number, waitEvery = 1, seed = 7): Promise<number[][]> {
  const head = new LearnedHead(loadHeadPrior(), seed, planner);
  const angles: number[][] = [];
  for (let tick = 0; tick < ticks; tick++) {
    const energy = 0.45 + 0.4 * Math.sin(tick / 9);
    const { yawRad, pitchRad, rollRad } = head.next({ tick, talk: 1, energy });
    angles.push([yawRad * DEG, pitchRad * DEG, rollRad * DEG]);
    if (waitEvery > 0 && tick % waitEvery === 0) await head.pending;
  }
  return angles;
}

const largestStep = (angles: number[][]): number =>
  Math.max(...angles.slice(1).flatMap((frame, i) => frame.map((value, axis) => Math.abs(value - angles[i]![axis]!))));

describe('the learned head', () => {
  it('is the same for one seed, however many ticks go by between two pictures', async () => {
    const planner: HeadPlanner = (request) => model.plan(request);
    const head = await run(planner, 400, 1);
    expect(await run(planner, 400, 3)).toEqual(head);
    expect(await run(planner, 400, 1, 8)).not.toEqual(head);
  });

  it('is not the fitted head, stays within what a head does and never stands still', async () => {
    const head = await run((request) => model.plan(request), 3000);
    const fitted = await run(() => Promise.reject(new Error('no network')), 3000);
    expect(head).not.toEqual(fitted);
    for (const angles of [head, fitted]) {
      expect(Math.max(...angles.flat().map(Math.abs))).toBeLessThan(50);
      expect(largestStep(angles)).toBeLessThan(9);
      for (let at = 0; at + 100 <= angles.length; at += 100) {
        const yaw = angles.slice(at, at + 100).map(([value]) => value!);
        expect(Math.max(...yaw) - Math.min(...yaw)).toBeGreaterThan(0.01);
      }
    }
  });

  it('goes on alone while no plan comes, and takes none that is out of its mind', async () => {
    const failing = await run(() => Promise.reject(new Error('no network')), 500);
    const silent = await run(() => new Promise(() => {}), 500, 0);
    const mad = await run(async ({ start }) => start.map(() => Number.NaN), 500);
    const wild = await run(async ({ start }) => start.map((value) => value + 100), 500);
    for (const other of [silent, mad, wild]) expect(other.flat().every(Number.isFinite)).toBe(true);
    expect(mad).toEqual(failing);
    expect(wild).toEqual(failing);
  });

  it('asks with what it has shown, in shapes that the network knows', async () => {
    const heard: number[] = [];
    await run(async ({ start, past, voice, logPace }) => {
      expect([start.length, past.length, voice.length]).toEqual([
        PLAN_FRAMES * 3,
        PAST_FRAMES * 3,
        (PAST_FRAMES + PLAN_FRAMES) * VOICE_VALUES,
      ]);
      expect([...past.slice(-3)].map(Math.abs)).toEqual([0, 0, 0]);
      expect([...start, ...past, ...voice, logPace].every(Number.isFinite)).toBe(true);
      heard.push(voice[(PAST_FRAMES - 1) * VOICE_VALUES]!);
      return start;
    }, 300);
    expect(heard.length).toBeGreaterThan(8);
    expect(Math.max(...heard) - Math.min(...heard)).toBeGreaterThan(0.5);
  });
});

it('plans of several heads go through the network together, each with its own past', async () => {
  const sizes: number[] = [];
  const network: Model = {
    name: 'fake',
    provider: 'cpu',
    async run({ plan, past }: Record<string, TensorValue>) {
      sizes.push(plan!.dims[0]!);
      return { velocity: { data: plan!.data.map((_, i) => past!.data[Math.floor(i / 75) * 60]!), dims: plan!.dims } };
    },
  };
  const plans = new HeadPlanModel(network);
  const request = (value: number) => ({
    start: new Float32Array(75),
    past: new Float32Array(60).fill(value),
    voice: new Float32Array(180),
    logPace: 0,
  });
  const answers = await Promise.all([1, 2, 3, 4, 5].map((value) => plans.plan(request(value))));
  expect(answers.map(([first]) => first)).toEqual([1, 2, 3, 4, 5]);
  expect(sizes).toEqual([4, 4, 4, 4, 1, 1, 1, 1]);
});
