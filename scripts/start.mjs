// `npm start`: set-up, then the server in this same process, so that whoever stops npm stops the server. Flags after `--` are
// those of `visavis serve`. The script says `exec`: a shell in between would keep npm's signals to itself. (Windows: node scripts/start.mjs.)
import { setUp } from './setup.mjs';

const PARENT_CHECK_MS = 500;

// npm passes Ctrl-C and SIGTERM on, but no hangup, and nothing when it is killed: without it the server ends as if asked to.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, PARENT_CHECK_MS).unref();
}

await setUp();
process.argv.splice(2, 0, 'serve');
await import('../bin/visavis.mjs');
