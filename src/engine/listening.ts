/**
 * One turn of bare sound on its way to the face: out comes the same sound, in order, and the frames that the network hears in it, so far ahead of
 * what is played as they are due. It belongs to the main thread, because all sessions share one network and their pieces go through it together.
 */
import { InOrder } from '../media/in-order.ts';
import { type ArticulationFrame, type ArticulationModel, ArticulationStream } from './motion/articulation.ts';
import { ENGINE_RATE_HZ } from './spoken-turn.ts';

export interface HeardPiece {
  /** 48 kHz mono. */
  samples: Float32Array;
  /** Of sound that came before. */
  frames: ArticulationFrame[];
  isLast: boolean;
}

export class Listening {
  private readonly deliver: (piece: HeardPiece) => void;
  private readonly failed: (error: Error) => void;
  private readonly stream: Promise<ArticulationStream>;
  private readonly tasks = new InOrder();
  private playedSamples = 0;
  private isClosed = false;

  constructor(model: Promise<ArticulationModel>, deliver: (piece: HeardPiece) => void, failed: (error: Error) => void) {
    this.deliver = deliver;
    this.failed = failed;
    this.stream = model.then((loaded) => new ArticulationStream(loaded));
    this.stream.catch(() => {}); // whoever pushes is told
    this.next((stream) => stream.playTo(0));
  }

  push(samples: Float32Array): void {
    this.next((stream) => stream.push(samples, ENGINE_RATE_HZ), samples);
  }

  /** So much more of the sound has been given out. */
  played(samples: number): void {
    this.playedSamples += samples;
    this.next((stream) => stream.playTo(this.playedSamples / ENGINE_RATE_HZ));
  }

  end(): void {
    this.next((stream) => stream.end());
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.isClosed = true;
  }

  private next(
    hear: (stream: ArticulationStream) => Promise<ArticulationFrame[]>,
    samples: Float32Array = new Float32Array(0),
  ): void {
    void this.tasks.run(async () => {
      if (this.isClosed) return;
      try {
        const stream = await this.stream;
        const frames = await hear(stream);
        if (this.isClosed || (samples.length + frames.length === 0 && !stream.isDone)) return;
        this.deliver({ samples, frames, isLast: stream.isDone });
        this.isClosed = stream.isDone;
      } catch (error) {
        if (!this.isClosed) this.failed(error as Error);
        this.isClosed = true;
      }
    });
  }
}
