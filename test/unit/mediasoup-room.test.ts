// What mediasoup's worker is told, as a fake of it sees it: streams that rest until their viewer is ready, clocks that agree.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RtcpPacketConverter, type RtcpSrPacket } from 'werift';
import type { EncodedFrame } from '../../src/media/frames.ts';
import { MediasoupRoom } from '../../src/signaling/mediasoup-room.ts';
import { Sfu } from '../../src/signaling/mediasoup-worker.ts';
import type { PeerEvents } from '../../src/signaling/peer.ts';
import { FakeMediasoup } from '../support/fake-mediasoup.ts';

const deaf: PeerEvents = {
  connected: () => {},
  keyframeRequest: () => {},
  microphone: () => {},
  link: () => {},
  closed: () => {},
};

let fake: FakeMediasoup;
let room: MediasoupRoom;
let keyframeRequests: number;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
  fake = new FakeMediasoup();
  keyframeRequests = 0;
  const sfu = await Sfu.open({ portRange: null, logger: pino({ level: 'silent' }), load: async () => fake.module });
  room = await MediasoupRoom.open((await sfu.openRouter('VP8'))!, {
    videoCodec: 'VP8',
    bitrateBps: 1_000_000,
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    events: {
      keyframeRequest: () => {
        keyframeRequests += 1;
      },
      closed: () => {},
    },
  });
});
afterEach(async () => {
  await room.close();
  vi.useRealTimers();
});

const transports = () => [...[...fake.workers[0]!.routers][0]!.transports];

function frame(kind: 'audio' | 'video', timestampUs: number): EncodedFrame {
  const mimeType = kind === 'audio' ? 'audio/opus' : 'video/VP8';
  return { kind, mimeType, data: new Uint8Array(50), timestampUs, durationUs: 20_000, isKeyframe: true };
}

it('keeps the face’s streams at rest until the viewer is ready, then begins with a whole picture', async () => {
  const viewer = await room.admit({ events: deaf, onCandidate: () => {} });
  await viewer.receive(viewer.offer.rtpCapabilities);
  const received: string[] = [];
  for (const consumer of transports().find(({ id }) => id === viewer.offer.transport.id)!.consumers)
    consumer.on('rtp', () => void received.push(consumer.kind));
  room.send(frame('audio', 0));
  room.send(frame('video', 0));
  expect(received).toEqual([]);
  expect(keyframeRequests).toBe(0);
  await viewer.ready();
  expect(keyframeRequests).toBe(1);
  room.send(frame('audio', 20_000));
  room.send(frame('video', 20_000));
  expect(received).toEqual(['audio', 'video']);
});

it('gives back the stream that was made when the other is refused, so that the viewer may try again', async () => {
  const viewer = await room.admit({ events: deaf, onCandidate: () => {} });
  const { rtpCapabilities } = viewer.offer;
  const soundOnly = { ...rtpCapabilities, codecs: rtpCapabilities.codecs.filter(({ kind }) => kind === 'audio') };
  await expect(viewer.receive(soundOnly)).rejects.toMatchObject({ code: 'SIGNALING_INVALID' });
  const { consumers } = transports().find(({ id }) => id === viewer.offer.transport.id)!;
  expect(consumers.size).toBe(0);
  expect(await viewer.receive(rtpCapabilities)).toHaveLength(2);
  expect(consumers.size).toBe(2);
});

it('dates both streams from one clock, once a second', () => {
  const { senderReports } = transports().find(({ isDirect }) => isDirect)!;
  // Each picture leaves 40 ms after its sound; what counts is when it was meant.
  for (let i = 0; i < 110; i++) {
    room.send(frame('audio', i * 20_000));
    if (i >= 2) room.send(frame('video', (i - 2) * 20_000));
    vi.advanceTimersByTime(20);
  }
  const reports = senderReports.flatMap((bytes) => RtcpPacketConverter.deSerialize(bytes) as RtcpSrPacket[]);
  const ssrcs = [...new Set(reports.map(({ ssrc }) => ssrc))];
  expect(ssrcs.map((ssrc) => reports.filter((report) => report.ssrc === ssrc).length)).toEqual([3, 3]);
  const [audio, video] = ssrcs.map((ssrc) => reports.filter((report) => report.ssrc === ssrc)) as [
    RtcpSrPacket[],
    RtcpSrPacket[],
  ];
  const secondsBetween = (a: RtcpSrPacket, b: RtcpSrPacket): number =>
    Number(b.senderInfo.ntpTimestamp - a.senderInfo.ntpTimestamp) / 2 ** 32;
  for (const [stream, clockHz] of [
    [audio, 48_000],
    [video, 90_000],
  ] as const) {
    const [first, , last] = stream as [RtcpSrPacket, RtcpSrPacket, RtcpSrPacket];
    const ticks = (last.senderInfo.rtpTimestamp - first.senderInfo.rtpTimestamp) >>> 0;
    expect(ticks / clockHz).toBeCloseTo(secondsBetween(first, last), 3);
    expect(secondsBetween(first, last)).toBeCloseTo(2, 2);
    expect(last.senderInfo.packetCount).toBeGreaterThan(90);
  }
  // The first of each is of media time 0, whenever it left.
  expect(secondsBetween(audio[0]!, video[0]!)).toBeCloseTo(0, 3);
});
