/**
 * One turn of bare sound on its way to the face: out comes the same sound, in order, each piece with the frames that the network has
 * heard by then. It runs on the main thread, where all sessions share one network, and because ending a thread in which the network
 * computes would end the process.
 */
import { type ArticulationFrame, type ArticulationModel, ArticulationStream } from './motion/articulation.ts';
import { ENGINE_RATE_HZ } from './spoken-turn.ts';

export interface HeardPiece {
  /** 48 kHz mono. */
  samples: Float32Array;
  /** Of sound that came before, by the look-ahead. */
  frames: ArticulationFrame[];
  isLast: boolean;
}

export class Listening {
  private readonly deliver: (piece: HeardPiece) => void;
  private readonly failed: (error: Error) => void;
  private readonly stream: Promise<ArticulationStream>;
  private order: Promise<void> = Promise.resolve();
  private isClosed = false;

  constructor(model: Promise<ArticulationModel>, deliver: (piece: HeardPiece) => void, failed: (error: Error) => void) {
    this.deliver = deliver;
    this.failed = failed;
    this.stream = model.then((loaded) => new ArticulationStream(loaded));
    this.stream.catch(() => {}); // whoever pushes is told
  }

  push(samples: Float32Array): void {
    this.next(async (stream) => ({ samples, frames: await stream.push(samples, ENGINE_RATE_HZ), isLast: false }));
  }

  end(): void {
    this.next(async (stream) => ({ samples: new Float32Array(0), frames: await stream.flush(), isLast: true }));
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.isClosed = true;
  }

  private next(hear: (stream: ArticulationStream) => Promise<HeardPiece>): void {
    this.order = this.order.then(async () => {
      if (this.isClosed) return;
      try {
        const piece = await hear(await this.stream);
        if (!this.isClosed) this.deliver(piece);
      } catch (error) {
        if (!this.isClosed) this.failed(error as Error);
        this.isClosed = true;
      }
    });
  }
}
