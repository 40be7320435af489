/**
 * MediaPeer: the door through which one viewer sees, hears and speaks. The session knows only this; werift, an SFU or a test fake
 * stand behind it.
 */

import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';

export interface IceCandidate {
  candidate: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
}

/** A packet of the viewer's microphone. */
export interface MicrophonePacket {
  sequenceNumber: number;
  /** 48 kHz RTP timestamp. */
  rtpTimestamp: number;
  opus: Uint8Array;
}

/** What the network says, a few times a second. */
export interface LinkReport {
  /** 0…1 of the packets since the last report. */
  fractionLost: number;
}

export interface PeerEvents {
  /** Media may flow. */
  connected(): void;
  /** The viewer needs a whole picture (PLI, FIR). */
  keyframeRequest(): void;
  microphone(packet: MicrophonePacket): void;
  link(report: LinkReport): void;
  /** The transport is gone for good; called once. */
  closed(reason: string): void;
}

export interface MediaPeer {
  /** The video codec that was agreed on; undefined before `accept`. */
  readonly videoCodec: LiveCodec | undefined;
  /** SDP offer; candidates gathered so far are inside, later ones come through `onCandidate`. */
  createOffer(options?: { iceRestart?: boolean }): Promise<string>;
  /** @throws AppError SIGNALING_INVALID when the answer is not one. */
  accept(answerSdp: string): Promise<void>;
  addCandidate(candidate: IceCandidate): Promise<void>;
  send(frame: EncodedFrame): void;
  close(): Promise<void>;
}
