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

type Entry = Record<string, number | string | boolean | undefined>;

export function entriesOf(report: RTCStatsReport): Entry[] {
  return [...(report.values() as Iterable<Entry>)];
}

export function numberOf(entry: Entry, key: string): number | undefined {
  const value = entry[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The way that media takes. Firefox names it in the transport, counts bytes only there, and also calls others nominated. */
function pathInUse(entries: Entry[]): { bytes: number; roundTripMs: number | undefined } {
  const transport = entries.find(({ type }) => type === 'transport');
  const pairs = entries.filter(({ type }) => type === 'candidate-pair');
  const pair =
    pairs.find(({ id }) => id !== undefined && id === transport?.selectedCandidatePairId) ??
    pairs.find(({ selected }) => selected === true) ??
    pairs.find(({ nominated, state }) => nominated === true && state === 'succeeded');
  const bytes = (transport && numberOf(transport, 'bytesReceived')) ?? (pair && numberOf(pair, 'bytesReceived')) ?? 0;
  return { bytes, roundTripMs: pair && roundTripOf(pair) };
}

/** Firefox rounds the newest to whole milliseconds; where that leaves nothing, the mean of all tells more. */
function roundTripOf(pair: Entry): number | undefined {
  const newestS = numberOf(pair, 'currentRoundTripTime');
  if (newestS) return newestS * 1000;
  const count = numberOf(pair, 'responsesReceived');
  const totalS = numberOf(pair, 'totalRoundTripTime');
  return count && totalS ? (totalS * 1000) / count : undefined;
}

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
  const entries = entriesOf(report);
  Object.assign(sample, pathInUse(entries));
  for (const entry of entries) {
    const number = (key: string): number => numberOf(entry, key) ?? 0;
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
