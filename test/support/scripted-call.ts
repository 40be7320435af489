/**
 * A whole session in virtual time: the real session, conversation, ear, pacer and codecs; an engine that draws nothing, providers that are
 * fakes, a caller who speaks when told. Everything that happens is logged with its moment.
 */
import { Agent, type AgentSettings } from '../../src/agent/agent.ts';
import type { Conversation, ConversationAudience, Face } from '../../src/agent/conversation.ts';
import type { SpeechSynthesizer } from '../../src/agent/tts.ts';
import type { VoiceDetector, VoiceNews } from '../../src/agent/vad.ts';
import { resolveControls } from '../../src/engine/controls.ts';
import type { EngineListener, EngineSession } from '../../src/engine/engine-session.ts';
import { OpusDecoder, OpusEncoder } from '../../src/media/opus.ts';
import { Resampler } from '../../src/media/resampler.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';
import { createMetrics } from '../../src/metrics.ts';
import { Session } from '../../src/session.ts';
import { createLogger } from '../../src/telemetry.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeBrain, FakeRecognizer, FakeSynthesizer } from './fake-providers.ts';

const USUAL_FPS = 25;
const SLOTS = 8;
const STEP_MS = 10;

/** Gives out the sound it is given, a picture's worth at a time, as far as slots are free. */
class FakeEngine {
  readonly listener: EngineListener;
  readonly activities: string[] = [];
  readonly controls: object[] = [];
  /** Speech for turns that had been cut off: none may come. */
  stale = 0;
  private turn: { id: number; sound: Float32Array; hasEnded: boolean } | undefined;
  private resampler = new Resampler(24_000, 48_000, 1);
  private settled = 0;
  private free = SLOTS;
  private index = 0;

  private readonly tickSamples: number;

  constructor(listener: EngineListener, fps: number) {
    this.listener = listener;
    this.tickSamples = 48_000 / fps;
  }

  step(): void {
    while (this.free > 0) {
      const { turn } = this;
      const isReady = turn !== undefined && (turn.sound.length >= this.tickSamples || turn.hasEnded);
      if (!isReady && SLOTS - this.free >= 2) return;
      const samples = new Float32Array(this.tickSamples);
      if (isReady) {
        samples.set(turn.sound.subarray(0, this.tickSamples));
        turn.sound = turn.sound.subarray(this.tickSamples);
      }
      const isLast = isReady && turn.hasEnded && turn.sound.length === 0;
      this.free -= 1;
      const index = this.index++;
      this.listener.tick({ index, samples, isLast, ...(isReady ? { turnId: turn.id } : {}) });
      this.listener.picture(index, index % SLOTS, 1);
      if (isLast) {
        this.turn = undefined;
        this.settled = turn!.id;
      }
    }
  }

  speak(turnId: number, { samples }: SpeechChunk): void {
    this.hear(turnId, this.resampler.push(samples));
  }

  hear(turnId: number, samples: Float32Array): void {
    if (turnId <= this.settled) this.stale += 1;
    const turn = this.turnOf(turnId);
    const sound = new Float32Array(turn.sound.length + samples.length);
    sound.set(turn.sound);
    sound.set(samples, turn.sound.length);
    turn.sound = sound;
  }

  endTurn(turnId: number): void {
    this.turnOf(turnId).hasEnded = true;
  }

  private turnOf(id: number) {
    if (this.turn?.id !== id) this.turn = { id, sound: new Float32Array(0), hasEnded: false };
    return this.turn!;
  }

  interrupt(turnId: number): void {
    this.settled = Math.max(this.settled, turnId);
    if (this.turn?.id === turnId) this.turn = undefined;
  }

  encode(): void {
    this.free += 1;
  }

  drop(): void {
    this.free += 1;
  }

  setActivity(activity: string): void {
    this.activities.push(activity);
  }

  setControls(controls: object): void {
    this.controls.push(controls);
  }

  setEncoder(): void {}
  setRate(): void {}
  hearCaller(): void {}
  requestKeyframe(): void {}
  close(): void {}
}

/** Voice is what is loud; as quick and as slow as the real one. */
class LoudnessDetector implements VoiceDetector {
  isVoiced = false;
  private loudTicks = 0;
  private quietTicks = 0;
  private lastVoicedUs = 0;

  async push(samples: Float32Array, atUs: number): Promise<VoiceNews[]> {
    const isLoud = samples.some((sample) => Math.abs(sample) > 0.1);
    this.loudTicks = isLoud ? this.loudTicks + 1 : 0;
    this.quietTicks = isLoud ? 0 : this.quietTicks + 1;
    if (isLoud) this.lastVoicedUs = atUs;
    if (!this.isVoiced && this.loudTicks >= 5) {
      this.isVoiced = true;
      return [{ kind: 'started', sinceUs: atUs - 100_000 }];
    }
    if (this.isVoiced && this.quietTicks >= 13) {
      this.isVoiced = false;
      return [{ kind: 'stopped', lastVoicedUs: this.lastVoicedUs }];
    }
    return [];
  }
}

export interface CallEvent {
  atMs: number;
  kind: string;
  [detail: string]: unknown;
}

export interface ScriptedCallOptions {
  answers?: string[];
  settings?: Partial<AgentSettings['turns']>;
  lines?: Partial<AgentSettings['lines']>;
  synthesizer?: SpeechSynthesizer;
  understands?: boolean;
  /** Pictures a second. */
  fps?: number;
  /** Instead of the pieced-together agent. */
  openConversation?: (face: Face, audience: ConversationAudience, clock: FakeClock) => Conversation;
}

