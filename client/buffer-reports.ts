/**
 * How long sound and pictures wait in this browser, told to the server while the call is live, so that it sends the pictures as much later. In:
 * the browser's reports, two shortly after one another: what holds now, not on average. Out: one message a second, more at the beginning.
 */
import type { BuffersMessage } from '../src/signaling/protocol.ts';
import { entriesOf, numberOf } from './link-statistics.ts';

const WINDOW_MS = 200;
const PAUSE_MS = 800;
/** A receiver's buffers settle in its first seconds. */
const BEGINNING_MS = 4000;
const MOST_MS = 10_000;

/** Totals since the call began. */
interface Totals {
  soundS: number;
  soundSamples: number;
  playoutS: number;
  playoutSamples: number;
  pictureS: number;
  pictures: number;
  soundPlayedMs: number | undefined;
  picturePlayedMs: number | undefined;
}

function totalsOf(report: RTCStatsReport): Totals {
  const totals: Totals = {
    soundS: 0,
    soundSamples: 0,
    playoutS: 0,
    playoutSamples: 0,
    pictureS: 0,
    pictures: 0,
    soundPlayedMs: undefined,
    picturePlayedMs: undefined,
  };
  for (const entry of entriesOf(report)) {
    if (entry.type === 'media-playout') {
      totals.playoutS = numberOf(entry, 'totalPlayoutDelay') ?? 0;
      totals.playoutSamples = numberOf(entry, 'totalSamplesCount') ?? 0;
    }
    if (entry.type !== 'inbound-rtp') continue;
    if (entry.kind === 'audio') {
      totals.soundS = numberOf(entry, 'jitterBufferDelay') ?? 0;
      totals.soundSamples = numberOf(entry, 'jitterBufferEmittedCount') ?? 0;
      totals.soundPlayedMs = numberOf(entry, 'estimatedPlayoutTimestamp');
    } else {
      totals.pictureS = numberOf(entry, 'totalProcessingDelay') ?? numberOf(entry, 'jitterBufferDelay') ?? 0;
      totals.pictures = numberOf(entry, 'framesDecoded') ?? 0;
      totals.picturePlayedMs = numberOf(entry, 'estimatedPlayoutTimestamp');
    }
  }
  return totals;
}

/** @returns undefined where nothing was played between the two. */
export function buffersBetween(before: RTCStatsReport, now: RTCStatsReport): BuffersMessage | undefined {
  const [a, b] = [totalsOf(before), totalsOf(now)];
  const meanMs = (seconds: number, count: number): number =>
    count > 0 ? Math.min(MOST_MS, Math.max(0, Math.round((seconds / count) * 1000))) : 0;
  if (b.soundSamples <= a.soundSamples) return undefined;
  const bufferMs = meanMs(b.soundS - a.soundS, b.soundSamples - a.soundSamples);
  const playoutMs = meanMs(b.playoutS - a.playoutS, b.playoutSamples - a.playoutSamples);
  const skewMs = b.soundPlayedMs && b.picturePlayedMs ? b.soundPlayedMs - b.picturePlayedMs : undefined;
  return {
    soundMs: Math.min(MOST_MS, bufferMs + playoutMs),
    pictureMs: meanMs(b.pictureS - a.pictureS, b.pictures - a.pictures),
    ...(skewMs === undefined || Math.abs(skewMs) > MOST_MS ? {} : { skewMs }),
  };
}

export class BufferReports {
  private readonly read: () => Promise<RTCStatsReport | undefined>;
  private readonly send: (message: BuffersMessage) => void;
  /** Counts starts and stops, so that an older run ends. */
  private run = 0;
  private isRunning = false;

  constructor(read: () => Promise<RTCStatsReport | undefined>, send: (message: BuffersMessage) => void) {
    this.read = read;
    this.send = send;
  }

  start(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    void this.report(++this.run);
  }

  stop(): void {
    this.isRunning = false;
    this.run += 1;
  }

  private async report(run: number): Promise<void> {
    const startMs = performance.now();
    let before: RTCStatsReport | undefined;
    while (run === this.run) {
      before ??= await this.read().catch(() => undefined);
      await pause(WINDOW_MS);
      const now = await this.read().catch(() => undefined);
      if (run !== this.run) return;
      const buffers = before && now && buffersBetween(before, now);
      if (buffers) this.send(buffers);
      before = now;
      if (performance.now() - startMs < BEGINNING_MS) continue;
      before = undefined;
      await pause(PAUSE_MS);
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
