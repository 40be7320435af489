/** Encoded frames → RTP packets. In: an access unit or an Opus packet and its RTP timestamp; out: packets that fit a network's frames. */
import type { LiveCodec } from '../media/live-video-encoder.ts';
import { firstSequenceNumber } from '../media/rtp.ts';
import { H264Packetizer, OpusPacketizer, Vp8Packetizer } from './werift.ts';

const MAX_PAYLOAD_BYTES = 1180;

/**
 * RTP packets of one stream, ready for a transport that is not werift's own.
 * @returns a function from an encoded frame and its RTP timestamp to the frame's packets.
 */
export function createPacketizer(
  codec: LiveCodec | 'opus',
  stream: { ssrc: number; payloadType: number },
): (data: Uint8Array, timestamp: number) => Buffer[] {
  const packetizer = codec === 'opus' ? createOpusPacketizer(stream) : createVideoPacketizer(codec, stream);
  return (data, timestamp) => packetizer.packetize(Buffer.from(data), timestamp).map((packet) => packet.serialize());
}

interface StreamNumbers {
  ssrc?: number;
  payloadType?: number;
}

export const createOpusPacketizer = (stream: StreamNumbers = {}): OpusPacketizer =>
  new OpusPacketizer({ ...stream, sequenceNumber: firstSequenceNumber() });

export function createVideoPacketizer(codec: LiveCodec, stream: StreamNumbers = {}): Vp8Packetizer | H264Packetizer {
  const options = { ...stream, sequenceNumber: firstSequenceNumber(), maxPayloadSize: MAX_PAYLOAD_BYTES };
  return codec === 'VP8' ? new Vp8Packetizer(options) : new H264Packetizer({ ...options, inputFormat: 'annexb' });
}
