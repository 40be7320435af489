/**
 * How one face reaches the viewers of a room. In: the session's frames, once each, and the viewers as they come. Out: every viewer's share,
 * and their microphones. Behind it stand a fan of peers (peer-fan.ts) or an SFU (mediasoup-room.ts).
 */
import type { CandidateBudget } from './candidates.ts';
import type { IceCandidate, MediaOutlet, MediaPeer, PeerEvents } from './peer.ts';
import type {
  DtlsParameters,
  RtpCapabilities,
  RtpParameters,
  SfuIceRestart,
  SfuOffer,
  SfuStream,
  SfuTransport,
} from './sfu-protocol.ts';

/** What concerns the room as a whole. */
export interface RoomMediaEvents {
  /** Somebody needs a whole picture. */
  keyframeRequest(): void;
  /** Nobody is served any more; called once, not after `close`. */
  closed(reason: string): void;
}

export interface Viewer {
  events: PeerEvents;
  onCandidate(candidate: IceCandidate): void;
  /** Where this viewer may make us send. */
  candidates?: CandidateBudget;
}

export interface RoomMedia extends MediaOutlet {
  /** A place for one more viewer; its owner closes it. */
  admit(viewer: Viewer): Promise<MediaPeer | SfuPeer>;
}

/** A viewer's door at an SFU. Every method: @throws AppError SIGNALING_INVALID for what the SFU cannot use, SESSION_GONE after `close`. */
export interface SfuPeer {
  readonly offer: SfuOffer;
  /** @returns the face's streams, still at rest. */
  receive(rtpCapabilities: RtpCapabilities): Promise<SfuStream[]>;
  connect(transportId: string, dtlsParameters: DtlsParameters): Promise<void>;
  /** The viewer's side is set up: the streams flow, from a whole picture on. */
  ready(): Promise<void>;
  /** The transport for the viewer's microphone. */
  openMicrophone(): Promise<SfuTransport>;
  /** @returns the id of the microphone's stream. */
  produce(rtpParameters: RtpParameters): Promise<string>;
  restartIce(): Promise<SfuIceRestart[]>;
  close(): Promise<void>;
}

export const isSfuPeer = (peer: MediaPeer | SfuPeer): peer is SfuPeer => 'receive' in peer;
