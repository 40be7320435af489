// Services that speak the protocol in a way of their own, or somewhere else than they were looked for: taken, or said so with the remedy.
import { describe, expect, it } from 'vitest';
import type { Question } from '../../src/agent/brain.ts';
import { ElevenLabsSynthesizer } from '../../src/agent/elevenlabs-synthesizer.ts';
import { HttpTools, type ToolSettings } from '../../src/agent/http-tools.ts';
import { OpenAiBrain } from '../../src/agent/openai-brain.ts';
import { neighboursOf } from '../../src/agent/openai-client.ts';
import { OpenAiRealtime } from '../../src/agent/openai-realtime.ts';
import { OpenAiRealtimeRecognizer } from '../../src/agent/openai-realtime-recognizer.ts';
import { OpenAiRecognizer } from '../../src/agent/openai-recognizer.ts';
import { OpenAiSynthesizer } from '../../src/agent/openai-synthesizer.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { chat, json, MockProvider } from '../support/mock-provider.ts';

const CHAT = 'POST /v1/chat/completions';
const config = loadConfig({});
const noSecrets = (): undefined => undefined;
const common = { timeoutMs: 20_000, retries: 0 };

function brainAt(baseUrl: string, change: Partial<Config['llm']> = {}, tools: ToolSettings[] = []): OpenAiBrain {
  const settings = { ...config.llm, model: 'small', ...common, baseUrl, ...change };
  return new OpenAiBrain(settings, new HttpTools(tools, noSecrets), noSecrets);
}

const asked = (text: string): Question => ({
  history: [{ role: 'user', text }],
  signal: AbortSignal.timeout(20_000),
});

async function answerOf(brain: OpenAiBrain, question = asked('Hello')): Promise<string> {
  let text = '';
  for await (const piece of brain.open().answer(question)) text += piece;
  return text;
}

const piece = (delta: object): string => JSON.stringify({ choices: [{ index: 0, delta }] });
const whole = (message: object): string =>
  JSON.stringify({ object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] });

