/**
 * The voices that come with the package behind one port: `flite:NAME` is flite's, every other name espeak-ng's.
 */
import type { SpeechChunk } from '../media/speech.ts';
import { EspeakSynthesizer } from './espeak.ts';
import { FLITE_PREFIX, FliteSynthesizer } from './flite.ts';
import type { SpeechOptions, SpeechSynthesizer, Voice } from './tts.ts';

export class EmbeddedSynthesizer implements SpeechSynthesizer {
  #espeak = new EspeakSynthesizer();
  #flite = new FliteSynthesizer();

  async voices(): Promise<Voice[]> {
    return [...(await this.#espeak.voices()), ...(await this.#flite.voices())];
  }

  synthesize(text: string, options: SpeechOptions = {}): AsyncIterable<SpeechChunk> {
    const isFlite = options.voice?.toLowerCase().startsWith(FLITE_PREFIX) ?? false;
    return (isFlite ? this.#flite : this.#espeak).synthesize(text, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#espeak[Symbol.asyncDispose](), this.#flite[Symbol.asyncDispose]()]);
  }
}
