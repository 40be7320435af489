// What the page reads of WebRTC reports, in the shapes in which Chromium and Firefox give them.
import { describe, expect, it } from 'vitest';
import { buffersBetween } from '../../client/buffer-reports.ts';
import { LinkMeter } from '../../client/link-statistics.ts';

type Entry = Record<string, number | string | boolean>;

const report = (...entries: Entry[]): RTCStatsReport =>
  new Map(entries.map((entry, i) => [String(i), entry])) as unknown as RTCStatsReport;

const sound = (delayS: number, samples: number, playedMs?: number): Entry => ({
  type: 'inbound-rtp',
  kind: 'audio',
  jitterBufferDelay: delayS,
  jitterBufferEmittedCount: samples,
  ...(playedMs === undefined ? {} : { estimatedPlayoutTimestamp: playedMs }),
});
const pictures = (delayS: number, count: number, playedMs?: number): Entry => ({
  type: 'inbound-rtp',
  kind: 'video',
  totalProcessingDelay: delayS,
  framesDecoded: count,
  ...(playedMs === undefined ? {} : { estimatedPlayoutTimestamp: playedMs }),
});

describe('LinkMeter', () => {
  const read = (...entries: Entry[]) => {
    const meter = new LinkMeter();
    meter.read(report());
    return meter.read(report(...entries))!;
  };

  it('reads Chromium: bytes of the transport, the round trip of the nominated pair', () => {
    const seen = read(
      { type: 'transport', bytesReceived: 100_000, selectedCandidatePairId: 'a' },
      { type: 'candidate-pair', id: 'b', nominated: true, state: 'succeeded', currentRoundTripTime: 0.3 },
      { type: 'candidate-pair', id: 'a', nominated: true, state: 'succeeded', currentRoundTripTime: 0.012 },
    );
    expect(seen.bitrateKbps).toBeGreaterThan(0);
    expect(seen.roundTripMs).toBe(12);
  });

  it('reads Firefox: bytes of the pair in use, and its mean round trip where the newest is rounded to nothing', () => {
    const pair = { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0 };
    const seen = read(
      { type: 'transport', id: 't', selectedCandidatePairId: 'a' },
      { ...pair, id: 'b', state: 'cancelled', bytesReceived: 0, responsesReceived: 0, totalRoundTripTime: 0 },
      { ...pair, id: 'a', state: 'succeeded', bytesReceived: 50_000, responsesReceived: 4, totalRoundTripTime: 0.03 },
    );
    expect(seen.bitrateKbps).toBeGreaterThan(0);
    expect(seen.roundTripMs).toBe(7.5);
  });
});

describe('what a browser reports of its buffers', () => {
  it('counts what happened between the two reports alone', () => {
    const before = report(sound(100, 48_000, 900), pictures(5, 100, 950));
    const now = report(sound(100 + 9600 * 0.25, 57_600, 1100), pictures(5.02, 110, 1020));
    expect(buffersBetween(before, now)).toEqual({ soundMs: 250, pictureMs: 2, skewMs: 80 });
  });

  it('adds the wait behind the buffer where the browser says it', () => {
    const playout = (delayS: number, samples: number): Entry => ({
      type: 'media-playout',
      totalPlayoutDelay: delayS,
      totalSamplesCount: samples,
    });
    const before = report(sound(0, 0), pictures(0, 0), playout(0, 0));
    const now = report(sound(480 * 0.05, 480), pictures(0.01, 10), playout(480 * 0.03, 480));
    expect(buffersBetween(before, now)).toEqual({ soundMs: 80, pictureMs: 1 });
  });

  it('is nothing while no sound is played, and never more than the server takes', () => {
    expect(buffersBetween(report(sound(1, 100)), report(sound(1, 100)))).toBeUndefined();
    expect(buffersBetween(report(sound(1, 100)), report(sound(1e9, 101)))!.soundMs).toBe(10_000);
    expect(buffersBetween(report(sound(5, 100)), report(sound(1, 101)))!.soundMs).toBe(0);
  });
});
