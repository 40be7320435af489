/**
 * One of the face's two streams on its way into mediasoup's worker. In: encoded frames; out: RTP packets, and once a second a sender report that
 * says when the last one's media time was, so that lips and sound can be aligned.
 */
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import {
  AUDIO_CLOCK_HZ,
  ntpTime,
  randomUint32,
  rtpTimestamp,
  VIDEO_CLOCK_HZ,
  writeSenderReport,
} from '../media/rtp.ts';
import type { DirectProducer, DirectTransport } from './mediasoup-api.ts';
import { AUDIO_PAYLOAD_TYPE, opusParameters, VIDEO_PAYLOAD_TYPE, videoParameters } from './mediasoup-codecs.ts';
import { createPacketizer } from './rtp-packetizer.ts';

const RTP_HEADER_BYTES = 12;
const SENDER_REPORT_INTERVAL_MS = 1000;

export class OutgoingStream {
  readonly producer: DirectProducer;
  private readonly ssrc: number;
  private readonly clockHz: number;
  private readonly timestampBase = randomUint32();
  private readonly packetize: (data: Uint8Array, timestamp: number) => Buffer[];
  private packets = 0;
  private octets = 0;
  private lastReportMs = Number.NEGATIVE_INFINITY;

  private constructor(producer: DirectProducer, codec: LiveCodec | 'opus', ssrc: number) {
    this.producer = producer;
    this.ssrc = ssrc;
    this.clockHz = codec === 'opus' ? AUDIO_CLOCK_HZ : VIDEO_CLOCK_HZ;
    const payloadType = codec === 'opus' ? AUDIO_PAYLOAD_TYPE : VIDEO_PAYLOAD_TYPE;
    this.packetize = createPacketizer(codec, { ssrc, payloadType });
  }

  static async open(direct: DirectTransport, codec: LiveCodec | 'opus'): Promise<OutgoingStream> {
    const ssrc = randomUint32();
    const kind = codec === 'opus' ? 'audio' : 'video';
    const rtpParameters = codec === 'opus' ? opusParameters(ssrc) : videoParameters(codec, ssrc);
    return new OutgoingStream(await direct.produce({ kind, rtpParameters }), codec, ssrc);
  }

  /** @param originMs wall-clock ms of media time 0. @returns a sender report when one is due. */
  send({ data, timestampUs }: EncodedFrame, originMs: number): Buffer | undefined {
    const timestamp = rtpTimestamp(timestampUs, this.clockHz, this.timestampBase);
    for (const packet of this.packetize(data, timestamp)) {
      this.producer.send(packet);
      this.packets += 1;
      this.octets += packet.length - RTP_HEADER_BYTES;
    }
    const nowMs = performance.now();
    if (nowMs - this.lastReportMs < SENDER_REPORT_INTERVAL_MS) return undefined;
    this.lastReportMs = nowMs;
    const ntp = ntpTime(originMs + timestampUs / 1000);
    const { ssrc, packets, octets } = this;
    return Buffer.from(writeSenderReport({ ssrc, ntp, timestamp, packets, octets }));
  }
}
