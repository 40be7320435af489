/**
 * Who has the floor. In: what happened and when (the caller's voice, words, typed texts, the key of push-to-talk, replies that ended);
 * out: what to do (hear, answer, interrupt, resume, prompt, hang up). A pure state machine: no clock, no I/O; time comes with the events.
 * It keeps: at most one reply at a time, each ends once; what was cut off is either resumed or discarded; after `end` nothing happens.
 */
import { isBackchannel, type Patience, patienceMs } from './endpointing.ts';

export interface TurnTakingSettings extends Patience {
  /** Whether a recogniser turns voice into words. */
  canUnderstand: boolean;
  /** Whether the caller may interrupt by voice. */
  bargeIn: boolean;
  /** Voice must last this long to interrupt, ms. */
  interruptAfterMs: number;
  /** Without words this long after the voice stopped, an interruption was none and the reply goes on, ms. */
  falseInterruptionMs: number;
  /** Where words are not known: voice shorter than this was an "mhm" or a cough, ms. */
  briefVoiceMs: number;
  /** A recogniser that has not answered by then has heard nothing, ms. */
  transcriptTimeoutMs: number;
  hasGreeting: boolean;
  /** Silence until the caller is asked whether someone is there, and from there until the goodbye, ms; 0: never. */
  promptAfterMs: number;
  goodbyeAfterMs: number;
}

export type Activity = 'idle' | 'listening' | 'thinking' | 'speaking';

export type TurnEvent =
  /** The microphone is part of the conversation, or no longer. */
  | { kind: 'talk'; isOn: boolean }
  | { kind: 'voice-started' }
  | { kind: 'voice-stopped'; lastVoicedUs: number }
  | { kind: 'partial'; utteranceId: number; text: string }
  /** The final words of an utterance; empty where none were understood. */
  | { kind: 'transcript'; utteranceId: number; text: string; language?: string }
  | { kind: 'typed'; text: string }
  | { kind: 'hold'; isDown: boolean }
  /** Someone else makes the face speak (a program, mirror mode). */
  | { kind: 'guest' }
  /** The first sound of a reply was sent. */
  | { kind: 'sounded'; replyId: number }
  /** The last of a reply was sent, or it was cut off. */
  | { kind: 'settled'; replyId: number; interrupted: boolean }
  /** The reply asks to hand over to a human, or to end the call, once it is said. */
  | { kind: 'wish'; replyId: number; wish: 'hand-off' | 'goodbye' }
  | { kind: 'tick' }
  | { kind: 'end' };

export type TurnEffect =
  /** An utterance begins: the recogniser is to hear it, from a little before now. */
  | { kind: 'hear'; utteranceId: number }
  | { kind: 'finish-hearing'; utteranceId: number }
  | { kind: 'drop-hearing'; utteranceId: number }
  | { kind: 'heard'; text: string; isFinal: boolean }
  | { kind: 'answer'; replyId: number; text: string; lastVoicedUs?: number; language?: string }
  | { kind: 'line'; replyId: number; line: 'greeting' | 'prompt' | 'goodbye' | 'not-understood' }
  /** The guest's speech has this number. */
  | { kind: 'guest'; replyId: number }
  /** Silence, now. For all but guests `resume` or `discard` follows. */
  | { kind: 'interrupt'; replyId: number }
  /** The reply that was cut off goes on where it was. */
  | { kind: 'resume'; replyId: number; cutReplyId: number }
  /** What was cut off will not be said; whatever still works on it stops. */
  | { kind: 'discard'; replyId: number }
  | { kind: 'activity'; state: Activity }
  /** The caller should be told that words are not understood, without a sound. */
  | { kind: 'hint' }
  | { kind: 'hand-off' }
  | { kind: 'hang-up' };

/** A turn of the caller's: one or more utterances. */
interface CallerTurn {
  utterances: { id: number; text: string | undefined; finishedUs: number | undefined }[];
  /** While the voice sounds, or the key is down: since when. */
  voiceSinceUs: number | undefined;
  lastVoicedUs: number;
  voicedUs: number;
  language: string | undefined;
}

interface Reply {
  id: number;
  isGuest: boolean;
  hasSounded: boolean;
  wish: 'hand-off' | 'goodbye' | undefined;
}

