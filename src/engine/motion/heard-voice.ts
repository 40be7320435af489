/** A voice of which only the sound is known, together with the network that hears its lips. In: PCM of any rate in chunks of any size. */
import { type ArticulationModel, ArticulationStream, type LookAheadSteps } from './articulation.ts';
import { HeardSound } from './heard-sound.ts';

export class HeardVoice extends HeardSound {
  readonly #stream: ArticulationStream;

  constructor(model: ArticulationModel, options: { lookAhead?: LookAheadSteps } = {}) {
    super();
    this.#stream = new ArticulationStream(model, options);
  }

  /** @param samples mono in [-1, 1]; the rate must not change within one voice. */
  async push(samples: Float32Array, sampleRateHz: number): Promise<void> {
    this.add(samples, sampleRateHz, await this.#stream.push(samples, sampleRateHz));
  }

  /** The sound has ended: everything up to its end is known now. */
  async finish(): Promise<void> {
    this.complete(await this.#stream.flush());
  }
}
