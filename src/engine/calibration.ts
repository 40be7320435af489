/** What a picture of a talking face costs on this machine: a face, a size and a codec in, ms out, after about a second. */
import { spawnWorker } from '../media/worker-thread.ts';
import type { CalibrationReport, CalibrationTask } from './calibration-worker.ts';

/** More threads than this tell nothing new. */
const MAX_THREADS = 16;

/**
 * @param threads that draw at the same time: cores that share their arithmetic, caches or memory are slower together than alone.
 * @throws Error when a thread fails.
 */
export async function calibrate(task: CalibrationTask, threads: number): Promise<CalibrationReport> {
  const reports = await Promise.all(
    Array.from({ length: Math.max(1, Math.min(MAX_THREADS, threads)) }, () => runThread(task)),
  );
  const pictureMs = reports.reduce((sum, report) => sum + report.pictureMs, 0) / reports.length;
  return { pictureMs, encoders: reports[0]!.encoders };
}

function runThread(task: CalibrationTask): Promise<CalibrationReport> {
  return new Promise((resolve, reject) => {
    const worker = spawnWorker(new URL('./calibration-worker.ts', import.meta.url), task);
    worker.unref();
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the calibration ended without a result')));
  });
}
