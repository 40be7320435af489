/**
 * Questions to the sherpa-onnx process. In: requests; out: their replies, in order. It starts with the first question; one that dies rejects
 * what it was asked, with its last words, and the next question starts another. It sees no key of ours.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { childEnvironment } from '../config.ts';
import type { SherpaReply, SherpaRequest } from './sherpa-child.ts';

/** Faces are drawn on the same processor. */
export const SHERPA_THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));

interface Waiting {
  resolve(reply: SherpaReply): void;
  reject(error: Error): void;
}

export class SherpaProcess implements AsyncDisposable {
  #child: ChildProcess | undefined;
  #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #lastWords = '';
  #isDisposed = false;

  ask(request: SherpaRequest): Promise<SherpaReply> {
    if (this.#isDisposed) return Promise.reject(new Error('the sherpa-onnx process has been disposed of'));
    this.#child ??= this.#start();
    const child = this.#child;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      child.ref();
      child.channel?.ref();
      child.send({ id, request }, (error) => {
        if (error) this.#settle(id, (waiting) => waiting.reject(error));
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // Idle, it was not waited for; now it is.
    child.ref();
    child.kill('SIGKILL');
    await ended;
  }

  #start(): ChildProcess {
    const isSource = import.meta.url.endsWith('.ts');
    const file = fileURLToPath(new URL(isSource ? './sherpa-child.ts' : './sherpa-child.js', import.meta.url));
    const loader = isSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href] : [];
    const child = fork(file, {
      execArgv: loader,
      env: childEnvironment(),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    // It may be deep in its work when ours ends without having disposed of it.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2000);
    });
    child.on('message', ({ id, reply }: { id: number; reply: SherpaReply }) =>
      this.#settle(id, (waiting) => waiting.resolve(reply)),
    );
    child.on('error', (error) => this.#ended(child, error.message));
    // "close" comes after the last of stderr.
    child.on('close', (code, signal) => this.#ended(child, this.#lastLine() ?? `it ended with ${code ?? signal}`));
    return child;
  }

  #settle(id: number, act: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting) act(waiting);
    if (this.#waiting.size > 0) return;
    // An idle process must not keep ours alive.
    this.#child?.unref();
    this.#child?.channel?.unref();
    (this.#child?.stderr as { unref?: () => void } | null)?.unref?.();
  }

  #ended(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#lastWords = '';
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(why));
  }

  /** Without the source position that it begins with. */
  #lastLine(): string | undefined {
    const line = this.#lastWords
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^\S+:\d+\s+/, '')
      .trim();
    return line || undefined;
  }
}
