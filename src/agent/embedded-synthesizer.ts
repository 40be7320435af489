/**
 * The voices that come with the package behind one port: `flite:NAME` is flite's, every other name espeak-ng's. Text in a language that the
 * wanted voice cannot speak is spoken by espeak-ng's voice of that language.
 */
import type { SpeechChunk } from '../media/speech.ts';
import { EspeakSynthesizer } from './espeak.ts';
import { FLITE_PREFIX, FliteSynthesizer } from './flite.ts';
import type { Health } from './health.ts';
import { isSpoken } from './spoken-text.ts';
import { isSsml, parseSsml, type SpeechRun, within } from './ssml.ts';
import { requireText, type SpeechOptions, type SpeechSynthesizer, shiftChunk, type Voice } from './tts.ts';
import { primary } from './voice-choice.ts';

/** espeak-ng's, so that a pause fits to what is around it. */
const PAUSE_RATE_HZ = 22_050;

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
    return isSsml(text) ? this.#runs(parseSsml(text), options) : this.#run(text, options);
  }

  /** Run after run, with the pauses between them as silence. */
  async *#runs(runs: readonly SpeechRun[], options: SpeechOptions): AsyncGenerator<SpeechChunk> {
    requireText(runs.map((run) => (run.kind === 'text' ? run.text : '')).join(' '));
    let startUs = 0;
    let sampleRateHz = PAUSE_RATE_HZ;
    for (const run of runs) {
      if (run.kind === 'pause') {
        const samples = new Float32Array(Math.round((run.durationMs / 1000) * sampleRateHz));
        yield { samples, sampleRateHz, startUs, phonemes: [], words: [] };
        startUs += Math.round((samples.length / sampleRateHz) * 1e6);
      } else if (isSpoken(run.text)) {
        const beganUs = startUs;
        for await (const chunk of this.#run(run.text, within(options, run.options))) {
          yield shiftChunk(chunk, beganUs);
          sampleRateHz = chunk.sampleRateHz;
          startUs = beganUs + chunk.startUs + Math.round((chunk.samples.length / sampleRateHz) * 1e6);
        }
      }
    }
  }

  #run(text: string, options: SpeechOptions): AsyncIterable<SpeechChunk> {
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
