/**
 * A bad half hour: one caller who is talked to without a pause, and around it calls with cuts, dying callers, floods, uploads (good, bad, bombs),
 * junk on the sockets, threads and child processes that are killed, services that die, a disk that fills up. Judged: the bystander loses
 * nothing, memory and handles stay flat, every refusal is counted under a reason, and at the end the server serves as at the start.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quantile } from '../../src/media/quantile.ts';
import { slope } from '../support/call-cycles.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { random } from '../support/random.ts';
import { ServerProcess } from '../support/server-process.ts';
import { ATTACKS, type Attack } from './attacks.ts';
import { lostSound, round } from './long-call.ts';
import { startMoodyServices } from './moody-services.ts';

const TEXT = 'This is a sentence that goes on for a while, so that the face has something to say while it is watched. ';
const FPS = 25;
const DISK_MB = 160;
const KILL_EVERY_S = 25;
const FILL_EVERY_S = 60;
const FILLED_S = 8;
const SETTLE_MS = 20_000;

interface Sample {
  atS: number;
  /** Of the server's main process. */
  rssMb: number;
  handles: number;
  threads: number;
  files: number;
}

/** @param isBusy judge only what other programs on the machine cannot spoil. */
export async function hostileNetwork(
  minutes: number,
  isBusy: boolean,
): Promise<{ report: object; findings: string[] }> {
  const next = random(Number(process.env.SEED ?? 1));
  using disk = SmallDisk.mount();
  await using moody = await startMoodyServices(next);
  await using server = await ServerProcess.start({
    NODE_OPTIONS: `--import=${fileURLToPath(new URL('kill-workers.mjs', import.meta.url))}`,
    VISAVIS__MOTION__FPS: String(FPS),
    VISAVIS__CACHE__DIR: disk.folder,
    VISAVIS__LLM: JSON.stringify({
      kind: 'openai',
      baseUrl: `${moody.service.url}/v1`,
      model: 'moody',
      timeoutMs: 2000,
      retries: 0,
    }),
    VISAVIS__TTS: JSON.stringify({
      kind: 'openai',
      baseUrl: `${moody.service.url}/v1`,
      model: 'moody',
      timeoutMs: 2000,
      retries: 0,
    }),
    OPENAI_API_KEY: 'none',
    VISAVIS__LIMITS__JOINS_PER_MINUTE: '200',
    ...(isBusy ? { VISAVIS__LIMITS__SILENCE_S: '30' } : {}),
  });
  await using bystander = new LoopbackClient(server.url);
  await bystander.join('mona-lisa');
  await bystander.until('pictures', () => bystander.pictures.length > FPS, 120_000);

  const startMs = performance.now();
  const elapsedS = (): number => (performance.now() - startMs) / 1000;
  const isOver = (): boolean => elapsedS() > minutes * 60 || !server.isAlive;
  const tally: Record<string, Record<string, number>> = {};
  const count = (what: string, outcomes: readonly string[]): void => {
    tally[what] ??= {};
    for (const outcome of outcomes) tally[what][outcome] = (tally[what][outcome] ?? 0) + 1;
  };
  const samples: Sample[] = [];
  let turns = 0;
  await Promise.all([
    ...Object.entries(ATTACKS).map(([name, { run, everyS }]) => repeat(isOver, everyS, next, () => attempt(name, run))),
    repeat(isOver, KILL_EVERY_S, next, async () => count('thread', [server.signal('SIGWINCH') ? 'killed' : 'none'])),
    repeat(isOver, KILL_EVERY_S, next, async () => count('child process', [await killChild(server)])),
    repeat(isOver, FILL_EVERY_S, next, async () => count('disk', [await disk.fillFor(FILLED_S)])),
    repeat(
      isOver,
      2,
      () => 0.5,
      async () => {
        if (bystander.turns.filter(({ state }) => state === 'ended').length < turns) return;
        turns += 1;
        await bystander.request('speak', { text: TEXT });
      },
    ),
    repeat(isOver, 12, next, () => attempt('question', askSomething)),
    repeat(
      isOver,
      5,
      () => 0.5,
      async () => {
        if (!server.isAlive) return;
        const { threads, files } = (await server.resources()) ?? { threads: 0, files: 0 };
        const rssMb = (await server.metric('process_resident_memory_bytes')) / 1e6;
        const handles = await server.metric('nodejs_active_handles');
        samples.push({ atS: elapsedS(), rssMb, handles, threads, files });
      },
    ),
  ]);

  async function attempt(name: string, run: Attack): Promise<void> {
    count(name, await run({ url: server.url, random: next }).catch((error: Error) => [`error: ${error.message}`]));
  }

  if (!server.isAlive)
    return {
      report: { attempts: tally },
      findings: [`the server ended after ${Math.round(elapsedS())} s: ${server.log.slice(-3000)}`],
    };
  const durationS = elapsedS();
  const heard = { pictures: bystander.pictures.length, ends: [...bystander.ends], failures: [...bystander.failures] };
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const left = {
    sessions: await server.metric('visavis_calls'),
    threads: (await server.resources())?.threads ?? 0,
    rssMb: (await server.metric('process_resident_memory_bytes')) / 1e6,
  };
  const refusals = await server.metrics('visavis_refusals_total');
  const steady = samples.filter(({ atS }) => atS > Math.min(120, durationS / 4));
  const gain = (of: (sample: Sample) => number): number =>
    Math.round(slope(steady.map((sample) => [sample.atS, of(sample)])) * (steady.at(-1)!.atS - steady[0]!.atS) * 10) /
    10;
  const gapsMs = bystander.arrivals.slice(1).map(({ atMs }, i) => atMs - bystander.arrivals[i]!.atMs);
  const report = {
    minutes,
    attempts: tally,
    services: moody.seen,
    refusals,
    bystander: {
      turns: bystander.turns.filter(({ state }) => state === 'ended').length,
      picturesPerSecond: Math.round((heard.pictures / durationS) * 10) / 10,
      longestGapMs: Math.round(Math.max(...gapsMs)),
      gapP99Ms: Math.round(quantile(gapsMs, 0.99)),
      soundLostShare: round(lostSound(bystander), 4),
      failures: heard.failures,
      ends: heard.ends,
    },
    rssMb: Math.round(
      quantile(
        steady.map(({ rssMb }) => rssMb),
        0.5,
      ),
    ),
    rssGainMb: gain(({ rssMb }) => rssMb),
    handlesGain: gain(({ handles }) => handles),
    threadsGain: gain(({ threads }) => threads),
    filesGain: gain(({ files }) => files),
    left,
    errors: errorsOf(server.log),
  };
  const told = new Set(
    Object.values(tally)
      .flatMap((outcomes) => Object.keys(outcomes))
      .filter((code) => /^[A-Z_]+$/.test(code)),
  );
  const uncounted = [...told].filter(
    (code) => !Object.keys(refusals).some((labels) => labels.includes(`reason="${code}"`)),
  );
  const findings = [
    heard.ends.length > 0 && `the bystander's call ended: ${heard.ends[0]}`,
    heard.failures.length > 0 && `the bystander was told: ${heard.failures[0]!.message}`,
    report.bystander.turns < turns - 2 && `of ${turns} texts ${report.bystander.turns} were said`,
    report.bystander.soundLostShare > 0.05 && 'the bystander lost sound',
    !isBusy && report.bystander.picturesPerSecond < 24 && 'the bystander lost pictures',
    told.has('INTERNAL') && 'something was answered with INTERNAL',
    Object.values(tally).some((outcomes) => 'unanswered' in outcomes) && 'a message was not answered',
    uncounted.length > 0 && `refusals without a count: ${uncounted.join(', ')}`,
    left.sessions !== 1 && `${left.sessions} calls are counted at the end, not one`,
    report.rssGainMb > Math.max(80, 4 * minutes) && 'memory grows',
    report.handlesGain > 10 && 'handles grow',
    report.threadsGain > 5 && 'threads grow',
    report.filesGain > 10 && 'open files grow',
  ].filter((finding) => finding !== false);
  return { report, findings };
}

