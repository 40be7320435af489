/**
 * The agent: recogniser, brain and voice joined by turn-taking. In: the caller's sound and typed texts; out: scripts for the face to say,
 * what was understood, what the face does. `TurnTaking` decides; this file carries out its effects and tells it what came of them.
 */

import { AppError } from '../errors.ts';
import type { Clock } from '../media/clock.ts';
import type { TurnTrace } from '../media/turn-trace.ts';
import { answerLines, type Filler, linesOf } from './answer-lines.ts';
import type { Brain, Caller, Dialogue } from './brain.ts';
import type { Conversation, ConversationAudience, Face, PlayListener } from './conversation.ts';
import { Hearings } from './hearings.ts';
import { History } from './history.ts';
import { detectLanguage } from './language.ts';
import { Listener } from './listener.ts';
import type { Recognizer } from './recognizer.ts';
import { Reply } from './reply.ts';
import { Script, untilAborted } from './script.ts';
import type { Line } from './sentences.ts';
import type { SpeechSynthesizer } from './tts.ts';
import type { TurnEffect, TurnEvent } from './turn-events.ts';
import { TurnTaking, type TurnTakingSettings } from './turn-taking.ts';
import type { VoiceDetector } from './vad.ts';

export interface AgentParts {
  caller?: Caller;
  face: Face;
  audience: ConversationAudience;
  brain: Brain;
  /** Undefined: voice is heard, but not understood. */
  recognizer: Recognizer | undefined;
  synthesizer: SpeechSynthesizer;
  loadVad: () => Promise<VoiceDetector>;
  clock: Clock;
  /** Told of each reply when it is over. */
  traced: (trace: TurnTrace) => void;
  /** 20 ms of the caller were lost because this machine cannot follow. */
  soundDropped: () => void;
  settings: AgentSettings;
}

export interface AgentSettings {
  turns: Omit<TurnTakingSettings, 'canUnderstand'>;
  /** What the face says of itself; with an empty greeting the brain is asked for one. */
  lines: { greeting: string; prompt: string; goodbye: string; notUnderstood: string; fallback: string };
  /** Said where something is looked up for so long, by language; 0: never. */
  toolFiller?: { afterMs: number; lines: Readonly<Record<string, string>> };
  voice?: string | undefined;
  ratePercent: number;
  /** BCP 47 tag of the texts where nothing else is known. */
  language: string;
  /** … of what callers speak, for the recogniser; undefined: it finds out. */
  callerLanguage?: string | undefined;
}

const ms = (us: number): number => Math.round(us / 1000);

export class Agent implements Conversation {
  private readonly parts: AgentParts;
  private readonly turns: TurnTaking;
  private readonly dialogue: Dialogue;
  private readonly history = new History();
  private readonly replies = new Map<number, Reply>();
  /** Undefined: nobody recognises words. */
  private readonly hearings: Hearings | undefined;
  private listener: Listener | undefined;
  private language: string;
  private voice: string | undefined;
  /** Settles when the reply before has: only then is it known how much of it was heard. */
  private lastSettled: Promise<void> = Promise.resolve();
  /** The guest whose turn is about to get its number. */
  private guestReplyId: number | undefined;
  private readonly events: TurnEvent[] = [];

  constructor(parts: AgentParts) {
    this.parts = parts;
    this.language = parts.settings.language;
    this.voice = parts.settings.voice;
    this.dialogue = parts.brain.open(parts.caller);
    const { recognizer, clock, settings } = parts;
    if (recognizer)
      this.hearings = new Hearings({
        recognizer,
        clock,
        language: settings.callerLanguage,
        partial: (utteranceId, text) => this.tell({ kind: 'partial', utteranceId, text }),
        transcript: (utteranceId, said) => this.tell({ kind: 'transcript', utteranceId, ...said }),
        failed: (error) => this.fail(error),
      });
    this.turns = new TurnTaking({
      ...parts.settings.turns,
      canUnderstand: parts.recognizer !== undefined,
    });
  }

  tick(heard: Float32Array | undefined, sent: Float32Array): void {
    this.listener?.push(heard, sent, this.parts.clock.nowUs());
    this.tell({ kind: 'tick' });
  }

  say(text: string): void {
    this.tell({ kind: 'typed', text });
  }

  setVoice(voice: string): void {
    this.voice = voice || this.parts.settings.voice;
  }

