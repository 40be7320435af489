// A call whose brain and voice are services, chosen by two settings: typed turn, answer in sound and captions, interruption that hangs up, and
// the embedded voice and the fallback line when they fail.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoopbackClient } from '../support/loopback-client.ts';
import { chat, json, MockProvider } from '../support/mock-provider.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

function tone(seconds: number): Buffer {
  const bytes = Buffer.alloc(seconds * 48_000);
  for (let i = 0; i < bytes.length / 2; i++) bytes.writeInt16LE(Math.round(9000 * Math.sin(i / 15)), 2 * i);
  return bytes;
}

const CHAT = 'POST /v1/chat/completions';
const SPEECH = 'POST /v1/audio/speech';
const SLOW_MS = 240_000;

let mock: MockProvider;
let server: TestServer;
beforeAll(async () => {
  mock = await MockProvider.start();
  server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.conversation.greets = false;
    config.llm = { ...config.llm, kind: 'openai', baseUrl: `${mock.url}/v1`, retries: 0 };
    config.tts = { ...config.tts, kind: 'openai', baseUrl: `${mock.url}/v1`, retries: 0 };
    config.stt.kind = 'none';
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await mock[Symbol.asyncDispose]();
});

describe('a call with services behind it', () => {
  it(
    'answers in their words and their voice, and hangs up on both when it is interrupted',
    async () => {
      mock.on(CHAT, (_, response) =>
        chat(response, [{ content: '[happy] We open at ten. ' }, { content: 'See you then!' }]),
      );
      mock.on(SPEECH, (_, response) => void response.end(tone(0.6)));
      await using caller = new LoopbackClient(server.url);
      await caller.join('mona-lisa');
      await caller.until('the first picture', () => caller.pictures.length > 0, 90_000);
      await caller.request('say', { text: 'When do you open?' });
      await caller.until('the end of the answer', () => caller.turns.some(({ state }) => state === 'ended'), 90_000);
      expect(caller.turns.find(({ state }) => state === 'ended')).toMatchObject({
        interrupted: false,
        heard: 'We open at ten. See you then!',
      });
      expect(caller.captions.map(({ text }) => text)).toEqual(['We open at ten.', 'See you then!']);
      expect(mock.requestsTo(SPEECH).map(({ body }) => JSON.parse(body).input)).toEqual([
        'We open at ten.',
        'See you then!',
      ]);
      expect(Math.max(...caller.levels)).toBeGreaterThan(0.1);

      // An answer that never ends, and sound that never ends.
      mock.on(CHAT, (_, response) =>
        chat(response, [{ content: 'Once upon a time there was a king. ' }], { isOpen: true }),
      );
      mock.on(SPEECH, (_, response) => {
        response.write(tone(1));
      });
      await caller.request('say', { text: 'Tell me a story' });
      await caller.until('the story', () => mock.open === 2 && caller.turns.at(-1)?.state === 'started', 90_000);
      const before = caller.levels.length;
      await caller.until('its sound', () => caller.levels.slice(before).some((level) => level > 0.1), 90_000);
      await caller.request('stop', {});
      await caller.until('both services are hung up on', () => mock.open === 0);
      const { messages } = JSON.parse(mock.requestsTo(CHAT)[1]!.body);
      expect(messages.slice(1)).toEqual([
        { role: 'user', content: 'When do you open?' },
        { role: 'assistant', content: expect.stringContaining('We open at ten.') },
        { role: 'user', content: 'Tell me a story' },
      ]);
      expect(caller.failures).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'says its fallback line, in the embedded voice, when both are out of order',
    async () => {
      mock.on(CHAT, (_, response) => json(response, { error: { message: 'out of order' } }, 500));
      mock.on(SPEECH, (_, response) => json(response, { error: { message: 'out of order' } }, 500));
      await using caller = new LoopbackClient(server.url);
      await caller.join('mona-lisa');
      await caller.until('the first picture', () => caller.pictures.length > 0, 90_000);
      await caller.request('say', { text: 'Hello?' });
      await caller.until('the end of the answer', () => caller.turns.some(({ state }) => state === 'ended'), 90_000);
      const ended = caller.turns.find(({ state }) => state === 'ended');
      expect(ended).toMatchObject({ interrupted: false, heard: expect.stringMatching(/\w/) });
      expect(Math.max(...caller.levels)).toBeGreaterThan(0.05);
      const ready = (await (await fetch(new URL('readyz', server.url))).json()) as {
        checks: { name: string; isOk: boolean }[];
      };
      // There is no list of models now, but an answer: the service is there.
      expect(Object.fromEntries(ready.checks.map(({ name, isOk }) => [name, isOk]))).toMatchObject({
        llm: true,
        tts: true,
      });
    },
    SLOW_MS,
  );
});
