/**
 * Starts one of our modules in a worker thread, from the build (`.js`) and from a checkout (`.ts`, through tsx) alike.
 */
import { Worker } from 'node:worker_threads';

/**
 * @param module `new URL('./name.ts', import.meta.url)`: the source's name; the build's twin is found by itself.
 * @param isQuiet for modules that use an experimental part of Node, whose warning is not for the user.
 */
export function spawnWorker(module: URL, workerData?: unknown, { isQuiet = false } = {}): Worker {
  const options = { workerData, ...(isQuiet ? { execArgv: ['--no-warnings'] } : {}) };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL(module.href.replace(/\.ts$/, '.js')), options);
  // A worker does not take over the parent's loader, and `--import tsx` does not reach it on Node 20.
  const start =
    `import { register } from 'node:module'; register('tsx/esm', ${JSON.stringify(import.meta.url)}, { data: true });` +
    `await import(${JSON.stringify(module.href)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(start)}`), options);
}
