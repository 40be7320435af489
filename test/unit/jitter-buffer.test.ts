// Any network: reordered, lost, late, doubled packets and wrapping numbers come out in order, each at most once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterBuffer } from '../../src/media/jitter-buffer.ts';

const packet = (n: number): Uint8Array => Uint8Array.of(n & 0xff, n >> 8);
const numberOf = (data: Uint8Array): number => data[0]! + (data[1]! << 8);

describe('jitter buffer', () => {
  it('gives out every packet once and in order when none is later than its depth, across the wrap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffff }),
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 20, maxLength: 80 }),
        (first, delays) => {
          // Packet i arrives at tick i + delay, some of them twice.
          const arrivals = delays.flatMap((delay, i) => {
            const one = { tick: i + delay, n: i };
            return i % 7 === 0 ? [one, { ...one, tick: one.tick + 1 }] : [one];
          });
          const buffer = new JitterBuffer({ depth: 4 });
          const out: number[] = [];
          for (let tick = 0; tick < delays.length + 8; tick++) {
            for (const { n } of arrivals.filter((arrival) => arrival.tick === tick))
              buffer.push((first + n) & 0xffff, packet(n));
            const given = buffer.pull();
            if (given.kind === 'packet') out.push(numberOf(given.data));
          }
          // What was before the first one given out had not come in time for the start.
          expect(out).toEqual(Array.from({ length: delays.length - out[0]! }, (_, i) => out[0]! + i));
          expect(out[0]).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  it('stays in order, never repeats and never grows, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }), { maxLength: 300 }),
        (steps) => {
          const buffer = new JitterBuffer({ depth: 2, maxDepth: 6 });
          const out: number[] = [];
          for (const step of steps) {
            if (step !== undefined) {
              buffer.push((65_500 + step) & 0xffff, packet(step));
              continue;
            }
            const given = buffer.pull();
            if (given.kind === 'empty')
              out.length = 0; // a new beginning
            else if (given.kind === 'packet') out.push(numberOf(given.data));
            expect(out).toEqual([...new Set(out)].sort((a, b) => a - b));
          }
          let left = 0;
          for (let i = 0; i < 500; i++) if (buffer.pull().kind === 'packet') left += 1;
          expect(left).toBeLessThanOrEqual(6);
        },
      ),
    );
  });

  it('reports a lost packet with the one after it, and silence when the sender has stopped', () => {
    const buffer = new JitterBuffer({ depth: 2 });
    for (const n of [10, 11, 13]) buffer.push(n, packet(n));
    expect([buffer.pull().kind, buffer.pull().kind]).toEqual(['packet', 'packet']);
    expect(buffer.pull()).toEqual({ kind: 'lost', next: packet(13) });
    expect(buffer.pull().kind).toBe('packet');
    buffer.push(12, packet(12));
    expect(buffer.late).toBe(1);
    const rest = Array.from({ length: 8 }, () => buffer.pull().kind);
    expect(rest.slice(0, 5)).toEqual(Array(5).fill('lost'));
    expect(rest.slice(6)).toEqual(['empty', 'empty']);
    buffer.push(40_000, packet(1));
    buffer.push(40_001, packet(2));
    expect(buffer.pull().kind).toBe('packet');
  });
});
