/**
 * How much of our sources has run, by V8's own counters. In: nothing but the program's own running; out: whether a part of a function ran that
 * never did before. A look costs about 2 ms, however much ran.
 */
import { Session } from 'node:inspector/promises';

/** One function as V8 reported it: 1 for every character of it that ran. */
interface RunFunction {
  name: string;
  /** Its text within the file; a whole file is a function, too. */
  ran: Uint8Array;
}

export class BlockCoverage implements Disposable {
  readonly #session = new Session();
  readonly #covers: readonly string[];
  /** By name: 1 for every character that ever ran. */
  readonly #functions = new Map<string, Uint8Array>();

  private constructor(covers: readonly string[]) {
    this.#covers = covers;
  }

  /** @param covers parts of paths: sources that count. */
  static async start(covers: readonly string[]): Promise<BlockCoverage> {
    const coverage = new BlockCoverage(covers);
    coverage.#session.connect();
    await coverage.#session.post('Profiler.enable');
    await coverage.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return coverage;
  }

  /** Forgets what ran since the last look. */
  async skip(): Promise<void> {
    await this.#session.post('Profiler.takePreciseCoverage');
  }

  /** @returns whether something new ran since the last look. @param isKept it is not new any more afterwards. */
  async look(isKept: boolean): Promise<boolean> {
    let isNew = false;
    for (const { name, ran } of await this.#take()) {
      const known = this.#functions.get(name);
      if (known === undefined ? ran.includes(1) : ran.some((value, i) => value > known[i]!)) isNew = true;
      if (!isKept) continue;
      if (known === undefined) this.#functions.set(name, ran);
      else for (let i = 0; i < known.length; i++) known[i]! |= ran[i]!;
    }
    return isNew;
  }

  async #take(): Promise<RunFunction[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    return result
      .filter(({ url }) => this.#covers.some((part) => url.includes(part)))
      .flatMap(({ url, functions }) =>
        functions.map(({ ranges }) => {
          const { startOffset: from, endOffset: to } = ranges[0]!;
          const ran = new Uint8Array(to - from);
          // Outer ranges come before those within them.
          for (const { startOffset, endOffset, count } of ranges)
            ran.fill(count > 0 ? 1 : 0, startOffset - from, endOffset - from);
          return { name: `${url}:${from}`, ran };
        }),
      );
  }

  /** Of the functions that exist in the sources: how many ran, and which share of their text. */
  get summary(): { functionsRun: number; functions: number; share: number } {
    const all = [...this.#functions.entries()].filter(([name]) => !name.endsWith(':0')).map(([, ran]) => ran);
    const runOf = (ran: Uint8Array): number => ran.reduce((sum, value) => sum + value, 0);
    const length = all.reduce((sum, ran) => sum + ran.length, 0);
    return {
      functionsRun: all.filter((ran) => ran.includes(1)).length,
      functions: all.length,
      share: length === 0 ? 0 : all.reduce((sum, ran) => sum + runOf(ran), 0) / length,
    };
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }
}