/** One of the processes that the server started dies. */
async function killChild(server: ServerProcess): Promise<'killed' | 'none'> {
  const [pid] = (await server.children()) ?? [];
  if (pid === undefined) return 'none';
  process.kill(pid, 'SIGKILL');
  return 'killed';
}

/** What the server logged as errors, each kind once, with its count. */
function errorsOf(log: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of log.split('\n').filter((text) => /^\{"level":[56]0/.test(text))) {
    const { msg, err } = JSON.parse(line) as { msg: string; err?: { stack?: string } };
    const what = `${msg}: ${err?.stack?.split('\n').slice(0, 4).join(' ') ?? ''}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

/** About every `everyS` until it is over. */
async function repeat(
  isOver: () => boolean,
  everyS: number,
  next: () => number,
  act: () => Promise<void>,
): Promise<void> {
  while (!isOver()) {
    // What fails because the server has ended is not the finding.
    await act().catch(async (error: unknown) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      if (!isOver()) throw error;
    });
    await new Promise((resolve) => setTimeout(resolve, everyS * 1000 * 2 * next()));
  }
}

/** A caller who asks the language model, however it feels. */
const askSomething: Attack = async ({ url }) => {
  await using client = new LoopbackClient(url);
  try {
    await client.join('mona-lisa');
    await client.request('say', { text: 'When does the museum open?' });
    await client.until('an answer', () => client.turns.filter(({ state }) => state === 'ended').length > 0, 40_000);
    return [client.captions.length > 0 ? 'ok' : 'silent'];
  } catch (error) {
    return [/^([A-Z_]{4,}): /.exec((error as Error).message)?.[1] ?? 'unanswered'];
  }
};

/** A file system that can be filled without harm; where none can be mounted a plain folder, which is never full. */
class SmallDisk implements Disposable {
  readonly folder: string;
  readonly #isMounted: boolean;

  private constructor(folder: string, isMounted: boolean) {
    this.folder = folder;
    this.#isMounted = isMounted;
  }

  static mount(): SmallDisk {
    const folder = mkdtempSync(join(tmpdir(), 'visavis-soak-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder], { stdio: 'ignore' });
      return new SmallDisk(folder, true);
    } catch {
      console.error('soak: no file system can be mounted here (it takes root on Linux); the disk stays empty.');
      return new SmallDisk(folder, false);
    }
  }

  async fillFor(seconds: number): Promise<'filled' | 'not mounted'> {
    if (!this.#isMounted) return 'not mounted';
    const path = join(this.folder, 'filler');
    const block = Buffer.alloc(1 << 20);
    for (let i = 0; i < DISK_MB; i++)
      try {
        await writeFile(path, block, { flag: 'a' });
      } catch {
        break; // full
      }
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    await rm(path, { force: true });
    return 'filled';
  }

  [Symbol.dispose](): void {
    if (this.#isMounted) execFileSync('umount', ['-l', this.folder], { stdio: 'ignore' });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
