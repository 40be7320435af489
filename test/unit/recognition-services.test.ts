// Services that turn speech into text: the port's suite for each, languages, partials, what is sent, second tries.
import { describe, expect, it } from 'vitest';
import { languageTag, wellFormedTag } from '../../src/agent/language-names.ts';
import { OpenAiRealtimeRecognizer } from '../../src/agent/openai-realtime-recognizer.ts';
import { OpenAiRecognizer } from '../../src/agent/openai-recognizer.ts';
import type { Recognizer, Transcript } from '../../src/agent/recognizer.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { FakeRecognizer } from '../support/fake-providers.ts';
import { json, MockProvider } from '../support/mock-provider.ts';
import { describeRecognizer } from '../support/recognizer-conformance.ts';

const TRANSCRIBE = 'POST /v1/audio/transcriptions';

function settings(mock: MockProvider, change: Partial<Config['stt']> = {}): Config['stt'] {
  return { ...loadConfig({}).stt, baseUrl: `${mock.url}/v1`, timeoutMs: 30_000, retries: 0, ...change };
}

function bench(mock: MockProvider, recognizer: Recognizer) {
  return {
    recognizer,
    workUnderWay: () => mock.open,
    [Symbol.asyncDispose]: async () => {
      await recognizer[Symbol.asyncDispose]();
      await mock[Symbol.asyncDispose]();
    },
  };
}

async function transcribe(
  recognizer: Recognizer,
  samples: Float32Array,
  options: { language?: string; onPartial?: (partial: Transcript) => void } = {},
): Promise<Transcript> {
  const hearing = recognizer.open({ signal: AbortSignal.timeout(20_000), ...options });
  for (let i = 0; i < samples.length; i += 333) hearing.push(samples.subarray(i, i + 333));
  return await hearing.finish();
}

const ramp = Float32Array.from({ length: 16_000 }, (_, i) => i / 32_000);

describeRecognizer('an OpenAI-compatible service', async (mood, timeoutMs) => {
  const mock = await MockProvider.start();
  mock.on('GET /v1/models', (_, response) =>
    mood === 'fails' ? json(response, {}, 500) : json(response, { data: [] }),
  );
  mock.on(TRANSCRIBE, (_, response) => {
    if (mood === 'fails') json(response, { error: { message: 'overheated' } }, 500);
    else if (mood === 'garbage') response.writeHead(200).end('<html></html>');
    else if (mood === 'understands') json(response, { text: ' Good morning. ', language: 'english' });
  });
  return bench(mock, new OpenAiRecognizer(settings(mock, { timeoutMs }), () => undefined));
});

type Sent = { type: string; audio?: string; session?: object }[];

function serveRealtime(mock: MockProvider, mood: string, { isBeta = false, sent = [] as Sent } = {}): void {
  mock.onSocket('/v1/realtime', (socket) => {
    const send = (event: object) => socket.send(JSON.stringify(event));
    if (mood === 'fails') {
      send({ type: 'error', error: { message: 'no such model' } });
      return;
    }
    if (mood === 'garbage') {
      socket.send('<html>');
      return;
    }
    send({ type: isBeta ? 'transcription_session.created' : 'session.created', session: {} });
    socket.on('message', (data) => {
      const event = JSON.parse(String(data));
      sent.push(event);
      if (event.type !== 'input_audio_buffer.commit' || mood === 'stalls') return;
      const item = { item_id: 'item_1', content_index: 0 };
      send({ type: 'input_audio_buffer.committed', ...(isBeta ? {} : item) });
      const said = 'conversation.item.input_audio_transcription';
      send({ type: `${said}.delta`, ...item, delta: 'Good ' });
      send({ type: `${said}.delta`, ...item, delta: 'mor' });
      send({ type: `${said}.completed`, ...item, transcript: 'Good morning.' });
    });
  });
}

describeRecognizer('realtime transcription', async (mood, timeoutMs) => {
  const mock = await MockProvider.start();
  serveRealtime(mock, mood);
  return bench(mock, new OpenAiRealtimeRecognizer(settings(mock, { timeoutMs }), () => undefined));
});

describeRecognizer('a fake', async (mood, timeoutMs) => {
  const recognizer = new FakeRecognizer(
    { text: 'good morning' },
    mood === 'understands' ? 'well' : mood === 'garbage' ? 'fails' : mood,
  );
  recognizer.patienceMs = timeoutMs;
  return { recognizer, workUnderWay: () => recognizer.workUnderWay, [Symbol.asyncDispose]: async () => {} };
});

