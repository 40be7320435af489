/** Recordings and services' sound: WAV headers of every kind, read by FFmpeg from a file and by us from a stream. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAudioFile } from '../../../src/media/audio-file.ts';
import { SoundStream } from '../../../src/media/sound-stream.ts';
import { wavBytes } from '../../support/wav-bytes.ts';
import { type FuzzTarget, holds } from '../target.ts';

const file = join(mkdtempSync(join(tmpdir(), 'visavis-fuzz-')), 'sound.wav');
const RAW = { sampleRateHz: 24_000, channels: 1 };
const tone = Array.from({ length: 400 }, (_, i) => 0.2 * Math.sin(i / 5));

const fitting = (samples: Float32Array): boolean => samples.every((sample) => Math.abs(sample) <= 1);

export const target: FuzzTarget = {
  name: 'wav',
  covers: [
    'src/media/sound-stream.ts',
    'src/media/sound-kind.ts',
    'src/media/leading-tags.ts',
    'src/media/sound-frames.ts',
    'src/media/wav-stream.ts',
    'src/media/noise-guard.ts',
    'src/media/pcm-decoder.ts',
    'src/media/audio-file.ts',
    'src/media/sound-mixer.ts',
    'src/media/resampler.ts',
  ],
  seeds: () => [
    ...([1, 3] as const).flatMap((format) =>
      [1, 2].map((channels) => wavBytes(tone, { sampleRateHz: 16_000, channels, format })),
    ),
    Buffer.concat([
      wavBytes(tone, { sampleRateHz: 24_000, channels: 1, format: 1 }),
      Buffer.from('LIST\x04\0\0\0abcd!'),
    ]),
    Buffer.from('ID3\x04\0\0\0\0\0\0not really'),
    Buffer.from('OggS\0\x02'),
    Buffer.from('{"error":{"message":"no"}}'),
  ],
  words: [
    'RIFF',
    'WAVE',
    'fmt ',
    'data',
    'LIST',
    'fact',
    'RF64',
    'ID3',
    'APETAGEX',
    'OggS',
    'fLaC',
    '\x01\0',
    '\x03\0',
    '\xfe\xff',
  ],
  maxBytes: 2048,
  async run(input) {
    const step = 1 + ((input[9] ?? 7) % 61);
    try {
      const stream = new SoundStream(RAW);
      for (let i = 0; i < input.length; i += step)
        holds(fitting(await stream.push(input.slice(i, i + step))), 'streamed samples are within full scale');
      holds(fitting(await stream.flush()), 'streamed samples are within full scale');
    } finally {
      writeFileSync(file, input);
      for await (const frame of readAudioFile(file))
        holds(fitting(frame.samples), 'decoded samples are within full scale');
    }
  },
};