describe('a chat service', () => {
  const hello = [
    piece({ role: 'assistant', content: '' }),
    piece({ content: 'Good ' }),
    piece({ content: 'mörning.' }),
  ];
  const events = (line: (json: string) => string, end = ''): string => hello.map(line).join('') + end;

  it.each([
    ['a whole answer', 'application/json', whole({ content: 'Good mörning.' })],
    [
      'a whole answer over lines',
      'application/json; charset=utf-8',
      JSON.stringify(JSON.parse(whole({ content: 'Good mörning.' })), null, 2),
    ],
    ['a whole answer under a false label', 'text/event-stream', whole({ content: 'Good mörning.' })],
    ['a whole answer as an event', 'text/event-stream', `data: ${whole({ content: 'Good mörning.' })}\n\n`],
    [
      'a list of parts',
      'application/json',
      whole({
        content: [
          { type: 'text', text: 'Good ' },
          { type: 'output_text', text: { value: 'mörning.' } },
        ],
      }),
    ],
    [
      'parts with thoughts among them',
      'application/json',
      whole({
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] },
          { type: 'text', text: 'Good mörning.' },
        ],
      }),
    ],
    [
      'pieces as lists',
      'text/event-stream',
      `data: ${piece({ content: [{ type: 'text', text: 'Good mörning.' }] })}\n\n`,
    ],
    ['no space', 'text/event-stream', events((data) => `data:${data}\n\n`, 'data:[DONE]\n\n')],
    [
      'CRLF, comments, names, ids',
      'text/event-stream',
      events(
        (data) => `: ping\r\nevent: message\r\nid: 7\r\nretry: 10\r\ndata: ${data}\r\n\r\n`,
        'data: [DONE]\r\n\r\n',
      ),
    ],
    ['CR alone', 'text/event-stream', events((data) => `data: ${data}\r\r`)],
    ['a byte order mark', 'text/event-stream', `\ufeff${events((data) => `data: ${data}\n\n`)}`],
    ['no end mark and no last empty line', 'text/event-stream', events((data) => `data: ${data}\n\n`).trimEnd()],
    ['no empty lines', 'text/event-stream', events((data) => `data: ${data}\n`)],
    [
      'an event over several data lines',
      'text/event-stream',
      events((data) => `${JSON.stringify(JSON.parse(data), null, 1).replace(/^/gm, 'data: ')}\n\n`),
    ],
    ['one object a line', 'application/x-ndjson', events((data) => `${data}\n`)],
    [
      "Ollama's own protocol",
      'application/x-ndjson',
      '{"message":{"content":"Good "},"done":false}\n{"message":{"content":"mörning."},"done":true}\n',
    ],
    [
      'the whole answer behind its pieces',
      'text/event-stream',
      events((data) => `data: ${data}\n\n`, `data: ${whole({ content: 'Good mörning.' })}\n\n`),
    ],
    ['the old completions', 'application/json', '{"choices":[{"text":"Good mörning."}]}'],
    [
      'a refusal',
      'text/event-stream',
      `data: ${piece({ refusal: 'Good ' })}\n\ndata: ${piece({ refusal: 'mörning.' })}\n\n`,
    ],
    [
      'thoughts in fields of their own',
      'text/event-stream',
      `data: ${piece({ reasoning_content: 'Hm' })}\n\ndata: ${piece({ reasoning: 'Hm', content: null })}\n\n${events((data) => `data: ${data}\n\n`)}`,
    ],
    [
      'events without a choice',
      'text/event-stream',
      `data: {"choices":[]}\n\ndata: {"usage":{}}\n\n${events((data) => `data: ${data}\n\n`)}`,
    ],
    [
      'words for a data line that are none',
      'text/event-stream',
      `data: ping\n\n${events((data) => `data: ${data}\n\n`)}`,
    ],
  ])('may send %s', async (_, type, body) => {
    await using mock = await MockProvider.start();
    for (const size of [1e6, 3]) {
      mock.on(CHAT, (_, response) => {
        response.writeHead(200, { 'content-type': type });
        const bytes = Buffer.from(body);
        for (let at = 0; at < bytes.length; at += size) response.write(bytes.subarray(at, at + size));
        response.end();
      });
      expect(await answerOf(brainAt(`${mock.url}/v1`))).toBe('Good mörning.');
    }
  });

  it.each([
    [
      'an error in the stream',
      'text/event-stream',
      `data: ${piece({ content: '' })}\n\ndata: {"error":{"message":"The model is overloaded"}}\n\n`,
      /overloaded/,
    ],
    [
      'an error named as an event',
      'text/event-stream',
      'event: error\ndata: {"error": "out of memory"}\n\n',
      /out of memory/,
    ],
    ['an error as an answer', 'application/json', '{"error":{"code":"quota"}}', /quota/],
    [
      'a filter',
      'application/json',
      '{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}',
      /content filter/,
    ],
    ['HTML', 'text/html', '<html><body>Sign in</body></html>', /baseUrl/],
    ['half an object', 'application/json', '{"choices":[{"message":', /baseUrl/],
    ['nothing', 'text/event-stream', '', /empty answer/],
  ])('that sends %s is complained about in its words', async (_, type, body, words) => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => void response.writeHead(200, { 'content-type': type }).end(body));
    await expect(answerOf(brainAt(`${mock.url}/v1`))).rejects.toMatchObject({
      code: 'BRAIN_UNAVAILABLE',
      message: expect.stringMatching(words),
    });
  });

  it('may send calls of functions whole, with arguments as an object, or in the old form', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /time', (request, response) => json(response, { session: request.headers['x-visavis-session'] }));
    const tool: ToolSettings = {
      ...{ name: 'time', description: 'The time', parameters: {}, method: 'GET', headers: {} },
      url: `${mock.url}/time`,
      timeoutMs: 20_000,
    };
    for (const message of [
      { content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'time', arguments: '{}' } }] },
      { content: '', tool_calls: [{ function: { name: 'time', arguments: { zone: 'CET' } } }] },
      { function_call: { name: 'time', arguments: '{}' } },
    ]) {
      let round = 0;
      mock.on(CHAT, (_, response) => void response.end(round++ === 0 ? whole(message) : whole({ content: 'Noon.' })));
      expect(await answerOf(brainAt(`${mock.url}/v1`, {}, [tool]))).toBe('Noon.');
    }
    expect(mock.requestsTo('GET /time')).toHaveLength(3);
  });
});

