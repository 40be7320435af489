/**
 * Opens calls: admission, the chosen face, an engine session and what speaks, put together as one `Session`. In: what a visitor asks for; out:
 * the hosted call. The benchmarks open theirs here too, so that they measure what callers get.
 */

import { Agent } from './agent/agent.ts';
import type { Brain, Caller } from './agent/brain.ts';
import type { Conversation, ConversationAudience, Face } from './agent/conversation.ts';
import { LiveAgent } from './agent/live-agent.ts';
import { defaultVoice } from './agent/providers.ts';
import type { Recognizer } from './agent/recognizer.ts';
import type { LiveModel } from './agent/speech-to-speech.ts';
import type { SpeechSynthesizer } from './agent/tts.ts';
import { Vad } from './agent/vad.ts';
import type { Capacity } from './capacity.ts';
import type { Config } from './config.ts';
import type { SessionSettings } from './engine/avatar-messages.ts';
import { resolveControls } from './engine/controls.ts';
import type { EngineListener, EngineSession } from './engine/engine-session.ts';
import { systemClock } from './media/clock.ts';
import type { TurnTrace } from './media/turn-trace.ts';
import type { Metrics, ProviderRole } from './metrics.ts';
import { Session } from './session.ts';
import type { CallHost, PortraitGallery } from './signaling/hosting.ts';
import type { Failure } from './signaling/protocol.ts';
import { visitorSentence } from './signaling/visitor-words.ts';
import type { Logger } from './telemetry.ts';

export const PICTURE_PX = 512;

/** Those who make conversations, shared by all calls. */
export interface ConversationParts {
  synthesizer: SpeechSynthesizer;
  brain: Brain;
  /** Undefined: voices are heard, but not understood. */
  recognizer: Recognizer | undefined;
  /** Undefined: recogniser, brain and synthesiser make the conversation. */
  liveModel: LiveModel | undefined;
}

export interface CallHostParts extends ConversationParts {
  config: Config;
  engine: { open(settings: SessionSettings, listener: EngineListener): EngineSession };
  /** Without `info`, no voice is chosen by the face. */
  gallery: Pick<PortraitGallery, 'rigPath'> & Partial<Pick<PortraitGallery, 'info'>>;
  capacity: Pick<Capacity, 'admit' | 'report'>;
  logger: Logger;
  metrics: Metrics;
}

export function createCallHost(parts: CallHostParts): CallHost {
  const { capacity, config, engine, gallery, synthesizer, logger, metrics } = parts;
  const { fps } = config.motion;
  return {
    fps,
    admit: () => capacity.admit('server'),
    async open({ sessionId, portraitId, controls, render, isBack }, peer, audience) {
      const rigPath = await gallery.rigPath(portraitId);
      capacity.admit(render, isBack);
      const voice = await voiceOf(parts, portraitId);
      const faceName = (await gallery.info?.(portraitId))?.name;
      const call = {}; // stands for this call in what is reported
      const resolved = resolveControls(controls);
      const settings = { rigPath, fps, sizePx: PICTURE_PX, controls: resolved, render };
      return new Session({
        peer,
        openEngine: (listener) => engine.open(settings, listener),
        openConversation: (face, told) => openConversation(parts, { sessionId, faceName }, voice, face, told),
        controls: resolved,
        synthesizer,
        clock: systemClock,
        audience: {
          ...audience,
          failed: (failure) => {
            countProviderFailure(parts, failure.error.code);
            audience.failed(inVisitorsWords(failure, logger, sessionId));
          },
          stats: (stats) => {
            capacity.report(call, render, stats);
            audience.stats(stats);
          },
        },
        logger,
        metrics,
        settings: {
          render,
          fps,
          bitrateBps: config.webrtc.bitrateKbps * 1000,
          videoDelayUs: config.webrtc.videoDelayMs * 1000,
          voice,
          ratePercent: config.speech.ratePercent,
          maxCharacters: config.speech.maxCharacters,
        },
      });
    },
    async voices() {
      const voices = await synthesizer.voices();
      return voices.map(({ id, name, languages, woman }) => {
        const language = languages[0] ?? '';
        return {
          id,
          title: name,
          language,
          ...(woman ? { woman } : {}),
          ...(UNSPOKEN_LANGUAGES.has(language) ? { isUnlisted: true } : {}),
        };
      });
    },
  };
}

/** Klingon, Pyash, Lang Belta, Quenya, Sindarin and a test: nobody's mother tongue, nor anyone's second. */
const UNSPOKEN_LANGUAGES: ReadonlySet<string> = new Set(['piqd', 'py', 'qdb', 'qya', 'sjn', 'xex']);

