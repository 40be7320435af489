/**
 * The part of the configuration that says who answers, listens and speaks: one zod schema for each section, which `config.ts` takes in. Keys
 * are never settings: a setting names the environment variable that holds one. Empty texts stand for a provider's own default.
 */
import { z } from 'zod';

const httpUrl = z.union([
  z.literal(''),
  z.url({ protocol: /^https?$/, error: 'give a URL such as http://127.0.0.1:11434/v1' }),
]);
const variableName = z.string().regex(/^\w*$/, 'give the name of an environment variable, never the key itself');
const timeoutMs = z.number().int().min(100).max(600_000);
/** Further tries, with growing pauses, before anything has come. */
const retries = z.number().int().min(0).max(10);

export const providerSettings = {
  /** Who answers. */
  llm: z.strictObject({
    kind: z.enum(['embedded', 'openai']),
    /** Of any endpoint that speaks OpenAI's chat protocol; empty: OpenAI's own. */
    baseUrl: httpUrl,
    model: z.string(),
    /** Name of the environment variable that holds the key; empty: OPENAI_API_KEY. */
    apiKeyVariable: variableName,
    /** Markdown or text; empty: the shipped prompt. */
    systemPromptFile: z.string(),
    /** null: the model's own. */
    temperature: z.number().min(0).max(2).nullable(),
    maxTokens: z.number().int().min(1).max(100_000),
    /** In which fields of a request the session is named, for the service's statistics and limits. */
    callerFields: z.array(z.enum(['user', 'safety_identifier', 'metadata'])),
    /** Whether the desk's rules for danger answer before the model is asked. */
    safetyRules: z.boolean(),
    /** Rounds of tool calls for one answer. */
    maxToolRounds: z.number().int().min(0).max(20),
    /** Longest wait for the next piece of an answer. */
    timeoutMs,
    retries,
  }),
  /** HTTP functions that the model may call; `${NAME}` in a header is that environment variable. */
  tools: z.array(
    z.strictObject({
      name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'give letters, digits, _ and - only'),
      description: z.string().min(1),
      /** JSON schema of an object. */
      parameters: z.record(z.string(), z.unknown()),
      method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
      /** `{name}` in path or query is that parameter. */
      url: z.string().regex(/^https?:\/\/[^/{}]+(\/|$)/, 'give http(s)://host/path with no parameter in the host'),
      headers: z.record(z.string(), z.string()).default({}),
      timeoutMs: timeoutMs.default(10_000),
    }),
  ),
  /** Who turns the caller's voice into text. */
  stt: z.strictObject({
    kind: z.enum(['embedded', 'none', 'openai', 'openai-realtime', 'sherpa']),
    baseUrl: httpUrl,
    model: z.string(),
    apiKeyVariable: variableName,
    /** BCP 47 tag of what callers speak; empty: the recogniser finds out. */
    language: z.string(),
    /** Folder of a streaming sherpa-onnx model. */
    modelDir: z.string(),
    timeoutMs,
    retries,
  }),
  /** Who speaks. */
  tts: z.strictObject({
    kind: z.enum(['embedded', 'openai', 'elevenlabs', 'sherpa']),
    baseUrl: httpUrl,
    model: z.string(),
    /** Voice of a service, or of an installed voice; the embedded one's is `speech.voice`. */
    voice: z.string(),
    apiKeyVariable: variableName,
    /** What an OpenAI-compatible service is asked for. */
    format: z.enum(['pcm', 'wav']),
    /** Of raw PCM; a WAV says its own. */
    sampleRateHz: z.number().int().min(8000).max(96_000).multipleOf(25),
    /** Where `visavis voices install` puts voices; empty: the user's data folder. */
    voiceDir: z.string(),
    timeoutMs,
    retries,
  }),
  /** A model that hears and speaks by itself, instead of recogniser, brain and voice. */
  realtime: z.strictObject({
    kind: z.enum(['none', 'openai']),
    baseUrl: httpUrl,
    model: z.string(),
    voice: z.string(),
    apiKeyVariable: variableName,
    /** Empty: the shipped ones. */
    instructionsFile: z.string(),
    /** Model that writes down what the caller says; empty: nothing is written down. */
    transcriptionModel: z.string(),
    timeoutMs,
    retries,
  }),
};
