/**
 * Installed neural voices (Piper and other VITS, Matcha, Kokoro, Kitten) through sherpa-onnx behind the `SpeechSynthesizer` port. One chunk
 * per sentence, without phonemes or word times. What is under way when a text is aborted is finished by its process and thrown away.
 */
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { Health } from './health.ts';
import { unlessAborted } from './patience.ts';
import { SHERPA_THREADS, SherpaProcess } from './sherpa-process.ts';
import { SpokenText } from './spoken-text.ts';
import {
  checkedPitch,
  checkedRate,
  requireText,
  type SpeechOptions,
  type SpeechSynthesizer,
  splitSentences,
  type Voice,
} from './tts.ts';
import { primary } from './voice-choice.ts';
import { type InstalledVoice, installedVoices } from './voice-store.ts';

/** A word that a voice of the language can read. */
const YES: Record<string, string> = {
  ...{
    ar: 'نعم.',
    el: 'Ναι.',
    fa: 'بله.',
    hi: 'हाँ।',
    ja: 'はい。',
    ko: '네.',
    ru: 'Да.',
    th: 'ใช่',
    uk: 'Так.',
    zh: '是的。',
  },
};

export class SherpaSynthesizer implements SpeechSynthesizer {
  readonly name = 'the installed voices';
  readonly hasPhonemes = false;
  readonly #settings: Pick<Config['tts'], 'voice' | 'voiceDir'>;
  readonly #process = new SherpaProcess();

  constructor(settings: Pick<Config['tts'], 'voice' | 'voiceDir'>) {
    this.#settings = settings;
  }

  async voices(): Promise<Voice[]> {
    return (await this.#installed()).map(({ name, model }) => ({ id: name, name, languages: model.languages }));
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    requireText(text);
    const speed = checkedRate(options) / 100;
    checkedPitch(options);
    const { voice, speaker } = await this.#choose(options.voice ?? this.#settings.voice, options.language);
    // Day or month first: the voice knows its country where the text's language does not.
    const own = voice.model.languages.find((tag) => !options.language || primary(tag) === primary(options.language));
    const language = own ?? options.language ?? 'en';
    let startUs = 0;
    for (const sentence of splitSentences(new SpokenText(text, language).text, language)) {
      options.signal?.throwIfAborted();
      const { samples, sampleRateHz } = await speak(
        this.#process,
        voice,
        { speaker, speed, text: sentence },
        options.signal,
      );
      if (samples.length === 0) continue;
      yield { samples, sampleRateHz, startUs, phonemes: [], words: [] };
      startUs += Math.round((samples.length / sampleRateHz) * 1e6);
    }
    if (startUs === 0)
      throw new AppError('TTS_UNAVAILABLE', `The voice ${voice.name} cannot read this text; choose another voice.`);
  }

  /** Says a short word with the voice that is set. */
  async check(): Promise<Health> {
    try {
      const { voice, speaker } = await this.#choose(this.#settings.voice, undefined);
      await speak(this.#process, voice, { speaker, speed: 1, text: trialText(voice) });
      return { isOk: true, detail: `The voice ${voice.name} is ready.` };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return {
        isOk: false,
        detail: error.message,
        remedy: 'See "visavis voices" for what is installed, and "visavis voices install --help".',
      };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  /**
   * @param wanted name as installed, with `#3` for one of several speakers; empty: the first.
   * @throws AppError VOICE_UNKNOWN, TTS_UNAVAILABLE when none is installed.
   */
  async #choose(wanted: string, language: string | undefined): Promise<{ voice: InstalledVoice; speaker: number }> {
    const voices = await this.#installed();
    if (voices.length === 0)
      throw new AppError(
        'TTS_UNAVAILABLE',
        `No voice is installed in ${this.#settings.voiceDir}; install one with "visavis voices install".`,
      );
    const [name, number = '0'] = wanted.split('#');
    const speaks = ({ model: { languages } }: InstalledVoice, tag: string): boolean =>
      languages.some((each) => primary(each) === primary(tag));
    const voice =
      wanted === ''
        ? (voices.find((each) => language !== undefined && speaks(each, language)) ?? voices[0])
        : voices.find((each) => each.name.toLowerCase() === name.toLowerCase());
    if (!voice || !/^\d{1,4}$/.test(number)) {
      const known = voices.slice(0, 12).map((each) => each.name);
      throw new AppError('VOICE_UNKNOWN', `There is no voice "${wanted}"; there is ${known.join(', ')}.`);
    }
    if (language && voice.model.languages.length > 0 && !speaks(voice, language)) {
      const other = voices.find((each) => speaks(each, language));
      if (other) return { voice: other, speaker: 0 };
    }
    return { voice, speaker: Number(number) };
  }

  #installed(): Promise<InstalledVoice[]> {
    return installedVoices(this.#settings.voiceDir);
  }
}

/** Speaks a word with a voice that is not in the store yet. @throws AppError TTS_UNAVAILABLE saying why it cannot. */
export async function tryOutVoice(voice: InstalledVoice): Promise<void> {
  await using sherpa = new SherpaProcess();
  await speak(sherpa, voice, { speaker: 0, speed: 1, text: trialText(voice) });
}

const trialText = ({ model }: InstalledVoice): string => YES[primary(model.languages[0] ?? 'en')] ?? 'Yes.';

async function speak(
  sherpa: SherpaProcess,
  { name, model }: InstalledVoice,
  { speaker, speed, text }: { speaker: number; speed: number; text: string },
  signal?: AbortSignal,
): Promise<{ samples: Float32Array; sampleRateHz: number }> {
  const failed = (why: string): AppError =>
    new AppError('TTS_UNAVAILABLE', `The voice ${name} failed (${why}); install it anew or choose another voice.`);
  const request = { kind: 'speak', voice: model, speaker, speed, text, threads: SHERPA_THREADS } as const;
  const asked = sherpa.ask(request).catch((error: Error) => {
    throw failed(error.message);
  });
  const reply = await unlessAborted(asked, signal);
  switch (reply.kind) {
    case 'speech':
      return reply;
    case 'no such speaker':
      throw new AppError('VOICE_UNKNOWN', `The voice ${name} has speakers 0 to ${reply.speakers - 1}, not ${speaker}.`);
    case 'missing':
      throw new AppError(
        'TTS_UNAVAILABLE',
        'The package sherpa-onnx-node is not installed; run "npm install sherpa-onnx-node" or set tts.kind to embedded.',
      );
    default:
      throw failed(reply.kind === 'failed' ? reply.message : 'it answered something else');
  }
}
