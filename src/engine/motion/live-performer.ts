/**
 * A face that lives as long as the call: one motion frame per call of `next`, speaking when it is given speech and idle otherwise, as
 * one continuous motion. The caller owns the sound and says which instant of the speech each frame belongs to.
 */

import type { SpeechChunk } from '../../media/speech.ts';
import type { AvatarControls } from '../controls.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { smoothstep } from '../smoothstep.ts';
import type { MouthState } from './coarticulation.ts';
import { FacePerformer, type PerformerOptions, type Voice } from './face-performer.ts';
import type { Caller } from './performance-source.ts';
import { PhonemeVoice } from './phoneme-voice.ts';
import { CHANNELS } from './phonemes.ts';

/** From any mouth to a closed one, after speech ends or is cut off. */
const CLOSING_S = 0.1;
/** Into the first sound, so that a mouth that was just closing does not jump. */
const OPENING_S = 0.06;
const MOUTH_AT_REST: MouthState = { channels: new Float32Array(CHANNELS.length), rest: 1 };

/** A voice that goes on for as long as it likes: what was shown is forgotten. */
export interface LiveVoice extends Voice {
  forgetBefore(timeS: number): void;
}

export class LivePerformer {
  #performer: FacePerformer;
  #controls: AvatarControls;
  #voice: LiveVoice | undefined;
  #frame = 0;
  /** The mouth shown last, from which the next one starts. */
  #mouth = MOUTH_AT_REST;
  /** The mouth at the moment speech began or ended, and the frame of that moment. */
  #turning = { mouth: MOUTH_AT_REST, frame: Number.NEGATIVE_INFINITY, isSpeaking: false };

  constructor(options: PerformerOptions) {
    this.#performer = new FacePerformer(options);
    this.#controls = options.controls;
  }

  setControls(controls: Partial<AvatarControls>): void {
    this.#controls = { ...this.#controls, ...controls };
    this.#performer.setControls(this.#controls);
  }

  setActivity(activity: 'idle' | 'listening' | 'thinking'): void {
    this.#performer.setActivity(activity);
  }

  hearCaller(caller: Caller): void {
    this.#performer.hearCaller(caller);
  }

  /** More of the speech under way; the first chunk begins a new one. */
  pushSpeech(chunk: SpeechChunk): void {
    if (!(this.#voice instanceof PhonemeVoice)) this.#voice = new PhonemeVoice();
    (this.#voice as PhonemeVoice).push(chunk);
  }

  /** Begins a speech whose voice the caller feeds, e.g. one that only has sound. */
  startSpeech(voice: LiveVoice): void {
    this.#voice = voice;
  }

  /** The speech is over, or cut off: what was not shown is forgotten and the mouth closes within 100 ms. */
  endSpeech(): void {
    this.#voice = undefined;
  }

  /** @param speechS the instant of the speech that sounds with this frame; undefined while none does. */
  next(speechS: number | undefined): MotionFrame {
    const { frameS } = this.#performer;
    const timeS = this.#frame * frameS;
    const voice = speechS === undefined ? undefined : this.#voice;
    const isSpeaking = voice !== undefined && speechS !== undefined;
    if (isSpeaking !== this.#turning.isSpeaking) this.#turning = { mouth: this.#mouth, frame: this.#frame, isSpeaking };
    const sinceS = (this.#frame - this.#turning.frame + 1) * frameS;
    const goal = isSpeaking ? voice.mouthAt(speechS, frameS) : MOUTH_AT_REST;
    this.#mouth = mixed(this.#turning.mouth, goal, sinceS / (isSpeaking ? OPENING_S : CLOSING_S));
    this.#frame += 1;
    if (!isSpeaking) return this.#performer.frameAt(timeS, this.#mouth, 0);
    voice.forgetBefore(speechS - 1);
    return this.#performer.frameAt(timeS, this.#mouth, voice.mouthLoudnessAt(speechS), {
      voice,
      offsetS: speechS - timeS,
    });
  }
}

function mixed(from: MouthState, to: MouthState, share: number): MouthState {
  const u = smoothstep(0, 1, share);
  return {
    channels: from.channels.map((value, i) => value + u * (to.channels[i]! - value)),
    rest: from.rest + u * (to.rest - from.rest),
  };
}