export class TurnTaking {
  private readonly settings: TurnTakingSettings;
  private isTalking = false;
  private isPushToTalk = false;
  private isHandedOff = false;
  private hasGreeted = false;
  private hasExplained = false;
  private isOver = false;
  private caller: CallerTurn | undefined;
  /** What the last utterance sounds like so far. */
  private partial: { utteranceId: number; text: string } | undefined;
  private reply: Reply | undefined;
  /** Cut off, and neither resumed nor discarded yet. */
  private cut: { id: number; isSettled: boolean; wish: Reply['wish'] } | undefined;
  private nextReplyId = 1;
  private nextUtteranceId = 1;
  /** Since when nobody has said anything. */
  private quietSinceUs = 0;
  private hasPrompted = false;
  private shown: Activity = 'idle';
  private nowUs = 0;
  private effects: TurnEffect[] = [];

  constructor(settings: TurnTakingSettings) {
    this.settings = settings;
  }

  /** The reply under way; `settled` is expected for it. */
  get replyId(): number | undefined {
    return this.reply?.id;
  }

  /** @param nowUs monotonic µs, never decreasing. */
  push(event: TurnEvent, nowUs: number): TurnEffect[] {
    if (this.isOver) return [];
    this.nowUs = nowUs;
    this.handle(event);
    if (!this.isOver) {
      this.passTime();
      this.showActivity();
    }
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  private do(effect: TurnEffect): void {
    this.effects.push(effect);
  }

  private handle(event: TurnEvent): void {
    switch (event.kind) {
      case 'talk':
        this.talk(event.isOn);
        break;
      case 'voice-started':
        if (this.isTalking && !this.isPushToTalk && !this.isHandedOff) this.voiceStarted();
        break;
      case 'voice-stopped':
        if (!this.isPushToTalk) this.voiceStopped(event.lastVoicedUs);
        break;
      case 'partial':
      case 'transcript':
        this.understood(event);
        break;
      case 'typed':
        this.typed(event.text);
        break;
      case 'hold':
        this.hold(event.isDown);
        break;
      case 'guest':
        this.cutReply();
        this.discardCut();
        this.do({ kind: 'guest', replyId: this.open(true).id });
        break;
      case 'sounded':
        if (this.reply?.id === event.replyId) this.reply.hasSounded = true;
        break;
      case 'settled':
        this.settled(event);
        break;
      case 'wish':
        if (this.reply?.id === event.replyId) this.reply.wish = event.wish;
        break;
      case 'end':
        this.dropCaller();
        this.cutReply();
        this.discardCut();
        this.isOver = true;
        break;
      case 'tick':
        break;
    }
  }

  private talk(isOn: boolean): void {
    this.isPushToTalk = false;
    this.isHandedOff &&= !isOn;
    if (this.isTalking === isOn) return;
    this.isTalking = isOn;
    this.quiet();
    if (!isOn) this.dropCaller();
    else if (this.settings.hasGreeting && !this.hasGreeted && !this.reply) {
      this.hasGreeted = true;
      this.do({ kind: 'line', replyId: this.open().id, line: 'greeting' });
    }
  }

  private voiceStarted(): void {
    const caller = this.callerTurn();
    if (caller.voiceSinceUs !== undefined) return;
    caller.voiceSinceUs = this.nowUs;
    caller.lastVoicedUs = this.nowUs;
    if (!this.settings.canUnderstand) return;
    const id = this.nextUtteranceId++;
    caller.utterances.push({ id, text: undefined, finishedUs: undefined });
    this.do({ kind: 'hear', utteranceId: id });
  }

  private voiceStopped(lastVoicedUs: number): void {
    const { caller } = this;
    if (!caller || caller.voiceSinceUs === undefined) return;
    caller.voicedUs += Math.max(0, lastVoicedUs - caller.voiceSinceUs);
    caller.lastVoicedUs = lastVoicedUs;
    caller.voiceSinceUs = undefined;
    const utterance = caller.utterances.at(-1);
    if (utterance && utterance.finishedUs === undefined) {
      utterance.finishedUs = this.nowUs;
      // Too short to have interrupted: what the listening caller murmurs is nobody's turn.
      if (this.reply) {
        this.do({ kind: 'drop-hearing', utteranceId: utterance.id });
        caller.utterances.pop();
      } else this.do({ kind: 'finish-hearing', utteranceId: utterance.id });
    }
    if (this.reply) this.dropCaller();
  }

  private understood(event: Extract<TurnEvent, { kind: 'partial' | 'transcript' }>): void {
    const utterance = this.caller?.utterances.find(({ id }) => id === event.utteranceId);
    if (!this.caller || !utterance) return;
    if (event.kind === 'partial') {
      const isNews = this.partial?.utteranceId !== event.utteranceId || this.partial.text !== event.text;
      if (utterance.finishedUs !== undefined || !isNews) return;
      this.do({ kind: 'heard', text: this.textOf(this.caller, event), isFinal: false });
      this.partial = { utteranceId: event.utteranceId, text: event.text };
      return;
    }
    if (utterance.text !== undefined) return;
    utterance.text = event.text.trim();
    this.caller.language = event.language ?? this.caller.language;
    // A recogniser may end by itself, before the voice does.
    utterance.finishedUs ??= this.nowUs;
  }

  private textOf(caller: CallerTurn, partial = this.partial): string {
    return caller.utterances
      .map(({ id, text }) => text ?? (partial?.utteranceId === id ? partial.text : ''))
      .filter((text) => text !== '')
      .join(' ');
  }

  private typed(text: string): void {
    this.isHandedOff = false;
    this.hasPrompted = false;
    this.dropCaller();
    this.cutReply();
    this.discardCut();
    this.do({ kind: 'answer', replyId: this.open().id, text });
  }

  private hold(isDown: boolean): void {
    if (!this.isTalking || this.isHandedOff) return;
    if (!this.isPushToTalk) this.dropCaller();
    this.isPushToTalk = true;
    if (isDown) {
      this.cutReply();
      this.voiceStarted();
    } else this.voiceStopped(this.nowUs);
  }

  private settled({ replyId, interrupted }: Extract<TurnEvent, { kind: 'settled' }>): void {
    if (this.cut?.id === replyId) this.cut.isSettled = true;
    const { reply } = this;
    if (reply?.id !== replyId) return;
    this.reply = undefined;
    this.quiet();
    if (interrupted) {
      // Someone else took the floor; what was left of the reply goes.
      if (!reply.isGuest) this.do({ kind: 'discard', replyId });
      return;
    }
    if (reply.wish === 'goodbye') this.hangUp();
    else if (reply.wish === 'hand-off') {
      this.isHandedOff = true;
      this.dropCaller();
      this.do({ kind: 'hand-off' });
    }
  }

  private hangUp(): void {
    this.dropCaller();
    this.do({ kind: 'hang-up' });
    this.isOver = true;
  }

  /** What is due because time has passed. */
  private passTime(): void {
    const { caller, settings, nowUs } = this;
    if (caller?.voiceSinceUs !== undefined) {
      this.quiet();
      const isLong = nowUs - caller.voiceSinceUs >= settings.interruptAfterMs * 1000;
      if (this.reply && settings.bargeIn && isLong && !this.isPushToTalk) this.cutReply();
      return;
    }
    if (caller && !this.reply) {
      for (const utterance of caller.utterances) {
        const { finishedUs, text, id } = utterance;
        if (text !== undefined || finishedUs === undefined) continue;
        if (nowUs - finishedUs < settings.transcriptTimeoutMs * 1000) continue;
        utterance.text = this.partial?.utteranceId === id ? this.partial.text : '';
        this.do({ kind: 'drop-hearing', utteranceId: id });
      }
      const isWaiting = caller.utterances.some(({ text }) => text === undefined);
      const isFalse = nowUs - caller.lastVoicedUs >= settings.falseInterruptionMs * 1000 && !this.textOf(caller);
      if (this.cut && isWaiting && isFalse) this.takeBack();
      else if (!isWaiting && this.isPatienceOver(caller)) this.endCallerTurn(caller);
    }
    if (!this.caller && !this.reply && this.isTalking && !this.isHandedOff) this.watchSilence();
  }

  private isPatienceOver(caller: CallerTurn): boolean {
    const text = this.settings.canUnderstand ? this.textOf(caller) : undefined;
    return this.isPushToTalk || this.nowUs - caller.lastVoicedUs >= patienceMs(text, this.settings) * 1000;
  }

  /** The caller has finished. */
  private endCallerTurn(caller: CallerTurn): void {
    const text = this.textOf(caller);
    const { canUnderstand, briefVoiceMs } = this.settings;
    const isNoise = text === '' && (caller.voicedUs < briefVoiceMs * 1000 || (this.cut && canUnderstand));
    if (isNoise || (this.cut && isBackchannel(text))) {
      this.takeBack();
      return;
    }
    this.dropCaller();
    this.discardCut();
    this.hasPrompted = false;
    if (text === '') {
      this.explain();
      return;
    }
    const { lastVoicedUs, language } = caller;
    this.do({ kind: 'heard', text, isFinal: true });
    const known = language === undefined ? {} : { language };
    this.do({ kind: 'answer', replyId: this.open().id, text, lastVoicedUs, ...known });
  }

  /** Somebody spoke, and no word was understood: said once, shown from then on. */
  private explain(): void {
    this.quiet();
    if (this.hasExplained) this.do({ kind: 'hint' });
    else this.do({ kind: 'line', replyId: this.open().id, line: 'not-understood' });
    this.hasExplained = true;
  }

  /** Nothing was said: a reply that was cut off for it goes on. */
  private takeBack(): void {
    if (this.cut && !this.cut.isSettled) return; // its position is not known before it has settled
    this.dropCaller();
    this.quiet();
    const { cut } = this;
    if (!cut) return;
    this.cut = undefined;
    const reply = this.open();
    reply.wish = cut.wish;
    this.do({ kind: 'resume', replyId: reply.id, cutReplyId: cut.id });
  }

  private watchSilence(): void {
    const { promptAfterMs, goodbyeAfterMs } = this.settings;
    const quietMs = (this.nowUs - this.quietSinceUs) / 1000;
    if (!this.hasPrompted) {
      if (promptAfterMs === 0 || quietMs < promptAfterMs) return;
      this.hasPrompted = true;
      this.do({ kind: 'line', replyId: this.open().id, line: 'prompt' });
    } else if (goodbyeAfterMs > 0 && quietMs >= goodbyeAfterMs) {
      const reply = this.open();
      reply.wish = 'goodbye';
      this.do({ kind: 'line', replyId: reply.id, line: 'goodbye' });
    }
  }

  private callerTurn(): CallerTurn {
    this.caller ??= {
      utterances: [],
      voiceSinceUs: undefined,
      lastVoicedUs: this.nowUs,
      voicedUs: 0,
      language: undefined,
    };
    return this.caller;
  }

  private dropCaller(): void {
    for (const { id, text } of this.caller?.utterances ?? [])
      if (text === undefined) this.do({ kind: 'drop-hearing', utteranceId: id });
    this.caller = undefined;
    this.partial = undefined;
  }

  private open(isGuest = false): Reply {
    this.reply = { id: this.nextReplyId++, isGuest, hasSounded: isGuest, wish: undefined };
    return this.reply;
  }

  private cutReply(): void {
    const { reply } = this;
    if (!reply) return;
    this.reply = undefined;
    this.discardCut();
    this.do({ kind: 'interrupt', replyId: reply.id });
    if (!reply.isGuest) this.cut = { id: reply.id, isSettled: false, wish: reply.wish };
  }

  private discardCut(): void {
    if (this.cut) this.do({ kind: 'discard', replyId: this.cut.id });
    this.cut = undefined;
  }

  private quiet(): void {
    this.quietSinceUs = this.nowUs;
  }

  private showActivity(): void {
    const state = this.activity();
    if (state === this.shown) return;
    this.shown = state;
    this.do({ kind: 'activity', state });
  }

  private activity(): Activity {
    if (this.reply) return this.reply.hasSounded ? 'speaking' : 'thinking';
    if (!this.isTalking || this.isHandedOff) return 'idle';
    const { caller } = this;
    if (!caller || caller.voiceSinceUs !== undefined || this.cut) return 'listening';
    return this.isPatienceOver(caller) ? 'thinking' : 'listening';
  }
}
