/**
 * What the server counts about itself, for Prometheus (prom-client). In: events as they happen; out: the registry behind `/metrics`. Names
 * begin with `visavis_`, values are in base units, and every label has a fixed set of values: nothing that a caller sends becomes one.
 * docs/operations.md lists every metric; a test compares the two.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ErrorCode } from './errors.ts';

/** Where something was refused. */
export type Door = 'request' | 'ticket' | 'upload' | 'connection' | 'join' | 'message' | 'candidate' | 'program';

/** Why, as the other side is told; CUT_OFF: who sent too many messages was disconnected. */
export type RefusalReason = ErrorCode | 'INTERNAL' | 'CUT_OFF';

/** How a call of a face ended. */
export type CallOutcome =
  | 'left'
  | 'goodbye'
  | 'replaced'
  | 'disconnected'
  | 'silent'
  | 'never_connected'
  | 'transport_failed'
  | 'drained'
  | 'revoked'
  | 'expired'
  | 'not_opened'
  | 'failed'
  | 'other';

export type UploadOutcome =
  | 'ok'
  | 'invalid'
  | 'too_big'
  | 'no_face'
  | 'refused'
  | 'killed_memory'
  | 'killed_time'
  | 'failed';

export type ProviderRole = 'llm' | 'stt' | 'tts' | 'realtime';

export interface Metrics {
  registry: Registry;
  /** Calls of faces under way; a room is one. */
  calls: Gauge;
  /** How many the machine carries; see `Capacity`. */
  callsCapacity: Gauge;
  /** 1 while the server takes no new calls because it is about to stop. */
  draining: Gauge;
  joins: Counter<'kind'>;
  returns: Counter;
  callsEnded: Counter<'outcome'>;
  refusals: Counter<'door' | 'reason'>;
  /** Connections of media that came about, by their path. */
  connections: Counter<'path'>;
  iceRestarts: Counter;
  iceFailures: Counter;
  /** Of pictures, as the viewer's browser reports them. */
  videoPackets: Counter;
  videoPacketsLost: Counter;
  nacks: Counter;
  keyframeRequests: Counter;
  uploads: Counter<'outcome'>;
  providerFailures: Counter<'role' | 'provider'>;
  providerFallbacks: Counter<'role' | 'provider'>;
  workerRestarts: Counter<'worker'>;
  /** Pieces given up because a queue was full, by queue. */
  queueDropped: Counter<'queue'>;
  /** Pictures that came too late and were replaced by the one before. */
  picturesHeld: Counter;
  speechRequests: Counter;
  /** Longest stall of the main thread in each second. */
  mainLoopDelay: Histogram;
  portraitAnalysis: Histogram;
  /** Text accepted → first sound and motion handed to the socket. */
  ttsFirstSound: Histogram;
  /** Where the time of an answer goes; see `TurnTrace`. */
  turnEndDelay: Histogram;
  sttDelay: Histogram;
  llmFirstToken: Histogram;
  engineFirstFrame: Histogram;
  /** Picture against its sound, as browsers report them once a second. */
  browserSkew: Histogram;
  responseLatency: Histogram;
  interruptionLatency: Histogram;
}

/** Of prom-client's own, those that break the naming rules: gauges that are called `_total`. */
const MISNAMED_DEFAULTS = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];
const DELAY_BUCKETS_S = [0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4];
const SKEW_BUCKETS_S = [0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.4, 0.8];
const STALL_BUCKETS_S = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

