/** Calls that come and go, one after the other, and what the server says about itself meanwhile: does anything stay behind? */
import { LoopbackClient } from './loopback-client.ts';
import type { ServerProcess } from './server-process.ts';

export interface Footprint {
  cycle: number;
  rssMb: number;
  /** In use in the main thread's heap, what is to be collected included. */
  heapMb: number;
  handles: number;
  sessions: number;
  /** Of the server's process; 0 where the system does not tell. */
  threads: number;
  files: number;
}

/**
 * Joins, waits for pictures, speaks every third time, and goes: by leaving, by closing the socket, or by joining again over it.
 * @param sampleEvery cycles between two footprints.
 */
export async function runCycles(server: ServerProcess, cycles: number, sampleEvery: number): Promise<Footprint[]> {
  const footprints: Footprint[] = [];
  for (let cycle = 1; cycle <= cycles; cycle++) {
    {
      await using client = new LoopbackClient(server.url);
      await client.join('mona-lisa', cycle % 2 === 0 ? 'VP8' : 'H264');
      await client
        .until('pictures', () => client.pictures.length > 2, 60_000)
        .catch((error: Error) => {
          const { progress, sounds, ends, failures } = client;
          const seen = JSON.stringify({ progress, sounds: sounds.length, ends, failures });
          throw new Error(
            `cycle ${cycle}: ${error.message}; ${seen}; the server's last words: ${server.log.slice(-600)}`,
          );
        });
      if (cycle % 3 === 0) await client.request('speak', { text: 'One, two, three.' });
      if (cycle % 3 === 1) await client.request('leave', {});
    }
    if (cycle % sampleEvery !== 0) continue;
    await settled(server);
    const { threads, files } = (await server.resources()) ?? { threads: 0, files: 0 };
    footprints.push({
      cycle,
      rssMb: (await server.metric('process_resident_memory_bytes')) / 1e6,
      heapMb: (await server.metric('nodejs_heap_size_used_bytes')) / 1e6,
      handles: await server.metric('nodejs_active_handles'),
      sessions: await server.metric('visavis_calls'),
      threads,
      files,
    });
  }
  return footprints;
}

/** All calls are over and what they held has been given back. */
async function settled(server: ServerProcess): Promise<void> {
  for (let i = 0; i < 100 && (await server.metric('visavis_calls')) > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  await new Promise((resolve) => setTimeout(resolve, 300));
}

/** What the footprints say against "nothing stays behind"; empty when nothing does. The first calls, which load what later ones use, are not in them. */
export function leftBehind(footprints: readonly Footprint[]): string[] {
  const [first, last] = [footprints[0]!, footprints.at(-1)!];
  const growthMb = slope(footprints.map(({ cycle, rssMb }) => [cycle, rssMb]));
  return [
    footprints.some(({ sessions }) => sessions > 0) && 'calls that are over are still counted',
    last.handles - first.handles > 3 && `handles grow: ${first.handles} to ${last.handles}`,
    last.threads - first.threads > 3 && `threads grow: ${first.threads} to ${last.threads}`,
    last.files - first.files > 3 && `open files grow: ${first.files} to ${last.files}`,
    // A call holds some 30 MB while it lasts; were it kept, the slope would be that. Over many calls the heap's breathing evens out.
    growthMb > (last.cycle >= 200 ? 0.15 : 3) && `memory grows by ${growthMb.toFixed(2)} MB a call`,
  ].filter((finding) => finding !== false);
}

/** Least-squares slope of y over x. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}
