// The pool of engine workers, with threads that only pretend: what it does about workers that die young.
import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AvatarEngine } from '../../src/engine/avatar-engine.ts';

class FakeThread extends EventEmitter {
  readonly received: { kind: string }[] = [];

  postMessage(message: { kind: string }): void {
    this.received.push(message);
    if (message.kind === 'end') this.emit('exit', 0);
  }
}

const threads: FakeThread[] = [];
vi.mock('../../src/media/worker-thread.ts', () => ({
  spawnWorker: () => {
    const thread = new FakeThread();
    threads.push(thread);
    return thread;
  },
}));

beforeEach(() => {
  threads.length = 0;
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => void vi.useRealTimers());

function die(): void {
  threads.at(-1)!.emit('error', new Error('no memory'));
  threads.at(-1)!.emit('exit', 1);
}

it('replaces a worker at once, those that die young after growing pauses, and one that lasted at once again', async () => {
  await using engine = new AvatarEngine(1);
  die();
  expect(threads).toHaveLength(2);
  const pausesMs: number[] = [];
  while (pausesMs.length < 12) {
    const { length } = threads;
    const lostMs = performance.now();
    die();
    await expect(engine.answer()).rejects.toThrow('dying at its start: no memory');
    while (threads.length === length) vi.advanceTimersByTime(50);
    pausesMs.push(performance.now() - lostMs);
  }
  expect(pausesMs.slice(0, 4)).toEqual([250, 500, 1000, 2000]);
  expect(pausesMs.slice(-3)).toEqual([30_000, 30_000, 30_000]);
  vi.advanceTimersByTime(60_000);
  const { length } = threads;
  die();
  expect(threads).toHaveLength(length + 1);
});

it('starts no worker once it is closed', async () => {
  const engine = new AvatarEngine(1);
  die();
  die();
  await engine[Symbol.asyncDispose]();
  vi.advanceTimersByTime(60_000);
  expect(threads).toHaveLength(2);
});

it('pings a stuck worker once, however often it is asked, and anew once it has answered', async () => {
  await using engine = new AvatarEngine(1);
  const [thread] = threads as [FakeThread];
  const listeners = () => thread.listenerCount('message') + thread.listenerCount('exit');
  const pings = () => thread.received.filter(({ kind }) => kind === 'ping').length;
  const before = listeners();
  const answers = Array.from({ length: 20 }, () => engine.answer());
  expect(pings()).toBe(1);
  expect(listeners()).toBe(before + 2);
  thread.emit('message', { kind: 'pong' });
  await Promise.all(answers);
  expect(listeners()).toBe(before);
  const next = engine.answer();
  expect(pings()).toBe(2);
  die();
  await expect(next).rejects.toThrow('just died');
});
