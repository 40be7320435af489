/**
 * How soon the face answers: spoken questions into the microphone of a real call (Opus, jitter buffer, voice activity, recogniser, brain,
 * voice, engine), no network; `n` is how many of them were understood. `response_latency_ms` is the time from the question's last voiced sample to the first audible packet of the
 * answer; `interruption_latency_ms` from the decision to be silent to the report of the last packet.
 */
import { EmbeddedBrain } from '../../agent/embedded-brain.ts';
import { EmbeddedSynthesizer } from '../../agent/embedded-synthesizer.ts';
import { MoonshineRecognizer } from '../../agent/moonshine.ts';
import { Vad } from '../../agent/vad.ts';
import { loadConfig } from '../../config.ts';
import { AvatarEngine } from '../../engine/avatar-engine.ts';
import { bakePortrait } from '../../engine/portrait/portrait.ts';
import { AppError } from '../../errors.ts';
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
    const { path } = await bakePortrait(samplePortrait);
    if (path === null)
      throw new AppError('FILE_UNWRITABLE', 'The cache folder cannot be written; set VISAVIS__CACHE__DIR.');
    const live = scope.use(await LiveCall.open({ config, engine, rigPath: path, synthesizer, brain, recognizer }));
    await live.until('the first picture', () => live.pictures.length > 0);
    live.call.setTalk(true);
    await pause(1000);
    const responseMs: number[] = [];
    const interruptionMs: number[] = [];
    for (const question of questions) {
      signal.throwIfAborted();
      const ended = live.turns.filter(({ state }) => state === 'ended').length;
      const startMs = await speakInto(live, question.samples, signal);
      const voicedMs = startMs + question.lastVoicedMs;
      const isAnswer = ({ atMs, isLoud }: { atMs: number; isLoud: boolean }): boolean => isLoud && atMs > voicedMs;
      const isAnswered = await live
        .until('an answer', () => live.packets.some(isAnswer), MAX_ANSWER_MS)
        .then(
          () => true,
          () => false, // not understood
        );
      if (!isAnswered) continue;
      responseMs.push(live.packets.find(isAnswer)!.atMs - voicedMs);
      await pause(500);
      live.call.stop();
      await live.until('the end of it', () => live.turns.filter(({ state }) => state === 'ended').length > ended);
      const latencyMs = live.turns.at(-1)?.trace?.interruptionLatencyMs;
      if (latencyMs !== undefined) interruptionMs.push(latencyMs);
      await pause(700);
    }
    return [summary('response_latency_ms', 'ms', responseMs), summary('interruption_latency_ms', 'ms', interruptionMs)];
  },
};

async function spoken(text: string, synthesizer: EmbeddedSynthesizer): Promise<Spoken> {
  const parts: number[] = [];
  for await (const { samples, sampleRateHz } of synthesizer.synthesize(text, { voice: 'en-us+m3' })) {
    const resampler = new Resampler(sampleRateHz, OPUS_RATE_HZ, 1);
    parts.push(...resampler.push(samples), ...resampler.flush());
  }
  const last = parts.findLastIndex((sample) => Math.abs(sample) > VOICED);
  return {
    samples: Float32Array.from([...parts, ...new Float32Array(TAIL_S * OPUS_RATE_HZ)]),
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
