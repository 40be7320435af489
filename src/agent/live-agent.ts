/**
 * A conversation with a model that hears and speaks by itself. In: the caller's sound and typed texts; out: the model's sound as turns of the
 * face. The model finds the caller's turns; when it hears one begin, the face is silent in the same tick and the model is told how much was heard.
 */

import { AppError } from '../errors.ts';
import type { Clock } from '../media/clock.ts';
import { Resampler } from '../media/resampler.ts';
import type { TurnTrace } from '../media/turn-trace.ts';
import type { Caller } from './brain.ts';
import type { Conversation, ConversationAudience, Face, PlayListener } from './conversation.ts';
import { Listener } from './listener.ts';
import { plainText } from './plain-text.ts';
import { RECOGNIZER_RATE_HZ } from './recognizer.ts';
import { Script } from './script.ts';
import { LIVE_MODEL_RATE_HZ, type LiveConversation, type LiveModel } from './speech-to-speech.ts';
import type { SpeechSynthesizer } from './tts.ts';
import type { Activity } from './turn-events.ts';
import type { VoiceDetector } from './vad.ts';

const FACE_RATE_HZ = 48_000;

export interface LiveAgentParts {
  caller?: Caller;
  face: Face;
  audience: ConversationAudience;
  model: LiveModel;
  /** Says that the model is gone. */
  synthesizer: SpeechSynthesizer;
  loadVad: () => Promise<VoiceDetector>;
  clock: Clock;
  traced: (trace: TurnTrace) => void;
  /** 20 ms of the caller were lost because this machine cannot follow. */
  soundDropped: () => void;
  settings: { fallbackLine: string; voice?: string | undefined; ratePercent: number };
}

interface Answer {
  id: string;
  turn: ReturnType<Face['openSound']>;
  resampler: Resampler;
  order: Promise<void>;
}

/** An answer whose sound has come while the one before it is still heard. */
interface NextAnswer {
  id: string;
  sounds: Float32Array[];
  hasEnded: boolean;
}

export class LiveAgent implements Conversation {
  private readonly parts: LiveAgentParts;
  private readonly model: LiveConversation;
  private readonly upsampler = new Resampler(RECOGNIZER_RATE_HZ, LIVE_MODEL_RATE_HZ, 1);
  private listener: Listener | undefined;
  private answer: Answer | undefined;
  /** A model sends faster than it is heard: what it says after a function's result waits for what it said before. */
  private next: NextAnswer[] = [];
  /** Words of answers that do not sound yet. */
  private readonly captions = new Map<string, string>();
  /** Answers that were cut off: what still comes of them is dropped. */
  private readonly over = new Set<string>();
  private key: 'off' | 'up' | 'down' = 'off';
  private lastVoicedUs: number | undefined;
  private isGone = false;
  private shown: Activity = 'idle';

  constructor(parts: LiveAgentParts) {
    this.parts = parts;
    this.model = parts.model.open(
      {
        speechStarted: () => {
          this.interrupt();
          this.show('listening');
        },
        speechStopped: () => this.show('thinking'),
        transcript: ({ id, role, text, isFinal }) => {
          if (role === 'user') parts.audience.heard({ text, isFinal });
          else this.caption(id, text);
        },
        sound: (answerId, samples) => this.sound(answerId, samples),
        answerEnded: (answerId) => this.endAnswer(answerId),
        failed: (error) => this.lose(error),
      },
      parts.caller,
    );
  }

  tick(heard: Float32Array | undefined, sent: Float32Array): void {
    this.listener?.push(heard, sent, this.parts.clock.nowUs());
  }

  say(text: string): void {
    this.interrupt();
    this.lastVoicedUs = this.parts.clock.nowUs();
    this.show('thinking');
    this.model.say(text);
  }

  /** The model has a voice of its own. */
  setVoice(): void {}

  setTalk(isOn: boolean): void {
    this.key = 'off';
    this.listener?.close();
    this.listener = isOn
      ? new Listener(this.parts.loadVad(), {
          voice: (news) => {
            if (news.kind === 'stopped') this.lastVoicedUs = news.lastVoicedUs;
          },
          sound: (samples, isEcho) => this.hear(isEcho ? new Float32Array(samples.length) : samples),
          prosody: (caller) => this.parts.face.hearCaller(caller),
          dropped: this.parts.soundDropped,
          failed: (error) => this.fail(error),
        })
      : undefined;
    if (!isOn) this.parts.face.hearCaller({ isVoiced: false, loudness: 0 });
    this.show(isOn ? 'listening' : 'idle');
  }

  /** The model finds the turns: while the key is up it hears silence. */
  /** The model greets when it is spoken to. */
  setHears(): void {}

  hold(isDown: boolean): void {
    this.key = isDown ? 'down' : 'up';
    if (isDown) this.interrupt();
  }

  guest(begin: (listener: PlayListener) => number): number {
    this.interrupt();
    return begin({});
  }

