/** Calls that come and go, one after the other: does the server keep anything of them? */
import { type Footprint, leftBehind, runCycles, slope } from '../support/call-cycles.ts';
import { ServerProcess } from '../support/server-process.ts';

/** The first calls load what later ones use. */
const WARM_UP = 12;
const FOOTPRINTS = 20;

export async function manyCalls(cycles: number): Promise<{ report: object; findings: string[] }> {
  await using server = await ServerProcess.start({
    VISAVIS__MOTION__FPS: '25',
    VISAVIS__LIMITS__TICKETS_PER_MINUTE: '0',
    VISAVIS__LIMITS__JOINS_PER_MINUTE: '0',
    VISAVIS__LIMITS__REQUESTS_PER_MINUTE: '0',
  });
  await runCycles(server, WARM_UP, WARM_UP);
  const footprints = await runCycles(server, cycles, Math.max(1, Math.floor(cycles / FOOTPRINTS)));
  const each = (of: (footprint: Footprint) => number): number[] => footprints.map((one) => Math.round(of(one)));
  const report = {
    cycles,
    rssMb: each(({ rssMb }) => rssMb),
    rssMbPerCall: Math.round(slope(footprints.map(({ cycle, rssMb }) => [cycle, rssMb])) * 1000) / 1000,
    heapMb: each(({ heapMb }) => heapMb),
    handles: each(({ handles }) => handles),
    threads: each(({ threads }) => threads),
    files: each(({ files }) => files),
  };
  return { report, findings: leftBehind(footprints) };
}
