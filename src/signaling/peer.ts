/**
 * Where a call's media goes and comes from. The session knows only `MediaOutlet`; behind it stands a `MediaPeer`, the door of one viewer,
 * or a room with many (room-media.ts), over werift, an SFU or a test fake.
 */

import type { LinkReport } from '../media/bandwidth-estimator.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';

export type { LinkReport };

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

/** Whether media flow straight or through a TURN server, on either side. */
export type MediaPath = 'direct' | 'relay';

export interface PeerEvents {
  /** Media may flow. @param path undefined where the transport does not tell. */
  connected(path?: MediaPath): void;
  /** The viewer needs a whole picture (PLI, FIR). */
  keyframeRequest(): void;
  /** The viewer asks for packets again (NACK). */
  resendRequest?(packets: number): void;
  microphone(packet: MicrophonePacket): void;
  /** What the network says, a few times a second. */
  link(report: LinkReport): void;
  /** The transport is gone for good; called once. */
  closed(reason: string): void;
}

/** Takes the encoded face to whoever watches. */
export interface MediaOutlet {
  /** The video codec that was agreed on; undefined until it is. */
  readonly videoCodec: LiveCodec | undefined;
  send(frame: EncodedFrame): void;
  close(): Promise<void>;
}

/** The door through which one viewer sees, hears and speaks; negotiated by SDP. */
export interface MediaPeer extends MediaOutlet {
  /** SDP offer; candidates gathered so far are inside, later ones come through `onCandidate`. */
  createOffer(options?: { iceRestart?: boolean }): Promise<string>;
  /** @throws AppError SIGNALING_INVALID when the answer is not one. */
  accept(answerSdp: string): Promise<void>;
  addCandidate(candidate: IceCandidate): Promise<void>;
}
