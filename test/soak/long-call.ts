/**
 * One call that goes on: a server in a process of its own, a caller who is talked to without a pause, a measurement every second. Does anything
 * grow: memory, handles, the delay of the sound (any queue on its way), the way from pictures to sound (drift), the event loop's stalls?
 */
import { quantile } from '../../src/media/quantile.ts';
import { AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ } from '../../src/media/rtp.ts';
import { slope } from '../support/call-cycles.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { ServerProcess } from '../support/server-process.ts';

const TEXT = 'This is a sentence that goes on for a while, so that the face has something to say while it is watched. ';
const FPS = 25;
const PACKET_MS = 20;
/** What a voice is above, and a pause below. */
const LOUD = 0.01;

interface Sample {
  atS: number;
  rssMb: number;
  handles: number;
  /** Delay of the newest sound against the first of all, ms. */
  soundMs: number;
  /** Delay of the newest picture likewise, ms. */
  pictureMs: number;
  stallP99Ms: number;
  skewP95Ms: number;
}

/** @param isBusy judge only what other programs on the machine cannot spoil. */
export async function longCall(minutes: number, isBusy: boolean): Promise<{ report: object; findings: string[] }> {
  await using server = await ServerProcess.start({
    VISAVIS__MOTION__FPS: String(FPS),
    VISAVIS__LIMITS__REQUESTS_PER_MINUTE: '0',
    // A caller's process may have to wait for a core.
    ...(isBusy ? { VISAVIS__LIMITS__SILENCE_S: '30' } : {}),
  });
  await using client = new LoopbackClient(server.url);
  await client.join('mona-lisa');
  await client.until('pictures', () => client.pictures.length > FPS, 120_000);
  const { samples, turns } = await talk(server, client, minutes);

  const steady = samples.filter(({ atS }) => atS > Math.min(60, minutes * 15));
  const durationS = steady.at(-1)!.atS - steady[0]!.atS;
  /** What a measure gained from the end of the warm-up to the end, by its fitted line. */
  const gain = (of: (sample: Sample) => number): number =>
    slope(steady.map((sample) => [sample.atS, of(sample)])) * durationS;
  const middle = (of: (sample: Sample) => number): number => quantile(steady.map(of), 0.5);
  const ended = client.turns.filter(({ state }) => state === 'ended');
  const clocks = compareClocks(client);
  const report = {
    minutes,
    turns: ended.length,
    failures: client.failures.length + client.ends.length,
    pictures: client.pictures.length,
    heldPictures: client.stats.at(-1)?.heldFrames ?? 0,
    soundLostShare: round(lostSound(client), 4),
    voicedShare: round(client.levels.filter((level) => level > LOUD).length / client.levels.length),
    clockDriftMs: round(clocks.driftMs),
    /** How old a picture's sound is when the picture arrives. */
    pictureAfterSoundMs: { p50: round(quantile(clocks.lagMs, 0.5)), p95: round(quantile(clocks.lagMs, 0.95)) },
    picturesBeforeSoundShare: round(clocks.lagMs.filter((ms) => ms <= -PACKET_MS).length / clocks.lagMs.length, 4),
    rssMb: Math.round(middle(({ rssMb }) => rssMb)),
    rssGainMb: round(gain(({ rssMb }) => rssMb)),
    handlesGain: round(gain(({ handles }) => handles)),
    soundDelayGainMs: round(gain(({ soundMs }) => soundMs)),
    arrivalDriftMs: round(gain(({ pictureMs, soundMs }) => pictureMs - soundMs)),
    skewP95Ms: round(middle(({ skewP95Ms }) => skewP95Ms)),
    stallP99Ms: round(middle(({ stallP99Ms }) => stallP99Ms)),
    stallP99GainMs: round(gain(({ stallP99Ms }) => stallP99Ms)),
  };
  const always = [
    report.failures > 0 && `the call failed: ${client.failures[0]?.message ?? client.ends[0]}`,
    (ended.length < turns - 1 || ended.length === 0 || ended.some(({ interrupted }) => interrupted)) &&
      `of ${turns} texts ${ended.length} were said, ${ended.filter(({ interrupted }) => interrupted).length} in part`,
    report.voicedShare < 0.1 && 'the voice is missing',
    report.soundLostShare > 0.05 && 'packets of sound are missing, or come twice',
    Math.abs(report.clockDriftMs) > 5 && 'the clocks of pictures and sound drift apart',
    report.picturesBeforeSoundShare > 0.01 && 'pictures leave before their sound',
    report.handlesGain > 5 && 'handles grow',
    // A heap takes room in steps; pictures that stay would be 600 MB a minute. The long run alone sees less.
    report.rssGainMb > Math.max(60, minutes) && 'memory grows',
  ];
  const onQuietMachines = [
    // The first minutes' steps are behind a long call.
    minutes >= 10 && report.rssGainMb > minutes && 'memory grows',
    Math.abs(report.soundDelayGainMs) > 20 && 'sound comes later and later',
    Math.abs(report.arrivalDriftMs) > (minutes >= 10 ? 5 : 15) && 'pictures come later than sound, or sooner',
    report.stallP99GainMs > 50 && 'the event loop stalls more and more',
  ];
  const findings = [...always, ...(isBusy ? [] : onQuietMachines)].filter((finding) => finding !== false);
  return { report, findings: [...new Set(findings)] };
}

