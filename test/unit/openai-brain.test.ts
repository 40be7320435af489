// An OpenAI-compatible chat endpoint as a brain: the port's suite against a mock service, tools, retries, keys that stay secret.
import { describe, expect, it } from 'vitest';
import type { Question } from '../../src/agent/brain.ts';
import { HttpTools, type ToolSettings } from '../../src/agent/http-tools.ts';
import { OpenAiBrain } from '../../src/agent/openai-brain.ts';
import { ThoughtFilter } from '../../src/agent/thoughts.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { describeBrain } from '../support/brain-conformance.ts';
import { chat, json, MockProvider, until } from '../support/mock-provider.ts';

const CHAT = 'POST /v1/chat/completions';
const KEY = 'sk-very-secret-0815';
const say = (...texts: string[]) => texts.map((content) => ({ content }));

function brainAt(
  mock: MockProvider,
  change: Partial<Config['llm']> = {},
  tools: ToolSettings[] = [],
  secrets: Record<string, string> = {},
): OpenAiBrain {
  const lookUp = (name: string) => secrets[name];
  const settings = {
    ...loadConfig({}).llm,
    baseUrl: `${mock.url}/v1`,
    model: 'small',
    timeoutMs: 30_000,
    retries: 0,
    ...change,
  };
  return new OpenAiBrain(settings, new HttpTools(tools, lookUp), lookUp);
}

async function answerOf(brain: OpenAiBrain, question: Partial<Question> = {}): Promise<string> {
  let text = '';
  const asked = {
    history: [{ role: 'user' as const, text: 'Hello' }],
    signal: AbortSignal.timeout(20_000),
    ...question,
  };
  for await (const piece of brain.open().answer(asked)) text += piece;
  return text;
}

