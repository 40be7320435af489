// Arrival times out of transport-wide feedback: every chunk kind, both wraps, resent packets, and messages that contradict themselves.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TransportFeedback, TransportFeedbackReader } from '../../src/signaling/transport-feedback.ts';

/** A message about packets from `base` on; undefined: not received. */
function message(base: number, arrivedUs: (number | undefined)[], isVector = false): TransportFeedback {
  const first = arrivedUs.find((at) => at !== undefined) ?? 0;
  const referenceTime = Math.floor(first / 64_000);
  let before = referenceTime * 64_000;
  const recvDeltas: { delta: number }[] = [];
  const statuses = arrivedUs.map((at) => {
    if (at === undefined) return 0;
    const delta = Math.round((at - before) / 250) * 250;
    before += delta;
    recvDeltas.push({ delta });
    return delta >= 0 && delta < 64_000 ? 1 : 2;
  });
  const packetChunks: object[] = [];
  if (isVector)
    for (let i = 0; i < statuses.length; i += 7) {
      const symbolList = statuses.slice(i, i + 7);
      packetChunks.push({ symbolSize: 1, symbolList: [...symbolList, ...new Array(7 - symbolList.length).fill(0)] });
    }
  else for (const packetStatus of statuses) packetChunks.push({ packetStatus, runLength: 1 });
  return {
    baseSequenceNumber: base,
    packetStatusCount: statuses.length,
    referenceTime: referenceTime % 2 ** 24,
    packetChunks,
    recvDeltas,
  };
}

const nothing = { arrivals: [], lost: 0 };

describe('transport-wide feedback', () => {
  it('counts a packet as lost once others, sent well after it, have come, and never twice', () => {
    const reader = new TransportFeedbackReader();
    for (let i = 0; i < 40; i++) reader.remember(i, 100, i * 10_000);
    // 3 and 4 never come; 19 is only late.
    const at = (i: number): number | undefined => (i === 3 || i === 4 || i === 19 ? undefined : 50_000 + i * 1000);
    const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => at(first + i));
    expect(reader.read(message(0, from(0, 20))).lost).toBe(0);
    expect(reader.read(message(19, [90_000])).arrivals).toHaveLength(1);
    expect(reader.read(message(20, from(20, 20))).lost).toBe(2);
    reader.remember(40, 100, 900_000);
    expect(reader.read(message(40, [950_000])).lost).toBe(0);
  });

  it('gives each packet its own arrival, however chunked, across the wrap of numbers and of time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.boolean(),
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.array(fc.option(fc.integer({ min: -3000, max: 90_000 }), { nil: undefined }), {
          minLength: 1,
          maxLength: 60,
        }),
        (base, isVector, startUs, gaps) => {
          const reader = new TransportFeedbackReader();
          let at = startUs + 2 ** 24 * 64_000 - 300_000;
          const arrived = gaps.map((gap) => {
            if (gap === undefined) return undefined;
            at += gap;
            return at;
          });
          for (const i of gaps.keys()) reader.remember((base + i) & 0xffff, 100 + i, i * 1000);
          const half = Math.ceil(gaps.length / 2);
          const arrivals = [
            ...reader.read(message(base, arrived.slice(0, half), isVector)).arrivals,
            ...reader.read(message((base + half) & 0xffff, arrived.slice(half), isVector)).arrivals,
          ];
          expect(arrivals.map(({ sentUs }) => sentUs)).toEqual(
            arrived.flatMap((time, i) => (time === undefined ? [] : [i * 1000])),
          );
          const expected = arrived.filter((time) => time !== undefined);
          const offsetUs = (arrivals[0]?.arrivedUs ?? 0) - (expected[0] ?? 0);
          arrivals.forEach(({ arrivedUs }, i) => {
            expect(Math.abs(arrivedUs - offsetUs - expected[i]!)).toBeLessThanOrEqual(500);
          });
        },
      ),
    );
  });

  it('leaves an outage out of what is lost, but not what is lost here and there', () => {
    const reader = new TransportFeedbackReader();
    for (let i = 0; i < 200; i++) reader.remember(i, 100, i * 10_000);
    const times = Array.from({ length: 200 }, (_, i) =>
      (i >= 50 && i < 150) || i % 10 === 7 ? undefined : i * 10_000,
    );
    let lost = 0;
    for (let i = 0; i < 200; i += 5) lost += reader.read(message(i, times.slice(i, i + 5))).lost;
    // One in ten before and after, but for the newest 200 ms and the edges of the outage.
    expect(lost).toBeGreaterThanOrEqual(6);
    expect(lost).toBeLessThanOrEqual(10);
  });

  it('tells a packet once, though it arrived twice', () => {
    const reader = new TransportFeedbackReader();
    reader.remember(7, 900, 1000);
    expect(reader.read(message(7, [50_000])).arrivals).toHaveLength(1);
    expect(reader.read(message(7, [90_000])).arrivals).toEqual([]);
  });

  it('ignores what it never sent, and messages that contradict themselves', () => {
    const reader = new TransportFeedbackReader();
    reader.remember(1, 900, 1000);
    reader.remember(2, 900, 2000);
    expect(reader.read(message(100, [50_000, 60_000]))).toEqual(nothing);
    const whole = message(1, [50_000, 60_000]);
    expect(reader.read({ ...whole, packetStatusCount: 3 })).toEqual(nothing);
    expect(reader.read({ ...whole, recvDeltas: [] })).toEqual(nothing);
    expect(reader.read(whole).arrivals).toHaveLength(2);
  });

  it('remembers a bounded number of packets', () => {
    const reader = new TransportFeedbackReader();
    for (let i = 0; i < 5000; i++) reader.remember(i, 100, i);
    expect(reader.read(message(0, [1000])).arrivals).toEqual([]);
    expect(reader.read(message(4999, [1000])).arrivals).toHaveLength(1);
  });
});
