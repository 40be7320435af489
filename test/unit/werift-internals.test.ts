// The insides of werift that our peer works around. An upgrade that changes one of them fails here and says which correction to look at.

import { describe, expect, it } from 'vitest';
import {
  MediaStreamTrack,
  PictureLossIndication,
  RecvDelta,
  RTCPeerConnection,
  RtcpPayloadSpecificFeedback,
  RtpRouter,
  RunLengthChunk,
  TransportWideCC,
  useVP8,
} from 'werift';
import { warmUpPeer } from '../../src/signaling/peer-warm-up.ts';
import { TransportFeedbackReader } from '../../src/signaling/transport-feedback.ts';
import { WeriftPeer } from '../../src/signaling/werift-peer.ts';

const events = {
  connected: () => {},
  keyframeRequest: () => {},
  microphone: () => {},
  link: () => {},
  closed: () => {},
};

function openPeer(over: Partial<ConstructorParameters<typeof WeriftPeer>[0]> = {}): WeriftPeer {
  return new WeriftPeer({
    iceServers: [],
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    codecs: ['VP8'],
    onCandidate: () => {},
    events,
    ...over,
  });
}

/** The connection behind our peer. */
const inside = (peer: WeriftPeer): RTCPeerConnection =>
  (peer as unknown as { connection: RTCPeerConnection }).connection;

describe('werift', () => {
  it('takes the time of sender reports from a field that can be replaced', async () => {
    const peer = openPeer();
    for (const { sender } of inside(peer).getTransceivers()) {
      expect(Object.getOwnPropertyDescriptor(sender, 'ntpTimestamp')?.get).toBeTypeOf('function');
      const before = (sender as unknown as { ntpTimestamp: bigint }).ntpTimestamp;
      (sender as unknown as { ntpTimestamp: bigint }).ntpTimestamp = 1n; // as werift does for each packet
      const { ntpTimestamp } = sender as unknown as { ntpTimestamp: bigint };
      expect(ntpTimestamp).toBeGreaterThanOrEqual(before);
      const seconds = Number(ntpTimestamp >> 32n) - 2_208_988_800;
      expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(2);
    }
    await peer.close();
    // Where werift's own class no longer has the field, our replacement is read by nobody.
    const track = new MediaStreamTrack({ kind: 'video' });
    const bare = new RTCPeerConnection({ codecs: { video: [useVP8()] } });
    const { sender } = bare.addTransceiver(track);
    expect(Object.keys(sender)).toContain('ntpTimestamp');
    expect(sender.runRtcp.toString()).toContain('this.ntpTimestamp');
    await bare.close();
  });

  it('routes a keyframe request by its sender first, and shows it to listeners of the transport', async () => {
    const routed: unknown[] = [];
    const router = new RtpRouter();
    const table = router as unknown as { ssrcTable: Record<number, { handleRtcpPacket(packet: unknown): void }> };
    table.ssrcTable = {
      11: { handleRtcpPacket: () => routed.push('microphone') },
      22: { handleRtcpPacket: () => routed.push('video') },
    };
    router.routeRtcp(
      new RtcpPayloadSpecificFeedback({ feedback: new PictureLossIndication({ senderSsrc: 11, mediaSsrc: 22 }) }),
    );
    expect(routed, 'werift routes it right now: our own listener can go').toEqual(['microphone']);

    let requests = 0;
    const peer = openPeer({ events: { ...events, keyframeRequest: () => (requests += 1) } });
    const video = inside(peer)
      .getTransceivers()
      .find(({ kind }) => kind === 'video')!;
    const { ssrc } = video.sender;
    video.sender.dtlsTransport.onRtcp.execute(
      new RtcpPayloadSpecificFeedback({ feedback: new PictureLossIndication({ senderSsrc: 11, mediaSsrc: ssrc }) }),
    );
    expect(requests).toBe(1);
    await peer.close();
  });

  it('numbers packets on the transport, and names chunks and deltas of feedback as we read them', () => {
    const chunks = [
      new RunLengthChunk({ packetStatus: 1, runLength: 2 }),
      new RunLengthChunk({ packetStatus: 0, runLength: 1 }),
    ];
    const feedback = new TransportWideCC({
      senderSsrc: 1,
      mediaSourceSsrc: 2,
      baseSequenceNumber: 7,
      packetStatusCount: 3,
      referenceTime: 5,
      fbPktCount: 0,
      packetChunks: chunks,
      recvDeltas: [new RecvDelta({ type: 1, delta: 1000 }), new RecvDelta({ type: 1, delta: 250 })],
    });
    const reader = new TransportFeedbackReader();
    for (const number of [7, 8, 9]) reader.remember(number, 100, number);
    expect(reader.read(feedback).arrivals.map(({ sentUs, arrivedUs }) => [sentUs, arrivedUs])).toEqual([
      [7, 321_000],
      [8, 321_250],
    ]);
    expect(feedback.packetResults, 'werift counts right now: our reader can go').not.toHaveLength(3);
  });

  it('has a round trip time, a transport-wide counter, and a STUN server of its own choice that we take away', async () => {
    const bare = new RTCPeerConnection({ iceServers: [], codecs: { video: [useVP8()] } });
    const { sender } = bare.addTransceiver(new MediaStreamTrack({ kind: 'video' }));
    expect(Object.keys(sender)).toContain('rtt');
    expect(Object.keys(sender)).toContain('rtxPayloadType');
    const { handleRtcpPacket } = sender as unknown as { handleRtcpPacket: () => void };
    expect(handleRtcpPacket.toString(), 'resent packets pass here').toContain('this.dtlsTransport.sendRtp(');
    expect(sender.dtlsTransport.transportSequenceNumber).toBeTypeOf('number');
    expect(bare.iceTransports[0]!.connection.stunServer).toEqual(['stun.l.google.com', 19302]);
    await bare.close();
    const peer = openPeer();
    for (const { connection } of inside(peer).iceTransports) expect(connection.stunServer).toBeUndefined();
    await peer.close();
    const asked = openPeer({ iceServers: [{ urls: 'stun:127.0.0.1:9' }] });
    expect(inside(asked).iceTransports[0]!.connection.stunServer).toEqual(['127.0.0.1', 9]);
    await asked.close();
  });

  it('starts ICE only together with DTLS, so that we start it after a restart', () => {
    const { connect: method } = RTCPeerConnection.prototype as unknown as { connect: () => void };
    const connect = method.toString();
    expect(connect.indexOf('checkDtlsConnected()'), 'look at WeriftPeer.resumeIce').toBeLessThan(
      connect.indexOf('iceTransport.start('),
    );
    expect(connect.indexOf('checkDtlsConnected()')).toBeGreaterThan(0);
  });
});

