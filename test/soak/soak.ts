/**
 * What must stay as it is, for long. In: `--minutes 30`, one call that goes on, or `--cycles 300`, calls that come and go; `--busy` where other
 * programs keep the machine busy: then only what that cannot spoil is judged, and the rest is only told. `--sync --minutes 5`: lips against sound in
 * Chromium and Firefox; with `--busy` beside a busy core. `--hostile --minutes 30`: one call, and around it everything that goes wrong on the open
 * network. Out: one JSON object; exit code 1, with a line for each reason, when something grows, drifts, fails or stays behind.
 */
import { parseArgs } from 'node:util';
import { browserSync } from './browser-sync.ts';
import { hostileNetwork } from './hostile.ts';
import { longCall } from './long-call.ts';
import { manyCalls } from './many-calls.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    cycles: { type: 'string' },
    busy: { type: 'boolean', default: false },
    sync: { type: 'boolean' },
    hostile: { type: 'boolean', default: false },
  },
});
const wanted = (name: 'minutes' | 'cycles', least: number): number => {
  const number = Number(values[name]);
  if (!(number >= least)) throw new Error(`--${name} wants a number of at least ${least}`);
  return number;
};
// Ends the server, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const minutes = values.minutes === undefined ? undefined : wanted('minutes', 0.5);
const { report, findings } = values.sync
  ? await browserSync(minutes ?? 5, values.busy)
  : values.cycles === undefined
    ? await (values.hostile ? hostileNetwork : longCall)(minutes ?? 3, values.busy)
    : await manyCalls(Math.floor(wanted('cycles', 24)));
console.log(JSON.stringify(report, null, 2));
for (const finding of findings) console.error(`soak: ${finding}`);
process.exitCode = findings.length > 0 ? 1 : 0;