describeBrain('an OpenAI-compatible endpoint', async (mood, timeoutMs) => {
  const mock = await MockProvider.start();
  mock.on('GET /v1/models', (_, response) =>
    mood === 'fails'
      ? json(response, { error: { message: 'down' } }, 500)
      : json(response, { data: [{ id: 'small' }] }),
  );
  mock.on(CHAT, (_, response) => {
    if (mood === 'answers') chat(response, say('Good mor', 'ning. ', 'How are', ' you?'));
    else if (mood === 'stalls') chat(response, say('Good'), { isOpen: true });
    else if (mood === 'fails') json(response, { error: { message: 'out of order' } }, 500);
    else response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"choices": [{{{\n\n<html>');
  });
  const brain = brainAt(mock, { timeoutMs });
  return {
    brain,
    workUnderWay: () => mock.open,
    [Symbol.asyncDispose]: async () => {
      await brain[Symbol.asyncDispose]();
      await mock[Symbol.asyncDispose]();
    },
  };
});

const WEATHER: ToolSettings = {
  name: 'weather',
  description: 'The weather of a town',
  parameters: {
    properties: { town: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
    required: ['town'],
    additionalProperties: false,
  },
  method: 'GET',
  url: '',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder as the configuration has it
  headers: { authorization: 'Bearer ${WEATHER_KEY}' },
  timeoutMs: 30_000,
};

describe('an OpenAI-compatible endpoint', () => {
  it('gets prompt, language and the history as it was heard, one message per turn', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => chat(response, say('Ciao.')));
    await answerOf(brainAt(mock), {
      language: 'it',
      history: [
        { role: 'assistant', text: 'Welcome.' },
        { role: 'user', text: 'Hm' },
        { role: 'user', text: 'Buongiorno' },
        { role: 'assistant', text: '' },
      ],
    });
    const { messages, max_tokens } = JSON.parse(mock.requests[0].body);
    expect(messages[0]).toMatchObject({
      role: 'system',
      content: expect.stringMatching(/stage directions[\s\S]*speaks it\.$/),
    });
    expect(messages.slice(1)).toEqual([
      { role: 'assistant', content: 'Welcome.' },
      { role: 'user', content: 'Hm\nBuongiorno' },
    ]);
    expect(max_tokens).toBe(500);
  });

  it('is told that the caller has just joined where the face speaks first', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => chat(response, say('Welcome.')));
    expect(await answerOf(brainAt(mock), { history: [] })).toBe('Welcome.');
    expect(JSON.parse(mock.requests[0].body).messages[1]).toMatchObject({
      role: 'user',
      content: expect.stringMatching(/just joined/),
    });
  });

  it('tries again before the first piece, and never after', async () => {
    await using mock = await MockProvider.start();
    let tries = 0;
    mock.on(CHAT, (_, response) => {
      tries += 1;
      if (tries < 3) json(response, { error: { message: 'busy' } }, 503);
      else chat(response, say('At last.'));
    });
    expect(await answerOf(brainAt(mock, { retries: 2 }))).toBe('At last.');
    expect(tries).toBe(3);
    mock.on(CHAT, (_, response) => {
      tries += 1;
      chat(response, say('Half an ans'), { isOpen: true });
      setTimeout(() => response.destroy(), 20);
    });
    await expect(answerOf(brainAt(mock, { retries: 2 }))).rejects.toMatchObject({ code: 'BRAIN_UNAVAILABLE' });
    expect(tries).toBe(4);
  });

  it('calls functions in several rounds and gives their results back', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /town/St.%20Moritz', (request, response) =>
      json(response, { sunny: true, key: request.headers.authorization }),
    );
    let round = 0;
    mock.on(CHAT, (_, response) => {
      round += 1;
      if (round === 1)
        chat(response, [
          { content: '[thinking] One moment' },
          { tool_calls: [{ index: 0, id: 'a', function: { name: 'weather', arguments: '{"town":' } }] },
          { tool_calls: [{ index: 0, function: { arguments: '"St. Moritz","days":2}' } }] },
          { tool_calls: [{ index: 1, id: 'b', function: { name: 'nothing', arguments: '' } }] },
        ]);
      else if (round === 2)
        chat(response, [{ tool_calls: [{ id: 'c', function: { name: 'weather', arguments: '{"town":7}' } }] }]);
      else chat(response, say('It is sunny.'));
    });
    const tool = { ...WEATHER, url: `${mock.url}/town/{town}` };
    const text = await answerOf(brainAt(mock, {}, [tool], { WEATHER_KEY: 'wk-12345' }));
    expect(text).toBe('[thinking] One moment It is sunny.');
    const asked = mock.requestsTo('GET /town/St.%20Moritz');
    expect(asked).toHaveLength(1);
    expect(asked[0].headers.authorization).toBe('Bearer wk-12345');
    const { messages, tools } = JSON.parse(mock.requestsTo(CHAT)[2].body);
    expect(tools[0].function).toMatchObject({ name: 'weather', parameters: { type: 'object', required: ['town'] } });
    const results = messages.filter(({ role }: { role: string }) => role === 'tool');
    expect(results.map((each: { tool_call_id: string }) => each.tool_call_id)).toEqual(['a', 'b', 'c']);
    expect(results[0].content).toContain('"sunny":true');
    expect(results[0].content).not.toContain('wk-12345');
    expect(results[1].content).toMatch(/no function "nothing"/);
    expect(results[2].content).toMatch(/do not fit/);
  });

  it('ends the rounds of a model that only calls', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /w', (_, response) => json(response, {}));
    const call = [{ tool_calls: [{ index: 0, id: 'a', function: { name: 'weather', arguments: '{"town":"x"}' } }] }];
    mock.on(CHAT, (_, response) => chat(response, call));
    const brain = brainAt(mock, { maxToolRounds: 2 }, [{ ...WEATHER, url: `${mock.url}/w` }], {
      WEATHER_KEY: 'wk-12345',
    });
    await expect(answerOf(brain)).rejects.toMatchObject({ code: 'BRAIN_UNAVAILABLE' });
    expect(mock.requestsTo(CHAT)).toHaveLength(3);
    expect(JSON.parse(mock.requestsTo(CHAT)[2].body).tool_choice).toBe('none');
  });

  it('ends a function that is under way when the answer is aborted', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /w', () => {});
    mock.on(CHAT, (_, response) =>
      chat(response, [
        { tool_calls: [{ index: 0, id: 'a', function: { name: 'weather', arguments: '{"town":"x"}' } }] },
      ]),
    );
    const abort = new AbortController();
    const tool = { ...WEATHER, url: `${mock.url}/w`, timeoutMs: 60_000 };
    const answer = answerOf(brainAt(mock, {}, [tool], { WEATHER_KEY: 'wk-12345' }), { signal: abort.signal });
    answer.catch(() => {});
    await until(() => mock.requestsTo('GET /w').length === 1, 'the function is called');
    abort.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    await until(() => mock.open === 0, 'the function ends');
  });

  it('sends a named key and never shows it', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => json(response, { error: { message: `Incorrect API key ${KEY} provided` } }, 401));
    const brain = brainAt(mock, { apiKeyVariable: 'MY_KEY' }, [], { MY_KEY: KEY });
    const error = await answerOf(brain).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(mock.requests[0].headers.authorization).toBe(`Bearer ${KEY}`);
    expect(error).toMatchObject({ code: 'BRAIN_UNAVAILABLE', message: expect.stringContaining('MY_KEY') });
    expect(`${error?.message} ${error?.stack} ${String(error?.cause)} ${JSON.stringify(error)}`).not.toContain(KEY);
  });

  it('keeps the key for OpenAI to itself when another endpoint is used', async () => {
    await using mock = await MockProvider.start();
    mock.on(CHAT, (_, response) => chat(response, say('Hi.')));
    await answerOf(brainAt(mock, {}, [], { OPENAI_API_KEY: KEY }));
    expect(JSON.stringify(mock.requests[0].headers)).not.toContain(KEY);
  });

  it.each([
    [{ baseUrl: '' }, /OPENAI_API_KEY/],
    [{ apiKeyVariable: 'MY_KEY' }, /MY_KEY/],
    [{ systemPromptFile: '/no/such/prompt.md' }, /prompt\.md.*llm\.systemPromptFile/],
  ])('says what is missing before the first call: %j', async (change, message) => {
    await using mock = await MockProvider.start();
    expect(() => brainAt(mock, change)).toThrow(message);
  });

  it('says which model the endpoint has when it lacks the one that is set', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /v1/models', (_, response) => json(response, { data: [{ id: 'llama3.2:latest' }, { id: 'phi' }] }));
    const signal = AbortSignal.timeout(10_000);
    expect(await brainAt(mock, { model: 'llama3.2' }).check(signal)).not.toHaveProperty('remedy');
    expect(await brainAt(mock).check(signal)).toMatchObject({ isOk: true, remedy: expect.stringContaining('phi') });
  });
});

