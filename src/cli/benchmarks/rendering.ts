/** `render_fps`, `render_encode_fps` and how rendering scales over worker threads, 512×512, on the shipped portrait. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaceRig } from '../../engine/face-rig.ts';
import { talkingFrame } from '../../engine/motion/talking-motion.ts';
import { bakePortrait } from '../../engine/portrait/portrait.ts';
import { FaceRenderer } from '../../engine/render/face-renderer.ts';
import { createFilm } from '../../media/film.ts';
import { spawnWorker } from '../../media/worker-thread.ts';
import { asFps, type BenchContext, type Benchmark, type BenchResult, round } from './benchmark.ts';
import type { RenderWorkerReport, RenderWorkerTask } from './render-worker.ts';
import { samplePortrait } from './sample-portrait.ts';

const SIZE_PX = 512;
const FPS = 25;
const WARM_UP = 25;

export const rendering: Benchmark = {
  async run(context) {
    const { rig } = await bakePortrait(samplePortrait);
    return [
      measureRendering(rig, context),
      await measureEncoding(rig, context),
      ...(await measureWorkers(rig, context)),
    ];
  },
};

function measureRendering(rig: FaceRig, { quick }: BenchContext): BenchResult {
  const renderer = new FaceRenderer(rig, { sizePx: SIZE_PX });
  const picture = new Uint8Array(renderer.frameBytes);
  for (let i = 0; i < WARM_UP; i++) renderer.render(talkingFrame(i, FPS), picture);
  const ms: number[] = [];
  const startMs = performance.now();
  for (let i = 0; i < (quick ? 75 : 500); i++) {
    const frame = talkingFrame(i, FPS);
    const frameMs = performance.now();
    renderer.render(frame, picture);
    ms.push(performance.now() - frameMs);
  }
  return asFps('render_fps', ms, performance.now() - startMs);
}

async function measureEncoding(rig: FaceRig, { quick, signal }: BenchContext): Promise<BenchResult> {
  const renderer = new FaceRenderer(rig, { sizePx: SIZE_PX });
  const picture = new Uint8Array(renderer.frameBytes);
  const folder = await mkdtemp(join(tmpdir(), 'visavis-bench-'));
  try {
    const options = { widthPx: SIZE_PX, heightPx: SIZE_PX, fps: FPS, audio: null };
    const film = await createFilm(join(folder, 'bench.mp4'), options);
    try {
      const ms: number[] = [];
      for (let i = 0; i < WARM_UP; i++) renderer.render(talkingFrame(i, FPS), picture);
      const startMs = performance.now();
      for (let i = 0; i < (quick ? 75 : 500); i++) {
        signal.throwIfAborted();
        const frameMs = performance.now();
        renderer.render(talkingFrame(i, FPS), picture);
        await film.writePicture(picture);
        ms.push(performance.now() - frameMs);
      }
      await film.finish();
      return asFps('render_encode_fps', ms, performance.now() - startMs);
    } finally {
      await film.abort();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureWorkers(rig: FaceRig, { quick, signal }: BenchContext): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const cores = availableParallelism();
  for (const workerCount of [1, 2, 4, 8, 16].filter((n) => n <= cores)) {
    signal.throwIfAborted();
    const task: RenderWorkerTask = { rig, sizePx: SIZE_PX, fps: FPS, warmUp: WARM_UP, durationMs: quick ? 500 : 3000 };
    const reports = await Promise.all(Array.from({ length: workerCount }, () => runWorker(task)));
    const perWorker = reports.map(({ pictures, elapsedMs }) => (1000 * pictures) / elapsedMs);
    const total = perWorker.reduce((sum, fps) => sum + fps, 0);
    results.push({
      name: `render_fps_workers_${workerCount}`,
      value: round(total),
      unit: 'fps',
      p50: round(total),
      p95: round(workerCount * Math.min(...perWorker)),
      n: reports.reduce((sum, { pictures }) => sum + pictures, 0),
    });
  }
  return results;
}

function runWorker(task: RenderWorkerTask): Promise<RenderWorkerReport> {
  return new Promise((resolve, reject) => {
    const worker = spawnWorker(new URL('./render-worker.ts', import.meta.url), task);
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
