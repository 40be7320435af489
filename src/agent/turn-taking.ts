/**
 * Who has the floor. In: what happened and when (the caller's voice, words, typed texts, the key of push-to-talk, replies that ended);
 * out: what to do (hear, answer, interrupt, resume, prompt, hang up). A pure state machine: no clock, no I/O; time comes with the events.
 * It keeps: at most one reply at a time, each ends once; what was cut off is either resumed or discarded; after `end` nothing happens.
 */
import { CallerTurn } from './caller-turn.ts';
import { isBackchannel, type Patience, patienceMs } from './endpointing.ts';
import type { Activity, TurnEffect, TurnEvent } from './turn-events.ts';

export interface TurnTakingSettings extends Patience {
  /** Whether a recogniser turns voice into words. */
  canUnderstand: boolean;
  /** Whether the caller may interrupt by voice. */
  bargeIn: boolean;
  /** Voice must last this long to interrupt, ms. */
  interruptAfterMs: number;
  /** Without words this long after the voice stopped, an interruption was none and the reply goes on, ms. */
  falseInterruptionMs: number;
  /** Where words are not known: voice shorter than this was an "mhm", than twice this no sentence, ms. */
  briefVoiceMs: number;
  /** A recogniser that has not answered by then has heard nothing, ms. */
  transcriptTimeoutMs: number;
  hasGreeting: boolean;
  /** Silence until the caller is asked whether someone is there, and from there until the goodbye, ms; 0: never. */
  promptAfterMs: number;
  goodbyeAfterMs: number;
}

interface Reply {
  id: number;
  isGuest: boolean;
  /** When its first sound was sent. */
  soundedUs: number | undefined;
  /** Some of it was heard before it was cut off and resumed. */
  wasHeard: boolean;
  wish: 'hand-off' | 'goodbye' | undefined;
}

/** Voice that begins so soon after an answer is no objection to it: the caller had only paused. */
const GOES_ON_MS = 700;
/** A person was called, and nobody has spoken for so long: whoever speaks next is spoken with again. */
const BACK_AFTER_MS = 30_000;

