// `npm test`: set-up, then every lane in turn, then one closing line "N passed, N failed[, N skipped]" for CI.
// Lanes: check (lint, types), unit, golden, fuzz, soak, loopback, deployment (the files of docker/ and deploy/, by the programs that read
// them), containers (the image, built and run), e2e, cuts (the page in a network that breaks). `npm test -- unit golden` runs only those. The
// soak, a call of three minutes, goes on beside the lanes before it, which mind no company; its turn is when it must be over.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild, startChild } from './child.mjs';
import { setUp } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const LANES = ['check', 'unit', 'golden', 'fuzz', 'soak', 'loopback', 'deployment', 'containers', 'e2e', 'cuts'];
/** Lanes whose files run one after the other: each fills the machine. */
const ALONE = ['deployment', 'containers', 'e2e', 'cuts'];
/** Runs a command in a network that can be cut; with `--missing`, says what the machine lacks for that. */
const IN_NETWORK = ['--import', 'tsx', 'test/cuts/in-network.ts'];
const SOAK = ['--import', 'tsx', 'test/soak/soak.ts', '--minutes', '3', '--busy'];
const FUZZ = ['--import', 'tsx', 'test/fuzz/fuzz.ts', '--seconds', '60'];
const SOAK_LIMIT_MS = 9 * 60_000;
const wanted = process.argv.slice(2);
const unknown = wanted.filter((lane) => !LANES.includes(lane));
if (unknown.length > 0) {
  console.error(`npm test: unknown lane ${unknown.join(', ')}; known lanes: ${LANES.join(', ')}.`);
  process.exit(2);
}
const lanes = wanted.length > 0 ? LANES.filter((lane) => wanted.includes(lane)) : LANES;

// Faces are baked once for all servers of a run.
const cacheDir = mkdtempSync(join(tmpdir(), 'visavis-test-cache-'));
process.env.VISAVIS_TEST_CACHE = cacheDir;
process.on('exit', () => rmSync(cacheDir, { recursive: true, force: true }));

const total = { passed: 0, failed: 0, skipped: 0 };
/** A command that a development dependency brings. */
const runTool = ([name, ...args]) => runChild(join(root, 'node_modules', '.bin', name), args, { cwd: root });

await setUp();
const { findChromium } = await import('../dist/cli/find-chromium.js');

async function checkLane() {
  for (const args of [
    ['biome', 'check', '.'],
    ['tsc', '-p', 'tsconfig.json'],
  ]) {
    const ok = (await runTool(args)) === 0;
    total[ok ? 'passed' : 'failed'] += 1;
    console.log(`${ok ? 'ok' : 'FAILED'}: ${args.join(' ')}`);
  }
}

/** @param isAlone one file after the other. @param run how vitest is started. */
async function vitestLane(lane, isAlone, run = runTool) {
  const scratch = mkdtempSync(join(tmpdir(), 'visavis-test-'));
  const report = join(scratch, 'report.json');
  const status = await run([
    'vitest',
    'run',
    '--dir',
    `test/${lane}`,
    ...(isAlone ? ['--no-file-parallelism'] : []),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  if (existsSync(report)) {
    const result = JSON.parse(readFileSync(report, 'utf8'));
    total.passed += result.numPassedTests;
    // A file that does not even load has no test to count, but is a failure all the same.
    total.failed += Math.max(result.numFailedTests, result.numFailedTestSuites > 0 ? 1 : 0);
    total.skipped += result.numPendingTests + result.numTodoTests;
    if (status !== 0 && result.numFailedTests + result.numFailedTestSuites === 0) total.failed += 1;
  } else total.failed += 1;
  rmSync(scratch, { recursive: true, force: true });
}

async function fuzzLane() {
  const ok = (await runChild('node', FUZZ, { cwd: root })) === 0;
  total[ok ? 'passed' : 'failed'] += 1;
  console.log(`${ok ? 'ok' : 'FAILED'}: node ${FUZZ.join(' ')}`);
}

function startSoak() {
  const outputPath = join(cacheDir, 'soak.txt');
  const output = openSync(outputPath, 'w');
  const child = startChild('node', SOAK, { cwd: root, stdio: ['ignore', output, output] });
  process.on('exit', () => child.kill());
  return { child, outputPath };
}

async function soakLane({ child, outputPath }) {
  const limit = setTimeout(() => child.kill(), SOAK_LIMIT_MS);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  clearTimeout(limit);
  const ok = child.exitCode === 0;
  total[ok ? 'passed' : 'failed'] += 1;
  console.log(`${readFileSync(outputPath, 'utf8')}${ok ? 'ok' : 'FAILED'}: node ${SOAK.join(' ')}`);
}

const soak = lanes.includes('soak') ? startSoak() : undefined;
for (const lane of lanes) {
  console.log(`\n── ${lane} ──`);
  if (lane === 'check') await checkLane();
  else if (lane === 'soak') await soakLane(soak);
  else if (lane === 'fuzz') await fuzzLane();
  else if (lane === 'e2e' && !findChromium()) {
    console.log('Browser tests skipped: no Chromium found. Install Chromium or Chrome, or name one in CHROMIUM_PATH.');
    total.skipped += 1;
  } else if (lane === 'cuts') {
    const lacks = spawnSync('node', [...IN_NETWORK, '--missing'], { cwd: root, encoding: 'utf8' });
    if (lacks.status === 0)
      await vitestLane(lane, true, (args) =>
        runChild('node', [...IN_NETWORK, `node_modules/.bin/${args[0]}`, ...args.slice(1)], { cwd: root }),
      );
    else {
      console.log(`Tests with cuts of the network skipped: ${lacks.stdout.trim()}.`);
      total.skipped += 1;
    }
  } else {
    await vitestLane(lane, ALONE.includes(lane));
  }
}

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