  async close(): Promise<void> {
    this.isGone = true;
    this.listener?.close();
    this.interrupt();
    await this.model[Symbol.asyncDispose]();
  }

  private hear(samples: Float32Array): void {
    if (this.isGone) return;
    const sound = this.upsampler.push(this.key === 'up' ? new Float32Array(samples.length) : samples);
    if (sound.length > 0) this.model.hear(sound);
  }

  private sound(answerId: string, samples: Float32Array): void {
    if (this.isGone || this.over.has(answerId)) return;
    if (this.answer && this.answer.id !== answerId) {
      this.nextAnswer(answerId).sounds.push(samples);
      return;
    }
    const answer = this.answer ?? this.begin(answerId);
    const sound = answer.resampler.push(samples);
    answer.order = answer.order.then(() => answer.turn.push(sound));
  }

  private caption(answerId: string, written: string): void {
    const { text } = plainText(written);
    const { answer } = this;
    if (answer?.id === answerId) this.parts.audience.caption({ turnId: answer.turn.turnId, text });
    else if (!this.over.has(answerId)) this.captions.set(answerId, text);
  }

  private nextAnswer(id: string): NextAnswer {
    const known = this.next.find((each) => each.id === id);
    if (known) return known;
    const added = { id, sounds: [], hasEnded: false };
    this.next.push(added);
    return added;
  }

  /** @returns whether an answer waited. */
  private goOn(): boolean {
    const next = this.next.shift();
    if (!next) return false;
    for (const samples of next.sounds) this.sound(next.id, samples);
    if (next.hasEnded) this.endAnswer(next.id);
    return true;
  }

  private begin(id: string): Answer {
    const { face, clock, traced } = this.parts;
    const trace: TurnTrace = {};
    const sinceUs = this.lastVoicedUs;
    const turn = face.openSound({
      sounded: ({ engineFirstFrameUs }) => {
        trace.engineFirstFrameMs = Math.round(engineFirstFrameUs / 1000);
        if (sinceUs !== undefined) trace.responseLatencyMs = Math.round((clock.nowUs() - sinceUs) / 1000);
        this.show('speaking');
      },
      settled: ({ reachedUs, interrupted, interruptionLatencyUs }) => {
        if (interruptionLatencyUs !== undefined) trace.interruptionLatencyMs = Math.round(interruptionLatencyUs / 1000);
        if (interrupted && !this.isGone) this.model.interrupted(id, reachedUs / 1000);
        this.over.add(id);
        const isCurrent = this.answer?.id === id;
        if (isCurrent) this.answer = undefined;
        if (isCurrent && interrupted) this.dropNext();
        if (!interrupted && !this.goOn()) this.show(this.listener ? 'listening' : 'idle');
        traced(trace);
        return trace;
      },
    });
    const resampler = new Resampler(LIVE_MODEL_RATE_HZ, FACE_RATE_HZ, 1);
    this.answer = { id, turn, resampler, order: Promise.resolve() };
    const words = this.captions.get(id);
    this.captions.delete(id);
    if (words !== undefined) this.caption(id, words);
    return this.answer;
  }

  private endAnswer(answerId: string): void {
    const { answer } = this;
    const next = this.next.find(({ id }) => id === answerId);
    if (next) next.hasEnded = true;
    if (answer?.id !== answerId) return;
    const rest = answer.resampler.flush();
    answer.order = answer.order.then(async () => {
      await answer.turn.push(rest);
      answer.turn.end();
    });
  }

  private dropNext(): void {
    for (const { id } of this.next.splice(0)) {
      this.over.add(id);
      this.captions.delete(id);
      if (!this.isGone) this.model.interrupted(id, 0);
    }
  }

  private interrupt(): void {
    this.dropNext();
    const { answer } = this;
    if (!answer) return;
    this.answer = undefined;
    this.over.add(answer.id);
    this.parts.face.stop(answer.turn.turnId);
  }

  /** The model is gone: the face says so, in the embedded voice. */
  private lose(error: Error): void {
    if (this.isGone) return;
    this.isGone = true;
    this.interrupt();
    this.fail(error);
    const { face, synthesizer, settings, clock } = this.parts;
    const script = new Script({
      lines: [{ kind: 'sentence', text: settings.fallbackLine, directions: [] }],
      synthesizer,
      voice: { ...(settings.voice === undefined ? {} : { voice: settings.voice }), ratePercent: settings.ratePercent },
      languageOf: () => undefined,
      nowUs: () => clock.nowUs(),
    });
    face.play(script, {
      settled: () => {
        script.close();
        return undefined;
      },
    });
    this.show('idle');
  }

  private fail(error: Error): void {
    if (error instanceof AppError) this.parts.audience.failed({ error: { code: error.code, message: error.message } });
    else this.parts.audience.broken(error);
  }

  private show(state: Activity): void {
    if (state === this.shown) return;
    this.shown = state;
    this.parts.face.setActivity(state);
    this.parts.audience.activity({ state });
  }
}
