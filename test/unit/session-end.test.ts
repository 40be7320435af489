// How a session ends: told of once, everything closed whatever fails, and within a time whatever hangs.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Conversation } from '../../src/agent/conversation.ts';
import { resolveControls } from '../../src/engine/controls.ts';
import type { EngineListener, EngineSession } from '../../src/engine/engine-session.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { Microphone } from '../../src/microphone.ts';
import { Session } from '../../src/session.ts';
import type { CallAudience } from '../../src/signaling/hosting.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ignore = (): void => {};

/** @param ends what each part does when it is closed; nothing when missing. */
function open(ends: { engine?: () => void; conversation?: () => Promise<void>; microphone?: () => void } = {}) {
  const clock = new FakeClock();
  const metrics = createMetrics('test', false);
  const closed: string[] = [];
  const told: string[] = [];
  let engineListener!: EngineListener;
  let broken!: (error: unknown) => void;
  const session = new Session({
    peer: () => ({ videoCodec: 'VP8', send: ignore, close: async () => {} }),
    audience: {
      failed: ({ error }) => void told.push(error.code),
      ended: (reason) => void told.push(reason),
    } as CallAudience,
    openEngine: (listener) => {
      engineListener = listener;
      const close = () => {
        closed.push('engine');
        ends.engine?.();
      };
      return { close, setEncoder: ignore } as unknown as EngineSession;
    },
    openConversation: (_face, audience) => {
      broken = audience.broken;
      const close = async () => {
        closed.push('conversation');
        await ends.conversation?.();
      };
      return { close, tick: ignore } as unknown as Conversation;
    },
    openEncoder: () => ({ encode: () => new Uint8Array(), [Symbol.dispose]: () => void closed.push('encoder') }),
    openMicrophone: () =>
      ({
        tick: ignore,
        [Symbol.dispose]: () => {
          closed.push('microphone');
          ends.microphone?.();
        },
      }) as unknown as Microphone,
    synthesizer: {} as never,
    controls: resolveControls(),
    clock,
    logger: pino({ level: 'silent' }),
    metrics,
    settings: { render: 'server', fps: 30, bitrateBps: 1e6, videoDelayUs: 0, ratePercent: 100, maxCharacters: 100 },
  });
  const outcomes = async () =>
    Object.fromEntries((await metrics.callsEnded.get()).values.map(({ labels, value }) => [labels.outcome, value]));
  const calls = async () => (await metrics.calls.get()).values[0]!.value;
  return { session, clock, closed, told, outcomes, calls, engine: engineListener, broken: (e: unknown) => broken(e) };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const ALL = ['conversation', 'encoder', 'engine', 'microphone'];

it('tells of a failure once, however many parts fail in its wake', async () => {
  const { closed, told, outcomes, calls, engine, broken } = open();
  engine.failed(new Error('the engine is gone'));
  broken(new Error('so the conversation fails'));
  engine.failed(new Error('and once more'));
  await settle();
  expect(told).toEqual(['INTERNAL', 'failed']);
  expect(closed.toSorted()).toEqual(ALL);
  expect([await calls(), await outcomes()]).toEqual([0, { failed: 1 }]);
});

it('closes everything, whatever fails on the way out, and passes the failure on', async () => {
  const fail = () => {
    throw new Error('it will not close');
  };
  const { session, closed, calls } = open({ engine: fail, conversation: async () => fail(), microphone: fail });
  await expect(session.close('left')).rejects.toThrow('it will not close');
  expect(closed.toSorted()).toEqual(ALL);
  expect(await calls()).toBe(0);
  await session.close('left');
  expect(closed).toHaveLength(4);
});

it('gives back the codecs though a service does not let go', async () => {
  const { session, clock, closed } = open({ conversation: () => new Promise(() => {}) });
  let isOver = false;
  void session.close('left').then(() => {
    isOver = true;
  });
  await clock.advance(4999);
  expect([isOver, closed.toSorted()]).toEqual([false, ['conversation', 'engine']]);
  await clock.advance(1);
  await settle();
  expect([isOver, closed.toSorted()]).toEqual([true, ALL]);
});
