// `visavis evaluate` from arguments to numbers: its own sentences, recordings with alignments, and what is wrong with a folder.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { captureConsole } from '../support/console-output.ts';
import { wavBytes } from '../support/wav-bytes.ts';

const SLOW_MS = 180_000;
let folder = '';
const { stdout, stderr } = captureConsole();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-evaluate-'));
  process.env.VISAVIS__CACHE__DIR = join(folder, 'cache');
  const golden = JSON.parse(await readFile(new URL('../golden/spoken.json', import.meta.url), 'utf8')) as {
    sampleRateHz: number;
    pcm: string;
    closuresS: [number, number][];
  };
  const pcm = Buffer.from(golden.pcm, 'base64');
  const samples = Float32Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(2 * i) / 32768);
  const lines = golden.closuresS.map(([startS, endS]) => `${startS}\t${endS}\tm\n`);
  await writeFile(
    join(folder, 'spoken.wav'),
    wavBytes(samples, { sampleRateHz: golden.sampleRateHz, channels: 1, format: 1 }),
  );
  await writeFile(join(folder, 'spoken.tsv'), lines.join(''));
});
afterAll(async () => {
  delete process.env.VISAVIS__CACHE__DIR;
  await rm(folder, { recursive: true, force: true });
});

interface Report {
  recordings: string[];
  measures: { name: string; value: number; aim: string; isMet: boolean | null }[];
}

it(
  'measures its own sentences, in drawn pictures too',
  async () => {
    expect(await runCli(['evaluate', '--quick', '--json'])).toBe(0);
    const { measures } = JSON.parse(stdout.join('')) as Report;
    const value = (name: string): number => measures.find((measure) => measure.name === name)!.value;
    expect(value('viseme accuracy')).toBeGreaterThan(0.6);
    expect(value('m b p closed, curves: recall')).toBeGreaterThan(0.6);
    expect(value('m b p closed, pictures: recall')).toBeGreaterThan(0.6);
    expect(value('lips apart in silence (> 1 px)')).toBeLessThan(10);
    expect(value('gaze off the asked target')).toBeLessThan(3);
    expect(value('freezes')).toBe(0);
    expect(measures.every((measure) => Number.isFinite(measure.value))).toBe(true);
  },
  SLOW_MS,
);

it(
  'measures recordings with alignments, with the fitted head',
  async () => {
    const flags = ['--data', folder, '--no-rendering', '--quick', '--performance', 'fitted', '--json'];
    expect(await runCli(['evaluate', ...flags])).toBe(0);
    const { recordings, measures } = JSON.parse(stdout.join('')) as Report;
    expect(recordings).toEqual(['spoken']);
    expect(measures.find(({ name }) => name === 'm b p closed, curves: recall')!.value).toBe(1);
  },
  SLOW_MS,
);

it.each([
  [['--data', '/no/such/folder'], /There is no folder \/no\/such\/folder/],
  [['--performance', 'sleepy', '--no-rendering', '--quick'], /--performance is sleepy; it must be fitted or learned/],
])(
  'says in one sentence what is wrong with %j',
  async (flags, sentence) => {
    expect(await runCli(['evaluate', ...flags])).toBe(2);
    expect(stderr.join('\n')).toMatch(sentence);
  },
  SLOW_MS,
);

it('names the line of an alignment that it cannot read', async () => {
  const path = join(folder, 'spoken.tsv');
  const before = await readFile(path, 'utf8');
  await writeFile(path, `${before}0.5 0.4 m\n`);
  try {
    expect(await runCli(['evaluate', '--data', folder, '--no-rendering'])).toBe(2);
    expect(stderr.join('\n')).toMatch(/spoken\.tsv, line \d+: give start and end in seconds/);
  } finally {
    await writeFile(path, before);
  }
});
