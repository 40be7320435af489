/** Logs (pino) and metrics (prom-client). Message texts are constant, values go into fields, spoken text is never logged. */
import { pino } from 'pino';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Logger = pino.Logger;

/** @param level one of pino's levels, or `silent`. Writes JSON lines to stderr, so that stdout stays the program's own. */
export function createLogger(level: string): Logger {
  return pino(
    { level, redact: { paths: ['text', '*.text', 'authorization', '*.authorization'], censor: '[redacted]' } },
    pino.destination(2),
  );
}

export interface Metrics {
  registry: Registry;
  sessions: Gauge;
  speechRequests: Counter;
  /** Text accepted → first sound and motion handed to the socket. */
  ttsTtfbMs: Histogram;
  /** Where the time of an answer goes; see `TurnTrace`. */
  eouDelayMs: Histogram;
  sttDelayMs: Histogram;
  llmTtftMs: Histogram;
  engineFirstFrameMs: Histogram;
  responseLatencyMs: Histogram;
  interruptionLatencyMs: Histogram;
  portraitMs: Histogram;
  /** Pictures that came too late and were replaced by the one before. */
  framesHeld: Counter;
  /** Pieces given up because a queue was full, by queue. */
  queueDropped: Counter<'queue'>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const buckets = [25, 50, 100, 200, 400, 800, 1600, 3200, 6400];
  const delay = (name: string, help: string): Histogram => new Histogram({ name, help, buckets, registers });
  return {
    registry,
    sessions: new Gauge({ name: 'sessions', help: 'Open sessions', registers }),
    speechRequests: new Counter({ name: 'speech_requests_total', help: 'Texts accepted for speaking', registers }),
    ttsTtfbMs: new Histogram({
      name: 'tts_ttfb_ms',
      help: 'Text accepted to first sound and motion sent',
      buckets,
      registers,
    }),
    eouDelayMs: delay('eou_delay_ms', 'Last voiced sample of the caller to the end of the turn'),
    sttDelayMs: delay('stt_delay_ms', 'End of the voice to the final transcript'),
    llmTtftMs: delay('llm_ttft_ms', 'Question asked to the first piece of the answer'),
    engineFirstFrameMs: delay('engine_first_frame_ms', 'First speech at the engine to its first picture announced'),
    responseLatencyMs: delay(
      'response_latency_ms',
      'Last voiced sample of the caller to the first sound of the answer',
    ),
    interruptionLatencyMs: delay('interruption_latency_ms', 'Decision to be silent to the last sound of the turn'),
    queueDropped: new Counter({
      name: 'queue_dropped_total',
      help: 'Pieces given up because a queue was full',
      labelNames: ['queue'] as const,
      registers,
    }),
    framesHeld: new Counter({ name: 'frames_held_total', help: 'Pictures given up because they were late', registers }),
    portraitMs: new Histogram({ name: 'portrait_ms', help: 'Photo received to rig ready', buckets, registers }),
  };
}