export class ScriptedCall implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log: CallEvent[] = [];
  readonly brain: FakeBrain;
  readonly recognizer = new FakeRecognizer();
  readonly session: Session;
  engine!: FakeEngine;
  /** Loudness of each 20 ms sent, with its moment. */
  readonly sent: { atMs: number; level: number }[] = [];
  private readonly encoder = new OpusEncoder();
  private readonly decoder = new OpusDecoder();
  private sequenceNumber = 0;
  private voiceUntilMs = 0;
  private nextPacketMs = 0;
  /** Where `expectWithin` goes on looking. */
  private seen = 0;

  constructor(options: ScriptedCallOptions = {}) {
    const {
      answers,
      settings,
      lines,
      synthesizer = new FakeSynthesizer(),
      understands = true,
      fps = USUAL_FPS,
    } = options;
    this.brain = new FakeBrain(answers);
    const note =
      (kind: string) =>
      (detail: object = {}): void =>
        void this.log.push({ ...detail, atMs: this.nowMs, kind });
    const { clock } = this;
    this.session = new Session({
      peer: () => ({
        videoCodec: 'VP8',
        send: (frame) => {
          if (frame.kind === 'audio')
            this.sent.push({ atMs: this.nowMs, level: levelOf(this.decoder.decode(frame.data)) });
        },
        close: async () => {},
      }),
      openEngine: (listener) => {
        this.engine = new FakeEngine(listener, fps);
        return this.engine as unknown as EngineSession;
      },
      openConversation: (face, audience) =>
        options.openConversation?.(face, audience, clock) ??
        new Agent({
          face,
          audience,
          brain: this.brain,
          recognizer: understands ? this.recognizer : undefined,
          synthesizer,
          loadVad: async () => new LoudnessDetector(),
          clock,
          traced: (trace) => note('trace')(trace),
          soundDropped: note('sound-dropped'),
          settings: {
            turns: {
              completeMs: 350,
              plainMs: 600,
              unfinishedMs: 1400,
              bargeIn: true,
              interruptAfterMs: 0,
              falseInterruptionMs: 1500,
              briefVoiceMs: 450,
              transcriptTimeoutMs: 5000,
              hasGreeting: false,
              promptAfterMs: 0,
              goodbyeAfterMs: 0,
              ...settings,
            },
            lines: {
              greeting: '',
              prompt: 'Are you there?',
              goodbye: 'Goodbye then.',
              notUnderstood: 'Please type.',
              fallback: 'I cannot answer.',
              ...lines,
            },
            ratePercent: 100,
            language: 'en',
          },
        }),
      synthesizer,
      controls: resolveControls({ seed: 1 }),
      clock,
      audience: {
        caption: note('caption'),
        turn: (message) => note(`turn-${message.state}`)(message),
        heard: note('heard'),
        activity: note('activity'),
        handoff: note('handoff'),
        hint: note('hint'),
        stats: () => {},
        failed: note('failed'),
        ended: (reason) => note('call-ended')({ reason }),
      },
      logger: createLogger('silent'),
      metrics: createMetrics(),
      settings: {
        render: 'server',
        fps,
        bitrateBps: 1e6,
        videoDelayUs: 0,
        voice: undefined,
        ratePercent: 100,
        maxCharacters: 2000,
      },
    });
    this.session.events.connected();
  }

  get nowMs(): number {
    return this.clock.nowUs() / 1000;
  }

  find(kind: string): CallEvent[] {
    return this.log.filter((event) => event.kind === kind);
  }

  async run(ms: number): Promise<void> {
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      this.microphone();
      this.engine.step();
      await this.clock.advance(STEP_MS);
    }
  }

  /** The caller speaks for so long; what is said is what the recogniser will understand. Time does not pass. */
  user({ says, forMs }: { says: string; forMs: number }): void {
    this.recognizer.line = { text: says, language: 'en' };
    this.voiceUntilMs = this.nowMs + forMs;
  }

  /** Lets time pass until it happens. @returns the event. */
  async expectWithin(ms: number, kind: string, match: object = {}): Promise<CallEvent> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      for (; this.seen < this.log.length; this.seen++) {
        const event = this.log[this.seen]!;
        if (event.kind !== kind || !matches(event, match)) continue;
        this.seen += 1;
        return event;
      }
      if (this.nowMs >= untilMs)
        throw new Error(
          `${kind} ${JSON.stringify(match)} did not happen within ${ms} ms; the last were\n${this.log
            .slice(-12)
            .map((event) => JSON.stringify(event))
            .join('\n')}`,
        );
      await this.run(STEP_MS);
    }
  }

  private microphone(): void {
    if (this.nowMs < this.nextPacketMs) return;
    this.nextPacketMs += 20;
    const gain = this.nowMs < this.voiceUntilMs ? 0.5 : 0;
    const samples = Float32Array.from({ length: 960 }, (_, i) => gain * Math.sin((2 * Math.PI * 300 * i) / 48_000));
    this.session.events.microphone({
      sequenceNumber: this.sequenceNumber++ & 0xffff,
      rtpTimestamp: 0,
      opus: this.encoder.encode(samples),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close('test');
    this.encoder[Symbol.dispose]();
    this.decoder[Symbol.dispose]();
  }
}

const levelOf = (samples: Float32Array): number => samples.reduce((max, sample) => Math.max(max, Math.abs(sample)), 0);

function matches(event: CallEvent, match: object): boolean {
  return Object.entries(match).every(([key, wanted]) =>
    wanted instanceof RegExp ? wanted.test(String(event[key])) : event[key] === wanted,
  );
}
