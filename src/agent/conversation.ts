/**
 * The port between a session and who talks through its face: the pieced-together agent (recogniser, brain, voice) or a model that hears and
 * speaks by itself. The session gives it the caller and a face; it decides who speaks when.
 */

import type { TurnTrace } from '../media/turn-trace.ts';
import type { Script } from './script.ts';
import type { StageDirection } from './stage-directions.ts';
import type { Activity } from './turn-events.ts';

/** Follows one turn of the face's. Everything is optional, so that who does not care says so by leaving it out. */
export interface PlayListener {
  /** Its first sound was sent. */
  sounded?(times: { engineFirstFrameUs: number }): void;
  /** The words at which this direction stands are being heard. */
  direction?(direction: StageDirection): void;
  /**
   * It is over; called exactly once.
   *
   * @param report how far into the script it was played.
   */
  settled?(report: { reachedUs: number; interrupted: boolean; interruptionLatencyUs?: number }): TurnTrace | undefined;
}

/** The face, for whoever speaks through it. */
export interface Face {
  /** Begins a turn; what was being said ends. @returns the turn's number. */
  play(script: Script, listener: PlayListener, fromUs?: number): number;
  /** A turn of bare sound, 48 kHz mono. */
  openSound(listener: PlayListener): {
    readonly turnId: number;
    readonly isOver: boolean;
    push(samples: Float32Array): Promise<void>;
    end(): void;
  };
  /** Silence, now, if this turn is under way. */
  stop(turnId: number): void;
  setActivity(activity: Activity): void;
  /** How the caller sounds right now, for the listening face. */
  hearCaller(caller: CallerProsody): void;
  /** A look or an emotion, until `relax`. */
  direct(direction: StageDirection): void;
  /** Back to what the viewer has set. */
  relax(): void;
}

export interface CallerProsody {
  isVoiced: boolean;
  /** 0 … 1 of the caller's own usual loudness. */
  loudness: number;
}

/** Those who are told what happens. */
export interface ConversationAudience {
  heard(message: { text: string; isFinal: boolean }): void;
  activity(message: { state: Activity }): void;
  /** Words of an answer, where they come without a script. */
  caption(message: { turnId: number; text: string }): void;
  handoff(): void;
  hint(message: { text: string }): void;
  failed(failure: { error: { code: string; message: string } }): void;
  /** A bug: the session cannot go on. */
  broken(error: unknown): void;
  /** The conversation is over, said goodbye to. */
  hangUp(): void;
}

export interface Conversation {
  /**
   * Call for every 20 ms that are sent.
   *
   * @param heard 48 kHz mono, what the microphone brought; undefined while nothing comes.
   * @param sent 48 kHz mono, what the caller is sent.
   */
  tick(heard: Float32Array | undefined, sent: Float32Array): void;
  say(text: string): void;
  /** The voice of what is said from now on, as the synthesiser names it; empty: the configured one. */
  setVoice(voice: string): void;
  setTalk(isOn: boolean): void;
  /**
   * The caller can hear the face, which may greet then; or cannot yet.
   *
   * @param wasGreeted in the call before this one, which was cut off.
   */
  setHears(isOn: boolean, wasGreeted: boolean): void;
  hold(isDown: boolean): void;
  /**
   * Somebody else makes the face speak.
   *
   * @param begin begins the turn and returns its number.
   */
  guest(begin: (listener: PlayListener) => number): number;
  close(): Promise<void>;
}
