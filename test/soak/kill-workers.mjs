// Loaded into a server under test (NODE_OPTIONS=--import=…): at each SIGWINCH, which means nothing to a server, one of its worker threads dies of
// an error that nobody caught, in turn.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const CHANNEL = 'visavis-soak-dies';
/** Runs in the thread before the module that it was started for. */
const PRELUDE = `
  import { threadId } from 'node:worker_threads';
  const channel = new BroadcastChannel('${CHANNEL}');
  channel.onmessage = ({ data }) => {
    if (data === threadId) setImmediate(() => { throw new Error('killed by the soak'); });
  };
  channel.unref();
`;

if (isMainThread) {
  const threads = createRequire(import.meta.url)('node:worker_threads');
  const alive = [];
  threads.Worker = class extends threads.Worker {
    constructor(url, options) {
      // From a checkout threads start from a text of ours; see `spawnWorker`.
      const [head, script] = String(url).split(/,(.*)/s);
      const isText = head === 'data:text/javascript';
      super(isText ? new URL(`${head},${encodeURIComponent(PRELUDE)}${script}`) : url, options);
      if (!isText) return;
      alive.push(this);
      this.once('exit', () => alive.splice(alive.indexOf(this), 1));
    }
  };
  syncBuiltinESMExports();
  const channel = new BroadcastChannel(CHANNEL);
  channel.unref();
  process.on('SIGWINCH', () => {
    const worker = alive.shift();
    if (!worker) return;
    alive.push(worker);
    channel.postMessage(worker.threadId);
  });
}
