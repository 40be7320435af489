/**
 * Who answers, listens and speaks, as the configuration says: the one place that knows every adapter. In: the configuration and the keys; out:
 * ports. A wrong setting or a missing key is told here, before the first call.
 */
import type { Config, Secrets } from '../config.ts';
import { AppError } from '../errors.ts';
import { systemClock } from '../media/clock.ts';
import type { Metrics } from '../metrics.ts';
import type { Logger } from '../telemetry.ts';
import type { Brain } from './brain.ts';
import { ElevenLabsSynthesizer } from './elevenlabs-synthesizer.ts';
import { EmbeddedBrain, PHRASES_DIR } from './embedded-brain.ts';
import { EmbeddedSynthesizer } from './embedded-synthesizer.ts';
import { FallbackSynthesizer } from './fallback-synthesizer.ts';
import type { Health } from './health.ts';
import { HttpTools } from './http-tools.ts';
import { MoonshineRecognizer } from './moonshine.ts';
import { OpenAiBrain } from './openai-brain.ts';
import { OpenAiRealtime } from './openai-realtime.ts';
import { OpenAiRealtimeRecognizer } from './openai-realtime-recognizer.ts';
import { OpenAiRecognizer } from './openai-recognizer.ts';
import { OpenAiSynthesizer } from './openai-synthesizer.ts';
import type { Recognizer } from './recognizer.ts';
import { SafeBrain } from './safe-brain.ts';
import { SherpaRecognizer } from './sherpa-recognizer.ts';
import { SherpaSynthesizer } from './sherpa-synthesizer.ts';
import type { LiveModel } from './speech-to-speech.ts';
import type { SpeechSynthesizer } from './tts.ts';

export interface ProviderParts {
  config: Config;
  secrets: Secrets;
  logger: Logger;
  metrics?: Pick<Metrics, 'providerFailures' | 'providerFallbacks'>;
}

/** @throws AppError CONFIG_INVALID, FILE_UNREADABLE, KNOWLEDGE_INVALID. */
export function openBrain({ config, secrets, logger }: ProviderParts): Brain {
  const { llm, tools, brain } = config;
  if (llm.kind === 'openai') {
    const model = new OpenAiBrain(llm, new HttpTools(tools, secrets), secrets);
    return llm.safetyRules ? new SafeBrain(model, brain, PHRASES_DIR) : model;
  }
  refuseIdle('llm', llm, 'openai');
  return new EmbeddedBrain(brain, { logger });
}

/** Undefined where none is wanted. @throws AppError CONFIG_INVALID, MODEL_MISSING. */
export function openRecognizer({ config: { stt }, secrets }: ProviderParts): Recognizer | undefined {
  switch (stt.kind) {
    case 'openai':
      return new OpenAiRecognizer(stt, secrets);
    case 'openai-realtime':
      return new OpenAiRealtimeRecognizer(stt, secrets);
    case 'sherpa':
      return new SherpaRecognizer(stt);
    case 'embedded':
    case 'none':
      refuseIdle('stt', stt, 'openai');
      return stt.kind === 'none' ? undefined : new MoonshineRecognizer();
  }
}

/** Where a service or an installed voice fails, the embedded voice speaks. @throws AppError CONFIG_INVALID. */
export function openSynthesizer(parts: ProviderParts): SpeechSynthesizer {
  const { config, logger, metrics } = parts;
  const chosen = openChosenSynthesizer(parts);
  if (config.tts.kind === 'embedded') return chosen;
  return new FallbackSynthesizer(chosen, new EmbeddedSynthesizer(config.speech.voice), systemClock, (err) => {
    const labels = { role: 'tts', provider: config.tts.kind };
    metrics?.providerFailures.inc(labels);
    metrics?.providerFallbacks.inc(labels);
    logger.warn({ err }, 'the voice failed; the embedded one speaks');
  });
}

/** The chosen voice and no other: what it cannot say is an error. @throws AppError CONFIG_INVALID. */
export function openChosenSynthesizer({
  config: { tts, speech },
  secrets,
}: Pick<ProviderParts, 'config' | 'secrets'>): SpeechSynthesizer {
  switch (tts.kind) {
    case 'openai':
      return new OpenAiSynthesizer(tts, secrets);
    case 'elevenlabs':
      return new ElevenLabsSynthesizer(tts, secrets);
    case 'sherpa':
      return new SherpaSynthesizer(tts);
    case 'embedded':
      refuseIdle('tts', tts, 'openai');
      return new EmbeddedSynthesizer(speech.voice);
  }
}

/** The voice that is spoken with where nobody chose one; undefined: the synthesiser's own. */
export function defaultVoice({ tts, speech }: Pick<Config, 'tts' | 'speech'>): string | undefined {
  return tts.kind === 'embedded' ? speech.voice : tts.voice || undefined;
}

/** Undefined where recogniser, brain and voice make the conversation. @throws AppError CONFIG_INVALID, FILE_UNREADABLE. */
export function openLiveModel({ config, secrets }: ProviderParts): LiveModel | undefined {
  const { realtime, tools } = config;
  if (realtime.kind === 'openai') return new OpenAiRealtime(realtime, new HttpTools(tools, secrets), secrets);
  refuseIdle('realtime', realtime, 'openai');
  return undefined;
}

/** A provider's health, asked for at most every half minute: whoever watches us must not become its heaviest user. */
export function rememberedHealth(
  provider: { check(signal: AbortSignal): Promise<Health> },
  keepMs = 30_000,
): () => Promise<Health> {
  let last: { health: Promise<Health>; untilMs: number } | undefined;
  return () => {
    if (!last || performance.now() >= last.untilMs) {
      const health = provider.check(AbortSignal.timeout(keepMs)).catch((error: unknown): Health => {
        return { isOk: false, detail: error instanceof Error ? error.message : String(error) };
      });
      last = { health, untilMs: performance.now() + keepMs };
    }
    return last.health;
  };
}

/** A setting that has no effect is a mistake that its author would look for elsewhere. */
function refuseIdle(section: string, settings: { kind: string; baseUrl: string; model: string }, kind: string): void {
  for (const key of ['baseUrl', 'model'] as const)
    if (settings[key] !== '')
      throw new AppError(
        'CONFIG_INVALID',
        `Setting "${section}.${key}" has no effect while ${section}.kind is "${settings.kind}"; set ${section}.kind to "${kind}".`,
      );
}