/** @param version of this package. @param hasProcess whether those of the Node process are among them. */
export function createMetrics(version = 'unknown', hasProcess = true): Metrics {
  const registry = new Registry();
  if (hasProcess) collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED_DEFAULTS) registry.removeSingleMetric(name);
  const registers = [registry];
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name: `visavis_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name: `visavis_${name}`, help, registers });
  const delay = (name: string, help: string, buckets = DELAY_BUCKETS_S): Histogram =>
    new Histogram({ name: `visavis_${name}_seconds`, help, buckets, registers });
  new Gauge({
    name: 'visavis_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node'],
    registers,
  }).set({ version, node: process.versions.node }, 1);
  return {
    registry,
    calls: gauge('calls', 'Calls under way; a room is one'),
    callsCapacity: gauge('calls_capacity', 'Calls that this machine carries, as far as it knows by now'),
    draining: gauge('draining', '1 while the server is about to stop and takes no new calls, else 0'),
    joins: counter('joins_total', 'Visitors who were let into a call or a room', 'kind'),
    returns: counter('returns_total', 'Callers who came back after a cut'),
    callsEnded: counter('calls_ended_total', 'Calls that are over, by how they ended', 'outcome'),
    refusals: counter('refusals_total', 'What was refused, by where it came in and why', 'door', 'reason'),
    connections: counter('connections_total', 'Media connections that came about, direct or through TURN', 'path'),
    iceRestarts: counter('ice_restarts_total', 'Calls that changed their network path'),
    iceFailures: counter('ice_failures_total', 'Media connections that failed'),
    videoPackets: counter('video_packets_total', 'Packets of pictures that viewers reported on'),
    videoPacketsLost: counter('video_packets_lost_total', 'Packets of pictures that viewers reported as lost'),
    nacks: counter('nacks_total', 'Packets that viewers asked for again'),
    keyframeRequests: counter('keyframe_requests_total', 'Whole pictures that viewers asked for (PLI, FIR)'),
    uploads: counter('uploads_total', 'Pictures sent for a face, by what came of them', 'outcome'),
    providerFailures: counter('provider_failures_total', 'Failures of models and services', 'role', 'provider'),
    providerFallbacks: counter('provider_fallbacks_total', 'Times something else took over', 'role', 'provider'),
    workerRestarts: counter('worker_restarts_total', 'Threads and processes that died and were replaced', 'worker'),
    queueDropped: counter('queue_dropped_total', 'Pieces given up because a queue was full', 'queue'),
    picturesHeld: counter('pictures_held_total', 'Pictures that came too late and were replaced by the one before'),
    speechRequests: counter('speech_requests_total', 'Texts accepted for speaking'),
    mainLoopDelay: delay('main_loop_delay', 'Longest stall of the main thread in each second', STALL_BUCKETS_S),
    portraitAnalysis: delay('portrait_analysis', 'Picture received to face ready'),
    ttsFirstSound: delay('tts_first_sound', 'Text accepted to first sound and motion sent'),
    turnEndDelay: delay('turn_end_delay', 'Last voiced sample of the caller to the end of the turn'),
    sttDelay: delay('stt_delay', 'End of the voice to the final transcript'),
    llmFirstToken: delay('llm_first_token', 'Question asked to the first piece of the answer'),
    engineFirstFrame: delay('engine_first_frame', 'First speech at the engine to its first picture announced'),
    browserSkew: delay(
      'av_skew_browser',
      'Picture against its sound, as browsers say that they play them',
      SKEW_BUCKETS_S,
    ),
    responseLatency: delay('response_latency', 'Last voiced sample of the caller to the first sound of the answer'),
    interruptionLatency: delay('interruption_latency', 'Decision to be silent to the last sound of the turn'),
  };
}

const STALL_WINDOW_MS = 1000;
const SAMPLE_MS = 10;

/** Observes the longest stall of this thread, once a second, until it is disposed of. */
export function watchMainLoop({ mainLoopDelay }: Pick<Metrics, 'mainLoopDelay'>): Disposable {
  const delays = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  delays.enable();
  const timer = setInterval(() => {
    // The monitor counts from one of its own wake-ups to the next, so its resolution is in every value.
    mainLoopDelay.observe(Math.max(0, delays.max / 1e9 - SAMPLE_MS / 1000));
    delays.reset();
  }, STALL_WINDOW_MS).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      delays.disable();
    },
  };
}
