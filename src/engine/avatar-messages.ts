/** What main thread and engine workers say to each other. Raw pictures never cross: they stay in the worker's slots. */

import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { AvatarControls } from './controls.ts';
import type { HeardPiece } from './listening.ts';
import type { HeadPlanRequest } from './motion/head-plan.ts';

/** What the face does while it says nothing. */
export type Activity = 'idle' | 'listening' | 'thinking';

/** The caller's voice, as far as a listening face answers to it. */
export interface CallerSound {
  isVoiced: boolean;
  /** 0 … 1 of the caller's usual loudness. */
  loudness: number;
}

export interface SessionSettings {
  rigPath: string;
  fps: number;
  sizePx: number;
  controls: AvatarControls;
  /** Whether the head asks for plans (`head-plan`). */
  learnedHead?: boolean;
  /** Who draws: we (the default), or the viewer, who then gets the motion instead of pictures. */
  render?: 'server' | 'client';
}

export type ToWorker = { sessionId: number } & (
  | { kind: 'open'; settings: SessionSettings; firstTick: number }
  | { kind: 'encoder'; codec: LiveCodec; bitrateBps: number; fps: number }
  | { kind: 'speak'; turnId: number; chunk: SpeechChunk }
  /** Bare sound and the lips that were heard in it. */
  | { kind: 'hear'; turnId: number; piece: HeardPiece }
  | { kind: 'end-turn'; turnId: number }
  /** Skips what was played before a worker was lost. */
  | { kind: 'seek'; turnId: number; playedSamples: number }
  | { kind: 'interrupt'; turnId: number }
  | { kind: 'controls'; controls: Partial<AvatarControls> }
  | { kind: 'activity'; activity: Activity }
  /** How the caller sounds, ten times a second while there is a conversation. */
  | { kind: 'caller'; caller: CallerSound }
  /** The answer to `head-plan`; none where there is no plan to be had. */
  | { kind: 'head-plan'; planId: number; plan: Float32Array | undefined }
  | { kind: 'encode'; slot: number; timestampUs: number }
  | { kind: 'drop'; slot: number }
  | { kind: 'keyframe' }
  | { kind: 'rate'; bitrateBps: number; fps: number }
  | { kind: 'close' }
  /** Answered with `pong`, between two pictures. */
  | { kind: 'ping' }
  /** The thread ends, between two pictures: to be ended from outside in the middle of native code would end the process. */
  | { kind: 'end' }
);

export type FromWorker = { sessionId: number } & (
  | { kind: 'tick'; index: number; samples: Float32Array; turnId?: number; isLast: boolean }
  | { kind: 'picture'; index: number; slot: number; renderMs: number }
  | { kind: 'encoded'; frame: EncodedFrame; encodeMs: number }
  /** The head wants to be thought about: no network runs in a worker, which may be ended at any time. */
  | { kind: 'head-plan'; planId: number; request: HeadPlanRequest }
  | { kind: 'failed'; code: string; message: string }
  | { kind: 'pong' }
);
