/**
 * The WebRTC half of a call, straight to the server. In: the server's offers and our microphone. Out: our answers and candidates, the face's
 * sound and picture as one stream, its motion as messages where we draw it ourselves.
 */
import { MOTION_CHANNEL } from '../src/signaling/motion-channel.ts';
import type { CandidateMessage, Joined } from '../src/signaling/protocol.ts';

export interface LinkEvents {
  stream(stream: MediaStream): void;
  /** One message of the motion channel; only where we draw. */
  motion(message: ArrayBuffer): void;
  candidate(candidate: CandidateMessage): void;
  /** `lost`: an ICE restart may help; `failed`: only a new join does. */
  state(state: 'connected' | 'lost' | 'failed'): void;
}

export class PeerLink {
  private readonly connection: RTCPeerConnection;

  constructor(iceServers: Joined['iceServers'], events: LinkEvents) {
    const connection = new RTCPeerConnection({ iceServers });
    this.connection = connection;
    const stream = new MediaStream();
    connection.ontrack = ({ track, receiver }) => {
      stream.addTrack(track);
      if ('jitterBufferTarget' in receiver && track.kind === 'video') receiver.jitterBufferTarget = 0;
      events.stream(stream);
    };
    connection.ondatachannel = ({ channel }) => {
      if (channel.label !== MOTION_CHANNEL) return;
      channel.binaryType = 'arraybuffer';
      channel.onmessage = ({ data }) => events.motion(data as ArrayBuffer);
    };
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) events.candidate(candidate.toJSON() as CandidateMessage);
    };
    connection.onconnectionstatechange = () => {
      const { connectionState } = connection;
      if (connectionState === 'connected') events.state('connected');
      else if (connectionState === 'disconnected') events.state('lost');
      else if (connectionState === 'failed') events.state('failed');
    };
  }

  get isConnected(): boolean {
    return this.connection.connectionState === 'connected';
  }

  /** The receiver of the face's sound, whose clock a drawn face follows. */
  get audioReceiver(): RTCRtpReceiver | undefined {
    return this.audio?.receiver;
  }

  private get audio(): RTCRtpTransceiver | undefined {
    return this.connection.getTransceivers().find(({ receiver }) => receiver.track.kind === 'audio');
  }

  /** With passwords that are good for the network that is to be found now. */
  renewIceServers(iceServers: Joined['iceServers']): void {
    this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers });
  }

  /** @returns our answer; again for every later offer of the same call. */
  async answer(offerSdp: string, microphone: MediaStreamTrack | null): Promise<string> {
    await this.connection.setRemoteDescription({ type: 'offer', sdp: offerSdp });
    const { audio } = this;
    if (audio) {
      audio.direction = 'sendrecv';
      await audio.sender.replaceTrack(microphone);
    }
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    return this.connection.localDescription!.sdp;
  }

  addCandidate(candidate: CandidateMessage): void {
    // One that comes before the offer is inside the offer too.
    this.connection.addIceCandidate(candidate as RTCIceCandidateInit).catch(() => {});
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.audio?.sender.replaceTrack(track);
  }

  getStats(): Promise<RTCStatsReport> {
    return this.connection.getStats();
  }

  close(): void {
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }
}
