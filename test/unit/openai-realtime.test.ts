// A Realtime model over WebSocket: the port's suite, both dialects, interruption to the millisecond, functions, new connections.
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { HttpTools } from '../../src/agent/http-tools.ts';
import { OpenAiRealtime } from '../../src/agent/openai-realtime.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { FakeLiveModel } from '../support/fake-providers.ts';
import { describeLiveModel, LiveModelRecord } from '../support/live-model-conformance.ts';
import { json, MockProvider, until } from '../support/mock-provider.ts';

const KEY = 'rt-very-secret-0815';

type Event = { type: string; [key: string]: unknown };

/** A Realtime service: what it was sent, and how it answers. */
class MockRealtime {
  readonly sent: Event[] = [];
  readonly sockets: WebSocket[] = [];
  readonly headers: Record<string, unknown>[] = [];
  private responses = 0;
  private appended = 0;
  private readonly isBeta: boolean;
  /** Answers with this instead of sound, once each. */
  functionCalls: object[][] = [];
  /** Sends this share of the sound and leaves the answer open. */
  isSlow = false;

  constructor(mock: MockProvider, mood = 'talks', isBeta = false) {
    this.isBeta = isBeta;
    mock.onSocket('/v1/realtime', (socket, request) => {
      this.sockets.push(socket);
      this.headers.push(request.headers);
      if (mood === 'garbage') socket.send('<html>');
      if (mood === 'fails')
        socket.send(JSON.stringify({ type: 'error', error: { code: 'model_not_found', message: 'no such model' } }));
      if (mood !== 'talks') return;
      const session = isBeta ? { modalities: ['audio'], voice: 'alloy' } : { type: 'realtime', audio: {} };
      this.send(socket, { type: 'session.created', session });
      socket.on('message', (data) => this.receive(socket, JSON.parse(String(data))));
    });
  }

  of(type: string): Event[] {
    return this.sent.filter((event) => event.type === type);
  }

  send(socket: WebSocket, event: object): void {
    socket.send(JSON.stringify(event));
  }

  private receive(socket: WebSocket, event: Event): void {
    this.sent.push(event);
    if (event.type === 'session.update') this.send(socket, { type: 'session.updated', session: {} });
    if (event.type === 'response.create') this.respond(socket);
    if (event.type !== 'input_audio_buffer.append') return;
    this.appended += Buffer.from(String(event.audio), 'base64').length / 2;
    if (this.appended < 4800) return;
    this.appended = 0;
    this.send(socket, { type: 'input_audio_buffer.speech_started', item_id: 'user_1' });
    this.send(socket, { type: 'input_audio_buffer.speech_stopped', item_id: 'user_1' });
    const said = 'conversation.item.input_audio_transcription';
    this.send(socket, { type: `${said}.delta`, item_id: 'user_1', delta: 'Hel' });
    this.send(socket, { type: `${said}.completed`, item_id: 'user_1', transcript: 'Hello.' });
    this.respond(socket);
  }

  private respond(socket: WebSocket): void {
    const id = `resp_${++this.responses}`;
    const item = `item_${this.responses}`;
    this.send(socket, { type: 'response.created', response: { id } });
    const calls = this.functionCalls.shift();
    if (calls) {
      this.send(socket, { type: 'response.done', response: { id, status: 'completed', output: calls } });
      return;
    }
    const at = { response_id: id, item_id: item, output_index: 0, content_index: 0 };
    const audio = this.isBeta ? 'response.audio' : 'response.output_audio';
    for (let i = 0; i < 10; i++) {
      const delta = Buffer.alloc(4800, i + 1).toString('base64');
      this.send(socket, { type: `${audio}.delta`, ...at, delta });
      this.send(socket, { type: `${audio}_transcript.delta`, ...at, delta: ['Good ', 'mor', 'ning.'][i] ?? '' });
    }
    if (this.isSlow) return;
    this.send(socket, { type: `${audio}_transcript.done`, ...at, transcript: 'Good morning.' });
    this.send(socket, { type: `${audio}.done`, ...at });
    this.send(socket, { type: 'response.done', response: { id, status: 'completed', output: [] } });
  }
}

function modelAt(
  mock: MockProvider,
  change: Partial<Config['realtime']> = {},
  tools = new HttpTools([], () => undefined),
) {
  const settings = { ...loadConfig({}).realtime, baseUrl: `${mock.url}/v1`, timeoutMs: 30_000, retries: 0, ...change };
  return new OpenAiRealtime(settings, tools, (name) => (name === 'MY_KEY' ? KEY : undefined));
}

for (const isBeta of [false, true])
  describeLiveModel(`a Realtime service${isBeta ? ' of the beta' : ''}`, async (mood, timeoutMs) => {
    const mock = await MockProvider.start();
    new MockRealtime(mock, mood, isBeta);
    const model = modelAt(mock, { timeoutMs });
    return { model, workUnderWay: () => mock.open, [Symbol.asyncDispose]: () => mock[Symbol.asyncDispose]() };
  });