async function talk(
  server: ServerProcess,
  client: LoopbackClient,
  minutes: number,
): Promise<{ samples: Sample[]; turns: number }> {
  const startMs = performance.now();
  const first = { picture: client.arrivals.at(-1)!, sound: client.sounds.at(-1)! };
  const delayMs = (now: { timestamp: number; atMs: number }, then: typeof now, clockHz: number): number =>
    now.atMs - then.atMs - (((now.timestamp - then.timestamp) >>> 0) / clockHz) * 1000;
  const samples: Sample[] = [];
  let turns = 0;
  while (performance.now() - startMs < minutes * 60_000 && client.ends.length === 0) {
    if (client.turns.filter(({ state }) => state === 'ended').length === turns) {
      turns += 1;
      const reply = await client.request('speak', { text: TEXT });
      if ('error' in reply) client.failures.push(reply.error);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    // First, because every reading of the metrics begins a new histogram of stalls.
    const stallP99Ms = (await server.metric('nodejs_eventloop_lag_p99_seconds')) * 1000;
    samples.push({
      atS: (performance.now() - startMs) / 1000,
      rssMb: (await server.metric('process_resident_memory_bytes')) / 1e6,
      handles: await server.metric('nodejs_active_handles'),
      soundMs: delayMs(client.sounds.at(-1)!, first.sound, AUDIO_CLOCK_HZ),
      pictureMs: delayMs(client.arrivals.at(-1)!, first.picture, VIDEO_CLOCK_HZ),
      stallP99Ms,
      skewP95Ms: client.stats.at(-1)?.skewP95Ms ?? 0,
    });
  }
  return { samples, turns };
}

/**
 * The tracks as a browser aligns them, by the server's reports of their clocks. However busy the machine, these hold.
 * @returns by how much the two clocks have parted from the first reports to the last, and by how much each picture came after its sound.
 */
function compareClocks({ clockReports, arrivals }: LoopbackClient): { driftMs: number; lagMs: number[] } {
  const originsS = (reports: { wallS: number; timestamp: number }[], clockHz: number): number[] =>
    reports.map(({ wallS, timestamp }) => wallS - ((timestamp - reports[0]!.timestamp) >>> 0) / clockHz);
  const soundS = originsS(clockReports.audio, AUDIO_CLOCK_HZ);
  const pictureS = originsS(clockReports.video, VIDEO_CLOCK_HZ);
  const count = Math.ceil(Math.min(soundS.length, pictureS.length) / 4);
  if (count === 0) throw new Error('the server has not reported its clocks');
  const apart = (from: number, to?: number): number =>
    quantile(pictureS.slice(from, to), 0.5) - quantile(soundS.slice(from, to), 0.5);
  const wallS = (timestamp: number, reports: { timestamp: number }[], origins: number[], clockHz: number): number =>
    quantile(origins, 0.5) + ((timestamp - reports[0]!.timestamp) | 0) / clockHz;
  const lagMs = arrivals.flatMap(({ timestamp, soundTimestamp }) =>
    soundTimestamp === undefined
      ? []
      : 1000 *
        (wallS(soundTimestamp, clockReports.audio, soundS, AUDIO_CLOCK_HZ) -
          wallS(timestamp, clockReports.video, pictureS, VIDEO_CLOCK_HZ)),
  );
  return { driftMs: 1000 * (apart(-count) - apart(0, count)), lagMs };
}

/** Share of the packets that are missing between the first and the last, or too many. */
export function lostSound({ sounds }: LoopbackClient): number {
  const ticks = AUDIO_CLOCK_HZ / (1000 / PACKET_MS);
  const expected = ((sounds.at(-1)!.timestamp - sounds[0]!.timestamp) >>> 0) / ticks + 1;
  return (
    Math.abs(expected - new Set(sounds.map(({ timestamp }) => timestamp)).size) / expected +
    (sounds.length - new Set(sounds.map(({ timestamp }) => timestamp)).size) / expected
  );
}

export function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
