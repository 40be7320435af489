// The caller's own voice through the whole call: microphone, Opus, RTP, jitter buffer, network, face, and back.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer((config) => {
    config.motion.fps = 25;
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const voice = (seconds: number): Float32Array =>
  Float32Array.from({ length: seconds * 48_000 }, (_, i) => 0.4 * Math.sin((2 * Math.PI * 200 * i) / 48_000));
const loud = (levels: number[]): number => levels.filter((level) => level > 0.1).length;

it('says what the microphone hears, through loss, ends when it falls silent, and yields to a text', async () => {
  await using caller = new LoopbackClient(server.url);
  await caller.join('mona-lisa');
  await caller.until('the first picture', () => caller.pictures.length > 0, 60_000);

  await caller.say(voice(0.5));
  expect(loud(caller.levels), 'nothing is mirrored before it is wanted').toBe(0);

  await caller.request('mirror', { isOn: true });
  await caller.say(voice(3), (packet) => packet % 20 === 7);
  await caller.until('the end of the turn', () => caller.turns.some(({ state }) => state === 'ended'));
  const [end] = caller.turns.filter(({ state }) => state === 'ended');
  expect(end!.interrupted).toBe(false);
  // Three seconds less the jitter buffer's first and last packets; the lost ones were concealed.
  // A machine that cannot follow loses some on the way.
  expect(end!.playedMs).toBeGreaterThan(1500);
  expect(end!.playedMs).toBeLessThan(3300);
  expect(loud(caller.levels)).toBeGreaterThan(70);

  const speaking = caller.say(voice(3));
  await caller.until('the voice', () => caller.turns.filter(({ state }) => state === 'started').length === 2);
  await caller.request('speak', { text: 'One.' });
  await caller.until('both ends', () => caller.turns.filter(({ state }) => state === 'ended').length >= 3);
  const ends = caller.turns.filter(({ state }) => state === 'ended');
  expect(ends.slice(1, 3).map(({ interrupted }) => interrupted)).toEqual([true, false]);
  await speaking;
  await caller.request('mirror', { isOn: false });
});
