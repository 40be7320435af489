/** A server in a process of its own, as a user starts it: what it prints, logs and measures about itself can be judged from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const START_LIMIT_MS = 100_000;
/** Kept from run to run: portraits are baked once, not for each server. */
const CACHE_DIR = process.env.VISAVIS_TEST_CACHE ?? join(tmpdir(), 'visavis-test-cache');

export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  /** How the process ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  private readonly child: ChildProcess;
  private readonly output: string[];

  /** For a process that ends before it disposes of what it started. */
  private readonly kill = (): void => void this.child.kill('SIGKILL');

  private constructor(child: ChildProcess, url: string, output: string[]) {
    this.child = child;
    process.once('exit', this.kill);
    this.url = url;
    this.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    this.output = output;
  }

  /**
   * @param settings as environment variables, e.g. `{VISAVIS__LOG__LEVEL: 'trace'}`.
   * @param how where it listens, and what stands before its command.
   */
  static async start(
    settings: Record<string, string> = {},
    { flags = ['--port', '0'], prefix = [] }: { flags?: string[]; prefix?: string[] } = {},
  ): Promise<ServerProcess> {
    const [program, ...rest] = [...prefix, process.execPath, '--import', 'tsx', CLI, 'serve', ...flags];
    const child = spawn(program!, rest, {
      env: { ...process.env, VISAVIS__CACHE__DIR: CACHE_DIR, VISAVIS__SERVER__MAX_CALLS: '20', ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (data: Buffer) => void output.push(data.toString('utf8')));
    const deadline = performance.now() + START_LIMIT_MS;
    for (;;) {
      const url = /open (http:\S+)/.exec(output.join(''))?.[1];
      if (url) return new ServerProcess(child, url, output);
      if (child.exitCode !== null || performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`the server did not start: ${output.join('')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Everything printed and logged so far. */
  get log(): string {
    return this.output.join('');
  }

  /** One line of `/metrics`, summed over its labels; 0 where there is none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(new URL('metrics', this.url))).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Every series of one metric, by its labels. */
  async metrics(name: string): Promise<Record<string, number>> {
    const text = await (await fetch(new URL('metrics', this.url))).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
    return Object.fromEntries(
      lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Threads and open files of the process; undefined where the system does not tell (all but Linux). */
  async resources(): Promise<{ threads: number; files: number } | undefined> {
    const folder = `/proc/${this.child.pid}`;
    try {
      const threads = Number(/^Threads:\s*(\d+)/m.exec(await readFile(`${folder}/status`, 'utf8'))?.[1]);
      return { threads, files: (await readdir(`${folder}/fd`)).length };
    } catch {
      return undefined;
    }
  }

  /** @returns whether it was there to get it. */
  signal(name: NodeJS.Signals): boolean {
    return this.child.kill(name);
  }

  /** Processes that it has started, by id; undefined where the system does not tell (all but Linux). */
  async children(): Promise<number[] | undefined> {
    const { pid } = this.child;
    try {
      const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
      return text.trim().split(' ').filter(Boolean).map(Number);
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.kill);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const hasEnded = once(this.child, 'exit');
      this.child.kill('SIGINT');
      const force = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
      await hasEnded;
      clearTimeout(force);
    }
  }
}
