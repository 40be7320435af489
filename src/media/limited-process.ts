/**
 * Questions to one of our modules in a process of its own, for work on bytes from strangers that may take all the memory and time there is. In:
 * requests; out: their replies, in order, one at a time. The process has a limit of memory (native memory included), of processor time and of
 * time for each request, runs at low priority, sees no key of ours, and is killed and replaced when it exceeds one. It ends when nobody asks.
 *
 * The memory limit is the system's own (RLIMIT_DATA) where there is a shell to set it, and a thread in the process that looks at its
 * resident memory 20 times a second everywhere. The other side is `limited-replies.ts`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, setPriority } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { childEnvironment } from '../config.ts';
import { InOrder } from './in-order.ts';

export interface ProcessLimits {
  /** Of everything that the process holds. */
  memoryMb: number;
  /** Processor time of one request. */
  cpuS: number;
  /** Time of one request on the clock: more, because others come first. */
  timeS: number;
  isLowPriority: boolean;
}

/** Why a request has no reply. `start`: the process never came up; `crash`: it ended by itself. */
export type ProcessEnd = 'memory' | 'cpu' | 'time' | 'crash' | 'start' | 'disposed';

export class ProcessEnded extends Error {
  readonly why: ProcessEnd;

  constructor(why: ProcessEnd, detail: string) {
    super(`the process ended: ${why}${detail && `, ${detail}`}`);
    this.name = 'ProcessEnded';
    this.why = why;
  }
}

/** What the process says first; to a request it says `{ reply }`. */
export const READY = 'ready';
/** Last words on stderr of a process that ends itself because of a limit. */
export const LIMIT_MARK = 'visavis-limit:';

const SHELL = '/bin/sh';
/** Of the stderr of the process, characters. */
const LAST_WORDS = 2000;
/** Its modules take so long to load on a slow, busy machine. */
const START_S = 60;

export class LimitedProcess<Request, Reply> implements AsyncDisposable {
  readonly #module: URL;
  readonly #limits: ProcessLimits;
  readonly #idleS: number;
  readonly #requests = new InOrder();
  #child: ChildProcess | undefined;
  /** Answers for the request under way. */
  #settle: ((reply: { reply: Reply } | ProcessEnded) => void) | undefined;
  #idle: NodeJS.Timeout | undefined;
  #isDisposed = false;
  /** How often in a row it did not come up. */
  #failedStarts = 0;

  /** @param module `new URL('./name.ts', import.meta.url)`, which calls `answerWithinLimits`. @param idleS after which it ends. */
  constructor(module: URL, limits: ProcessLimits, idleS = 60) {
    this.#module = module;
    this.#limits = limits;
    this.#idleS = idleS;
  }

  /** @throws ProcessEnded. What ends the process costs the request under way, and no other. */
  ask(request: Request): Promise<Reply> {
    return this.#requests.run(async () => {
      const answer = await this.#askOne(request);
      if (answer instanceof ProcessEnded) throw answer;
      return answer.reply;
    });
  }

  /** Of the process at work; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often in a row it could not be started. */
  get failedStarts(): number {
    return this.#failedStarts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    const child = this.#child;
    if (!child) return;
    const hasEnded = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    this.#end('disposed');
    await hasEnded;
  }

  #askOne(request: Request): Promise<{ reply: Reply } | ProcessEnded> {
    if (this.#isDisposed) return Promise.resolve(new ProcessEnded('disposed', ''));
    clearTimeout(this.#idle);
    const child = this.#child ?? this.#start();
    child.ref();
    child.channel?.ref();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end('time'), this.#limits.timeS * 1000);
      this.#settle = (answer) => {
        clearTimeout(timer);
        this.#settle = undefined;
        if (this.#child) this.#rest(this.#child);
        resolve(answer);
      };
      // One that cannot be reached has ended, which is told by its own event.
      child.send({ request }, () => {});
    });
  }

  /** An idle process does not keep ours alive, and does not stay for ever. */
  #rest(child: ChildProcess): void {
    child.unref();
    child.channel?.unref();
    (child.stderr as { unref?: () => void } | null)?.unref?.();
    this.#idle = setTimeout(() => this.#end('disposed'), this.#idleS * 1000).unref();
  }

  #start(): ChildProcess {
    const isSource = import.meta.url.endsWith('.ts');
    const file = fileURLToPath(isSource ? this.#module : new URL(this.#module.href.replace(/\.ts$/, '.js')));
    const loader = isSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm')).href] : [];
    const { memoryMb, cpuS, isLowPriority } = this.#limits;
    const node = [`--max-old-space-size=${Math.ceil(memoryMb / 2)}`, ...loader];
    const hasShell = process.platform !== 'win32' && existsSync(SHELL);
    const nice = isLowPriority ? `nice -n ${constants.priority.PRIORITY_LOW} ` : '';
    // The shell becomes the process: all of its threads have the limit and the priority from the first on.
    const limit = `ulimit -c 0; ulimit -d ${memoryMb * 1024} 2>/dev/null; exec ${nice}"$@"`;
    const child = fork(file, [String(memoryMb), String(cpuS)], {
      ...(hasShell
        ? { execPath: SHELL, execArgv: ['-c', limit, SHELL, process.execPath, ...node] }
        : { execArgv: node }),
      env: childEnvironment(),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    if (!hasShell && isLowPriority && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    // It may be deep in its work when ours ends without having disposed of it.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    this.#child = child;
    let isUp = false;
    const slowStart = setTimeout(() => this.#end('start', 'it did not come up'), START_S * 1000).unref();
    child.on('message', (message: typeof READY | { reply: Reply }) => {
      if (message !== READY) return this.#settle?.(message);
      isUp = true;
      this.#failedStarts = 0;
      clearTimeout(slowStart);
    });
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS);
    });
    const ended = (code: number | NodeJS.Signals | string | null): void => {
      clearTimeout(slowStart);
      if (!isUp && this.#child === child) this.#failedStarts += 1;
      const limited = /visavis-limit:(memory|cpu)/.exec(lastWords)?.[1] as ProcessEnd | undefined;
      this.#gone(child, new ProcessEnded(limited ?? (isUp ? 'crash' : 'start'), lastWords.trim() || String(code)));
    };
    child.on('error', (error) => ended(error.message));
    // "close" comes after the last of stderr.
    child.on('close', (code, signal) => ended(code ?? signal));
    return child;
  }

  #end(why: ProcessEnd, detail = ''): void {
    const child = this.#child;
    if (!child) return;
    if (why === 'start') this.#failedStarts += 1;
    this.#gone(child, new ProcessEnded(why, detail));
    child.kill('SIGKILL');
  }

  #gone(child: ChildProcess, end: ProcessEnded): void {
    if (this.#child !== child) return;
    clearTimeout(this.#idle);
    this.#child = undefined;
    this.#settle?.(end);
  }
}
