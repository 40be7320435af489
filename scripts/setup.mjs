// Brings a checkout to the point where it runs: dependencies when the lock file changed, then WASM, server and page when a
// source changed. Plain Node without dependencies, because it runs before there are any. `--build` rebuilds regardless.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './child.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MIN_NODE = [20, 19];

function fail(sentence) {
  console.error(`visavis set-up: ${sentence}`);
  process.exit(1);
}

async function run(title, command, args) {
  console.error(`visavis set-up: ${title} …`);
  // Output goes to stderr, so that `npm start`'s stdout stays the program's own.
  const status = await runChild(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) fail(`"${command} ${args.join(' ')}" failed (exit ${status}).`);
}

function hashOf(paths) {
  const hash = createHash('sha256');
  const visit = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const entry of readdirSync(path).sort()) if (entry !== 'node_modules') visit(join(path, entry));
    } else hash.update(path).update('\0').update(readFileSync(path));
  };
  for (const path of paths) visit(join(root, path));
  return hash.digest('hex');
}

const stampOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** @param {{isForced?: boolean}} [options] whether to build what is built already. */
export async function setUp({ isForced = false } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1]))
    fail(`Node ${process.versions.node} is too old; install Node ${MIN_NODE.join('.')} or newer.`);

  const lockStamp = join(root, 'node_modules', '.visavis-lock');
  const lockHash = hashOf(['package-lock.json', 'package.json', '.npmrc']);
  if (stampOf(lockStamp) !== lockHash) {
    await run('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund']);
    writeFileSync(lockStamp, lockHash);
  }

  const buildStamp = join(root, 'build', '.stamp');
  const buildHash = hashOf(['src', 'client', 'scripts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']);
  if (isForced || stampOf(buildStamp) !== buildHash) {
    mkdirSync(join(root, 'build'), { recursive: true });
    await run('building the rasteriser (WASM)', 'node', ['scripts/build-wasm.mjs']);
    await run('building the server', tool('tsc'), ['-p', 'tsconfig.build.json']);
    await run('building the page', tool('vite'), ['build', 'client', '--logLevel', 'warn']);
    writeFileSync(buildStamp, buildHash);
  }
}

/** A command that a dependency brings. */
const tool = (name) => join(root, 'node_modules', '.bin', name);

if (process.argv[1] === fileURLToPath(import.meta.url)) await setUp({ isForced: process.argv.includes('--build') });