export class TurnTaking {
  private readonly settings: TurnTakingSettings;
  private isTalking = false;
  private isPushToTalk = false;
  private isHandedOff = false;
  private hasGreeted = false;
  /** Whether the caller can hear the face, where that is told. */
  private isHeard: boolean | undefined;
  private hasExplained = false;
  private isOver = false;
  private caller: CallerTurn | undefined;
  /** Words of the caller's were told that are not final. */
  private areWordsOpen = false;
  private reply: Reply | undefined;
  /** Cut off, and neither resumed nor discarded yet. */
  private cut: { id: number; isSettled: boolean; wish: Reply['wish']; isHardlyHeard: boolean } | undefined;
  private nextReplyId = 1;
  private nextUtteranceId = 1;
  /** Since when nobody has said anything. */
  private quietSinceUs = 0;
  private hasPrompted = false;
  /** Somebody is there: an empty room is not asked whether it is. */
  private hasCaller = false;
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
      case 'hears':
        this.isHeard = event.isOn;
        this.hasGreeted ||= event.wasGreeted;
        if (event.isOn) this.greet();
        break;
      case 'voice-started':
        if (this.isHandedOff) this.quiet();
        else if (this.isTalking && !this.isPushToTalk) this.voiceStarted(event.sinceUs);
        break;
      case 'voice-stopped':
        if (this.isHandedOff) this.quiet();
        else if (!this.isPushToTalk) this.voiceStopped(event.lastVoicedUs);
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
        this.do({ kind: 'guest', replyId: this.open({ isGuest: true }).id });
        break;
      case 'sounded':
        if (this.reply?.id === event.replyId) this.reply.soundedUs ??= this.nowUs;
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
    // A greeting that cannot be heard waits until it can.
    else if (this.isHeard !== false) this.greet();
  }

  private greet(): void {
    if (!this.settings.hasGreeting || this.hasGreeted || this.reply || this.caller) return;
    this.hasGreeted = true;
    this.do({ kind: 'line', replyId: this.open().id, line: 'greeting' });
  }

  private voiceStarted(sinceUs: number): void {
    this.caller ??= new CallerTurn(sinceUs);
    if (this.caller.isVoiced) return;
    const utteranceId = this.settings.canUnderstand ? this.nextUtteranceId++ : undefined;
    this.caller.voiceStarted(sinceUs, utteranceId);
    if (utteranceId !== undefined) this.do({ kind: 'hear', utteranceId });
  }

  private voiceStopped(lastVoicedUs: number): void {
    const { caller } = this;
    if (!caller?.isVoiced) return;
    const utteranceId = caller.voiceStopped(lastVoicedUs, this.nowUs);
    // Too short to have interrupted: what the listening caller murmurs is nobody's turn.
    if (this.reply) this.dropCaller();
    else if (utteranceId !== undefined) this.do({ kind: 'finish-hearing', utteranceId });
  }

  private understood(event: Extract<TurnEvent, { kind: 'partial' | 'transcript' }>): void {
    const { caller } = this;
    if (!caller) return;
    if (event.kind === 'transcript') caller.transcript(event, this.nowUs);
    else if (caller.partial(event)) {
      this.areWordsOpen = true;
      this.do({ kind: 'heard', text: caller.text, isFinal: false });
    }
  }

  private typed(text: string): void {
    this.hasCaller = true;
    this.hasGreeted = true;
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
      this.voiceStarted(this.nowUs);
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
    if (caller?.isVoiced) {
      this.quiet();
      const isLong = caller.voicedForUs(nowUs) >= settings.interruptAfterMs * 1000;
      if (this.reply && settings.bargeIn && isLong && !this.isPushToTalk) this.cutReply();
      return;
    }
    if (caller && !this.reply) {
      for (const utteranceId of caller.giveUp(nowUs - settings.transcriptTimeoutMs * 1000))
        this.do({ kind: 'drop-hearing', utteranceId });
      const { isWaiting } = caller;
      const isFalse = nowUs - caller.lastVoicedUs >= settings.falseInterruptionMs * 1000 && caller.text === '';
      if (this.cut && isWaiting && isFalse) this.takeBack();
      else if (!isWaiting && this.isPatienceOver(caller)) this.endCallerTurn(caller);
    }
    if (this.isHandedOff && nowUs - this.quietSinceUs >= BACK_AFTER_MS * 1000) this.comeBack();
    if (!this.caller && !this.reply && this.isTalking && !this.isHandedOff && this.hasCaller) this.watchSilence();
  }

  private isPatienceOver(caller: CallerTurn): boolean {
    const text = this.settings.canUnderstand ? caller.text : undefined;
    return this.isPushToTalk || this.nowUs - caller.lastVoicedUs >= patienceMs(text, this.settings) * 1000;
  }

  /** The caller has finished. */
  private endCallerTurn(caller: CallerTurn): void {
    const { text } = caller;
    const { canUnderstand, briefVoiceMs } = this.settings;
    const isNoise = text === '' && (caller.voicedUs < briefVoiceMs * 1000 || (this.cut && canUnderstand));
    if (isNoise || (this.cut && isBackchannel(text))) {
      this.takeBack();
      return;
    }
    const isHardlyHeard = this.cut?.isHardlyHeard ?? false;
    if (text !== '') this.areWordsOpen = false;
    this.dropCaller();
    this.discardCut();
    this.hasCaller = true;
    this.hasPrompted = false;
    if (text === '') {
      this.quiet();
      this.explain(caller.voicedUs >= 2 * briefVoiceMs * 1000);
      return;
    }
    const { lastVoicedUs, language } = caller;
    this.do({ kind: 'heard', text, isFinal: true });
    const known = language === undefined ? {} : { language };
    const goesOn = isHardlyHeard ? { goesOn: true as const } : {};
    this.do({ kind: 'answer', replyId: this.open().id, text, lastVoicedUs, ...known, ...goesOn });
  }

  /** Somebody spoke, and no word was understood: said once, after something as long as a sentence; else shown. */
  private explain(wasSentence: boolean): void {
    if (this.hasExplained || !wasSentence) {
      this.do({ kind: 'hint' });
      return;
    }
    this.hasExplained = true;
    this.do({ kind: 'line', replyId: this.open().id, line: 'not-understood' });
  }

  /** Nothing was said: a reply that was cut off for it goes on. */
  private takeBack(): void {
    if (this.cut && !this.cut.isSettled) return; // its position is not known before it has settled
    this.dropCaller();
    this.quiet();
    const { cut } = this;
    if (!cut) return;
    this.cut = undefined;
    const reply = this.open({ wasHeard: !cut.isHardlyHeard });
    reply.wish = cut.wish;
    this.do({ kind: 'resume', replyId: reply.id, cutReplyId: cut.id });
  }

  private comeBack(): void {
    this.isHandedOff = false;
    this.hasCaller = false;
    this.hasPrompted = false;
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

  private dropCaller(): void {
    for (const utteranceId of this.caller?.unheard() ?? []) this.do({ kind: 'drop-hearing', utteranceId });
    this.caller = undefined;
    // What was nobody's turn is not left standing as half a sentence.
    if (this.areWordsOpen) this.do({ kind: 'heard', text: '', isFinal: true });
    this.areWordsOpen = false;
  }

  private open({ isGuest = false, wasHeard = false } = {}): Reply {
    const soundedUs = isGuest ? this.nowUs : undefined;
    this.reply = { id: this.nextReplyId++, isGuest, soundedUs, wasHeard, wish: undefined };
    return this.reply;
  }

  private cutReply(): void {
    const { reply } = this;
    if (!reply) return;
    this.reply = undefined;
    this.discardCut();
    this.do({ kind: 'interrupt', replyId: reply.id });
    if (reply.isGuest) return;
    const voiceSinceUs = this.nowUs - (this.caller?.voicedForUs(this.nowUs) ?? 0);
    const isHardlyHeard =
      !reply.wasHeard &&
      this.caller !== undefined &&
      voiceSinceUs - (reply.soundedUs ?? voiceSinceUs) < GOES_ON_MS * 1000;
    this.cut = { id: reply.id, isSettled: false, wish: reply.wish, isHardlyHeard };
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
    if (this.reply) return this.reply.soundedUs !== undefined ? 'speaking' : 'thinking';
    if (!this.isTalking || this.isHandedOff) return 'idle';
    const { caller } = this;
    if (!caller || caller.isVoiced || this.cut) return 'listening';
    return this.isPatienceOver(caller) ? 'thinking' : 'listening';
  }
}
