// RTP and RTCP by hand: against werift's reading and writing of the same bytes, and against noise.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  PictureLossIndication,
  ReceiverEstimatedMaxBitrate,
  RtcpPacketConverter,
  RtcpPayloadSpecificFeedback,
  RtcpRrPacket,
  RtcpSrPacket,
  RtpHeader,
  RtpPacket,
} from 'werift';
import { asksForKeyframe, ntpTime, readRtp, rtpTimestamp, writeSenderReport } from '../../src/media/rtp.ts';
import { createPacketizer } from '../../src/signaling/rtp-packetizer.ts';

describe('RTP', () => {
  it('finds the payload behind contributors, extensions and padding', () => {
    const header = new RtpHeader({
      payloadType: 111,
      sequenceNumber: 65_535,
      timestamp: 4_000_000_000,
      ssrc: 7,
      csrc: [1, 2],
      extension: true,
      extensionProfile: 0xbede,
      extensions: [{ id: 3, payload: Buffer.from([1, 2, 3]) }],
    });
    const packet = new RtpPacket(header, Buffer.from('opus')).serialize();
    expect(readRtp(packet)).toEqual({ sequenceNumber: 65_535, timestamp: 4_000_000_000, payload: Buffer.from('opus') });
    const padded = Buffer.concat([packet, Buffer.from([0, 0, 3])]);
    padded[0]! |= 32;
    expect(Buffer.from(readRtp(padded)!.payload).toString()).toBe('opus');
  });

  it.each(['opus', 'VP8', 'H264'] as const)('numbers %s far from the wrap at first', (codec) => {
    const picture = new Uint8Array([0, 0, 0, 1, 0x65, 1, 2, 3]);
    const firsts = Array.from({ length: 100 }, () => {
      const [packet] = createPacketizer(codec, { ssrc: 7, payloadType: 96 })(picture, 0);
      return readRtp(packet!)!.sequenceNumber;
    });
    expect(Math.max(...firsts)).toBeLessThan(2 ** 15);
    expect(new Set(firsts).size).toBeGreaterThan(50);
  });

  it('takes noise for no packet, without an exception', () => {
    expect(readRtp(new Uint8Array(3))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const packet = readRtp(bytes);
        expect((packet?.payload.length ?? 0) <= bytes.length).toBe(true);
        expect(typeof asksForKeyframe(bytes)).toBe('boolean');
      }),
    );
  });

  it('wraps the timestamp', () => {
    expect(rtpTimestamp(1_000_000, 90_000, 2 ** 32 - 1)).toBe(89_999);
  });
});

describe('RTCP', () => {
  const report = new RtcpRrPacket({ ssrc: 1, reports: [] });
  const compound = (feedback: PictureLossIndication | ReceiverEstimatedMaxBitrate) =>
    Buffer.concat([report.serialize(), new RtcpPayloadSpecificFeedback({ feedback }).serialize()]);

  it('sees a keyframe request anywhere in a compound packet, and nowhere else', () => {
    expect(asksForKeyframe(compound(new PictureLossIndication({ senderSsrc: 1, mediaSsrc: 2 })))).toBe(true);
    // RFC 5104 §4.3.1: sender 1, media source 0, one entry for SSRC 2 with command number 1.
    const fullIntraRequest = Buffer.from('84ce0004000000010000000000000002 01000000'.replace(' ', ''), 'hex');
    expect(asksForKeyframe(Buffer.concat([report.serialize(), fullIntraRequest]))).toBe(true);
    const estimate = new ReceiverEstimatedMaxBitrate({
      senderSsrc: 1,
      mediaSsrc: 0,
      ssrcNum: 1,
      brExp: 0,
      brMantissa: 1000,
      ssrcFeedbacks: [2],
    });
    expect(asksForKeyframe(compound(estimate))).toBe(false);
    expect(asksForKeyframe(report.serialize())).toBe(false);
  });

  it('writes a sender report that others read', () => {
    const ntp = ntpTime(Date.UTC(2026, 0, 1, 12, 0, 0, 250));
    const bytes = Buffer.from(writeSenderReport({ ssrc: 9, ntp, timestamp: 4_000_000_000, packets: 3, octets: 1000 }));
    const [read] = RtcpPacketConverter.deSerialize(bytes) as [RtcpSrPacket];
    expect(read).toBeInstanceOf(RtcpSrPacket);
    expect(read.ssrc).toBe(9);
    expect(read.senderInfo).toMatchObject({
      ntpTimestamp: ntp,
      rtpTimestamp: 4_000_000_000,
      packetCount: 3,
      octetCount: 1000,
    });
    // A quarter of a second is a quarter of 2³².
    expect(Number(ntp & 0xffff_ffffn) / 2 ** 32).toBeCloseTo(0.25, 3);
  });
});
