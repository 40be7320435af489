/** A recorded voice of which only the sound is known, together with the network that hears its lips. In: PCM of any rate in chunks of any size. */
import type { ArticulationModel } from './articulation.ts';
import { ArticulationRecording } from './articulation-recording.ts';
import { HeardSound } from './heard-sound.ts';

export class HeardVoice extends HeardSound {
  readonly #recording: ArticulationRecording;

  constructor(model: ArticulationModel) {
    super();
    this.#recording = new ArticulationRecording(model);
  }

  /** @param samples mono in [-1, 1]; the rate must not change within one voice. */
  async push(samples: Float32Array, sampleRateHz: number): Promise<void> {
    this.add(samples, sampleRateHz, await this.#recording.push(samples, sampleRateHz));
  }

  /** The sound has ended: everything up to its end is known now. */
  async finish(): Promise<void> {
    this.complete(await this.#recording.flush());
  }
}
