// A motion frame as a packet: what comes out is what went in, within what a picture can show; foreign bytes are refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLENDSHAPE_NAMES, type MotionFrame } from '../../src/engine/motion-frame.ts';
import { packMotion, unpackMotion } from '../../src/engine/motion-packet.ts';

const angle = fc.double({ min: -2, max: 2, noNaN: true });
const weight = fc.double({ min: 0, max: 1, noNaN: true });
const frame: fc.Arbitrary<MotionFrame> = fc.record({
  timestampUs: fc.nat(),
  pose: fc.record({ yawRad: angle, pitchRad: angle, rollRad: angle, x: angle, y: angle, scale: angle }),
  gaze: fc.record({ yawRad: angle, pitchRad: angle }),
  blendshapes: fc.dictionary(fc.constantFrom(...BLENDSHAPE_NAMES), weight),
});

describe('motion packets', () => {
  it('bring back what went in', () => {
    fc.assert(
      fc.property(frame, (given) => {
        const packet = packMotion(given);
        const back = unpackMotion(packet, given.timestampUs);
        expect(back.timestampUs).toBe(given.timestampUs);
        for (const [key, value] of Object.entries(given.pose)) expect(back.pose[key as 'x']).toBeCloseTo(value, 5);
        expect(back.gaze.yawRad).toBeCloseTo(given.gaze.yawRad, 5);
        expect(back.gaze.pitchRad).toBeCloseTo(given.gaze.pitchRad, 5);
        for (const name of BLENDSHAPE_NAMES)
          expect(Math.abs((back.blendshapes[name] ?? 0) - (given.blendshapes[name] ?? 0))).toBeLessThan(1e-5);
        expect(packet.length).toBe(137);
      }),
    );
  });

  it('refuse bytes of another length or version, wherever they lie in memory', () => {
    fc.assert(
      fc.property(frame, fc.uint8Array({ maxLength: 300 }), (given, foreign) => {
        const packet = packMotion(given);
        const inside = new Uint8Array(packet.length + 3);
        inside.set(packet, 3);
        expect(unpackMotion(inside.subarray(3), 0)).toEqual(unpackMotion(packet, 0));
        expect(() => unpackMotion(packet.subarray(1), 0)).toThrow(/another version/);
        if (foreign[0] !== 1 || foreign.length !== packet.length)
          expect(() => unpackMotion(foreign, 0)).toThrow(/another version/);
      }),
    );
  });
});
