// The conformance suite of every MediaPeer: the peer of one viewer, the same peers in a room, and mediasoup's adapter over a worker that is played.

import { pino } from 'pino';
import {
  MediaStreamTrack,
  OpusPacketizer,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  type RTCRtpReceiver,
  useH264,
  useOPUS,
  useVP8,
} from 'werift';
import type { LiveCodec } from '../../src/media/live-video-encoder.ts';
import { MediasoupRoom } from '../../src/signaling/mediasoup-room.ts';
import { Sfu } from '../../src/signaling/mediasoup-worker.ts';
import type { MediaPeer, PeerEvents } from '../../src/signaling/peer.ts';
import { PeerFan } from '../../src/signaling/peer-fan.ts';
import { WeriftPeer } from '../../src/signaling/werift-peer.ts';
import { FakeMediasoup, FakeViewer } from '../support/fake-mediasoup.ts';
import { conforms, type OpenSubject, type Subject } from '../support/peer-conformance.ts';

const feedback = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }];

/** A viewer of a MediaPeer: another werift. */
class SdpViewer {
  readonly pictures: number[] = [];
  sounds = 0;
  private readonly connection: RTCPeerConnection;
  private readonly microphone = new MediaStreamTrack({ kind: 'audio' });
  private readonly packetizer = new OpusPacketizer();
  private video: { receiver: RTCRtpReceiver; ssrc: number } | undefined;

  constructor(codec: LiveCodec) {
    const video = codec === 'VP8' ? useVP8({ rtcpFeedback: feedback }) : useH264({ rtcpFeedback: feedback });
    this.connection = new RTCPeerConnection({
      codecs: {
        audio: [useOPUS()],
        video: [video, new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90_000 })],
      },
      iceAdditionalHostAddresses: ['127.0.0.1'],
      iceUseIpv6: false,
    });
    this.connection.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe(({ header }) => {
        if (track.kind === 'audio') this.sounds += 1;
        else {
          const { receiver } = this.connection.getTransceivers().find(({ kind }) => kind === 'video')!;
          this.video = { receiver, ssrc: header.ssrc };
          if (this.pictures.at(-1) !== header.timestamp) this.pictures.push(header.timestamp);
        }
      });
    });
  }

  async connect(peer: MediaPeer): Promise<void> {
    await this.connection.setRemoteDescription({ type: 'offer', sdp: await peer.createOffer() });
    const audio = this.connection.getTransceivers().find(({ kind }) => kind === 'audio')!;
    audio.setDirection('sendrecv');
    await audio.sender.replaceTrack(this.microphone);
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    await peer.accept(this.connection.localDescription!.sdp);
  }

  async requestKeyframe(): Promise<void> {
    await this.video!.receiver.sendRtcpPLI(this.video!.ssrc);
  }

  async openMicrophone(): Promise<void> {}

  say(opus: Uint8Array, timestamp: number): void {
    for (const packet of this.packetizer.packetize(Buffer.from(opus), timestamp)) this.microphone.writeRtp(packet);
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

const openWerift = (events: PeerEvents, codecs: LiveCodec[]): WeriftPeer =>
  new WeriftPeer({
    iceServers: [],
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    codecs,
    render: 'server',
    onCandidate: () => {},
    events,
  });

function sdpSubject(peer: MediaPeer, codec: LiveCodec, room: PeerFan | undefined): Subject {
  const viewer = new SdpViewer(codec);
  const close = (): Promise<void> => peer.close();
  return {
    outlet: room ?? peer,
    close,
    connect: () => viewer.connect(peer),
    viewer,
    lies: ['v=0', '', 'x'.repeat(60_000), 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:7\r\n'].map(
      (sdp) => async () => {
        await peer.createOffer();
        await peer.accept(sdp);
      },
    ),
    async [Symbol.asyncDispose]() {
      await viewer.close();
      await close();
    },
  };
}

const overWerift: OpenSubject = async (events, codec) => sdpSubject(openWerift(events, [codec]), codec, undefined);

const overFan: OpenSubject = async (events, codec) => {
  const room = new PeerFan(codec, (peerEvents, _onCandidate, codecs) => openWerift(peerEvents, codecs));
  return sdpSubject(await room.admit({ events, onCandidate: () => {} }), codec, room);
};

const overMediasoup: OpenSubject = async (events, codec) => {
  const fake = new FakeMediasoup();
  const sfu = await Sfu.open({ portRange: null, logger: pino({ level: 'silent' }), load: async () => fake.module });
  const room = await MediasoupRoom.open((await sfu.openRouter(codec))!, {
    videoCodec: codec,
    bitrateBps: 1_000_000,
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    events: { keyframeRequest: () => events.keyframeRequest(), closed: () => {} },
  });
  const peer = await room.admit({ events, onCandidate: () => {} });
  const viewer = new FakeViewer(peer, fake);
  const nothing = { fingerprints: [] };
  return {
    outlet: room,
    close: () => peer.close(),
    connect: () => viewer.connect(),
    viewer,
    lies: [
      () => peer.receive({ codecs: [] }),
      () => peer.receive({ codecs: [{ kind: 'video', mimeType: 'video/none', clockRate: 1 }] }),
      () => peer.connect('no such transport', nothing),
      () => peer.connect(peer.offer.transport.id, nothing),
      () => peer.produce({ codecs: [{ mimeType: 'audio/opus', payloadType: 1, clockRate: 1 }], encodings: [{}] }),
      async () => {
        await peer.openMicrophone();
        await peer.produce({ codecs: [{ mimeType: 'audio/x', payloadType: 1, clockRate: 1 }], encodings: [{}] });
      },
    ],
    async [Symbol.asyncDispose]() {
      await peer.close();
      await room.close();
      sfu[Symbol.dispose]();
    },
  };
};

conforms('a peer of its own', overWerift);
conforms('a peer among those of a room', overFan);
conforms('a place at the SFU', overMediasoup);