describe('a model that thinks aloud', () => {
  const THOUGHT = 'The user greets me. I should greet back.';

  it('without saying where it begins is not heard thinking, from its first answer on', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) =>
      chat(
        response,
        [...`${THOUGHT}\n</think>\n\nGood morning.`].map((content) => ({ content })),
      ),
    );
    const brain = brainAt(`${mock.url}/v1`);
    expect(await answerOf(brain)).toBe('Good morning.');
    expect(await answerOf(brain)).toBe('Good morning.');
  });

  it('is not waited for as long as it writes where it sounds like an answer', async () => {
    await using mock = await MockProvider.start();
    let hasCome = false;
    mock.on(CHAT, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => {
        if (hasCome) response.end('data: [DONE]\n\n');
        else response.write(`data: ${piece({ content: 'Good morning. ' })}\n\n`);
      }, 20);
      response.on('close', () => clearInterval(timer));
    });
    for await (const _ of brainAt(`${mock.url}/v1`).open().answer(asked('Hello'))) hasCome = true;
    expect(hasCome).toBe(true);
  });

  it('is waited for when it sounds like it, and as soon as its kind is known not any more', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => chat(response, [{ content: 'Good morning. ' }, { content: 'Come in.' }]));
    const brain = brainAt(`${mock.url}/v1`);
    expect(await answerOf(brain)).toBe('Good morning. Come in.');
    // The next answer is passed on as it comes: its second half never does.
    mock.on(CHAT, (_, response) => chat(response, [{ content: 'Well, ' }], { isOpen: true }));
    const abort = new AbortController();
    for await (const text of brain.open().answer({ ...asked('And?'), signal: abort.signal })) {
      expect(text).toBe('Well, ');
      break;
    }
  });
});

describe('the caller of a chat', () => {
  it('is named in the fields that the operator chose, and to functions', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => chat(response, [{ content: 'Hi.' }]));
    const speak = async (brain: OpenAiBrain, sessionId?: string): Promise<Record<string, unknown>> => {
      const dialogue = brain.open(sessionId === undefined ? undefined : { sessionId });
      for await (const _ of dialogue.answer(asked('Hello')));
      return JSON.parse(mock.requests.at(-1)!.body);
    };
    expect(await speak(brainAt(`${mock.url}/v1`), 'call-7')).toMatchObject({ user: 'call-7' });
    expect(await speak(brainAt(`${mock.url}/v1`))).not.toHaveProperty('user');
    const all = await speak(brainAt(`${mock.url}/v1`, { callerFields: ['metadata', 'safety_identifier'] }), 'call-7');
    expect(all).toMatchObject({ metadata: { session_id: 'call-7' }, safety_identifier: 'call-7' });
    expect(all).not.toHaveProperty('user');
    const silent = await speak(brainAt(`${mock.url}/v1`, { callerFields: [] }), 'call-7');
    expect(JSON.stringify(silent)).not.toContain('call-7');
    mock.on('GET /a', (_, response) => json(response, {}));
    const tools = new HttpTools(
      [
        {
          name: 'a',
          description: 'a',
          parameters: {},
          method: 'GET',
          headers: {},
          url: `${mock.url}/a`,
          timeoutMs: 20_000,
        },
      ],
      noSecrets,
    );
    await tools.call('a', '{}', AbortSignal.timeout(20_000), { sessionId: 'call-7' });
    await tools.call('a', '{}', AbortSignal.timeout(20_000));
    expect(mock.requestsTo('GET /a').map(({ headers }) => headers['x-visavis-session'])).toEqual(['call-7', undefined]);
  });

  it('need not ask twice: what was looked up is told again in the turns after it, behind its question, bounded', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /order', (_, response) => void response.end('x'.repeat(10_000)));
    const tool: ToolSettings = {
      ...{ name: 'order', description: 'An order', parameters: {}, method: 'GET', headers: {} },
      url: `${mock.url}/order`,
      timeoutMs: 20_000,
    };
    mock.on(CHAT, (request, response) => {
      const { messages } = JSON.parse(request.body) as { messages: { role: string }[] };
      if (messages.at(-1)!.role === 'tool') chat(response, [{ content: 'It is on its way.' }]);
      else chat(response, [{ tool_calls: [{ index: 0, id: 'a', function: { name: 'order', arguments: '{}' } }] }]);
    });
    const dialogue = brainAt(`${mock.url}/v1`, {}, [tool]).open();
    const history: { role: 'user' | 'assistant'; text: string }[] = [];
    for (let turn = 0; turn < 12; turn++) {
      history.push({ role: 'user', text: turn % 2 ? 'And the other one?' : `Where is order ${turn}?` });
      for await (const _ of dialogue.answer({ history: [...history], signal: AbortSignal.timeout(20_000) }));
      history.push({ role: 'assistant', text: 'It is on its way.' });
    }
    const last = mock.requestsTo(CHAT).at(-1)!;
    const { messages } = JSON.parse(last.body) as {
      messages: { role: string; content: string; tool_call_id?: string }[];
    };
    expect(messages.slice(-8).map(({ role }) => role)).toEqual(
      // The last two turns.
      ['user', 'assistant', 'tool', 'assistant', 'user', 'assistant', 'tool'].toSpliced(0, 0, 'assistant'),
    );
    const results = messages.filter(({ role }) => role === 'tool');
    expect(results.length).toBeGreaterThan(3);
    expect(results.length).toBeLessThanOrEqual(9);
    expect(new Set(results.map(({ tool_call_id }) => tool_call_id)).size).toBe(results.length);
    expect(last.body.length).toBeLessThan(60_000);
    // Each call is answered, and stands behind what the caller said.
    for (const [i, { role }] of messages.entries())
      if (role === 'tool') expect(messages[i - 2]).toMatchObject({ role: 'user' });
  });
});

