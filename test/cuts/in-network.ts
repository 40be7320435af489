// Runs a command on the caller's side of a network that is made for it: `node --import tsx test/cuts/in-network.ts COMMAND …`. With
// `--missing` in the command's place: says what the machine lacks for that, and fails if it does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { missingForLab, NetworkLab } from '../support/network-lab.ts';

if (process.argv[2] === '--missing') {
  const missing = missingForLab();
  if (missing) console.log(missing);
  process.exit(missing ? 1 : 0);
}
const lab = NetworkLab.open();
try {
  const [program, ...rest] = [...lab.on('caller'), ...process.argv.slice(2)] as [string, ...string[]];
  const child = spawn(program, rest, { stdio: 'inherit', env: { ...process.env, ...lab.environment } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  lab[Symbol.dispose]();
}
