/**
 * Process around sherpa-onnx: its work blocks, and a model that it does not like ends the process it runs in. In: `SherpaRequest`; out: one
 * `SherpaReply` each, in order. The only importer of the package, which is optional and brings an ONNX Runtime of its own.
 */
import { createRequire } from 'node:module';
import type { RecognizerModel, VoiceModel } from './sherpa-models.ts';

export type SherpaRequest =
  | { kind: 'speak'; voice: VoiceModel; speaker: number; speed: number; text: string; threads: number }
  /** More of an utterance; the last part makes its text final. */
  | { kind: 'hear'; model: RecognizerModel; utterance: number; samples: Float32Array; isLast: boolean; threads: number }
  | { kind: 'forget'; utterance: number };

export type SherpaReply =
  | { kind: 'speech'; samples: Float32Array; sampleRateHz: number }
  | { kind: 'no such speaker'; speakers: number }
  | { kind: 'heard'; text: string }
  | { kind: 'forgotten' }
  | { kind: 'missing' }
  | { kind: 'failed'; message: string };

interface Tts {
  numSpeakers: number;
  generate(request: { text: string; sid: number; speed: number; enableExternalBuffer: boolean }): {
    samples: Float32Array;
    sampleRate: number;
  };
}

interface Stream {
  acceptWaveform(sound: { samples: Float32Array; sampleRate: number }): void;
  inputFinished(): void;
}

interface Recognizer {
  createStream(): Stream;
  isReady(stream: Stream): boolean;
  decode(stream: Stream): void;
  getResult(stream: Stream): { text: string };
}

interface Sherpa {
  OfflineTts: new (config: object) => Tts;
  OnlineRecognizer: new (config: object) => Recognizer;
}

const RATE_HZ = 16_000;
/** The last word of a streaming model needs something to come after it. */
const TAIL = new Float32Array(0.8 * RATE_HZ);
/** Voices kept in memory: a conversation in two languages must not load one with every sentence. */
const MAX_VOICES = 3;

const voices = new Map<string, Tts>();
const recognizers = new Map<string, Recognizer>();
const streams = new Map<number, Stream>();

function load(): Sherpa | undefined {
  try {
    return createRequire(import.meta.url)('sherpa-onnx-node') as Sherpa;
  } catch {
    return undefined;
  }
}

const sherpa = load();

function openVoice({ OfflineTts }: Sherpa, { kind, files }: VoiceModel, numThreads: number): Tts {
  const key = JSON.stringify(files);
  let tts = voices.get(key);
  voices.delete(key);
  tts ??= new OfflineTts({ model: { [kind]: files, numThreads, provider: 'cpu' }, maxNumSentences: 1 });
  voices.set(key, tts);
  if (voices.size > MAX_VOICES) voices.delete(voices.keys().next().value!);
  return tts;
}

function openRecognizer({ OnlineRecognizer }: Sherpa, model: RecognizerModel, numThreads: number): Recognizer {
  const key = JSON.stringify(model);
  let recognizer = recognizers.get(key);
  recognizer ??= new OnlineRecognizer({
    featConfig: { sampleRate: RATE_HZ, featureDim: 80 },
    modelConfig: { [model.kind]: model.files, tokens: model.tokens, numThreads, provider: 'cpu' },
    decodingMethod: 'greedy_search',
    // Ends of turns are found elsewhere.
    enableEndpoint: false,
  });
  recognizers.set(key, recognizer);
  return recognizer;
}

function answer(request: SherpaRequest): SherpaReply {
  if (!sherpa) return { kind: 'missing' };
  if (request.kind === 'forget') {
    streams.delete(request.utterance);
    return { kind: 'forgotten' };
  }
  if (request.kind === 'speak') {
    const { voice, speaker, speed, text, threads } = request;
    const tts = openVoice(sherpa, voice, threads);
    if (speaker >= tts.numSpeakers) return { kind: 'no such speaker', speakers: tts.numSpeakers };
    const { samples, sampleRate } = tts.generate({ text, sid: speaker, speed, enableExternalBuffer: false });
    return { kind: 'speech', samples, sampleRateHz: sampleRate };
  }
  const { model, utterance, samples, isLast, threads } = request;
  const recognizer = openRecognizer(sherpa, model, threads);
  let stream = streams.get(utterance);
  if (!stream) {
    stream = recognizer.createStream();
    streams.set(utterance, stream);
  }
  if (samples.length > 0) stream.acceptWaveform({ samples, sampleRate: RATE_HZ });
  if (isLast) {
    stream.acceptWaveform({ samples: TAIL, sampleRate: RATE_HZ });
    stream.inputFinished();
    streams.delete(utterance);
  }
  while (recognizer.isReady(stream)) recognizer.decode(stream);
  return { kind: 'heard', text: recognizer.getResult(stream).text };
}

process.on('disconnect', () => process.exit(0));
process.on('message', ({ id, request }: { id: number; request: SherpaRequest }) => {
  let reply: SherpaReply;
  try {
    reply = answer(request);
  } catch (error) {
    reply = { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
  process.send?.({ id, reply });
});
