// Brings a checkout to the point where it runs: dependencies when the lock file changed, then WASM, server and page when a
// source changed. Plain Node without dependencies, because it runs before there are any. `--build` rebuilds regardless.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const MIN_NODE = [20, 19];

function fail(sentence) {
  console.error(`visavis set-up: ${sentence}`);
  process.exit(1);
}

function run(title, command, args) {
  console.error(`visavis set-up: ${title} …`);
  // Output goes to stderr, so that `npm start`'s stdout stays the program's own.
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (result.status !== 0)
    fail(`"${command} ${args.join(' ')}" failed (exit ${result.status ?? result.error?.message}).`);
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

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MIN_NODE[0] || (major === MIN_NODE[0] && minor < MIN_NODE[1]))
  fail(`Node ${process.versions.node} is too old; install Node ${MIN_NODE.join('.')} or newer.`);

const lockStamp = join(root, 'node_modules', '.visavis-lock');
const lockHash = hashOf(['package-lock.json', 'package.json', '.npmrc']);
if (stampOf(lockStamp) !== lockHash) {
  run('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund']);
  writeFileSync(lockStamp, lockHash);
}

const buildStamp = join(root, 'build', '.stamp');
const buildHash = hashOf(['src', 'client', 'scripts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']);
if (process.argv.includes('--build') || stampOf(buildStamp) !== buildHash) {
  mkdirSync(join(root, 'build'), { recursive: true });
  run('building the rasteriser (WASM)', 'node', ['scripts/build-wasm.mjs']);
  run('building the server', 'npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json']);
  run('building the page', 'npx', ['--no-install', 'vite', 'build', 'client', '--logLevel', 'warn']);
  writeFileSync(buildStamp, buildHash);
}
