/**
 * What the signaling server needs from the rest: someone who opens calls and knows the voices, and someone who has the faces. The
 * composition root supplies both; nothing here knows of rendering or speech.
 */
import type { BufferReport } from '../media/picture-delay.ts';
import type { MediaOutlet, PeerEvents } from './peer.ts';
import type {
  ActivityMessage,
  CaptionMessage,
  ControlsMessage,
  Failure,
  HeardMessage,
  HintMessage,
  PortraitInfo,
  Render,
  StatsMessage,
  TurnMessage,
  VoiceInfo,
} from './protocol.ts';

/** One call, as the socket sees it. */
export interface HostedCall {
  events: PeerEvents;
  speak(message: { text: string; voice?: string | undefined }): number;
  /** A turn of bare sound; ends what was being said. */
  openSound(): SoundIntake;
  /** The face says what the caller's microphone hears, or no longer. */
  setMirror(isOn: boolean): void;
  /** A typed turn of the caller's, which the conversation answers. @param voice the one it answers in from now on. */
  say(text: string, voice?: string): void;
  /** The conversation hears the microphone, or no longer. @param voice as for `say`. */
  setTalk(isOn: boolean, voice?: string): void;
  /** The caller can hear the face, which may greet then; or cannot yet. @param wasGreeted before the call was cut off. */
  setHears(isOn: boolean, wasGreeted: boolean, voice?: string): void;
  /** Push-to-talk. */
  hold(isDown: boolean): void;
  /** Silence, now. @param turnId only if this turn is under way. */
  stop(turnId?: number): void;
  setControls(controls: ControlsMessage): void;
  /** Pictures are to meet their sound where they are seen and heard. */
  followBuffers(report: BufferReport): void;
  close(reason: string): Promise<void>;
}

/** Where a turn's bare sound goes. */
export interface SoundIntake {
  readonly turnId: number;
  /** The turn was cut off: further sound is ignored. */
  readonly isOver: boolean;
  /** @param samples 48 kHz mono. @returns when there is room for more. */
  push(samples: Float32Array): Promise<void>;
  end(): void;
}

export interface CallAudience {
  caption(message: CaptionMessage): void;
  turn(message: TurnMessage): void;
  heard(message: HeardMessage): void;
  activity(message: ActivityMessage): void;
  handoff(): void;
  hint(message: HintMessage): void;
  stats(message: StatsMessage): void;
  failed(failure: Failure): void;
  ended(reason: string): void;
}

export interface CallRequest {
  /** The call's name in the log and in the speech API. */
  sessionId: string;
  portraitId: string;
  controls: ControlsMessage;
  render: Render;
  /** The caller was here a moment ago, and is not refused for what was measured since. */
  isBack?: boolean;
}

export interface CallHost {
  readonly fps: number;
  /** @throws AppError SERVER_BUSY when another call would take pictures from the running ones. */
  admit(): void;
  /** @throws AppError SERVER_BUSY as `admit` does. */
  open(request: CallRequest, peer: () => MediaOutlet, audience: CallAudience): Promise<HostedCall>;
  voices(): Promise<VoiceInfo[]>;
}

export interface PortraitGallery {
  /** What everybody may see; uploads are not in it. */
  list(): Promise<PortraitInfo[]>;
  /** Of an upload, too, for who knows its id. @throws AppError PORTRAIT_UNKNOWN. */
  info(id: string): Promise<PortraitInfo>;
  /** @throws AppError PORTRAIT_UNKNOWN. */
  thumbnail(id: string): Promise<Uint8Array>;
  /** The face at rest as a call shows it, WebP. @throws AppError as the analysis of a photo does. */
  poster(id: string): Promise<Uint8Array>;
  /** Path of the file from which a page can draw the face itself. @throws AppError as the analysis of a photo does. */
  rigPath(id: string): Promise<string>;
  /** An upload, with an id that only its uploader is told. @throws AppError as the analysis of a photo does, SERVER_BUSY. */
  add(photo: Uint8Array, name: string): Promise<PortraitInfo>;
}