describe('an address that is not the right one', () => {
  const right = (mock: MockProvider): string => `${mock.url}/v1`;
  const signal = (): AbortSignal => AbortSignal.timeout(20_000);
  const wrong = ['', '/', '/v1/v1', '/v1/chat/completions', '/v1/models', '/v1/audio/speech', '/openai', '/api'];

  it.each(wrong)('is found and said, with the right one, for every service: …%s', async (path) => {
    await using mock = await MockProvider.start();
    const refuse = (response: Parameters<typeof json>[0]) => json(response, { error: { message: 'no input' } }, 400);
    mock.on('GET /v1/models', (_, response) => json(response, { data: [{ id: 'small' }] }));
    for (const route of ['chat/completions', 'audio/speech', 'audio/transcriptions'])
      mock.on(`POST /v1/${route}`, (_, response) => refuse(response));
    mock.onSocket('/v1/realtime', (socket) => socket.send('{"type":"session.created","session":{}}'));
    mock.onSocket('/v1/text-to-speech/v/stream-input', () => {});
    const baseUrl = mock.url + path;
    for (const provider of [
      brainAt(baseUrl),
      new OpenAiSynthesizer({ ...config.tts, ...common, baseUrl }, noSecrets),
      new OpenAiRecognizer({ ...config.stt, ...common, baseUrl }, noSecrets),
      new OpenAiRealtimeRecognizer({ ...config.stt, ...common, baseUrl }, noSecrets),
      new OpenAiRealtime({ ...config.realtime, ...common, baseUrl }, new HttpTools([], noSecrets), noSecrets),
      new ElevenLabsSynthesizer({ ...config.tts, ...common, voice: 'v', baseUrl }, noSecrets),
    ]) {
      const health = await provider.check(signal());
      expect(health, provider.name).toMatchObject({
        isOk: false,
        detail: expect.stringMatching(/has no \/.*404/),
        remedy: expect.stringMatching(new RegExp(`^Set (llm|tts|stt|realtime)\\.baseUrl to ${right(mock)}\\.$`)),
      });
    }
  });

  it('is no trouble where it is right, with a slash too many, or without a list of models', async () => {
    await using mock = await MockProvider.start();
    mock.on('POST /v1/chat/completions', (_, response) => json(response, { error: { message: 'no messages' } }, 422));
    for (const path of ['/v1', '/v1/'])
      expect(await brainAt(mock.url + path).check(signal())).toMatchObject({ isOk: true });
    mock.on('POST /v1/chat/completions', (_, response) =>
      json(response, { error: { message: "model '' not found" } }, 404),
    );
    expect(await brainAt(right(mock)).check(signal())).toMatchObject({ isOk: true });
  });

  it('where there is nothing at all, or a page for people, is not well', async () => {
    await using mock = await MockProvider.start();
    expect(await brainAt(right(mock)).check(signal())).toMatchObject({
      isOk: false,
      remedy: expect.stringMatching(/often ends in \/v1/),
    });
    for (const route of ['GET /v1/models', CHAT])
      mock.on(route, (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'));
    expect(await brainAt(right(mock)).check(signal())).toMatchObject({ isOk: false });
  });

  it('with https where there is none is told with the right one', async () => {
    await using mock = await MockProvider.start();
    expect(await brainAt(right(mock).replace('http:', 'https:')).check(signal())).toMatchObject({
      isOk: false,
      detail: expect.stringMatching(/does not speak TLS/),
      remedy: expect.stringContaining(`llm.baseUrl to ${right(mock)}`),
    });
  });

  it('with a list of models of its own is asked for what calls need', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /models', (_, response) => json(response, { data: [{ id: 'small' }] }));
    mock.on(CHAT, (_, response) => json(response, {}, 400));
    expect(await brainAt(mock.url).check(signal())).toMatchObject({
      isOk: false,
      remedy: `Set llm.baseUrl to ${right(mock)}.`,
    });
  });

  it('has few neighbours, all of the same server', () => {
    const all = neighboursOf('https://example.org/team/v1/v1/chat/completions');
    expect(all).toContain('https://example.org/team/v1');
    expect(all.length).toBeLessThanOrEqual(8);
    expect(all.every((each) => each.startsWith('https://example.org'))).toBe(true);
  });
});
