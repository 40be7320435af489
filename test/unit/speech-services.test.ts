// Speech services behind the synthesiser's port: the port's suite for each, formats and times, a voice that takes over when one fails.
import { afterAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { ElevenLabsSynthesizer } from '../../src/agent/elevenlabs-synthesizer.ts';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { FallbackSynthesizer } from '../../src/agent/fallback-synthesizer.ts';
import { OpenAiSynthesizer } from '../../src/agent/openai-synthesizer.ts';
import type { SpeechSynthesizer } from '../../src/agent/tts.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { systemClock } from '../../src/media/clock.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';
import { FakeSynthesizer } from '../support/fake-providers.ts';
import { json, MockProvider } from '../support/mock-provider.ts';
import { packedSound } from '../support/packed-sounds.ts';
import { describeSynthesizer } from '../support/synthesizer-conformance.ts';
import { wavBytes } from '../support/wav-bytes.ts';

const SPEECH = 'POST /v1/audio/speech';
const KEY = 'el-very-secret-0815';

function tone(seconds: number, rateHz: number): Float32Array {
  return Float32Array.from({ length: seconds * rateHz }, (_, i) => 0.4 * Math.sin((2 * Math.PI * 300 * i) / rateHz));
}

function pcm(samples: Float32Array): Buffer {
  const bytes = Buffer.alloc(samples.length * 2);
  samples.forEach((sample, i) => void bytes.writeInt16LE(Math.round(sample * 32767), 2 * i));
  return bytes;
}

function settings(mock: MockProvider, change: Partial<Config['tts']> = {}): Config['tts'] {
  return { ...loadConfig({}).tts, baseUrl: `${mock.url}/v1`, timeoutMs: 30_000, retries: 0, ...change };
}

function bench(mock: MockProvider, synthesizer: SpeechSynthesizer) {
  return {
    synthesizer,
    workUnderWay: () => mock.open,
    [Symbol.asyncDispose]: async () => {
      await synthesizer[Symbol.asyncDispose]();
      await mock[Symbol.asyncDispose]();
    },
  };
}

async function collect(chunks: AsyncIterable<SpeechChunk>): Promise<SpeechChunk[]> {
  const all: SpeechChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

const secondsOf = (chunks: SpeechChunk[]): number =>
  chunks.reduce((sum, { samples, sampleRateHz }) => sum + samples.length / sampleRateHz, 0);

describeSynthesizer('an OpenAI-compatible service', async (mood, timeoutMs) => {
  const mock = await MockProvider.start();
  mock.on('GET /v1/models', (_, response) =>
    mood === 'fails' ? json(response, {}, 500) : json(response, { data: [] }),
  );
  mock.on('GET /v1/audio/voices', (_, response) => json(response, { voices: ['af_sky', { id: 'bm_lewis' }] }));
  mock.on(SPEECH, (_, response) => {
    if (mood === 'fails') return json(response, { error: { message: 'no voice left' } }, 503);
    if (mood === 'garbage') return void response.writeHead(200).end('<html><body>It works!</body></html>');
    response.writeHead(200, { 'content-type': 'audio/pcm' });
    response.write(pcm(tone(0.3, 24_000)));
    if (mood === 'speaks') response.end(pcm(tone(0.2, 24_000)));
  });
  return bench(mock, new OpenAiSynthesizer(settings(mock, { timeoutMs }), () => undefined));
});

function serveElevenLabs(mock: MockProvider, mood: string, heard: object[] = []): void {
  mock.on('GET /v1/voices', (request, response) => {
    if (mood === 'fails') return json(response, {}, 401);
    json(response, { voices: [{ voice_id: 'v1', name: 'Rachel', key: request.headers['xi-api-key'] }] });
  });
  const route = (socket: WebSocket) => {
    if (mood === 'fails')
      return socket.send(JSON.stringify({ error: 'quota_exceeded', message: 'This account is empty' }));
    if (mood === 'garbage') return socket.send('<html>');
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      heard.push(message);
      if (!message.flush) return;
      const chars = [...message.text];
      const half = Math.ceil(chars.length / 2);
      for (const part of [chars.slice(0, half), chars.slice(half)]) {
        socket.send(
          JSON.stringify({
            audio: pcm(tone(part.length * 0.05, 24_000)).toString('base64'),
            alignment: {
              chars: part,
              charStartTimesMs: part.map((_, i) => i * 50),
              charDurationsMs: part.map(() => 50),
            },
          }),
        );
        if (mood === 'stalls') return;
      }
      socket.send(JSON.stringify({ isFinal: true }));
    });
  };
  mock.onSocket('/v1/text-to-speech/v1/stream-input', route);
}