  setTalk(isOn: boolean): void {
    if (!isOn) {
      this.listener?.close();
      this.listener = undefined;
      this.parts.face.hearCaller({ isVoiced: false, loudness: 0 });
    } else
      this.listener ??= new Listener(this.parts.loadVad(), {
        voice: (news) =>
          this.tell(
            news.kind === 'started'
              ? { kind: 'voice-started', sinceUs: news.sinceUs }
              : { kind: 'voice-stopped', lastVoicedUs: news.lastVoicedUs },
          ),
        sound: (samples) => this.hearings?.push(samples),
        prosody: (caller) => this.parts.face.hearCaller(caller),
        dropped: this.parts.soundDropped,
        failed: (error) => this.fail(error),
      });
    this.tell({ kind: 'talk', isOn });
  }

  setHears(isOn: boolean, wasGreeted: boolean): void {
    this.tell({ kind: 'hears', isOn, wasGreeted });
  }

  hold(isDown: boolean): void {
    this.tell({ kind: 'hold', isDown });
  }

  guest(begin: (listener: PlayListener) => number): number {
    let replyId: number | undefined;
    const turnId = begin({
      settled: ({ interrupted }) => {
        if (replyId === undefined) return undefined;
        this.replies.delete(replyId);
        this.settled(replyId, interrupted);
        return undefined;
      },
    });
    this.tell({ kind: 'guest' });
    replyId = this.guestReplyId;
    this.guestReplyId = undefined;
    if (replyId !== undefined) this.replies.get(replyId)!.turnId = turnId;
    return turnId;
  }

  async close(): Promise<void> {
    this.listener?.close();
    this.tell({ kind: 'end' });
    for (const reply of this.replies.values()) reply.drop();
    await this.hearings?.close();
  }

  /** One event after the other: what an effect sets off waits until the effects before it are carried out. */
  private tell(event: TurnEvent): void {
    this.events.push(event);
    if (this.events.length > 1) return;
    while (this.events.length > 0) {
      for (const effect of this.turns.push(this.events[0]!, this.parts.clock.nowUs())) this.perform(effect);
      this.events.shift();
    }
  }

  private perform(effect: TurnEffect): void {
    const { face, audience, settings } = this.parts;
    switch (effect.kind) {
      case 'hear':
        this.hearings?.open(effect.utteranceId, this.listener?.preRoll() ?? []);
        break;
      case 'finish-hearing':
        this.hearings?.finish(effect.utteranceId);
        break;
      case 'drop-hearing':
        this.hearings?.drop(effect.utteranceId);
        break;
      case 'heard':
        audience.heard({ text: effect.text, isFinal: effect.isFinal });
        break;
      case 'answer':
        this.answer(effect);
        break;
      case 'line':
        this.line(effect.replyId, { ...settings.lines, 'not-understood': settings.lines.notUnderstood }[effect.line]);
        break;
      case 'guest':
        this.guestReplyId = effect.replyId;
        this.replies.set(effect.replyId, new Reply(effect.replyId));
        break;
      case 'interrupt':
        face.stop(this.replies.get(effect.replyId)?.turnId ?? -1);
        break;
      case 'resume':
        this.resume(effect.replyId, effect.cutReplyId);
        break;
      case 'discard':
        this.forget(effect.replyId);
        break;
      case 'activity':
        face.setActivity(effect.state);
        audience.activity({ state: effect.state });
        break;
      case 'hint':
        audience.hint({ text: settings.lines.notUnderstood });
        break;
      case 'hand-off':
        audience.handoff();
        break;
      case 'hang-up':
        audience.hangUp();
        break;
    }
  }

  private answer({ replyId, text, lastVoicedUs, language, goesOn }: Extract<TurnEffect, { kind: 'answer' }>): void {
    const { clock } = this.parts;
    const nowUs = clock.nowUs();
    this.language = language ?? detectLanguage(text, this.language);
    const reply = this.open(replyId);
    if (lastVoicedUs !== undefined) {
      reply.trace.eouDelayMs = ms(nowUs - lastVoicedUs);
      const sttDelayUs = this.hearings?.lastDelayUs;
      if (sttDelayUs !== undefined) reply.trace.sttDelayMs = ms(sttDelayUs);
    }
    this.play(reply, this.think(reply, text, this.lastSettled, goesOn), lastVoicedUs ?? nowUs);
  }

  private line(replyId: number, text: string): void {
    const reply = this.open(replyId);
    this.play(reply, text === '' ? this.think(reply, '', this.lastSettled) : linesOf(text));
  }

