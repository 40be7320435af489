/**
 * Fuzzes everything that reads input from outside: `fuzz.ts [--seconds 60 | --minutes 60] [--target NAME] [--seed N] [--keep]`. Each target runs in
 * a process of its own; what ends or hangs it is a finding like any other. Out: a line for each target, every finding with its input as a file;
 * exit code 1 when there is a finding, or when the fault planted on purpose was not found. `--keep` adds to the corpus beside this file.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Finding, FuzzReport } from './fuzz-process.ts';
import { PLANTED, targetNames } from './targets.ts';

/** Without a sign for so long an input hangs. Busy machines are slow, endless loops are not. */
const HANG_MS = 60_000;
/** It takes a second or two, and ends the search. */
const PLANTED_LIMIT_S = 120;
const CORPUS = fileURLToPath(new URL('corpus', import.meta.url));

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    minutes: { type: 'string' },
    target: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const seconds = values.minutes ? 60 * Number(values.minutes) : Number(values.seconds ?? 60);
const names = values.target ?? targetNames;
const unknown = names.filter((name) => !targetNames.includes(name));
if (!(seconds > 0) || unknown.length > 0) {
  console.error(
    `fuzz: unknown target ${unknown.join(', ') || '(none)'}, or no time; targets: ${targetNames.join(', ')}`,
  );
  process.exit(2);
}

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
const scratch = mkdtempSync(join(tmpdir(), 'visavis-fuzz-'));

/** @returns the report of one target, or of what ended it. */
function fuzzTarget(name: string, targetSeconds: number): Promise<FuzzReport | Finding> {
  const current = join(scratch, `${name}.current`);
  const args = [name, String(targetSeconds), values.seed, join(CORPUS, name), current];
  const child = fork(fileURLToPath(new URL('fuzz-process.ts', import.meta.url)), args, {
    execArgv: ['--import', 'tsx', '--max-old-space-size=1024'],
    env: { ...process.env, ...(values.keep ? { VISAVIS_FUZZ_KEEP: '1' } : {}) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  children.add(child);
  let complaints = '';
  child.stderr!.on('data', (data: Buffer) => {
    complaints = `${complaints}${data}`.slice(-2000);
  });
  return new Promise((resolve) => {
    const ended = (what: string): void => {
      child.kill('SIGKILL');
      resolve({ what: `${what}\n${complaints}`, input: readInput(current) });
    };
    let watch = setTimeout(() => ended('hangs'), HANG_MS);
    child.on('message', (message) => {
      clearTimeout(watch);
      if (message === 'alive') watch = setTimeout(() => ended('hangs'), HANG_MS);
      else resolve(message as FuzzReport);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(watch);
      ended(`the process ended: ${signal ?? code}`);
    });
  });
}

function readInput(path: string): string {
  try {
    return readFileSync(path).toString('base64');
  } catch {
    return '';
  }
}

let failures = 0;
const share = seconds / names.length;
console.log(
  `${'target'.padEnd(14)}${['runs', 'runs/s', 'corpus'].map((title) => title.padStart(9)).join('')}   code reached`,
);
for (const name of names) {
  const isPlanted = name === PLANTED;
  const report = await fuzzTarget(name, isPlanted ? PLANTED_LIMIT_S : share);
  const findings = 'what' in report ? [report] : report.findings;
  if (!('what' in report)) {
    const { runs, runsPerSecond, corpus, functionsRun, functions, share } = report;
    const columns = [runs, runsPerSecond, corpus].map((number) => String(number).padStart(9)).join('');
    console.log(
      `${name.padEnd(14)}${columns}   ${functionsRun} of ${functions} functions, ${Math.round(100 * share)} %`,
    );
  }
  if (isPlanted) {
    const isFound = findings.some(({ what }) => what.includes('the planted fault'));
    console.log(isFound ? 'The planted fault was found.' : 'FAILED: the planted fault was not found.');
    if (!isFound) failures += 1;
    continue;
  }
  for (const [index, { what, input }] of findings.entries()) {
    failures += 1;
    const folder = join('out', 'fuzz');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name}-${index}.input`);
    writeFileSync(path, Buffer.from(input, 'base64'));
    console.log(`FAILED: ${name}: ${what}\n  input: ${path}`);
  }
}
process.exit(failures > 0 ? 1 : 0);