describe('HTTP tools', () => {
  const lookUp = (name: string) => (name === 'WEATHER_KEY' ? 'wk-12345' : undefined);
  const signal = AbortSignal.timeout(20_000);

  it.each([
    [{ parameters: { type: 'object', properties: { a: { type: 'nonsense' } } } }, /no JSON schema/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder as the configuration has it
    [{ headers: { x: '${NOT_SET}' } }, /NOT_SET/],
  ])('refuses a declaration that cannot work: %j', (change, message) => {
    expect(() => new HttpTools([{ ...WEATHER, url: 'http://host/', ...change }], lookUp)).toThrow(message);
  });

  it('never lets an argument leave its place in the path', async () => {
    await using mock = await MockProvider.start();
    const tools = new HttpTools([{ ...WEATHER, url: `${mock.url}/a/{town}/b` }], lookUp);
    expect(await tools.call('weather', '{"town":".."}', signal)).toMatch(/not usable/);
    await tools.call('weather', '{"town":"../../etc?x=1#y"}', signal);
    expect(mock.requests.map(({ path }) => path)).toEqual(['/a/..%2F..%2Fetc%3Fx%3D1%23y/b']);
    const parts = new HttpTools([{ ...WEATHER, parameters: {}, url: `${mock.url}/a/{x}{y}/b` }], lookUp);
    for (const given of ['{"x":".","y":"."}', '{"x":"","y":".."}', '{"x":"..","y":""}', '{"x":"."}'])
      expect(await parts.call('weather', given, signal), given).toMatch(/not usable/);
    await parts.call('weather', '{"x":"%2e","y":"%2e"}', signal);
    expect(mock.requests.map(({ path }) => path).slice(1)).toEqual(['/a/%252e%252e/b']);
  });

  it('takes secrets out of an answer before cutting it', async () => {
    await using mock = await MockProvider.start();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder as the configuration has it
    const tool = { ...WEATHER, url: `${mock.url}/w`, headers: { key: '${WEATHER_KEY}' } };
    const tools = new HttpTools([tool], lookUp);
    // The cut goes through one of them, wherever it comes.
    for (const start of [0, 3, 5]) {
      const text = 'x'.repeat(start) + 'wk-12345'.repeat(20_000);
      mock.on('GET /w', (_, response) => void response.end(text));
      const answer = await tools.call('weather', '{"town":"Bern"}', signal);
      expect(answer).toMatch(/^x*…+ … \(cut off here\)$/);
    }
    const most = `${'x'.repeat(15_996)}wk-12345${'x'.repeat(100)}`;
    mock.on('GET /w', (_, response) => void response.end(most));
    expect(await tools.call('weather', '{"town":"Bern"}', signal)).toBe(`${'x'.repeat(15_996)}…xxx … (cut off here)`);
  });

  it('posts the rest as JSON, follows no redirect, cuts what is too long, waits no longer than told', async () => {
    await using mock = await MockProvider.start();
    const tool = { ...WEATHER, method: 'POST' as const, url: `${mock.url}/w` };
    const tools = new HttpTools([tool], lookUp);
    mock.on('POST /w', (_, response) => void response.end('x'.repeat(1_000_000)));
    expect(await tools.call('weather', '{"town":"Bern","days":1}', signal)).toMatch(/^x{16000} … \(cut off here\)$/);
    expect(JSON.parse(mock.requests[0].body)).toEqual({ town: 'Bern', days: 1 });
    mock.on('POST /w', (_, response) => void response.writeHead(302, { location: `${mock.url}/elsewhere` }).end());
    expect(await tools.call('weather', '{"town":"Bern"}', signal)).toMatch(/could not be reached/);
    expect(mock.requests.some(({ path }) => path === '/elsewhere')).toBe(false);
    mock.on('POST /w', () => {});
    const hasty = new HttpTools([{ ...tool, timeoutMs: 300 }], lookUp);
    expect(await hasty.call('weather', '{"town":"Bern"}', signal)).toMatch(/no answer within 300 ms/);
    expect(await tools.call('weather', 'not json', signal)).toMatch(/not valid JSON/);
  });
});

describe('thoughts', () => {
  const whole = '<think>Let me see. a < b</think>\n\nThe answer <b>is</b> 3 < 4.';
  it.each([1, 2, 3, 5, 100])('are left out, cut into pieces of %i', (size) => {
    const filter = new ThoughtFilter();
    let spoken = '';
    for (let i = 0; i < whole.length; i += size) spoken += filter.push(whole.slice(i, i + size));
    expect(spoken + filter.flush()).toBe('The answer <b>is</b> 3 < 4.');
  });
});
