/**
 * A long call, and what grows in it. `node --import tsx test/soak/soak.ts --minutes 30`: a server in a process of its own, one caller who is
 * talked to without a pause, a measurement every second. Prints one JSON object; exit code 1 when something grows: memory, the delay of the
 * sound (any queue on its way), pictures against sound (drift), the event loop's stalls.
 */
import { parseArgs } from 'node:util';
import { quantile } from '../../src/media/quantile.ts';
import { slope } from '../support/call-cycles.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { ServerProcess } from '../support/server-process.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes wants a number above 0');
const WARM_UP_S = Math.min(60, minutes * 15);
const TEXT = 'This is a sentence that goes on for a while, so that the face has something to say while it is watched. ';

interface Sample {
  atS: number;
  rssMb: number;
  /** Delay of the newest sound against the first of all, ms. */
  soundMs: number;
  /** Delay of the newest picture likewise, ms. */
  pictureMs: number;
  stallP99Ms: number;
  skewP95Ms: number;
}

await using server = await ServerProcess.start({
  VISAVIS__MOTION__FPS: '25',
  VISAVIS__LIMITS__REQUESTS_PER_MINUTE: '0',
});
await using client = new LoopbackClient(server.url);
await client.join('mona-lisa');
await client.until('pictures', () => client.pictures.length > 25, 120_000);

const startMs = performance.now();
const first = { picture: client.pictures.at(-1)!, pictureMs: client.lastPictureMs, sound: client.sounds.at(-1)! };
const elapsedMs = (now: number, then: number, clockHz: number): number => (((now - then) >>> 0) / clockHz) * 1000;
const samples: Sample[] = [];
let turns = 0;
while (performance.now() - startMs < minutes * 60_000) {
  const ended = client.turns.filter(({ state }) => state === 'ended').length;
  if (ended === turns) {
    turns += 1;
    await client.request('speak', { text: TEXT.repeat(3) });
  }
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const sound = client.sounds.at(-1)!;
  // First, because every reading of the metrics begins a new histogram of stalls.
  const stallP99Ms = (await server.metric('nodejs_eventloop_lag_p99_seconds')) * 1000;
  samples.push({
    atS: (performance.now() - startMs) / 1000,
    rssMb: (await server.metric('process_resident_memory_bytes')) / 1e6,
    soundMs: sound.atMs - first.sound.atMs - elapsedMs(sound.timestamp, first.sound.timestamp, 48_000),
    pictureMs: client.lastPictureMs - first.pictureMs - elapsedMs(client.pictures.at(-1)!, first.picture, 90_000),
    stallP99Ms,
    skewP95Ms: client.stats.at(-1)?.skewP95Ms ?? 0,
  });
}

const steady = samples.filter(({ atS }) => atS > WARM_UP_S);
const durationS = steady.at(-1)!.atS - steady[0]!.atS;
/** What a measure gained from the end of the warm-up to the end, by its fitted line. */
const gain = (of: (sample: Sample) => number): number =>
  slope(steady.map((sample) => [sample.atS, of(sample)])) * durationS;
const middle = (of: (sample: Sample) => number): number => quantile(steady.map(of), 0.5);
const report = {
  minutes,
  samples: samples.length,
  turns,
  failures: client.failures.length,
  heldPictures: client.stats.at(-1)?.heldFrames ?? 0,
  rssMb: Math.round(middle((sample) => sample.rssMb)),
  rssMbPerMinute: round((gain((sample) => sample.rssMb) / durationS) * 60),
  soundDelayGainMs: round(gain((sample) => sample.soundMs)),
  driftMs: round(gain((sample) => sample.pictureMs - sample.soundMs)),
  skewP95Ms: round(middle((sample) => sample.skewP95Ms)),
  stallP99Ms: round(middle((sample) => sample.stallP99Ms)),
  stallP99GainMs: round(gain((sample) => sample.stallP99Ms)),
};
console.log(JSON.stringify(report, null, 2));
const findings = [
  report.failures > 0 && 'the call failed',
  // Heaps breathe for the first minutes; what a call leaked per turn would show as much more.
  report.rssMbPerMinute > (minutes >= 10 ? 1 : 12) && 'memory grows',
  Math.abs(report.soundDelayGainMs) > 20 && 'sound comes later and later',
  Math.abs(report.driftMs) > (minutes >= 10 ? 5 : 15) && 'pictures and sound drift apart',
  report.stallP99GainMs > 50 && 'the event loop stalls more and more',
].filter(Boolean);
for (const finding of findings) console.error(`soak: ${finding}`);
process.exitCode = findings.length > 0 ? 1 : 0;

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