describe('an OpenAI-compatible service', () => {
  it('gets the utterance as a WAV of 16 kHz, with model and expected language', async () => {
    await using mock = await MockProvider.start();
    mock.on(TRANSCRIBE, (_, response) => json(response, { text: 'Ciao', language: 'italian' }));
    const recognizer = new OpenAiRecognizer(settings(mock, { model: 'whisper-1' }), () => undefined);
    expect(await transcribe(recognizer, ramp, { language: 'it-IT' })).toEqual({ text: 'Ciao', language: 'it' });
    const { body } = mock.requests[0];
    expect(body).toMatch(/name="model"\r\n\r\nwhisper-1/);
    expect(body).toMatch(/name="language"\r\n\r\nit\r\n/);
    expect(body).toMatch(/name="response_format"\r\n\r\nverbose_json/);
    const wav = Buffer.from(body.slice(body.indexOf('RIFF')), 'latin1');
    expect([wav.readUInt32LE(24), wav.readUInt16LE(22), wav.readUInt32LE(40)]).toEqual([16_000, 1, 32_000]);
    expect(wav.readInt16LE(44 + 2 * 15_999)).toBeCloseTo((15_999 / 32_000) * 32_768, -1);
  });

  it('does without the language where the model has no such form, and remembers', async () => {
    await using mock = await MockProvider.start();
    mock.on(TRANSCRIBE, ({ body }, response) => {
      if (body.includes('verbose_json'))
        json(response, { error: { message: "response_format 'verbose_json' is not compatible with the model" } }, 400);
      else json(response, { text: 'Hello' });
    });
    const recognizer = new OpenAiRecognizer(settings(mock), () => undefined);
    expect(await transcribe(recognizer, ramp)).toEqual({ text: 'Hello' });
    await transcribe(recognizer, ramp);
    expect(mock.requests).toHaveLength(3);
  });
});

describe('realtime transcription', () => {
  it.each([false, true])(
    'sends all of the sound at 24 kHz and tells what it understands so far (beta: %s)',
    async (isBeta) => {
      await using mock = await MockProvider.start();
      const sent: Sent = [];
      serveRealtime(mock, 'understands', { isBeta, sent });
      const recognizer = new OpenAiRealtimeRecognizer(settings(mock, { language: 'en' }), () => undefined);
      const partials: string[] = [];
      const transcript = await transcribe(recognizer, ramp, { onPartial: ({ text }) => partials.push(text) });
      expect(transcript).toEqual({ text: 'Good morning.', language: 'en' });
      expect(partials).toEqual(['Good', 'Good mor']);
      expect(sent[0].type).toBe(isBeta ? 'transcription_session.update' : 'session.update');
      expect(JSON.stringify(sent[0].session)).toMatch(/"turn_detection":null/);
      const sound = sent
        .filter(({ type }) => type === 'input_audio_buffer.append')
        .map(({ audio }) => Buffer.from(audio!, 'base64'));
      expect(sound.reduce((sum, part) => sum + part.length, 0)).toBe(48_000);
    },
  );

  it('lets a new connection hear everything when the first one breaks', async () => {
    await using mock = await MockProvider.start();
    const sent: Sent = [];
    let connections = 0;
    serveRealtime(mock, 'understands', { sent });
    const serve = mock.socketRoute('/v1/realtime');
    mock.onSocket('/v1/realtime', (socket, request) => {
      connections += 1;
      if (connections === 1) socket.terminate();
      else serve(socket, request);
    });
    const recognizer = new OpenAiRealtimeRecognizer(settings(mock, { retries: 2 }), () => undefined);
    expect((await transcribe(recognizer, ramp)).text).toBe('Good morning.');
    expect(connections).toBe(2);
    const sound = sent
      .filter(({ type }) => type === 'input_audio_buffer.append')
      .map(({ audio }) => Buffer.from(audio!, 'base64'));
    expect(sound.reduce((sum, part) => sum + part.length, 0)).toBe(48_000);
  });

  it('makes a sound that is too short for the service long enough', async () => {
    await using mock = await MockProvider.start();
    const sent: Sent = [];
    serveRealtime(mock, 'understands', { sent });
    const recognizer = new OpenAiRealtimeRecognizer(settings(mock), () => undefined);
    await transcribe(recognizer, ramp.subarray(0, 320));
    const sound = sent
      .filter(({ type }) => type === 'input_audio_buffer.append')
      .map(({ audio }) => Buffer.from(audio!, 'base64'));
    expect(sound.reduce((sum, part) => sum + part.length, 0)).toBeGreaterThanOrEqual(0.15 * 48_000);
  });
});

describe('names of languages', () => {
  it.each([
    ['english', 'en'],
    ['Italian', 'it'],
    ['pt_BR', 'pt-br'],
    ['hebrew', 'he'],
    ['klingonese', undefined],
    ['en-us-us', 'en-us'],
    ['en-us-nyc', 'en-us'],
    [7, undefined],
  ])('%s is %s', (name, tag) => expect(languageTag(name)).toBe(tag));

  it.each([
    ['de-AT', 'de-AT'],
    ['de_DE', 'de-DE'],
    ['en-us-nyc', 'en-us'],
    ['en-gb-x-rp', 'en-gb-x-rp'],
    ['chr-US-Qaaa-x-west', 'chr-US'],
    ['zh-cmn', 'zh'],
    ['en-', 'en'],
    ['', 'xx'],
    ['piqd', 'xx'],
    ['*', 'xx'],
    ['a-b', 'xx'],
    ['\u0000', 'xx'],
  ])('of "%s", Intl takes "%s"', (written, tag) => {
    expect(wellFormedTag(written, 'xx')).toBe(tag);
    expect(() => new Intl.Segmenter(tag)).not.toThrow();
  });
});