  private open(replyId: number): Reply {
    const reply = new Reply(replyId, this.history.assistant());
    this.replies.set(replyId, reply);
    return reply;
  }

  /** What the brain answers. @param text empty: it greets. */
  private async *think(reply: Reply, text: string, lastSettled: Promise<void>, goesOn = false): AsyncGenerator<Line> {
    const { clock, settings } = this.parts;
    const { signal, trace } = reply;
    await untilAborted(lastSettled, signal);
    if (text !== '') this.history.user(text, goesOn);
    signal.throwIfAborted();
    const askedUs = clock.nowUs();
    yield* answerLines({
      dialogue: this.dialogue,
      question: { history: this.history.soFar(), language: this.language, signal },
      fallback: settings.lines.fallback,
      filler: this.filler(),
      onFirstPiece: () => {
        trace.llmTtftMs = ms(clock.nowUs() - askedUs);
      },
      onWish: (wish) => this.tell({ kind: 'wish', replyId: reply.id, wish }),
      onFailure: (error) => this.fail(error),
    });
  }

  /** What is said while something is looked up, in the language that is spoken. */
  private filler(): Filler | undefined {
    const { clock, settings } = this.parts;
    const { afterMs = 0, lines = {} } = settings.toolFiller ?? {};
    const text = lines[this.language] ?? lines[this.language.split('-')[0]!.toLowerCase()] ?? '';
    if (afterMs === 0 || text === '') return undefined;
    return { text, due: (signal) => clock.sleepUntil(clock.nowUs() + afterMs * 1000, signal) };
  }

  /** @param sinceUs when the caller was last heard, for the latency. */
  private play(reply: Reply, lines: AsyncIterable<Line> | Iterable<Line>, sinceUs?: number): void {
    const { synthesizer, settings, clock, face } = this.parts;
    reply.script = new Script({
      lines,
      synthesizer,
      voice: { ...(this.voice === undefined ? {} : { voice: this.voice }), ratePercent: settings.ratePercent },
      languageOf: (text) => detectLanguage(text, this.language),
      onFirstSound: (sinceTextUs) => {
        reply.trace.ttsTtfbMs = ms(sinceTextUs);
      },
      nowUs: () => clock.nowUs(),
    });
    reply.turnId = face.play(reply.script, this.follow(reply, reply.script, sinceUs));
  }

  private resume(replyId: number, cutReplyId: number): void {
    const reply = this.replies.get(cutReplyId);
    this.replies.delete(cutReplyId);
    if (!reply?.script) return;
    reply.id = replyId;
    this.replies.set(replyId, reply);
    reply.turnId = this.parts.face.play(reply.script, this.follow(reply, reply.script), reply.reachedUs);
  }

  private follow(reply: Reply, script: Script, sinceUs?: number): PlayListener {
    const { clock, face, traced } = this.parts;
    const { id: replyId } = reply;
    let done = (): void => {};
    this.lastSettled = new Promise((resolve) => {
      done = resolve;
    });
    return {
      sounded: ({ engineFirstFrameUs }) => {
        reply.trace.engineFirstFrameMs ??= ms(engineFirstFrameUs);
        if (sinceUs !== undefined) reply.trace.responseLatencyMs ??= ms(clock.nowUs() - sinceUs);
        this.tell({ kind: 'sounded', replyId });
      },
      direction: (direction) => face.direct(direction),
      settled: ({ reachedUs, interrupted, interruptionLatencyUs }) => {
        if (interruptionLatencyUs !== undefined) reply.trace.interruptionLatencyMs = ms(interruptionLatencyUs);
        reply.reachedUs = reachedUs;
        reply.heard(script.heardText(interrupted ? reachedUs : Number.POSITIVE_INFINITY));
        done();
        face.relax();
        if (!interrupted) this.forget(replyId);
        traced(reply.trace);
        this.settled(replyId, interrupted);
        return Object.keys(reply.trace).length > 0 ? reply.trace : undefined;
      },
    };
  }

  private settled(replyId: number, interrupted: boolean): void {
    this.tell({ kind: 'settled', replyId, interrupted });
  }

  private forget(replyId: number): void {
    this.replies.get(replyId)?.drop();
    this.replies.delete(replyId);
  }

  /** What is wrong outside is told, and the conversation goes on; anything else is a bug of ours. */
  private fail(error: unknown): void {
    if (error instanceof AppError) this.parts.audience.failed({ error: { code: error.code, message: error.message } });
    else this.parts.audience.broken(error);
  }
}