/** What is spoken with until the caller chooses: the configured voice; of an embedded one, the woman's for a woman's face. */
async function voiceOf(
  { config, gallery, synthesizer }: CallHostParts,
  portraitId: string,
): Promise<string | undefined> {
  const voice = defaultVoice(config);
  if (config.tts.kind !== 'embedded' || (await gallery.info?.(portraitId))?.voice !== 'woman') return voice;
  const known = (await synthesizer.voices()).find(
    ({ id, languages }) => id === voice || languages[0]?.toLowerCase() === voice?.toLowerCase(),
  );
  return known?.woman ?? voice;
}

/** Who talks through a face: by configuration a model that hears and speaks, else recogniser, brain and voice. */
function openConversation(
  parts: CallHostParts,
  caller: Caller,
  voice: string | undefined,
  face: Face,
  audience: ConversationAudience,
): Conversation {
  const { config, brain, recognizer, liveModel, synthesizer, metrics } = parts;
  const { conversation, speech, stt } = config;
  const { ratePercent } = speech;
  const common = {
    caller,
    face,
    audience,
    synthesizer,
    loadVad: () => Vad.load(),
    clock: systemClock,
    traced: (trace: TurnTrace) => observe(metrics, trace),
    soundDropped: () => metrics.queueDropped.inc({ queue: 'microphone' }),
  };
  if (liveModel)
    return new LiveAgent({
      ...common,
      model: liveModel,
      settings: { fallbackLine: conversation.fallback, voice, ratePercent },
    });
  const { complete, plain, unfinished } = conversation.patienceMs;
  return new Agent({
    ...common,
    brain,
    recognizer,
    settings: {
      turns: {
        completeMs: complete,
        plainMs: plain,
        unfinishedMs: unfinished,
        bargeIn: conversation.bargeIn,
        interruptAfterMs: conversation.interruptAfterMs,
        falseInterruptionMs: conversation.falseInterruptionMs,
        briefVoiceMs: conversation.briefVoiceMs,
        transcriptTimeoutMs: stt.timeoutMs,
        hasGreeting: conversation.greets,
        promptAfterMs: conversation.promptAfterS * 1000,
        goodbyeAfterMs: conversation.goodbyeAfterS * 1000,
      },
      lines: conversation,
      toolFiller: conversation.toolFiller,
      voice,
      ratePercent,
      language: conversation.language,
      callerLanguage: stt.language || undefined,
    },
  });
}

/** What the face's caller is told; the operator finds the rest in the log. */
function inVisitorsWords(failure: Failure, logger: Logger, sessionId: string): Failure {
  const { code, message } = failure.error;
  const instead = visitorSentence(code);
  if (instead === undefined) return failure;
  logger.warn({ sessionId, code, detail: message }, 'a visitor was told less than this');
  return { error: { ...failure.error, message: instead } };
}

const PROVIDER_OF: Record<string, ProviderRole> = {
  BRAIN_UNAVAILABLE: 'llm',
  RECOGNIZER_UNAVAILABLE: 'stt',
  TTS_UNAVAILABLE: 'tts',
  LIVE_MODEL_UNAVAILABLE: 'realtime',
};

/** Failures of which a caller is told; a voice that another one took over from is counted by `openSynthesizer`. */
function countProviderFailure({ config, metrics }: CallHostParts, code: string): void {
  const role = PROVIDER_OF[code];
  if (!role) return;
  const labels = { role, provider: config[role].kind };
  metrics.providerFailures.inc(labels);
  // The fallback line is said instead of an answer.
  if (role === 'llm' || role === 'realtime') metrics.providerFallbacks.inc(labels);
}

function observe(metrics: Metrics, trace: TurnTrace): void {
  const histograms = {
    eouDelayMs: metrics.turnEndDelay,
    sttDelayMs: metrics.sttDelay,
    llmTtftMs: metrics.llmFirstToken,
    engineFirstFrameMs: metrics.engineFirstFrame,
    responseLatencyMs: metrics.responseLatency,
    interruptionLatencyMs: metrics.interruptionLatency,
    ttsTtfbMs: metrics.ttsFirstSound,
  } satisfies Record<keyof TurnTrace, unknown>;
  for (const [name, histogram] of Object.entries(histograms)) {
    const value = trace[name as keyof TurnTrace];
    if (value !== undefined) histogram.observe(value / 1000);
  }
}
