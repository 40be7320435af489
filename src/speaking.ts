/**
 * What the face of one session says: one turn at a time, a script or bare sound. In: scripts, sound, what the engine has announced and what
 * was sent. Out: speech to the engine, at most a little ahead of what it has announced; captions and stage directions when their words
 * sound; one report per turn.
 */

import type { PlayListener } from './agent/conversation.ts';
import { Script } from './agent/script.ts';
import { scriptLines } from './agent/ssml.ts';
import { type SpeechSynthesizer, shiftChunk } from './agent/tts.ts';
import type { EngineSession } from './engine/engine-session.ts';
import { ENGINE_RATE_HZ } from './engine/spoken-turn.ts';
import { AppError } from './errors.ts';
import type { PlayoutReport } from './media/av-pacer.ts';
import type { Clock } from './media/clock.ts';
import { Resampler } from './media/resampler.ts';
import type { SpeechChunk } from './media/speech.ts';
import type { Metrics } from './metrics.ts';
import type { CallAudience, SoundIntake } from './signaling/hosting.ts';

/** Speech given to the engine ahead of what it has announced; more would only make interruptions waste work. */
const MAX_AHEAD_US = 2_000_000;

export interface SpeakingParts {
  engine: EngineSession;
  synthesizer: SpeechSynthesizer;
  clock: Clock;
  audience: CallAudience;
  metrics: Metrics;
  settings: { voice?: string | undefined; ratePercent: number; maxCharacters: number };
  /** Called with each turn that is cut off. */
  interrupted: (turnId: number) => void;
  /** Takes a task into the session's care. */
  run: (task: Promise<void>) => void;
}

/** What is to be done when a turn has been played so far. */
interface TurnCue {
  atUs: number;
  act: () => void;
}

interface Turn {
  id: number;
  abort: AbortController;
  listener: PlayListener;
  script: Script | undefined;
  /** Where in the script this turn begins; undefined before its first sound. */
  baseUs: number | undefined;
  cues: TurnCue[];
  /** Speech handed to the engine and not yet announced by it. */
  aheadUs: number;
  /** Wakes whoever waits for `aheadUs` to fall. */
  wake: () => void;
  givenUs: number | undefined;
  announcedUs: number | undefined;
  playedUs: number;
  stoppedUs: number | undefined;
}

export class Speaking {
  private readonly parts: SpeakingParts;
  private turn: Turn | undefined;
  /** Turns without a report yet: the one under way, and those that were just cut off. */
  private readonly open = new Map<number, Turn>();
  private nextTurnId = 1;

  constructor(parts: SpeakingParts) {
    this.parts = parts;
  }

  get isSilent(): boolean {
    return this.turn === undefined;
  }

  /** The engine has given out this much of a turn. */
  announced(turnId: number | undefined, samples: number): void {
    if (!this.turn || turnId !== this.turn.id) return;
    this.turn.announcedUs ??= this.parts.clock.nowUs();
    this.turn.aheadUs -= (samples / ENGINE_RATE_HZ) * 1e6;
    this.turn.wake();
  }

  /** 20 ms were sent. @param playedUs asks how much of a turn is sent by now. */
  sent(playedUs: (turnId: number) => number): void {
    if (this.turn) this.progress(this.turn, playedUs(this.turn.id));
  }

  private progress(turn: Turn, playedUs: number): void {
    if (playedUs <= turn.playedUs) return;
    if (turn.playedUs === 0)
      turn.listener.sounded?.({ engineFirstFrameUs: (turn.announcedUs ?? 0) - (turn.givenUs ?? 0) });
    turn.playedUs = playedUs;
    turn.script?.forgetBefore((turn.baseUs ?? 0) + playedUs);
    this.act(turn, playedUs);
  }

  private act(turn: Turn, untilUs: number): void {
    while (turn.cues.length > 0 && turn.cues[0]!.atUs < untilUs) turn.cues.shift()!.act();
  }

  /** A turn is over: tells everyone, once. */
  settled({ turnId, playedUs, interrupted }: PlayoutReport): void {
    const turn = this.open.get(turnId);
    if (!turn) return;
    this.open.delete(turnId);
    if (this.turn === turn) this.turn = undefined;
    this.progress(turn, playedUs);
    if (!interrupted) this.act(turn, Number.POSITIVE_INFINITY);
    const { clock, audience } = this.parts;
    const reachedUs = (turn.baseUs ?? 0) + playedUs;
    const heard = turn.script?.heardText(interrupted ? reachedUs : Number.POSITIVE_INFINITY);
    const trace = turn.listener.settled?.({
      reachedUs,
      interrupted,
      ...(turn.stoppedUs === undefined ? {} : { interruptionLatencyUs: clock.nowUs() - turn.stoppedUs }),
    });
    audience.turn({
      turnId,
      state: 'ended',
      playedMs: Math.round(playedUs / 1000),
      interrupted,
      ...(heard === undefined ? {} : { heard }),
      ...(trace === undefined ? {} : { trace }),
    });
  }

