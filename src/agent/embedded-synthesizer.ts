/**
 * The voices that come with the package behind one port: `flite:NAME` is flite's, every other name espeak-ng's. Text in a language that the
 * wanted voice cannot speak is spoken by espeak-ng's voice of that language.
 */
import type { SpeechChunk } from '../media/speech.ts';
import { EspeakSynthesizer } from './espeak.ts';
import { FLITE_PREFIX, FliteSynthesizer } from './flite.ts';
import type { Health } from './health.ts';
import type { SpeechOptions, SpeechSynthesizer, Voice } from './tts.ts';
import { primary } from './voice-choice.ts';

export class EmbeddedSynthesizer implements SpeechSynthesizer {
  readonly name = 'the embedded voices';
  readonly hasPhonemes = true;
  #defaultVoice: string | undefined;
  #espeak = new EspeakSynthesizer();
  #flite = new FliteSynthesizer();

  /** @param defaultVoice where a text asks for none. */
  constructor(defaultVoice?: string) {
    this.#defaultVoice = defaultVoice;
  }

  async voices(): Promise<Voice[]> {
    return [...(await this.#espeak.voices()), ...(await this.#flite.voices())];
  }

  synthesize(text: string, options: SpeechOptions = {}): AsyncIterable<SpeechChunk> {
    const voice = options.voice ?? this.#defaultVoice;
    if (!voice?.toLowerCase().startsWith(FLITE_PREFIX))
      return this.#espeak.synthesize(text, { ...options, ...(voice === undefined ? {} : { voice }) });
    if (options.language && primary(options.language) !== 'en')
      return this.#espeak.synthesize(text, { ...options, voice: 'en-us' });
    return this.#flite.synthesize(text, { ...options, voice });
  }

  check(): Promise<Health> {
    return this.#espeak.check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#espeak[Symbol.asyncDispose](), this.#flite[Symbol.asyncDispose]()]);
  }
}
