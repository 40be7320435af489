/** What the browser measures about the call. In: WebRTC reports, one after the other; out: rates and delays between them. */
export interface LinkStatistics {
  /** Pictures shown; where the page draws, from its own count. */
  fps: number;
  bitrateKbps: number;
  lost: number;
  freezes: number;
  /** Wait of the sound between network and loudspeaker. */
  soundBufferMs: number;
  roundTripMs: number | undefined;
  /** Picture after its sound, as the browser plays them; unknown where it does not say. */
  skewMs: number | undefined;
}

interface LinkSample {
  atMs: number;
  framesShown: number;
  bytes: number;
  soundDelayS: number;
  soundSamples: number;
  lost: number;
  freezes: number;
  roundTripMs: number | undefined;
  skewMs: number | undefined;
}

type Entry = Record<string, number | string | undefined>;

/** @param drawnFrames frames that the page itself has drawn; undefined where it plays video. */
function sampleLink(report: RTCStatsReport, atMs: number, drawnFrames: number | undefined): LinkSample {
  const sample: LinkSample = {
    atMs,
    framesShown: drawnFrames ?? 0,
    bytes: 0,
    soundDelayS: 0,
    soundSamples: 0,
    lost: 0,
    freezes: 0,
    roundTripMs: undefined,
    skewMs: undefined,
  };
  const playout: { audio?: number; video?: number } = {};
  for (const entry of report.values() as Iterable<Entry>) {
    const number = (key: string): number => (typeof entry[key] === 'number' ? (entry[key] as number) : 0);
    if (entry.type === 'transport') sample.bytes = number('bytesReceived');
    if (entry.type === 'candidate-pair' && entry.nominated && entry.currentRoundTripTime !== undefined)
      sample.roundTripMs = number('currentRoundTripTime') * 1000;
    if (entry.type !== 'inbound-rtp') continue;
    sample.lost += number('packetsLost');
    if (entry.estimatedPlayoutTimestamp) playout[entry.kind as 'audio' | 'video'] = number('estimatedPlayoutTimestamp');
    if (entry.kind === 'audio') {
      sample.soundDelayS = number('jitterBufferDelay');
      sample.soundSamples = number('jitterBufferEmittedCount');
    } else {
      sample.framesShown = number('framesDecoded');
      sample.freezes = number('freezeCount');
    }
  }
  if (playout.audio !== undefined && playout.video !== undefined) sample.skewMs = playout.audio - playout.video;
  return sample;
}

function compareSamples(before: LinkSample, now: LinkSample): LinkStatistics {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const samples = now.soundSamples - before.soundSamples;
  return {
    fps: (now.framesShown - before.framesShown) / seconds,
    bitrateKbps: ((now.bytes - before.bytes) * 8) / 1000 / seconds,
    lost: now.lost,
    freezes: now.freezes,
    soundBufferMs: samples > 0 ? (1000 * (now.soundDelayS - before.soundDelayS)) / samples : 0,
    roundTripMs: now.roundTripMs,
    skewMs: now.skewMs,
  };
}

/** Keeps the report before. */
export class LinkMeter {
  private last: LinkSample | undefined;

  /** Another call, other counters. */
  restart(): void {
    this.last = undefined;
  }

  /** @param drawn the face where the page draws it. @returns undefined for the first report. */
  read(report: RTCStatsReport, drawn?: { frameCount: number; skewMs: number | undefined }): LinkStatistics | undefined {
    const { last } = this;
    const sample = sampleLink(report, performance.now(), drawn?.frameCount);
    if (drawn) sample.skewMs = drawn.skewMs;
    this.last = sample;
    return last && compareSamples(last, sample);
  }
}
