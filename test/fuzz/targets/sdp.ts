/**
 * A viewer's answer and candidates to a real peer, mutated. No packet leaves this process: whatever an answer names as its address is only
 * noted, and what the peer sends is dropped.
 */
import { Socket } from 'node:dgram';
import dns from 'node:dns';
import { isIP } from 'node:net';
import { RTCPeerConnection, useH264, useOPUS, useVP8 } from 'werift';
import { AppError } from '../../../src/errors.ts';
import { WeriftPeer } from '../../../src/signaling/werift-peer.ts';
import { type FuzzTarget, textOf } from '../target.ts';

Socket.prototype.send = (() => {}) as never;
const { lookup } = dns;
/** Addresses only; a name is asked of nobody. */
dns.lookup = ((name: string, ...rest: unknown[]) => {
  if (isIP(name)) return (lookup as (...args: unknown[]) => void)(name, ...rest);
  (rest.at(-1) as (error: Error) => void)(new Error('no names here'));
}) as never;

const SEPARATOR = '\n@@\n';

const openPeer = (): WeriftPeer =>
  new WeriftPeer({
    iceServers: [],
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    codecs: ['VP8', 'H264'],
    onCandidate() {},
    events: { connected() {}, keyframeRequest() {}, microphone() {}, link() {}, closed() {} },
  });

async function answerTo(offer: string): Promise<string> {
  const viewer = new RTCPeerConnection({ codecs: { audio: [useOPUS()], video: [useVP8(), useH264()] } });
  await viewer.setRemoteDescription({ type: 'offer', sdp: offer });
  await viewer.setLocalDescription(await viewer.createAnswer());
  const { sdp } = viewer.localDescription!;
  await viewer.close();
  return sdp;
}

async function seeds(): Promise<string[]> {
  const peer = openPeer();
  const offer = await peer.createOffer();
  const answer = await answerTo(offer);
  await peer.close();
  return [
    answer,
    `${answer}${SEPARATOR}candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host`,
    `${answer}${SEPARATOR}candidate:2 1 tcp 1 ::1 9 typ host tcptype active generation 0`,
    `${answer}${SEPARATOR}candidate:3 1 udp 1 4a5b6c7d-0000.local 50000 typ host`,
    offer,
    'v=0\r\n',
  ];
}

export const target: FuzzTarget = {
  name: 'sdp',
  covers: ['src/signaling/', 'node_modules/werift/lib/webrtc/src/sdp', 'node_modules/werift/lib/ice/src/candidate'],
  seeds,
  words: [
    'm=audio 9 UDP/TLS/RTP/SAVPF 96',
    'm=video',
    'a=ice-ufrag:',
    'a=ice-pwd:',
    'a=fingerprint:sha-256 ',
    'a=setup:active',
    'a=rtpmap:',
    'a=fmtp:',
    'a=extmap:',
    'a=ssrc:',
    'a=candidate:',
    'a=mid:',
    'a=group:BUNDLE',
    'a=inactive',
    '\r\n',
    '@@',
  ],
  maxBytes: 12_000,
  async run(input) {
    const [sdp = '', ...candidates] = textOf(input).split(SEPARATOR);
    const peer = openPeer();
    try {
      await peer.createOffer();
      await peer.accept(sdp);
      // The socket's handler makes an error of ours of whatever is thrown here.
      for (const candidate of candidates.slice(0, 5))
        await peer.addCandidate({ candidate, sdpMid: '0' }).catch(() => {});
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    } finally {
      await peer.close();
    }
  },
};