  /** @throws AppError TEXT_TOO_LONG, TEXT_EMPTY, SSML_INVALID. @returns the turn's number. */
  speak({ text, voice }: { text: string; voice?: string | undefined }, listener: PlayListener = {}): number {
    const { maxCharacters } = this.parts.settings;
    if (text.length > maxCharacters)
      throw new AppError(
        'TEXT_TOO_LONG',
        `The text has ${text.length} characters; at most ${maxCharacters} are spoken at once.`,
      );
    const { synthesizer, settings, metrics, clock } = this.parts;
    metrics.speechRequests.inc();
    const lines = scriptLines(text);
    if (lines.length === 0)
      throw new AppError('TEXT_EMPTY', 'The text has no letter or digit to speak; give at least one word.');
    const chosen = voice ?? settings.voice;
    const script = new Script({
      lines,
      synthesizer,
      voice: { ...(chosen === undefined ? {} : { voice: chosen }), ratePercent: settings.ratePercent },
      languageOf: () => undefined,
      onFirstSound: (sinceUs) => metrics.ttsFirstSound.observe(sinceUs / 1e6),
      nowUs: () => clock.nowUs(),
    });
    return this.play(script, {
      ...listener,
      settled: (report) => {
        script.close();
        return listener.settled?.(report);
      },
    });
  }

  /** Begins a turn that says the script, from a moment of it on. What was being said ends. @returns the turn's number. */
  play(script: Script, listener: PlayListener, fromUs = 0): number {
    const turn = this.begin(listener, script);
    this.parts.run(this.perform(turn, script, fromUs));
    return turn.id;
  }

  /** A turn of bare sound, as long as its sender likes. */
  openSound(listener: PlayListener = {}): SoundIntake {
    const { engine } = this.parts;
    const turn = this.begin(listener);
    const { signal } = turn.abort;
    return {
      turnId: turn.id,
      get isOver() {
        return signal.aborted;
      },
      push: async (samples) => {
        if (signal.aborted || samples.length === 0) return;
        turn.givenUs ??= this.parts.clock.nowUs();
        turn.aheadUs += (samples.length / ENGINE_RATE_HZ) * 1e6;
        engine.hear(turn.id, samples);
        await this.room(turn);
      },
      end: () => {
        if (!signal.aborted) engine.endTurn(turn.id);
      },
    };
  }

  private begin(listener: PlayListener, script?: Script): Turn {
    this.stop();
    const turn: Turn = {
      id: this.nextTurnId++,
      abort: new AbortController(),
      listener,
      script,
      baseUs: undefined,
      cues: [],
      aheadUs: 0,
      wake: () => {},
      givenUs: undefined,
      announcedUs: undefined,
      playedUs: 0,
      stoppedUs: undefined,
    };
    this.turn = turn;
    this.open.set(turn.id, turn);
    this.parts.audience.turn({ turnId: turn.id, state: 'started' });
    return turn;
  }

  /** Resolves when the engine wants more of the turn, or the turn has been cut off. */
  private async room(turn: Turn): Promise<void> {
    while (turn.aheadUs > MAX_AHEAD_US && !turn.abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        turn.wake = resolve;
      });
    }
  }

  private async perform(turn: Turn, script: Script, fromUs: number): Promise<void> {
    const { audience, engine } = this.parts;
    const { signal } = turn.abort;
    const give = script.isBare ? bareGiver(engine, turn.id) : (chunk: SpeechChunk) => engine.speak(turn.id, chunk);
    try {
      for await (const { chunk, cues } of script.from(fromUs, signal)) {
        if (signal.aborted) return;
        turn.baseUs ??= chunk.startUs;
        const { baseUs } = turn;
        for (const cue of cues)
          turn.cues.push({
            atUs: cue.atUs - baseUs,
            act: () =>
              cue.kind === 'caption'
                ? audience.caption({ turnId: turn.id, text: cue.text })
                : turn.listener.direction?.(cue.direction),
          });
        turn.cues.sort((a, b) => a.atUs - b.atUs);
        if (chunk.samples.length === 0) continue;
        turn.givenUs ??= this.parts.clock.nowUs();
        turn.aheadUs += (chunk.samples.length / chunk.sampleRateHz) * 1e6;
        give(shiftChunk(chunk, -baseUs));
        await this.room(turn);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AppError)) throw error;
      audience.failed({ error: { code: error.code, message: error.message } });
    }
    if (!signal.aborted) engine.endTurn(turn.id);
  }

  /** Silence, now. @param turnId only if this turn is under way. */
  stop(turnId?: number): void {
    const { turn } = this;
    if (!turn || (turnId !== undefined && turnId !== turn.id)) return;
    this.turn = undefined;
    turn.stoppedUs = this.parts.clock.nowUs();
    turn.abort.abort();
    turn.wake();
    this.parts.engine.interrupt(turn.id);
    this.parts.interrupted(turn.id);
  }
}

/** Gives the sound alone: the lips are heard in it. */
function bareGiver(engine: EngineSession, turnId: number): (chunk: SpeechChunk) => void {
  let resampler: { fromHz: number; stream: Resampler } | undefined;
  return ({ samples, sampleRateHz }) => {
    if (resampler?.fromHz !== sampleRateHz)
      resampler = { fromHz: sampleRateHz, stream: new Resampler(sampleRateHz, ENGINE_RATE_HZ, 1) };
    const sound = resampler.stream.push(samples);
    if (sound.length > 0) engine.hear(turnId, sound);
  };
}
