// Sound waits for its lips: bare sound is given out exactly as it came, and only once the network's look-ahead has passed.
import { describe, expect, it } from 'vitest';
import { ArticulationModel, ArticulationStream } from '../../src/engine/motion/articulation.ts';
import { SpokenTurn } from '../../src/engine/spoken-turn.ts';

const TICK = 1920;

describe('a turn of bare sound', () => {
  it('is given out unchanged, never before its lips are known, and a constant time after it came', async () => {
    const stream = new ArticulationStream(await ArticulationModel.load());
    const turn = new SpokenTurn(1, TICK, { isBare: true });
    const sound = Float32Array.from({ length: 30 * TICK }, (_, i) => Math.sin(i / 40));
    const given: Float32Array[] = [];
    const delays: number[] = [];
    for (let at = 0; at < sound.length; at += 960) {
      const piece = sound.subarray(at, at + 960);
      turn.hear(piece, await stream.push(piece, 48_000));
      while (turn.isReady) {
        const tick = turn.take();
        expect(turn.heard!.knownS).toBeGreaterThanOrEqual(tick.speechS + 0.05);
        delays.push((at + 960) / 48_000 - tick.speechS);
        given.push(tick.samples);
        expect(tick.isLast).toBe(false);
      }
    }
    expect(Math.max(...delays)).toBeLessThan(0.25);
    expect(Math.max(...delays) - Math.min(...delays)).toBeLessThanOrEqual(0.041);
    turn.end(await stream.flush());
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
