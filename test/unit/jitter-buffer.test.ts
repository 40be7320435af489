// Any network: reordered, lost, late, doubled packets and wrapping numbers come out in order, each at most once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JitterBuffer } from '../../src/media/jitter-buffer.ts';
import { random } from '../support/random.ts';

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

  it.each([
    ['0.05 % faster', 0.9995],
    ['0.05 % slower', 1.0005],
    ['exact', 1],
  ])('follows a sender whose clock is %s for two hours, without running away or falling silent', (_, pace) => {
    const next = random(4);
    const buffer = new JitterBuffer();
    const pulls = 2 * 3600 * 50;
    const arrivals = new Map<number, number[]>();
    for (let n = 0; n * pace < pulls; n++) {
      const tick = Math.ceil(n * pace + next() * 1.5); // up to 30 ms of jitter
      arrivals.set(tick, [...(arrivals.get(tick) ?? []), n]);
    }
    const sentAt = new Map<number, number>();
    let [concealed, packets, delay] = [0, 0, 0];
    const delays: number[] = [];
    for (let tick = 0; tick < pulls; tick++) {
      for (const n of arrivals.get(tick) ?? []) {
        sentAt.set(n & 0xffff, n * pace);
        buffer.push(n & 0xffff, packet(n & 0xffff));
      }
      const given = buffer.pull();
      if (given.kind === 'lost') concealed += 1;
      if (given.kind !== 'packet') continue;
      packets += 1;
      delay = tick - sentAt.get(numberOf(given.data))!;
      delays.push(delay);
    }
    // A slower clock owes us 180 packets in two hours, a faster one has as many too many; all others are heard.
    expect(packets).toBeGreaterThan(pulls - 400);
    expect(concealed).toBeLessThan(400);
    const sorted = delays.slice(1000).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length * 0.99)], '99 % within so many packets').toBeLessThan(6);
    expect(sorted.at(-1)).toBeLessThan(8);
  });

  it('goes on after a stall of the network with what came, and is not late for ever after', () => {
    const buffer = new JitterBuffer();
    let heard = -1;
    let lastDelay = 0;
    for (let tick = 0; tick < 1000; tick++) {
      // Between 200 and 240 nothing comes, then everything at once.
      const from = tick === 240 ? 200 : tick;
      if (tick < 200 || tick >= 240) for (let n = from; n <= tick; n++) buffer.push(n, packet(n));
      const given = buffer.pull();
      if (given.kind !== 'packet') continue;
      expect(numberOf(given.data)).toBeGreaterThan(heard);
      heard = numberOf(given.data);
      lastDelay = tick - heard;
    }
    expect(heard).toBeGreaterThan(990);
    expect(lastDelay).toBeLessThanOrEqual(3);
  });
});
