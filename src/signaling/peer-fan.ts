/**
 * RoomMedia without an SFU: every viewer has a peer of its own, and each frame is handed to all of them. It is encrypted once per viewer
 * in this process, a few percent of a core each; an SFU does that cheaper.
 */
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { CandidateBudget } from './candidates.ts';
import type { IceCandidate, MediaPeer, PeerEvents } from './peer.ts';
import type { RoomMedia, Viewer } from './room-media.ts';

/** @param codecs the one codec of the room: the face is encoded once. */
export type OpenRoomPeer = (
  events: PeerEvents,
  onCandidate: (candidate: IceCandidate) => void,
  codecs: [LiveCodec],
  candidates?: CandidateBudget,
) => MediaPeer;

export class PeerFan implements RoomMedia {
  readonly videoCodec: LiveCodec;
  private readonly openPeer: OpenRoomPeer;
  private readonly peers = new Set<MediaPeer>();

  constructor(videoCodec: LiveCodec, openPeer: OpenRoomPeer) {
    this.videoCodec = videoCodec;
    this.openPeer = openPeer;
  }

  async admit({ events, onCandidate, candidates }: Viewer): Promise<MediaPeer> {
    let peer: MediaPeer | undefined;
    peer = this.openPeer(
      {
        ...events,
        closed: (reason) => {
          if (peer) this.peers.delete(peer);
          events.closed(reason);
        },
      },
      onCandidate,
      [this.videoCodec],
      candidates,
    );
    this.peers.add(peer);
    return peer;
  }

  send(frame: EncodedFrame): void {
    for (const peer of this.peers) peer.send(frame);
  }

  async close(): Promise<void> {
    await Promise.all([...this.peers].map((peer) => peer.close()));
  }
}
