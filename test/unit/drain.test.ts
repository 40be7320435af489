// A server that is about to stop: who is let in, who is told, and how long anything may take.
import { expect, it } from 'vitest';
import { Drain } from '../../src/signaling/drain.ts';
import type { CallHost, HostedCall } from '../../src/signaling/hosting.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import { FakeClock } from '../support/fake-clock.ts';

const never = new AbortController().signal;

function setUp(dismiss: () => Promise<void> = async () => {}) {
  const clock = new FakeClock();
  const drain = new Drain(clock);
  const calls = new LiveCalls();
  const events: string[] = [];
  const sockets = {
    tellDraining: (endsInS: number) => void events.push(`told ${endsInS} s`),
    dismiss: () => {
      events.push('dismissed');
      return dismiss();
    },
  };
  const run = (limitMs: number, stop = never) =>
    drain.run(calls, sockets, limitMs, stop).then(() => void events.push('over'));
  return { clock, drain, calls, events, run };
}

it('is over at once when nobody is there', async () => {
  const { events, run } = setUp();
  await run(20_000);
  expect(events).toEqual(['told 20 s', 'dismissed', 'over']);
});

it('waits for the last call, and no longer than its time', async () => {
  const { clock, calls, events, run } = setUp();
  calls.add('a', {} as HostedCall);
  calls.add('b', {} as HostedCall);
  void run(20_000);
  calls.remove('a', 'left');
  await clock.advance(19_999);
  expect(events).toEqual(['told 20 s']);
  await clock.advance(1);
  expect(events).toEqual(['told 20 s', 'dismissed', 'over']);
});

it('ends when the last call does', async () => {
  const { clock, calls, events, run } = setUp();
  calls.add('a', {} as HostedCall);
  void run(20_000);
  await clock.advance(5000);
  calls.remove('a', 'left');
  await clock.advance(0);
  expect(events).toEqual(['told 20 s', 'dismissed', 'over']);
});

it('ends at once when it is told to stop', async () => {
  const { clock, calls, events, run } = setUp();
  calls.add('a', {} as HostedCall);
  const stop = new AbortController();
  void run(20_000, stop.signal);
  stop.abort();
  await clock.advance(0);
  expect(events.at(-1)).toBe('over');
});

it('waits a second, no more, for calls that do not end', async () => {
  const { clock, events, run } = setUp(() => new Promise(() => {}));
  void run(20_000);
  await clock.advance(0);
  await clock.advance(999);
  expect(events).not.toContain('over');
  await clock.advance(1);
  expect(events).toContain('over');
});

it('lets nobody in, not even who was on the way, and says when to ask again', async () => {
  const { drain, run } = setUp();
  let closed = 0;
  let opened = (_call: HostedCall): void => {};
  const host = drain.guard({
    fps: 30,
    admit() {},
    voices: async () => [],
    open: () =>
      new Promise((resolve) => {
        opened = resolve;
      }),
  } satisfies CallHost);
  const opening = host.open(
    { sessionId: 's', portraitId: 'x', controls: {}, render: 'server' },
    () => null as never,
    null as never,
  );
  await Promise.resolve();
  await run(20_000);
  opened({ close: async () => void closed++ } as unknown as HostedCall);
  const refused = { code: 'SERVER_DRAINING', retryAfterS: 5 };
  await expect(opening).rejects.toMatchObject(refused);
  expect(closed).toBe(1);
  expect(() => host.admit()).toThrow(expect.objectContaining(refused));
  await expect(
    host.open({ sessionId: 's', portraitId: 'x', controls: {}, render: 'server' }, () => null as never, null as never),
  ).rejects.toMatchObject(refused);
});