describeSynthesizer('an ElevenLabs-style service', async (mood, timeoutMs) => {
  const mock = await MockProvider.start();
  serveElevenLabs(mock, mood);
  return bench(mock, new ElevenLabsSynthesizer(settings(mock, { voice: 'v1', timeoutMs }), () => undefined));
});

describeSynthesizer('a fake', async (mood, timeoutMs) => {
  const synthesizer = new FakeSynthesizer(mood === 'speaks' ? 'well' : mood === 'garbage' ? 'fails' : mood);
  synthesizer.patienceMs = timeoutMs;
  return { synthesizer, workUnderWay: () => synthesizer.workUnderWay, [Symbol.asyncDispose]: async () => {} };
});

const embedded = new EmbeddedSynthesizer();
afterAll(() => embedded[Symbol.asyncDispose]());
describeSynthesizer(
  'the embedded voice',
  async () => ({
    synthesizer: new Proxy(embedded, {
      // Shared by the suite's tests: starting it anew for each takes seconds.
      get: (target, key) => {
        if (key === Symbol.asyncDispose) return async () => {};
        const value = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
    workUnderWay: () => 0,
    [Symbol.asyncDispose]: async () => {},
  }),
  { hasService: false },
);

describe('an OpenAI-compatible service', () => {
  it('is asked sentence by sentence, as sentences are wanted, with voice and speed', async () => {
    await using mock = await MockProvider.start();
    mock.on(SPEECH, (_, response) => void response.end(pcm(tone(0.3, 24_000))));
    const synthesizer = new OpenAiSynthesizer(settings(mock, { voice: 'nova', model: 'kokoro' }), () => undefined);
    const talk = synthesizer
      .synthesize('One sentence. Another sentence.', { ratePercent: 120 })
      [Symbol.asyncIterator]();
    await talk.next();
    expect(mock.requestsTo(SPEECH)).toHaveLength(1);
    expect(JSON.parse(mock.requests[0].body)).toEqual({
      model: 'kokoro',
      voice: 'nova',
      input: 'One sentence.',
      response_format: 'pcm',
      speed: 1.2,
    });
    await talk.return?.(undefined);
    expect(mock.requestsTo(SPEECH)).toHaveLength(1);
  });

  it('gets words to say, without marks and signs, and nothing where there is none', async () => {
    await using mock = await MockProvider.start();
    mock.on(SPEECH, (_, response) => void response.end(pcm(tone(0.3, 24_000))));
    const synthesizer = new OpenAiSynthesizer(settings(mock), () => undefined);
    const written =
      '**Tea** costs [$2.50](https://example.org/tea) 😀, see https://www.example.org/?q=1. Or?\n\n---\n\n...\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x;\n```';
    await collect(synthesizer.synthesize(written, { language: 'en' }));
    expect(mock.requestsTo(SPEECH).map(({ body }) => JSON.parse(body).input)).toEqual([
      'Tea costs 2 dollars 50, see example dot org.',
      'Or?',
      'A, B.',
      '1, 2.',
    ]);
    await expect(collect(synthesizer.synthesize('...'))).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
    expect(mock.requestsTo(SPEECH)).toHaveLength(4);
  });

  it('understands WAV whatever was asked for, at its own rate', async () => {
    await using mock = await MockProvider.start();
    const wav = Buffer.from(wavBytes(tone(0.5, 22_050), { sampleRateHz: 22_050, channels: 1, format: 1 }));
    mock.on(SPEECH, (_, response) => {
      // As cut by a network that likes nobody.
      for (let i = 0; i < 60; i += 7) response.write(wav.subarray(i, Math.min(i + 7, 60)));
      response.end(wav.subarray(60));
    });
    const synthesizer = new OpenAiSynthesizer(settings(mock), () => undefined);
    expect(secondsOf(await collect(synthesizer.synthesize('Hello.')))).toBeCloseTo(0.5, 2);
  });

  it.each([
    ['MP3', Buffer.from('ID3\x04 and so on')],
    ['JSON', Buffer.from('{"audio": "later"}')],
    ['without sound', Buffer.alloc(0)],
  ])('names what it got instead of sound: %s', async (name, body) => {
    await using mock = await MockProvider.start();
    mock.on(SPEECH, (_, response) => void response.end(body));
    const synthesizer = new OpenAiSynthesizer(settings(mock), () => undefined);
    await expect(collect(synthesizer.synthesize('Hello.'))).rejects.toMatchObject({
      code: 'TTS_UNAVAILABLE',
      message: expect.stringMatching(new RegExp(`${name}.*tts\\.`)),
    });
  });

  it('says so where the answer has no body at all', async () => {
    await using mock = await MockProvider.start();
    mock.on(SPEECH, (_, response) => void response.writeHead(204).end());
    const synthesizer = new OpenAiSynthesizer(settings(mock), () => undefined);
    await expect(collect(synthesizer.synthesize('Hello.'))).rejects.toMatchObject({
      code: 'TTS_UNAVAILABLE',
      message: expect.stringMatching(/answered without sound/),
    });
  });
});

describe('a service that sends something else than it was asked for', () => {
  const at = (mock: MockProvider, change: Partial<Config['tts']> = {}) =>
    new OpenAiSynthesizer(settings(mock, change), () => undefined);

  it('is understood: MP3 under any label, PCM of the rate in its label, a WAV with more in it than sound', async () => {
    await using mock = await MockProvider.start();
    const mp3 = await packedSound(tone(0.5, 24_000), {
      encoder: 'libmp3lame',
      container: 'mp3',
      samples: 's16 planar',
    });
    const wav = Buffer.from(wavBytes(tone(0.5, 24_000), { sampleRateHz: 24_000, channels: 1, format: 1 }));
    for (const [label, body] of [
      ['application/octet-stream', mp3!],
      ['audio/mpeg', mp3!],
      ['audio/pcm;rate=16000', pcm(tone(0.5, 16_000))],
      ['audio/wav', Buffer.concat([wav, Buffer.from('LIST\x04\0\0\0junk')])],
      ['audio/pcm', Buffer.concat([pcm(tone(0.5, 24_000)), Buffer.from([3])])],
    ] as const) {
      mock.on(SPEECH, (_, response) => void response.writeHead(200, { 'content-type': label }).end(body));
      expect(secondsOf(await collect(at(mock).synthesize('Hello.'))), label).toBeCloseTo(0.5, 1);
    }
  });

  it('is covered by the embedded voice where it breaks off or goes mad in mid-sentence, and nothing is lost', async () => {
    await using mock = await MockProvider.start();
    const noise = Buffer.from(Uint32Array.from({ length: 30_000 }, (_, i) => Math.imul(i + 1, 2_654_435_761)).buffer);
    for (const failure of ['resets', 'stalls', 'noise'] as const) {
      mock.on(SPEECH, ({ body }, response) => {
        if (!body.includes('Our house')) return void response.writeHead(500).end();
        response.writeHead(200, { 'content-type': 'audio/pcm' });
        response.write(pcm(tone(1, 24_000)));
        if (failure === 'resets') setTimeout(() => response.destroy(), 20);
        if (failure === 'noise') response.end(noise);
      });
      const second = new FakeSynthesizer();
      const voice = new FallbackSynthesizer(at(mock, { timeoutMs: 300 }), second, systemClock, () => {});
      await collect(voice.synthesize('Our house opens at nine in the morning. It closes at five.'));
      expect(second.texts.at(-1), failure).toBe('It closes at five.');
      expect(second.texts[0], failure).toMatch(/at nine in the morning\.$/);
    }
  });
});

describe('an ElevenLabs-style service', () => {
  it('may send packed sound, whose words keep their times', async () => {
    await using mock = await MockProvider.start();
    const mp3 = await packedSound(tone(1, 24_000), { encoder: 'libmp3lame', container: 'mp3', samples: 's16 planar' });
    mock.onSocket('/v1/text-to-speech/v1/stream-input', (socket) => {
      for (const [piece, chars] of [
        [mp3!.subarray(0, 2000), 'One '],
        [mp3!.subarray(2000), 'two.'],
      ] as const)
        socket.send(
          JSON.stringify({
            audio: piece.toString('base64'),
            alignment: {
              chars: [...chars],
              charStartTimesMs: [...chars].map((_, i) => i * 100),
              charDurationsMs: [...chars].map(() => 100),
            },
          }),
        );
      socket.send(JSON.stringify({ isFinal: true }));
    });
    const synthesizer = new ElevenLabsSynthesizer(settings(mock, { voice: 'v1' }), () => undefined);
    const chunks = await collect(synthesizer.synthesize('One two.'));
    expect(secondsOf(chunks)).toBeCloseTo(1, 1);
    expect(chunks.flatMap(({ words }) => words.map(({ text, endUs }) => [text, endUs / 1000]))).toEqual([
      ['One', 300],
      ['two.', 700],
    ]);
  });

  it('says when each word sounds, across pieces and sentences', async () => {
    await using mock = await MockProvider.start();
    const heard: { text?: string; voice_settings?: object }[] = [];
    serveElevenLabs(mock, 'speaks', heard);
    const synthesizer = new ElevenLabsSynthesizer(settings(mock, { voice: 'v1' }), () => undefined);
    const chunks = await collect(synthesizer.synthesize('One two three. Four.', { ratePercent: 200 }));
    const words = chunks.flatMap(({ words }) => words);
    // 50 ms a character; the first sentence is 15 characters long with the space after it.
    expect(words.map(({ text, startUs, endUs }) => [text, startUs / 1000, endUs / 1000])).toEqual([
      ['One', 0, 150],
      ['two', 200, 350],
      ['three.', 400, 700],
      ['Four.', 750, 1000],
    ]);
    expect(heard.map(({ text }) => text)).toEqual([' ', 'One two three. ', '', ' ', 'Four. ', '']);
    expect(heard[0].voice_settings).toEqual({ speed: 1.2 });
  });

  it('gives words back as they were written, whatever is said for them', async () => {
    await using mock = await MockProvider.start();
    const heard: { text?: string }[] = [];
    serveElevenLabs(mock, 'speaks', heard);
    const synthesizer = new ElevenLabsSynthesizer(settings(mock, { voice: 'v1' }), () => undefined);
    const chunks = await collect(synthesizer.synthesize('It costs **$2.50** today.', { language: 'en' }));
    expect(heard.map(({ text }) => text)).toContain('It costs 2 dollars 50 today. ');
    expect(chunks.flatMap(({ words }) => words.map(({ text }) => text))).toEqual(['It', 'costs', '$2.50', 'today.']);
  });

  it('sends the key in a header only, and never shows it', async () => {
    await using mock = await MockProvider.start();
    let header: unknown;
    mock.onSocket('/v1/text-to-speech/v1/stream-input', (socket, request) => {
      header = request.headers['xi-api-key'];
      socket.send(JSON.stringify({ error: 'auth', message: `The key ${KEY} is wrong` }));
    });
    const secrets = (name: string) => (name === 'MY_KEY' ? KEY : undefined);
    const synthesizer = new ElevenLabsSynthesizer(settings(mock, { voice: 'v1', apiKeyVariable: 'MY_KEY' }), secrets);
    const error = await collect(synthesizer.synthesize('Hello.')).catch((reason: Error) => reason);
    expect(header).toBe(KEY);
    expect(error).toMatchObject({ code: 'TTS_UNAVAILABLE' });
    const shown = error as Error;
    expect(`${shown.message} ${shown.stack} ${String(shown.cause)}`).not.toContain(KEY);
  });

  it('says which key is missing', () => {
    const config = { ...loadConfig({}).tts };
    expect(() => new ElevenLabsSynthesizer(config, () => undefined)).toThrow(/ELEVENLABS_API_KEY/);
  });
});

describe('a list of voices', () => {
  it.each([
    ['OpenAI-compatible', OpenAiSynthesizer, 'GET /v1/audio/voices', { voices: ['v1', 'v2'] }],
    ['ElevenLabs-style', ElevenLabsSynthesizer, 'GET /v1/voices', { voices: [{ voice_id: 'v2', name: 'Two' }] }],
  ])('that failed is asked for again, one that came is kept (%s)', async (_, Synthesizer, route, list) => {
    await using mock = await MockProvider.start();
    mock.on(route, (_, response) => json(response, {}, 503));
    await using synthesizer = new Synthesizer(settings(mock, { voice: 'v1' }), () => undefined);
    const ids = async () => (await synthesizer.voices()).map(({ id }) => id);
    expect(await ids()).toEqual(['v1']);
    mock.on(route, (_, response) => json(response, list));
    expect(await ids()).toEqual(['v1', 'v2']);
    expect(await ids()).toEqual(['v1', 'v2']);
    expect(mock.requests).toHaveLength(2);
  });
});

describe('a voice that takes over', () => {
  const clockAt = { us: 0 };
  const clock = { nowUs: () => clockAt.us, sleepUntil: async () => {} };

  it('speaks, bare, while the first one is out of order, and gives way when it is back', async () => {
    const first = new FakeSynthesizer('fails');
    const second = new FakeSynthesizer();
    const failures: string[] = [];
    const voice = new FallbackSynthesizer(first, second, clock, (error) => failures.push(error.code));
    const speak = () => collect(voice.synthesize('Hello you.', { voice: 'tone', language: 'en' }));
    expect(secondsOf(await speak())).toBeGreaterThan(0);
    // The first one is left alone for a while.
    await speak();
    expect([first.texts.length, second.texts.length, failures]).toEqual([1, 2, ['TTS_UNAVAILABLE']]);
    first.mood = 'well';
    clockAt.us += 31_000_000;
    await speak();
    expect([first.texts.length, second.texts.length]).toEqual([2, 2]);
  });

  it('says again what was not heard of a sentence, and the sentences after it', async () => {
    for (const failure of ['stalls', 'resets', 'throws'] as const) {
      const first = new FakeSynthesizer('stalls');
      first.patienceMs = 1;
      if (failure !== 'stalls') first.failsWith = failure === 'resets' ? new TypeError('terminated') : 'a string';
      const second = new FakeSynthesizer();
      const failures: string[] = [];
      const voice = new FallbackSynthesizer(first, second, clock, (error) => failures.push(error.code));
      clockAt.us += 31_000_000;
      const chunks = await collect(voice.synthesize('Our house opens at nine in the morning. It closes at five.'));
      // A tone of 60 ms a character: more was heard than is counted.
      expect(second.texts, failure).toEqual(['at nine in the morning.', 'It closes at five.']);
      expect(failures).toEqual(['TTS_UNAVAILABLE']);
      // Each chunk begins where the one before ends.
      let endUs = 0;
      for (const { samples, sampleRateHz, startUs } of chunks) {
        expect(Math.abs(startUs - endUs)).toBeLessThan(100);
        endUs = startUs + (samples.length / sampleRateHz) * 1e6;
      }
    }
  });

  it('takes over from a voice that sends silence, or sound without end', async () => {
    for (const [level, most, texts] of [
      [0, 6, ['It is nine.', 'Come in.']],
      [0.3, 20, ['nine.', 'Come in.']],
    ] as const) {
      let sentS = 0;
      const endless = new FakeSynthesizer();
      endless.synthesize = async function* () {
        for (; sentS < 7200; sentS++) {
          const samples = new Float32Array(24_000).fill(level);
          yield { samples, sampleRateHz: 24_000, startUs: sentS * 1e6, phonemes: [], words: [] };
        }
      };
      const second = new FakeSynthesizer();
      clockAt.us += 31_000_000;
      const failures: string[] = [];
      const voice = new FallbackSynthesizer(endless, second, clock, (error) => failures.push(error.code));
      await collect(voice.synthesize('It is nine. Come in.'));
      expect(second.texts).toEqual(texts);
      expect(failures).toEqual(['TTS_UNAVAILABLE']);
      expect(sentS).toBeLessThan(most);
    }
  });

  it('goes on behind the last word where a voice tells its words', async () => {
    const first = new FakeSynthesizer('stalls');
    first.patienceMs = 1;
    first.words = [
      { text: 'Our', startUs: 0, endUs: 500_000 },
      { text: 'house', startUs: 500_000, endUs: 900_000 },
      { text: 'opens', startUs: 900_000, endUs: 90_000_000 },
    ];
    const second = new FakeSynthesizer();
    clockAt.us += 31_000_000;
    await collect(new FallbackSynthesizer(first, second, clock, () => {}).synthesize('Our house opens at nine.'));
    expect(second.texts).toEqual(['opens at nine.']);
  });

  it('does not answer for the caller: what was wrong with the question, and an end that was wished, are passed on', async () => {
    const voice = new FallbackSynthesizer(new FakeSynthesizer('stalls'), new FakeSynthesizer(), clock, () => {});
    await expect(collect(voice.synthesize('One.', { voice: 'nobody' }))).rejects.toMatchObject({
      code: 'VOICE_UNKNOWN',
    });
    const second = new FakeSynthesizer();
    const abort = new AbortController();
    const talk = new FallbackSynthesizer(new FakeSynthesizer('stalls'), second, clock, () => {})
      .synthesize('One two three.', { signal: abort.signal })
      [Symbol.asyncIterator]();
    await talk.next();
    abort.abort(new Error('enough'));
    await expect(talk.next()).rejects.toThrow('enough');
    expect(second.texts).toEqual([]);
  });
});