describeLiveModel('a fake', async (mood, timeoutMs) => {
  const model = new FakeLiveModel(mood === 'talks' ? 'well' : mood === 'garbage' ? 'fails' : mood);
  model.patienceMs = timeoutMs;
  return { model, workUnderWay: () => model.workUnderWay, [Symbol.asyncDispose]: async () => {} };
});

describe('a Realtime service', () => {
  it('is told voice, instructions, formats and functions, with the key in a header only', async () => {
    await using mock = await MockProvider.start();
    const service = new MockRealtime(mock);
    const tool = {
      name: 'hours',
      description: 'Opening hours',
      parameters: { properties: {} },
      method: 'GET' as const,
      url: 'http://127.0.0.1/hours',
      headers: {},
      timeoutMs: 1000,
    };
    const tools = new HttpTools([tool], () => undefined);
    await using _ = modelAt(mock, { voice: 'cedar', apiKeyVariable: 'MY_KEY' }, tools).open(new LiveModelRecord());
    await until(() => service.of('session.update').length > 0, 'the session is set up');
    expect(service.headers[0]).toMatchObject({ authorization: `Bearer ${KEY}` });
    expect(service.headers[0]).not.toHaveProperty('openai-beta');
    expect(service.sent[0].session).toMatchObject({
      type: 'realtime',
      output_modalities: ['audio'],
      instructions: expect.stringMatching(/live video call/),
      tools: [{ type: 'function', name: 'hours', parameters: { type: 'object' } }],
      audio: {
        input: { format: { type: 'audio/pcm', rate: 24_000 }, turn_detection: { type: 'server_vad' } },
        output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'cedar' },
      },
    });
  });

  it('cancels and forgets what was not heard, to the millisecond, and passes on no more of it', async () => {
    await using mock = await MockProvider.start();
    const service = new MockRealtime(mock);
    service.isSlow = true;
    const record = new LiveModelRecord();
    await using conversation = modelAt(mock).open(record);
    conversation.say('Tell me a story');
    await until(() => (record.answers[0]?.seconds ?? 0) > 0.99, 'a second of the answer');
    const [{ id }] = record.answers;
    conversation.interrupted(id, 437.9);
    conversation.interrupted(id, 500);
    await until(() => service.of('conversation.item.truncate').length > 0, 'the truncation');
    expect(service.of('response.cancel')).toEqual([{ type: 'response.cancel', response_id: 'resp_1' }]);
    expect(service.of('conversation.item.truncate')).toEqual([
      { type: 'conversation.item.truncate', item_id: id, content_index: 0, audio_end_ms: 437 },
    ]);
    const late = { response_id: 'resp_1', item_id: id, content_index: 0 };
    service.send(service.sockets[0], {
      type: 'response.output_audio.delta',
      ...late,
      delta: Buffer.alloc(4800).toString('base64'),
    });
    service.send(service.sockets[0], {
      type: 'response.output_audio_transcript.done',
      ...late,
      transcript: 'All of it',
    });
    service.send(service.sockets[0], {
      type: 'response.done',
      response: { id: 'resp_1', status: 'cancelled', output: [] },
    });
    service.isSlow = false;
    conversation.say('Something else');
    await until(() => record.answers[1]?.hasEnded ?? false, 'the next answer');
    expect(record.answers[0]).toEqual({ id, seconds: expect.closeTo(1), hasEnded: false });
    expect(record.lines.get(id)?.text).not.toBe('All of it');
  });

  it('never truncates beyond what has come, and not at all what was heard to its end', async () => {
    await using mock = await MockProvider.start();
    const service = new MockRealtime(mock);
    const record = new LiveModelRecord();
    await using conversation = modelAt(mock).open(record);
    conversation.say('Hello');
    await until(() => record.answers[0]?.hasEnded ?? false, 'the answer');
    conversation.interrupted(record.answers[0].id, 5000);
    conversation.say('Hello again');
    await until(() => record.answers[1]?.hasEnded ?? false, 'the next answer');
    conversation.interrupted(record.answers[1].id, 0);
    await until(() => service.of('conversation.item.truncate').length > 0, 'the truncation');
    expect(service.of('conversation.item.truncate')).toMatchObject([
      { item_id: record.answers[1].id, audio_end_ms: 0 },
    ]);
    expect(service.of('response.cancel')).toEqual([]);
  });

  it('calls functions and lets the model go on with their results', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /hours/sunday', (_, response) => json(response, { opens: '10:00' }));
    const service = new MockRealtime(mock);
    service.functionCalls = [
      [{ type: 'function_call', call_id: 'call_1', name: 'hours', arguments: '{"day":"sunday"}' }],
    ];
    const tools = new HttpTools(
      [
        {
          name: 'hours',
          description: 'Opening hours',
          parameters: { properties: { day: { type: 'string' } }, required: ['day'] },
          method: 'GET',
          url: `${mock.url}/hours/{day}`,
          headers: {},
          timeoutMs: 10_000,
        },
      ],
      () => undefined,
    );
    const record = new LiveModelRecord();
    await using conversation = modelAt(mock, {}, tools).open(record);
    conversation.say('When do you open on Sunday?');
    await until(() => record.answers[0]?.hasEnded ?? false, 'the answer');
    const outputs = service.of('conversation.item.create').map(({ item }) => item as Event);
    expect(outputs.at(-1)).toEqual({ type: 'function_call_output', call_id: 'call_1', output: '{"opens":"10:00"}' });
    expect(service.of('response.create')).toHaveLength(2);
  });

  it('ends the rounds of a model that only calls, until the caller speaks again', async () => {
    await using mock = await MockProvider.start();
    const service = new MockRealtime(mock);
    const call = { type: 'function_call', call_id: 'call_1', name: 'nothing', arguments: '{}' };
    service.functionCalls = Array.from({ length: 9 }, () => [call]);
    const record = new LiveModelRecord();
    await using conversation = modelAt(mock).open(record);
    conversation.say('When do you open?');
    await until(() => service.functionCalls.length === 0, 'the last call');
    conversation.say('Hello?');
    await until(() => record.answers[0]?.hasEnded ?? false, 'the answer');
    const results = service.of('conversation.item.create').filter(({ item }) => (item as Event).call_id);
    expect(results).toHaveLength(8);
    const asked = service.of('response.create').map(({ response }) => (response as Event)?.tool_choice);
    expect(asked).toEqual([...Array(8).fill(undefined), 'none', undefined]);
  });

  it.each([false, true])('connects again, tells what was said, ends what was open (beta: %s)', async (isBeta) => {
    await using mock = await MockProvider.start();
    const service = new MockRealtime(mock, 'talks', isBeta);
    const record = new LiveModelRecord();
    await using conversation = modelAt(mock, { retries: 3 }).open(record);
    conversation.say('Hello');
    await until(() => record.answers[0]?.hasEnded ?? false, 'the first answer');
    service.isSlow = true;
    conversation.say('And now?');
    await until(() => (record.answers[1]?.seconds ?? 0) > 0.99, 'half an answer');
    service.sockets[0].terminate();
    await until(() => record.answers[1].hasEnded, 'the open answer ends');
    service.isSlow = false;
    service.sent.length = 0;
    conversation.say('Still there?');
    await until(() => record.answers[2]?.hasEnded ?? false, 'an answer over the new connection');
    expect(service.sockets).toHaveLength(2);
    const told = service.of('conversation.item.create').map(({ item }) => item as Event);
    expect(told.map(({ role, content }) => [role, (content as { text: string; type: string }[])[0].text])).toEqual([
      ['user', 'Hello'],
      ['assistant', 'Good morning.'],
      ['user', 'And now?'],
      ['assistant', 'Good morning.'],
      ['user', 'Still there?'],
    ]);
    expect((told[1].content as { type: string }[])[0].type).toBe(isBeta ? 'text' : 'output_text');
    expect(record.failures).toEqual([]);
  });

  it('gives up at once where the key is refused, without showing it', async () => {
    await using mock = await MockProvider.start();
    mock.onSocket('/v1/realtime', (socket) => {
      const message = `Incorrect API key provided: ${KEY}`;
      socket.send(JSON.stringify({ type: 'error', error: { code: 'invalid_api_key', message } }));
    });
    const record = new LiveModelRecord();
    await using _ = modelAt(mock, { retries: 5, apiKeyVariable: 'MY_KEY' }).open(record);
    await until(() => record.failures.length > 0, 'the failure');
    const [error] = record.failures;
    expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toContain(KEY);
  });

  it('hears what was said while it was still connecting', async () => {
    await using mock = await MockProvider.start();
    const service = new MockRealtime(mock);
    const record = new LiveModelRecord();
    await using conversation = modelAt(mock).open(record);
    for (let i = 0; i < 50; i++) conversation.hear(new Float32Array(480));
    await until(() => record.events.includes('started'), 'the speech is heard');
    const bytes = service
      .of('input_audio_buffer.append')
      .map(({ audio }) => Buffer.from(String(audio), 'base64').length);
    expect(bytes.reduce((a, b) => a + b, 0)).toBe(48_000);
    await until(() => record.lines.get('user_1')?.isFinal ?? false, 'what the caller said');
    expect(record.lines.get('user_1')).toEqual({ role: 'user', text: 'Hello.', isFinal: true });
  });
});
