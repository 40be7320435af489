// Live encoders: one packet per picture, keyframes on request, bitrate changes; Opus there and back.
import { describe, expect, it } from 'vitest';
import { type LiveCodec, LiveVideoEncoder } from '../../src/media/live-video-encoder.ts';
import { OPUS_PACKET_SAMPLES, OPUS_RATE_HZ, OpusDecoder, OpusEncoder } from '../../src/media/opus.ts';

const SIZE_PX = 128;

function picture(n: number): Uint8Array {
  const data = new Uint8Array((SIZE_PX * SIZE_PX * 3) / 2).fill(128);
  for (let y = 0; y < SIZE_PX; y++)
    for (let x = 0; x < SIZE_PX; x++) data[y * SIZE_PX + x] = ((x * 3 + n * 5) ^ (y * 7)) & 0xff;
  return data;
}

describe.each<LiveCodec>(['VP8', 'H264'])('%s', (codec) => {
  it('gives one frame per picture and a keyframe first, on request and never else', () => {
    using encoder = new LiveVideoEncoder({ codec, sizePx: SIZE_PX, fps: 25, bitrateBps: 300_000 });
    const keyframes: number[] = [];
    for (let i = 0; i < 40; i++) {
      if (i === 20) encoder.requestKeyframe();
      const frame = encoder.encode(picture(i), i * 40_000);
      expect(frame.data.length).toBeGreaterThan(10);
      expect(frame.timestampUs).toBe(i * 40_000);
      if (frame.isKeyframe) keyframes.push(i);
    }
    expect(keyframes).toEqual([0, 20]);
  });

  it('follows a new bitrate', () => {
    using encoder = new LiveVideoEncoder({ codec, sizePx: SIZE_PX, fps: 25, bitrateBps: 800_000 });
    const bytes = (from: number): number => {
      let sum = 0;
      for (let i = from; i < from + 50; i++) sum += encoder.encode(picture(i), i * 40_000).data.length;
      return sum;
    };
    bytes(0);
    const high = bytes(50);
    encoder.setRate({ bitrateBps: 150_000, fps: 25 });
    bytes(100);
    expect(bytes(150)).toBeLessThan(high * 0.6);
  });

  it('gives each of fewer pictures more bits', () => {
    using encoder = new LiveVideoEncoder({ codec, sizePx: SIZE_PX, fps: 30, bitrateBps: 60_000 });
    /** Bit/s over six seconds; the first two find their way. */
    const rate = (fromS: number, fps: number): number => {
      let bits = 0;
      for (let i = 0; i < 6 * fps; i++) {
        const { data } = encoder.encode(picture(i * 3), Math.round((fromS + i / fps) * 1e6));
        if (i >= 2 * fps) bits += data.length * 8;
      }
      return bits / 4;
    };
    const before = rate(0, 30);
    encoder.setRate({ bitrateBps: 60_000, fps: 15 });
    const after = rate(6, 15);
    expect(after).toBeGreaterThan(before * 0.7);
    expect(after).toBeLessThan(before * 1.4);
  });
});

describe('Opus', () => {
  it('carries a tone there and back', () => {
    using encoder = new OpusEncoder();
    using decoder = new OpusDecoder();
    let energy = 0;
    let count = 0;
    for (let n = 0; n < 50; n++) {
      const samples = Float32Array.from(
        { length: OPUS_PACKET_SAMPLES },
        (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * (n * OPUS_PACKET_SAMPLES + i)) / OPUS_RATE_HZ),
      );
      const decoded = decoder.decode(encoder.encode(samples));
      if (n < 10) continue;
      for (const sample of decoded) energy += sample * sample;
      count += decoded.length;
    }
    expect(count).toBe(40 * OPUS_PACKET_SAMPLES);
    expect(Math.sqrt(energy / count)).toBeCloseTo(0.5 / Math.SQRT2, 1);
  });

  it('answers garbage with silence, not with an exception', () => {
    using decoder = new OpusDecoder();
    expect(() => decoder.decode(Uint8Array.from({ length: 60 }, (_, i) => (i * 73) & 0xff))).not.toThrow();
    expect(decoder.decode(new Uint8Array(0)).length).toBe(0);
  });
});
