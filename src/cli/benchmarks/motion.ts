/**
 * `motion_rtf`: time to make motion ÷ length of the sound, both learned parts and the rules around them, offline.
 * `motion_load`: from the models' files to their first answers. `motion_sessions_PROVIDER_BATCH`: live sessions whose lips one device (of a
 * CPU, one core) could hear, by how many go through the network together; a row for each provider that works here.
 */

import { resolveControls } from '../../engine/controls.ts';
import { ArticulationModel, HOP_MS, HOP_VALUES, LIVE_LOOK_AHEAD } from '../../engine/motion/articulation-model.ts';
import type { HeadPlanner } from '../../engine/motion/head-plan.ts';
import { HeadPlanModel } from '../../engine/motion/head-plan-model.ts';
import { motionFromSound } from '../../engine/motion/motion-generator.ts';
import { AppError } from '../../errors.ts';
import type { Provider } from '../../inference.ts';
import type { AudioFrame } from '../../media/frames.ts';
import { type BenchContext, type Benchmark, type BenchResult, summary } from './benchmark.ts';
import { describeMachine } from './machine.ts';

const RATE_HZ = 16_000;
const FPS = 25;
const CHUNK_SAMPLES = RATE_HZ / 50;
const GPU_PROVIDERS: readonly Provider[] = ['cuda', 'webgpu'];
const BATCHES = [1, 4, 16, 64];

export const motion: Benchmark = {
  async run(context) {
    const { quick, signal } = context;
    const loadMs = performance.now();
    const model = await ArticulationModel.load();
    const plans = await HeadPlanModel.load();
    const headPlanner: HeadPlanner = (request) => plans.plan(request);
    const loaded = summary('motion_load', 'ms', [performance.now() - loadMs]);
    const controls = resolveControls({ seed: 1 });
    const seconds = quick ? 4 : 15;
    const rtf: number[] = [];
    for (let i = 0; i < (quick ? 2 : 6); i++) {
      signal.throwIfAborted();
      const startMs = performance.now();
      for await (const frame of motionFromSound(babble(seconds), { fps: FPS, controls, model, headPlanner }))
        void frame;
      // The first run warms the code up.
      if (i > 0) rtf.push((performance.now() - startMs) / 1000 / seconds);
    }
    return [loaded, summary('motion_rtf', 's/s', rtf), ...(await measureSessions(context))];
  },
};

async function measureSessions({ quick, signal }: BenchContext): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const hasGpu = describeMachine('cpu').gpu !== null;
  for (const provider of ['cpu' as const, ...(hasGpu ? GPU_PROVIDERS : [])]) {
    const model = await ArticulationModel.load({ provider }).catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'PROVIDER_UNAVAILABLE') return undefined;
      throw error;
    });
    for (const batch of model ? BATCHES : []) {
      signal.throwIfAborted();
      const hops = Array.from({ length: batch }, () => ({
        mel: new Float32Array(HOP_VALUES).fill(-4),
        lookAhead: LIVE_LOOK_AHEAD,
        past: model!.freshState(LIVE_LOOK_AHEAD),
      }));
      const sessions: number[] = [];
      for (let round = 0; round < (quick ? 6 : 40); round++) {
        const startMs = performance.now();
        await Promise.all(hops.map((hop) => model!.hear(hop)));
        if (round > 2) sessions.push((batch * HOP_MS) / (performance.now() - startMs));
      }
      results.push(summary(`motion_sessions_${provider}_${batch}`, '', sessions));
    }
  }
  return results;
}

/** Voice-like sound: a 120 Hz buzz whose level rises and falls four times a second. */
async function* babble(seconds: number): AsyncGenerator<AudioFrame> {
  for (let start = 0; start < seconds * RATE_HZ; start += CHUNK_SAMPLES) {
    const samples = Float32Array.from({ length: CHUNK_SAMPLES }, (_, i) => {
      const timeS = (start + i) / RATE_HZ;
      const level = 0.3 * Math.max(0, Math.sin(2 * Math.PI * 4 * timeS));
      return level * (2 * ((120 * timeS) % 1) - 1);
    });
    yield {
      kind: 'audio',
      samples,
      sampleRateHz: RATE_HZ,
      channels: 1,
      timestampUs: Math.round((start / RATE_HZ) * 1e6),
    };
  }
}
