// Warming up: the order of the steps, a step that fails, and a bound on the whole.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { rehearse } from '../../src/rehearsal.ts';
import type { CallAudience, CallHost, HostedCall } from '../../src/signaling/hosting.ts';
import { WarmUp } from '../../src/warm-up.ts';

const logger = pino({ level: 'silent' });
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A step that ends when it is told to. */
function step(name: string, log: string[]) {
  let end = (_error?: Error): void => {};
  const run = () => {
    log.push(name);
    return new Promise<void>((resolve, reject) => {
      end = (error) => (error ? reject(error) : resolve());
    });
  };
  return { name, run, end: (error?: Error) => end(error) };
}

it('takes one group after the other, and is ready after the last', async () => {
  const log: string[] = [];
  const [face, network, voice] = ['face', 'network', 'voice'].map((name) => step(name, log));
  using warmUp = new WarmUp(logger);
  const { check } = warmUp;
  const done = warmUp.run([[face!], [network!, voice!]]);
  expect(log).toEqual(['face']);
  expect([check.status, await check.check()]).toEqual(['starting', 'waiting for: face, network, voice']);
  face!.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual(['face', 'network', 'voice']);
  network!.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(await check.check()).toBe('waiting for: voice');
  voice!.end();
  await done;
  expect([await check.check(), check.detail!()]).toEqual([undefined, 'done']);
});

it('goes on after a step that failed, and says so', async () => {
  const log: string[] = [];
  const [voice, ears] = ['voice', 'ears'].map((name) => step(name, log));
  using warmUp = new WarmUp(logger);
  const done = warmUp.run([[voice!], [ears!]]);
  voice!.end(new Error('no espeak here'));
  await vi.advanceTimersByTimeAsync(0);
  ears!.end();
  await done;
  expect([await warmUp.check.check(), warmUp.check.detail!()]).toEqual([undefined, 'failed: voice']);
});

it('keeps nobody waiting for longer than a minute', async () => {
  using warmUp = new WarmUp(logger);
  void warmUp.run([[step('voice', [])]]);
  await vi.advanceTimersByTimeAsync(59_999);
  expect(await warmUp.check.check()).toBe('waiting for: voice');
  await vi.advanceTimersByTimeAsync(1);
  expect([await warmUp.check.check(), warmUp.check.detail!()]).toEqual([undefined, 'takes long; waiting for: voice']);
});

function stage() {
  const log: string[] = [];
  let told!: CallAudience;
  let send!: () => void;
  const host: Pick<CallHost, 'open'> = {
    async open(_request, peer, audience) {
      told = audience;
      send = () => peer().send({ kind: 'video' } as never);
      return {
        events: { connected: () => void log.push('connected') },
        speak: ({ text }: { text: string }) => log.push(`speak ${text}`),
        close: async () => void log.push('closed'),
      } as unknown as HostedCall;
    },
  };
  const life = new AbortController();
  const parts = { host, portraitId: 'maya', codec: 'VP8' as const, signal: life.signal };
  return { log, parts, life, told: () => told, draw: () => send() };
}

it('rehearses a picture, then the voice, and closes the call', async () => {
  const { log, parts, told, draw } = stage();
  const done = rehearse({ ...parts, text: 'Hello.' });
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual(['connected']);
  draw();
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual(['connected', 'speak Hello.']);
  told().caption({ turnId: 1, text: 'Hello.' });
  await done;
  expect(log.at(-1)).toBe('closed');
});

it('leaves a voice alone that costs, and closes the call whatever happens', async () => {
  const quiet = stage();
  const done = rehearse({ ...quiet.parts, text: undefined });
  await vi.advanceTimersByTimeAsync(0);
  quiet.draw();
  await done;
  expect(quiet.log).toEqual(['connected', 'closed']);

  const broken = stage();
  const failed = expect(rehearse({ ...broken.parts, text: 'Hello.' })).rejects.toThrow('no voice');
  await vi.advanceTimersByTimeAsync(0);
  broken.draw();
  await vi.advanceTimersByTimeAsync(0);
  broken.told().failed({ error: { code: 'TTS_UNAVAILABLE', message: 'no voice' } });
  await failed;
  expect(broken.log.at(-1)).toBe('closed');

  const stopped = stage();
  const ended = expect(rehearse({ ...stopped.parts, text: 'Hello.' })).rejects.toThrow('the server stops');
  await vi.advanceTimersByTimeAsync(0);
  stopped.life.abort(new Error('the server stops'));
  await ended;
  expect(stopped.log.at(-1)).toBe('closed');
});
