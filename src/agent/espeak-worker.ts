/**
 * Worker thread around espeak-ng compiled to WASM (its synthesis call blocks). In: `EspeakRequest`. Out: one `EspeakReply`
 * per request, in order. The only importer of the espeak package, which is optional: without it every reply says so.
 */
import { parentPort } from 'node:worker_threads';
import type { EspeakEvent } from './espeak-events.ts';

export type EspeakRequest =
  | { kind: 'voices' }
  | { kind: 'speak'; voiceId: string; wordsPerMinute: number; pitch: number; text: string };

export type EspeakReply =
  | { kind: 'voices'; voices: { id: string; name: string; languages: string[] }[]; variants: string[] }
  | { kind: 'speech'; samples: Float32Array; sampleRateHz: number; events: EspeakEvent[] }
  | { kind: 'missing' }
  | { kind: 'failed'; message: string };

interface Espeak {
  samplerate: number;
  set_voice(identifier: string): number;
  set_rate(wordsPerMinute: number): void;
  set_pitch(pitch: number): void;
  list_voices(): { name: string; identifier: string; languages: { name: string }[] }[];
  synthesize(text: string, onAudio: (pcm: Int16Array, events: EspeakEvent[]) => boolean): void;
}

interface EspeakModule {
  eSpeakNGWorker: new () => Espeak | Promise<Espeak>;
  FS: { readdir(path: string): string[] };
}

const PACKAGE = '@echogarden/espeak-ng-emscripten';
const VARIANTS_DIR = '/usr/share/espeak-ng-data/voices/!v';

let voiceInUse = '';

async function load(): Promise<{ espeak: Espeak; module: EspeakModule } | undefined> {
  let start: { default: () => Promise<EspeakModule> };
  try {
    start = await import(PACKAGE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
  const module = await start.default();
  return { espeak: await new module.eSpeakNGWorker(), module };
}

function speak(espeak: Espeak, request: Extract<EspeakRequest, { kind: 'speak' }>): EspeakReply {
  if (request.voiceId !== voiceInUse) {
    if (espeak.set_voice(request.voiceId) !== 0)
      return { kind: 'failed', message: `espeak refused the voice ${request.voiceId}` };
    voiceInUse = request.voiceId;
    // A change of voice queues events of its own, which would push out the first phonemes of what is said next.
    espeak.synthesize('', () => false);
  }
  espeak.set_rate(request.wordsPerMinute);
  espeak.set_pitch(request.pitch);
  const runs: Int16Array[] = [];
  const events: EspeakEvent[] = [];
  espeak.synthesize(request.text, (pcm, found) => {
    runs.push(pcm);
    events.push(...found);
    return false;
  });
  const samples = new Float32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) for (const value of run) samples[at++] = value / 32768;
  return { kind: 'speech', samples, sampleRateHz: espeak.samplerate, events };
}

function answer(loaded: Awaited<ReturnType<typeof load>>, request: EspeakRequest): EspeakReply {
  if (!loaded) return { kind: 'missing' };
  if (request.kind === 'speak') return speak(loaded.espeak, request);
  return {
    kind: 'voices',
    voices: loaded.espeak.list_voices().map((voice) => ({
      id: voice.identifier,
      name: voice.name.trim(),
      languages: voice.languages.map((language) => language.name),
    })),
    variants: loaded.module.FS.readdir(VARIANTS_DIR).filter((name) => !name.startsWith('.')),
  };
}

if (!parentPort) throw new Error('espeak-worker must run in a worker thread');
const port = parentPort;
// Requests that arrive while the module loads wait in the port's queue: the listener is attached only afterwards.
const loaded = await load();
port.on('message', (request: EspeakRequest) => {
  try {
    const reply = answer(loaded, request);
    port.postMessage(reply, reply.kind === 'speech' ? [reply.samples.buffer as ArrayBuffer] : []);
  } catch (error) {
    port.postMessage({ kind: 'failed', message: String(error) } satisfies EspeakReply);
  }
});
