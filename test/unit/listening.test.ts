/** Bare sound on its way to the face: nothing lost, nothing twice, lips no further ahead than they are due, and one end. */
import { describe, expect, it, vi } from 'vitest';
import { type HeardPiece, Listening } from '../../src/engine/listening.ts';
import { ArticulationModel } from '../../src/engine/motion/articulation.ts';
import { ENGINE_RATE_HZ } from '../../src/engine/spoken-turn.ts';
import type { Model, TensorValue } from '../../src/inference.ts';

/** Answers with nothing but the right shapes; fails on demand. */
class Mute implements Model {
  readonly name = 'mute';
  readonly provider = 'cpu' as const;
  isBroken = false;

  async run({ mel, past }: Record<string, TensorValue>): Promise<Record<string, TensorValue>> {
    if (this.isBroken) throw new Error('no network');
    const [size, frames] = mel.dims;
    const zeros = (channels: number): TensorValue => ({
      data: new Float32Array((size * frames * channels) / 2),
      dims: [size, frames / 2, channels],
    });
    return { classes: zeros(42), curves: zeros(9), next: past };
  }
}

function listening(network = new Mute()): {
  turn: Listening;
  pieces: HeardPiece[];
  failures: Error[];
  framesS: () => number;
} {
  const pieces: HeardPiece[] = [];
  const failures: Error[] = [];
  const turn = new Listening(
    Promise.resolve(new ArticulationModel(network)),
    (piece) => pieces.push(piece),
    (error) => failures.push(error),
  );
  return { turn, pieces, failures, framesS: () => pieces.reduce((sum, { frames }) => sum + frames.length, 0) / 50 };
}

const sound = (seconds: number, from = 0): Float32Array =>
  Float32Array.from({ length: seconds * ENGINE_RATE_HZ }, (_, i) => ((from + i) % 1000) / 1000);
/** All that needs no clock has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('listening', () => {
  it('gives all of the sound at once, lips as it is played, and ends once', async () => {
    const { turn, pieces, framesS } = listening();
    turn.push(sound(3));
    turn.push(sound(2, 3 * ENGINE_RATE_HZ));
    turn.end();
    await settled();
    const samples = pieces.flatMap((piece) => [...piece.samples]);
    expect(samples).toEqual([...sound(5)]);
    expect(framesS()).toBeGreaterThanOrEqual(0.2);
    expect(framesS()).toBeLessThan(2);
    for (let playedS = 0; playedS < 5; playedS += 0.04) {
      expect(framesS()).toBeGreaterThanOrEqual(Math.min(5, playedS + 0.2) - 1e-6);
      expect(framesS()).toBeLessThanOrEqual(playedS + 2.5);
      turn.played(0.04 * ENGINE_RATE_HZ);
      await settled();
    }
    expect(framesS()).toBeCloseTo(5, 6);
    expect(pieces.filter(({ isLast }) => isLast)).toEqual([pieces.at(-1)]);
  });

  it('of nothing ends at once', async () => {
    const { turn, pieces } = listening();
    turn.end();
    await settled();
    expect(pieces.map(({ isLast }) => isLast)).toEqual([true]);
  });

  it('is quiet once it is closed', async () => {
    const { turn, pieces } = listening();
    turn.push(sound(3));
    turn.close();
    turn.end();
    await settled();
    expect(pieces).toEqual([]);
  });

  it('tells of a failure once', async () => {
    const network = new Mute();
    const { turn, failures } = listening(network);
    network.isBroken = true;
    turn.push(sound(1));
    turn.push(sound(1));
    turn.end();
    await vi.waitFor(() => expect(failures.length).toBe(1));
    await settled();
    expect(failures.map(({ message }) => message)).toEqual(['no network']);
  });
});
