/**
 * Fuzzes one target, in a process of its own: `fuzz-process.ts TARGET SECONDS SEED CORPUS CURRENT`. An input that reaches new code joins the
 * corpus and is mutated further. CURRENT holds the input under way, so that one that ends or hangs the process is known. Out: a message `alive`
 * now and then, at the end a FuzzReport.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../src/errors.ts';
import { random } from '../support/random.ts';
import { BlockCoverage } from './block-coverage.ts';
import { Mutator } from './mutations.ts';
import type { FuzzTarget } from './target.ts';
import { loadTarget, PLANTED } from './targets.ts';

/** A batch shares one look at the counters. */
const MAX_BATCH = 64;
const BATCH_MS = 20;
/** CPU time, so that a busy machine makes nothing slow. */
const SLOW_MS = 3000;
const DEFAULT_MAX_BYTES = 4096;
const MAX_FINDINGS = 5;

export interface Finding {
  what: string;
  /** Base64. */
  input: string;
}

export interface FuzzReport {
  target: string;
  runs: number;
  runsPerSecond: number;
  /** Inputs that each reach code which no other did before. */
  corpus: number;
  functionsRun: number;
  functions: number;
  /** Of the text of those functions, which share ran. */
  share: number;
  findings: Finding[];
}

/** Runs inputs and keeps what must not happen. */
class Runner {
  readonly findings: Finding[] = [];
  runs = 0;
  readonly #target: FuzzTarget;
  readonly #currentFile: number;
  #strayErrors: unknown[] = [];

  constructor(target: FuzzTarget, currentPath: string) {
    this.#target = target;
    this.#currentFile = openSync(currentPath, 'w');
    process.on('unhandledRejection', (error) => this.#strayErrors.push(error));
    process.on('uncaughtException', (error) => this.#strayErrors.push(error));
  }

  async run(input: Uint8Array): Promise<void> {
    this.runs += 1;
    ftruncateSync(this.#currentFile, input.length);
    writeSync(this.#currentFile, input, 0, input.length, 0);
    const before = process.cpuUsage();
    try {
      await this.#target.run(input);
    } catch (error) {
      if (!(error instanceof AppError)) this.#found(error, [input]);
    }
    const { user, system } = process.cpuUsage(before);
    const cpuMs = Math.round((user + system) / 1000);
    if (cpuMs > SLOW_MS) this.#found(`slow: ${cpuMs} ms of CPU time`, [input]);
  }

  /** Takes note of errors that were thrown where nobody waited for them. @param inputs those run since the last call. */
  async settle(inputs: readonly Uint8Array[]): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    for (const error of this.#strayErrors.splice(0)) this.#found(error, inputs);
  }

  #found(error: unknown, inputs: readonly Uint8Array[]): void {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // The same line of code is the same fault.
    const place = (text: string): string => /at .*/.exec(text)?.[0] ?? text.replaceAll(/\d+/g, '');
    if (this.findings.some((finding) => place(finding.what) === place(what))) return;
    const doubt = inputs.length > 1 ? ` (by one of the last ${inputs.length} inputs)` : '';
    this.findings.push({
      what: `${what.slice(0, 2000)}${doubt}`,
      input: Buffer.from(inputs.at(-1)!).toString('base64'),
    });
  }
}

async function fuzz(
  name: string,
  seconds: number,
  seed: number,
  corpusDir: string,
  currentPath: string,
): Promise<FuzzReport> {
  const target = await loadTarget(name);
  const maxFindings = name === PLANTED ? 1 : MAX_FINDINGS;
  const next = random(seed);
  const mutator = new Mutator(next, target.words ?? [], target.maxBytes ?? DEFAULT_MAX_BYTES);
  const seeds = (await target.seeds()).map((one) => (typeof one === 'string' ? Buffer.from(one) : one));
  const kept = existsSync(corpusDir) ? readdirSync(corpusDir).map((file) => readFileSync(join(corpusDir, file))) : [];
  const corpus: Uint8Array[] = [];
  const runner = new Runner(target, currentPath);
  using coverage = await BlockCoverage.start(target.covers);

  /** Runs each input alone; those that reach code that no other reached join the corpus. */
  const consider = async (inputs: readonly Uint8Array[]): Promise<void> => {
    for (const input of inputs) {
      await coverage.skip();
      await runner.run(input);
      await runner.settle([input]);
      if (await coverage.look(true)) corpus.push(input);
    }
  };
  // The first look knows all functions, those that never run too.
  await coverage.look(true);
  await consider([...seeds, ...kept]);
  if (corpus.length === 0) throw new Error(`no seed of ${name} reaches ${target.covers.join(', ')}`);

  // New ones are tried more often: what they reached is fresh ground.
  const pick = (): Uint8Array => corpus[Math.floor((1 - next() ** 2) * corpus.length) % corpus.length]!;
  const startMs = performance.now();
  const seedRuns = runner.runs;
  while (performance.now() - startMs < seconds * 1000 && runner.findings.length < maxFindings) {
    const batch: Uint8Array[] = [];
    const batchMs = performance.now();
    while (batch.length < MAX_BATCH && performance.now() - batchMs < BATCH_MS) {
      const input = mutator.mutate(pick(), pick());
      batch.push(input);
      await runner.run(input);
    }
    await runner.settle(batch);
    process.send?.('alive');
    if (await coverage.look(false)) await consider(batch);
  }
  const ranS = (performance.now() - startMs) / 1000;
  if (process.env.VISAVIS_FUZZ_KEEP && name !== PLANTED) {
    mkdirSync(corpusDir, { recursive: true });
    for (const input of corpus.filter((one) => !seeds.includes(one as Buffer)))
      writeFileSync(join(corpusDir, createHash('sha256').update(input).digest('hex').slice(0, 16)), input);
  }
  return {
    target: name,
    runs: runner.runs,
    runsPerSecond: Math.round((runner.runs - seedRuns) / ranS),
    corpus: corpus.length,
    ...coverage.summary,
    findings: runner.findings,
  };
}

const [name, seconds, seed, corpusDir, currentPath] = process.argv.slice(2) as [string, string, string, string, string];
const report = await fuzz(name, Number(seconds), Number(seed), corpusDir, currentPath);
process.send!(report, () => process.exit(0));
