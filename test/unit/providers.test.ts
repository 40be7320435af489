// Who answers, listens and speaks by configuration: each kind opens its own, and what is wrong is said before the first call.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  defaultVoice,
  openBrain,
  openLiveModel,
  openRecognizer,
  openSynthesizer,
  type ProviderParts,
  rememberedHealth,
} from '../../src/agent/providers.ts';
import { childEnvironment, loadConfig } from '../../src/config.ts';
import { createLogger } from '../../src/telemetry.ts';

const models = join(dirname(fileURLToPath(import.meta.url)), '..', 'support', 'sherpa-models');
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

/** @param env as the environment is, keys included. */
function parts(env: Record<string, string>): ProviderParts {
  return { config: loadConfig(env), secrets: (name) => env[name], logger: createLogger('silent') };
}

function nameOf(provider: (AsyncDisposable & { name: string }) | undefined): string | undefined {
  if (provider) opened.push(provider);
  return provider?.name;
}

const LOCAL = 'http://127.0.0.1:11434/v1';

describe('providers', () => {
  it('are all embedded without configuration', () => {
    const nothing = parts({});
    expect(nameOf(openBrain(nothing))).toBe('embedded');
    expect(nameOf(openSynthesizer(nothing))).toMatch(/embedded/);
    expect(nameOf(openRecognizer(nothing))).toMatch(/Moonshine/);
    expect(openLiveModel(nothing)).toBeUndefined();
    expect(defaultVoice(nothing.config)).toBe('en-us');
  });

  it('change to any OpenAI-compatible model and voice with two variables', () => {
    const two = parts({
      VISAVIS__LLM: JSON.stringify({ kind: 'openai', baseUrl: LOCAL, model: 'llama3.2' }),
      VISAVIS__TTS: JSON.stringify({
        kind: 'openai',
        baseUrl: 'http://127.0.0.1:8880/v1',
        model: 'kokoro',
        voice: 'af_sky',
      }),
    });
    expect(nameOf(openBrain(two))).toBe(`llama3.2 at ${LOCAL}`);
    const voice = openSynthesizer(two);
    expect(nameOf(voice)).toBe('kokoro at http://127.0.0.1:8880/v1');
    expect(voice.hasPhonemes).toBe(false);
    expect(defaultVoice(two.config)).toBe('af_sky');
  });

  it('change to OpenAI itself with two variables and its key', () => {
    const env = { VISAVIS__LLM__KIND: 'openai', VISAVIS__TTS__KIND: 'openai', OPENAI_API_KEY: 'sk-1234' };
    expect(nameOf(openBrain(parts(env)))).toMatch(/api\.openai\.com/);
    expect(nameOf(openSynthesizer(parts(env)))).toMatch(/api\.openai\.com/);
    expect(JSON.stringify(parts(env).config)).not.toContain('sk-1234');
  });

  it.each([
    [{ VISAVIS__STT__KIND: 'none' }, undefined],
    [{ VISAVIS__STT__KIND: 'openai', OPENAI_API_KEY: 'k' }, /api\.openai\.com/],
    [{ VISAVIS__STT__KIND: 'openai-realtime', OPENAI_API_KEY: 'k' }, /api\.openai\.com/],
    [{ VISAVIS__STT__KIND: 'sherpa', VISAVIS__STT__MODEL_DIR: join(models, 'nemo-tones') }, /nemo-tones/],
  ])('listen as %j says', (env, name) => {
    const found = nameOf(openRecognizer(parts(env)));
    if (name === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(name);
  });

  it('hear and speak in one where a realtime model is set', () => {
    expect(nameOf(openLiveModel(parts({ VISAVIS__REALTIME__KIND: 'openai', OPENAI_API_KEY: 'k' })))).toMatch(
      /gpt-realtime/,
    );
  });

  it.each([
    [openBrain, { VISAVIS__LLM__KIND: 'openai' }, /OPENAI_API_KEY/],
    [openBrain, { VISAVIS__LLM__BASE_URL: LOCAL }, /"llm\.baseUrl" has no effect.*llm\.kind to "openai"/],
    [openSynthesizer, { VISAVIS__TTS__MODEL: 'kokoro' }, /"tts\.model" has no effect/],
    [openSynthesizer, { VISAVIS__TTS__KIND: 'elevenlabs' }, /ELEVENLABS_API_KEY/],
    [openRecognizer, { VISAVIS__STT__KIND: 'sherpa' }, /stt\.modelDir/],
    [openRecognizer, { VISAVIS__STT__KIND: 'sherpa', VISAVIS__STT__MODEL_DIR: '/no/such/model' }, /no\/such\/model/],
    [openLiveModel, { VISAVIS__REALTIME__KIND: 'openai' }, /OPENAI_API_KEY/],
    [
      openBrain,
      {
        VISAVIS__LLM: JSON.stringify({ kind: 'openai', baseUrl: LOCAL }),
        VISAVIS__TOOLS: JSON.stringify([
          {
            name: 'orders',
            description: 'Orders',
            parameters: {},
            method: 'GET',
            url: 'https://shop.example/orders',
            headers: { authorization: 'Bearer $' + '{SHOP_KEY}' },
          },
        ]),
      },
      /"orders" needs the environment variable SHOP_KEY/,
    ],
  ])('say what is wrong: %o %j', (open, env, message) => {
    expect(() => open(parts(env as Record<string, string>))).toThrow(message);
  });

  it.each([
    [{ VISAVIS__LLM__BASE_URL: 'localhost:11434' }, /"llm\.baseUrl".*URL/],
    [{ VISAVIS__LLM__API_KEY_VARIABLE: 'sk-proj-abc/def' }, /"llm\.apiKeyVariable".*never the key/],
    [{ VISAVIS__TTS__KIND: 'piper' }, /"tts\.kind"/],
  ])('refuse a setting that cannot be: %j', (env, message) => {
    expect(() => loadConfig(env)).toThrow(message);
  });

  it('are asked for their health once in a while only', async () => {
    let asked = 0;
    const health = rememberedHealth({
      check: async () => {
        asked += 1;
        throw new Error('is gone');
      },
    });
    expect(await Promise.all([health(), health()])).toEqual([
      { isOk: false, detail: 'is gone' },
      { isOk: false, detail: 'is gone' },
    ]);
    await health();
    expect(asked).toBe(1);
  });

  it('keep their keys from programs that run beside us', () => {
    expect(childEnvironment({ PATH: '/bin', OPENAI_API_KEY: 'sk-1234' })).toEqual({ PATH: '/bin' });
  });
});
