/** The codecs of a room, in mediasoup's terms: what its router speaks, and in what form the face comes in. */
import type { LiveCodec } from '../media/live-video-encoder.ts';
import { AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ } from '../media/rtp.ts';
import type { RtpCapabilities, RtpParameters } from './sfu-protocol.ts';

export const AUDIO_PAYLOAD_TYPE = 100;
export const VIDEO_PAYLOAD_TYPE = 101;

/** Constrained baseline in the form that every browser decodes. */
const H264_PARAMETERS = {
  'packetization-mode': 1,
  'profile-level-id': '42e01f',
  'level-asymmetry-allowed': 1,
};

/** Opus both ways, and the one codec in which the face is encoded. */
export function mediaCodecs(videoCodec: LiveCodec): RtpCapabilities['codecs'] {
  return [
    { kind: 'audio', mimeType: 'audio/opus', clockRate: AUDIO_CLOCK_HZ, channels: 2, parameters: { useinbandfec: 1 } },
    {
      kind: 'video',
      mimeType: `video/${videoCodec}`,
      clockRate: VIDEO_CLOCK_HZ,
      ...(videoCodec === 'H264' ? { parameters: H264_PARAMETERS } : {}),
    },
  ];
}

export const opusParameters = (ssrc: number): RtpParameters => ({
  codecs: [
    {
      mimeType: 'audio/opus',
      payloadType: AUDIO_PAYLOAD_TYPE,
      clockRate: AUDIO_CLOCK_HZ,
      channels: 2,
      parameters: { useinbandfec: 1 },
    },
  ],
  encodings: [{ ssrc }],
});

export const videoParameters = (codec: LiveCodec, ssrc: number): RtpParameters => ({
  codecs: [
    {
      mimeType: `video/${codec}`,
      payloadType: VIDEO_PAYLOAD_TYPE,
      clockRate: VIDEO_CLOCK_HZ,
      ...(codec === 'H264' ? { parameters: H264_PARAMETERS } : {}),
      // Keyframes are asked of us; lost packets the worker repairs by itself.
      rtcpFeedback: [
        { type: 'nack', parameter: 'pli' },
        { type: 'ccm', parameter: 'fir' },
      ],
    },
  ],
  encodings: [{ ssrc }],
});
