/** Calls that come and go, one after the other, and what the server says about itself meanwhile: does anything stay behind? */
import { LoopbackClient } from './loopback-client.ts';
import type { ServerProcess } from './server-process.ts';

export interface Footprint {
  cycle: number;
  rssMb: number;
  handles: number;
  sessions: number;
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
          throw new Error(`cycle ${cycle}: ${error.message}; the server's last words: ${server.log.slice(-600)}`);
        });
      if (cycle % 3 === 0) await client.request('speak', { text: 'One, two, three.' });
      if (cycle % 3 === 1) await client.request('leave', {});
    }
    if (cycle % sampleEvery !== 0) continue;
    await settled(server);
    footprints.push({
      cycle,
      rssMb: (await server.metric('process_resident_memory_bytes')) / 1e6,
      handles: await server.metric('nodejs_active_handles_total'),
      sessions: await server.metric('sessions'),
    });
  }
  return footprints;
}

/** All calls are over and what they held has been given back. */
async function settled(server: ServerProcess): Promise<void> {
  for (let i = 0; i < 100 && (await server.metric('sessions')) > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  await new Promise((resolve) => setTimeout(resolve, 300));
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
