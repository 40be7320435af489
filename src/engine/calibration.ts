/** What a picture of a talking face costs on this machine: a face, a size and a codec in, ms out, after about a second. */
import { spawnWorker } from '../media/worker-thread.ts';
import type { CalibrationReport, CalibrationTask } from './calibration-worker.ts';

/** @throws Error when the thread fails. */
export function calibrate(task: CalibrationTask): Promise<CalibrationReport> {
  return new Promise((resolve, reject) => {
    const worker = spawnWorker(new URL('./calibration-worker.ts', import.meta.url), task);
    worker.unref();
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the calibration ended without a result')));
  });
}