it.each(['VP8', 'H264'] as const)(
  'a throw-away call with itself comes about and ends, with %s',
  async (codec) => {
    await warmUpPeer(codec, new AbortController().signal);
  },
  30_000,
);

describe('an offer', () => {
  it('carries the ports and addresses that were configured, and no others', async () => {
    const peer = openPeer({ portRange: [40_100, 40_199], announcedAddresses: ['127.0.0.1', '203.0.113.7'] });
    const candidates = (await peer.createOffer()).split('\r\n').filter((line) => line.startsWith('a=candidate'));
    const addresses = candidates.map((line) => line.split(' ')[4]);
    expect(addresses).toContain('203.0.113.7');
    expect(addresses).toContain('127.0.0.1');
    for (const line of candidates) {
      const port = Number(line.split(' ')[5]);
      expect(port >= 40_100 && port <= 40_199, line).toBe(true);
    }
    expect(addresses.some((address) => address!.includes(':'))).toBe(false);
    await peer.close();
  });

  it('waits for no STUN or TURN server, and trickles nothing that it contains', async () => {
    const trickled: string[] = [];
    const peer = openPeer({
      iceServers: [{ urls: 'turn:192.0.2.1:3478', username: 'u', credential: 'p' }],
      onCandidate: ({ candidate }) => trickled.push(candidate),
    });
    const late = new Promise((resolve) => setTimeout(resolve, 7000, 'late'));
    expect(await Promise.race([peer.createOffer(), late])).toMatch(/^v=0/);
    await peer.close();

    const alone = openPeer({ onCandidate: ({ candidate }) => trickled.push(candidate) });
    trickled.length = 0;
    expect(await alone.createOffer()).toContain('a=candidate');
    await new Promise((resolve) => setImmediate(resolve));
    expect(trickled).toEqual([]);
    await alone.close();
  });
});
