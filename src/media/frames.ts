/**
 * The vocabulary of everything that flows: sound, pictures and their encoded forms.
 *
 * Times are integer microseconds on one media timeline; PCM is Float32 in [-1, 1], interleaved. RTP clock rates and
 * 16-bit samples live in the codecs and never appear here.
 */

/** Integer µs on the session's (or file's) media timeline. */
export type TimestampUs = number;
/** Fencing token: whoever meets a frame of a dead turn drops it. */
export type TurnId = number;
export type ChannelCount = 1 | 2;

export interface AudioFrame {
  kind: 'audio';
  /** Interleaved, [-1, 1]. */
  samples: Float32Array;
  sampleRateHz: number;
  channels: ChannelCount;
  timestampUs: TimestampUs;
  turnId?: TurnId;
  /** The last frame of its turn. */
  isLast?: boolean;
}

export interface EncodedFrame {
  kind: 'audio' | 'video';
  /** The last one is `engine/motion-packet.ts`: a face that its viewer draws. */
  mimeType: 'audio/opus' | 'video/VP8' | 'video/H264' | 'application/x-visavis-motion';
  data: Uint8Array;
  timestampUs: TimestampUs;
  durationUs: number;
  isKeyframe: boolean;
}

/** Bytes of one I420 picture. */
export function i420Bytes(widthPx: number, heightPx: number): number {
  return (widthPx * heightPx * 3) / 2;
}
