// Sound waits for its lips: bare sound is given out exactly as it came, and only once the network's look-ahead has passed.
import { describe, expect, it } from 'vitest';
import { ArticulationModel, ArticulationStream } from '../../src/engine/motion/articulation.ts';
import { SpokenTurn } from '../../src/engine/spoken-turn.ts';

const TICK = 1920;

/** Syllables of a 120 Hz buzz, four a second, with pauses between. */
const speechLike = (timeS: number) => Math.max(0, Math.sin(2 * Math.PI * 4 * timeS)) * (((120 * timeS) % 1) - 0.5);

/** All that a picture of 40 ms asks of the voice, the performance's next tick included. */
function faceOf(turn: SpokenTurn, speechS: number) {
  const heard = turn.heard!;
  const ticksS = [speechS, speechS + 0.02, speechS + 0.04];
  return {
    mouth: heard.mouthAt(speechS, TICK / 48_000),
    emphasis: ticksS.map((timeS) => heard.emphasisAt(timeS)),
    loudness: ticksS.map((timeS) => heard.mouthLoudnessAt(timeS)),
  };
}

describe('a turn of bare sound', () => {
  it('is given out unchanged, never before its lips are known, and a constant time after it came', async () => {
    const stream = new ArticulationStream(await ArticulationModel.load());
    const turn = new SpokenTurn(1, TICK, { isBare: true });
    const sound = Float32Array.from({ length: 30 * TICK }, (_, i) => speechLike(i / 48_000));
    const given: Float32Array[] = [];
    const delays: number[] = [];
    const judged: [speechS: number, face: ReturnType<typeof faceOf>][] = [];
    for (let at = 0; at < sound.length; at += 960) {
      const piece = sound.subarray(at, at + 960);
      turn.hear(piece, await stream.push(piece, 48_000));
      while (turn.isReady) {
        const tick = turn.take();
        judged.push([tick.speechS, faceOf(turn, tick.speechS)]);
        delays.push((at + 960) / 48_000 - tick.speechS);
        given.push(tick.samples);
        expect(tick.isLast).toBe(false);
      }
    }
    // What was known then is what is known in the end; emphasis looks at loudness so far ahead that its last digits are not.
    for (const [speechS, { mouth, emphasis, loudness }] of judged) {
      const inTheEnd = faceOf(turn, speechS);
      expect(inTheEnd, `at ${speechS} s`).toMatchObject({ mouth, loudness });
      for (const [i, value] of emphasis.entries()) expect(inTheEnd.emphasis[i]).toBeCloseTo(value, 1);
    }
    expect(Math.max(...delays)).toBeLessThan(0.13);
    expect(Math.max(...delays) - Math.min(...delays)).toBeLessThanOrEqual(0.041);
    turn.end(await stream.end());
    let last = false;
    while (turn.isReady && !last) {
      const tick = turn.take();
      given.push(tick.samples);
      last = tick.isLast;
    }
    expect(last).toBe(true);
    expect(Buffer.concat(given.map((part) => new Uint8Array(part.buffer)))).toEqual(Buffer.from(sound.buffer));
  });

  it('is over at once when it had no sound', () => {
    const turn = new SpokenTurn(1, TICK);
    expect(turn.isReady).toBe(false);
    turn.end();
    expect(turn.isReady).toBe(true);
    expect(turn.take().isLast).toBe(true);
  });
});
