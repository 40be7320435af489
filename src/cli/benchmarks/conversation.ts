/**
 * How soon the face answers: spoken questions into the microphone of a real call (Opus, jitter buffer, voice activity, recogniser, brain,
 * voice, engine), no network; `n` is how many were understood. `response_latency_ms` is the time from the question’s last voiced sample to the
 * first audible packet of the answer; `barge_in_ms` from an interrupting question's first voiced sample to the last audible packet of the
 * answer that it interrupts; `interruption_latency_ms` the part of it from the decision to the last packet.
 */
import { EmbeddedBrain } from '../../agent/embedded-brain.ts';
import { EmbeddedSynthesizer } from '../../agent/embedded-synthesizer.ts';
import { MoonshineRecognizer } from '../../agent/moonshine.ts';
import { Vad } from '../../agent/vad.ts';
import { loadConfig } from '../../config.ts';
import { AvatarEngine } from '../../engine/avatar-engine.ts';
import { cachePortrait } from '../../engine/portrait/portrait.ts';
import { OPUS_PACKET_SAMPLES, OPUS_RATE_HZ, OpusEncoder } from '../../media/opus.ts';
import { Resampler } from '../../media/resampler.ts';
import { Scope } from '../../media/scope.ts';
import { type Benchmark, summary } from './benchmark.ts';
import { LiveCall, pause } from './live-call.ts';
import { samplePortrait } from './sample-portrait.ts';

const QUESTIONS = [
  'What are your opening hours?',
  'Where are you?',
  'How much is a ticket?',
  'Can I park my car there?',
  'Thank you very much.',
];
/** Quieter than this is no voice. */
const VOICED = 0.02;
const TAIL_S = 1;
const MAX_ANSWER_MS = 5000;

interface Spoken {
  samples: Float32Array;
  firstVoicedMs: number;
  lastVoicedMs: number;
}

export const conversation: Benchmark = {
  async run({ quick, signal }) {
    await using scope = new Scope();
    const config = structuredClone(loadConfig({}));
    config.conversation.greets = false;
    const synthesizer = scope.use(new EmbeddedSynthesizer());
    const questions: Spoken[] = [];
    for (const text of QUESTIONS.slice(0, quick ? 1 : QUESTIONS.length))
      questions.push(await spoken(text, synthesizer));
    const recognizer = scope.use(new MoonshineRecognizer());
    const engine = scope.use(new AvatarEngine(1));
    const brain = scope.use(new EmbeddedBrain(config.brain));
    await recognizer.check();
    await Vad.load();
    const { path } = await cachePortrait(samplePortrait);
    const live = scope.use(await LiveCall.open({ config, engine, rigPath: path, synthesizer, brain, recognizer }));
    await live.until('the first picture', () => live.pictures.length > 0);
    live.call.setTalk(true);
    await pause(1000);
    const responseMs: number[] = [];
    const bargeInMs: number[] = [];
    let isAnswering = false;
    for (const question of questions) {
      signal.throwIfAborted();
      // Each question but the first interrupts the answer to the one before.
      const startMs = await speakInto(live, question.samples, signal);
      if (isAnswering) bargeInMs.push(lastLoudMs(live, startMs + question.firstVoicedMs));
      const voicedMs = startMs + question.lastVoicedMs;
      const isAnswer = ({ atMs, isLoud }: { atMs: number; isLoud: boolean }): boolean => isLoud && atMs > voicedMs;
      isAnswering = await live
        .until('an answer', () => live.packets.some(isAnswer), MAX_ANSWER_MS)
        .then(
          () => true,
          () => false, // not understood
        );
      if (!isAnswering) continue;
      responseMs.push(live.packets.find(isAnswer)!.atMs - voicedMs);
      await pause(700);
    }
    live.call.stop();
    await pause(200);
    if (responseMs.length === 0) throw new Error('no question was answered');
    const interruptionMs = live.turns.flatMap(({ trace }) => trace?.interruptionLatencyMs ?? []);
    return [
      summary('response_latency_ms', 'ms', responseMs),
      summary('barge_in_ms', 'ms', bargeInMs),
      summary('interruption_latency_ms', 'ms', interruptionMs),
    ];
  },
};

/** How long the face went on after a moment, until it was silent for 0.3 s. */
function lastLoudMs(live: LiveCall, fromMs: number): number {
  let lastMs = fromMs;
  for (const { atMs, isLoud } of live.packets) {
    if (atMs - lastMs > 300) break;
    if (isLoud && atMs > fromMs) lastMs = atMs;
  }
  return lastMs - fromMs;
}

async function spoken(text: string, synthesizer: EmbeddedSynthesizer): Promise<Spoken> {
  const parts: number[] = [];
  for await (const { samples, sampleRateHz } of synthesizer.synthesize(text, { voice: 'en-us+m3' })) {
    const resampler = new Resampler(sampleRateHz, OPUS_RATE_HZ, 1);
    parts.push(...resampler.push(samples), ...resampler.flush());
  }
  const first = parts.findIndex((sample) => Math.abs(sample) > VOICED);
  const last = parts.findLastIndex((sample) => Math.abs(sample) > VOICED);
  return {
    samples: Float32Array.from([...parts, ...new Float32Array(TAIL_S * OPUS_RATE_HZ)]),
    firstVoicedMs: (first / OPUS_RATE_HZ) * 1000,
    lastVoicedMs: (last / OPUS_RATE_HZ) * 1000,
  };
}

/** Packets as a microphone would send them, each when its last sample has been spoken. @returns when the first sample was. */
async function speakInto(live: LiveCall, samples: Float32Array, signal: AbortSignal): Promise<number> {
  using encoder = new OpusEncoder();
  const startMs = performance.now();
  const first = sequence;
  for (let at = 0; at + OPUS_PACKET_SAMPLES <= samples.length; at += OPUS_PACKET_SAMPLES) {
    signal.throwIfAborted();
    await pause(startMs + ((at + OPUS_PACKET_SAMPLES) / OPUS_RATE_HZ) * 1000 - performance.now());
    const opus = encoder.encode(samples.slice(at, at + OPUS_PACKET_SAMPLES));
    live.call.events.microphone({
      sequenceNumber: sequence++ & 0xffff,
      rtpTimestamp: (sequence - first) * OPUS_PACKET_SAMPLES,
      opus,
    });
  }
  return startMs;
}

let sequence = 0;
