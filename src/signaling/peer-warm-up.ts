/** A whole call that nobody sees, at boot: what is slow only once is behind us when the first caller comes. In: the codec; out: nothing, but a warm process. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import {
  MediaStreamTrack,
  OpusPacketizer,
  RTCPeerConnection,
  useH264,
  useOPUS,
  useSdesMid,
  useTransportWideCC,
  useVP8,
} from './werift.ts';
import { WeriftPeer } from './werift-peer.ts';

const WARM_UP_FRAMES = 50;
/** H.264 is taken apart at its start codes; to VP8 any bytes are as good. */
const H264_KEYFRAME_START = [0, 0, 0, 1, 0x65];
const WARM_UP_LIMIT_MS = 15_000;

/**
 * A whole call with a throw-away caller in this process: certificate, ICE, DTLS, a second of media. What is slow only once (half a second
 * and more) is then behind us when the first real caller comes.
 * @throws Error where no connection comes about.
 */
export async function warmUpPeer(codec: LiveCodec, signal: AbortSignal): Promise<void> {
  const caller = new RTCPeerConnection({
    codecs: { audio: [useOPUS()], video: [codec === 'VP8' ? useVP8() : useH264()] },
    headerExtensions: { audio: [useSdesMid()], video: [useSdesMid(), useTransportWideCC()] },
    iceServers: [],
    iceAdditionalHostAddresses: ['127.0.0.1'],
    iceUseIpv6: false,
  });
  const ignore = (): void => {};
  let isConnected = (): void => {};
  const connected = new Promise<void>((resolve) => {
    isConnected = resolve;
  });
  const peer = new WeriftPeer({
    iceServers: [],
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    codecs: [codec],
    onCandidate: ignore,
    events: { connected: isConnected, keyframeRequest: ignore, microphone: ignore, link: ignore, closed: ignore },
  });
  try {
    await caller.setRemoteDescription({ type: 'offer', sdp: await peer.createOffer() });
    for (const { connection } of caller.iceTransports) delete connection.stunServer;
    const microphone = new MediaStreamTrack({ kind: 'audio' });
    const audio = caller.getTransceivers().find(({ kind }) => kind === 'audio')!;
    audio.setDirection('sendrecv');
    await audio.sender.replaceTrack(microphone);
    await caller.setLocalDescription(await caller.createAnswer());
    await peer.accept(caller.localDescription!.sdp);
    const isInTime = await Promise.race([
      connected.then(() => true),
      delay(WARM_UP_LIMIT_MS, false, { ref: false, signal }),
    ]);
    if (!isInTime) throw new Error(`no connection within ${WARM_UP_LIMIT_MS} ms`);
    const packetizer = new OpusPacketizer();
    const picture = new Uint8Array(4000).fill(1);
    picture.set(H264_KEYFRAME_START);
    for (let i = 0; i < WARM_UP_FRAMES; i++) {
      const frame = { timestampUs: i * 20_000, durationUs: 20_000, isKeyframe: i === 0 };
      peer.send({ ...frame, kind: 'audio', mimeType: 'audio/opus', data: new Uint8Array(80) });
      peer.send({ ...frame, kind: 'video', mimeType: `video/${codec}`, data: picture });
      for (const packet of packetizer.packetize(Buffer.alloc(80), i * 960)) microphone.writeRtp(packet);
      await delay(2, undefined, { ref: false, signal });
    }
  } finally {
    await peer.close();
    await caller.close();
  }
}
