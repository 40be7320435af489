// Sound from files: every rate and layout comes out as clean PCM, and what is no sound is refused by name.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeAudioFile, readAudioFile } from '../../src/media/audio-file.ts';
import { AV_SAMPLE_FMT_FLTP, Frame } from '../../src/media/ffmpeg.ts';
import { createFilm } from '../../src/media/film.ts';
import type { AudioFrame } from '../../src/media/frames.ts';
import { SoundMixer } from '../../src/media/sound-mixer.ts';
import { type WavLayout, wavBytes } from '../support/wav-bytes.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-audio-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function wavFile(name: string, samples: ArrayLike<number>, layout: WavLayout): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, wavBytes(samples, layout));
  return path;
}

async function read(path: string, options = {}): Promise<{ samples: Float32Array; frames: AudioFrame[] }> {
  const frames: AudioFrame[] = [];
  for await (const frame of readAudioFile(path, options)) frames.push(frame);
  return { samples: Float32Array.from(frames.flatMap((frame) => [...frame.samples])), frames };
}

/** 0.5 s of 300 Hz at half level in every channel. */
function tone({ sampleRateHz, channels }: WavLayout): Float32Array {
  return Float32Array.from({ length: 0.5 * sampleRateHz * channels }, (_, i) => {
    return 0.5 * Math.sin((2 * Math.PI * 300 * Math.floor(i / channels)) / sampleRateHz);
  });
}

describe('audio files', () => {
  it.each<WavLayout>([
    { sampleRateHz: 8_000, channels: 1, format: 1 },
    { sampleRateHz: 44_100, channels: 2, format: 1 },
    { sampleRateHz: 48_000, channels: 6, format: 3 },
    { sampleRateHz: 192_000, channels: 1, format: 3 },
    { sampleRateHz: 16_000, channels: 3, format: 1 },
  ])('come out as 16 kHz mono: %o', async (layout) => {
    const path = await wavFile('tone.wav', tone(layout), layout);
    const { samples, frames } = await read(path, { sampleRateHz: 16_000, mono: true });
    expect(samples).toHaveLength(8_000);
    expect(frames.every((frame) => frame.sampleRateHz === 16_000 && frame.channels === 1)).toBe(true);
    let at = 0;
    for (const frame of frames) {
      expect(frame.timestampUs).toBe(Math.round((at / 16_000) * 1e6));
      at += frame.samples.length;
    }
    const middle = samples.subarray(1000, 7000);
    const phase = middle.map((_, i) => 0.5 * Math.sin((2 * Math.PI * 300 * (i + 1000)) / 16_000));
    expect(Math.max(...middle.map((sample, i) => Math.abs(sample - phase[i])))).toBeLessThan(0.01);
  });

  it('keep their own rate and both channels when nothing else is asked for', async () => {
    const layout: WavLayout = { sampleRateHz: 22_050, channels: 2, format: 3 };
    const input = Float32Array.from({ length: 4410 }, (_, i) => (i % 2 === 0 ? 0.25 : -0.75));
    const path = await wavFile('two.wav', input, layout);
    expect(await probeAudioFile(path)).toMatchObject({ sampleRateHz: 22_050, channels: 2, durationUs: 100_000 });
    expect((await read(path)).samples).toEqual(input);
  });

  it('lose samples that are not numbers, and nothing around them', async () => {
    const layout: WavLayout = { sampleRateHz: 16_000, channels: 1, format: 3 };
    const input = tone(layout);
    input.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 7], 100);
    const { samples } = await read(await wavFile('nan.wav', input, layout));
    expect([...samples.subarray(100, 104)]).toEqual([0, 1, -1, 1]);
    expect(samples.subarray(104)).toEqual(input.subarray(104));
  });

  it('may be as short as a single sample, and may end early', async () => {
    const layout: WavLayout = { sampleRateHz: 16_000, channels: 1, format: 1 };
    expect((await read(await wavFile('one.wav', [0.5], layout))).samples).toHaveLength(1);
    const cut = join(folder, 'cut.wav');
    await writeFile(cut, wavBytes(tone(layout), layout).subarray(0, 5000));
    expect((await read(cut)).samples).toHaveLength((5000 - 44) / 2);
  });

  it('of any number of channels are mixed, or refused by that number', async () => {
    for (const channels of [3, 8, 9, 24, 63, 64, 384]) {
      const layout: WavLayout = { sampleRateHz: 16_000, channels, format: 1 };
      const path = await wavFile(`${channels}.wav`, tone(layout), layout);
      const { samples } = await read(path).catch((error: Error) => {
        expect(error, `${channels} channels`).toMatchObject({ code: 'AUDIO_INVALID' });
        expect(error.message).toContain(`${channels} channels`);
        expect(channels).toBeGreaterThan(24);
        return { samples: Float32Array.of(0.1) };
      });
      expect(Math.max(...samples.slice(0, 1000)), `${channels} channels`).toBeGreaterThan(0.05);
    }
  });

  it.each([1, 2] as const)('of any number of planes, in any layout, become %i', (channels) => {
    for (let planes = 1; planes <= 63; planes++) {
      using frame = new Frame();
      frame.alloc();
      frame.format = AV_SAMPLE_FMT_FLTP;
      frame.sampleRate = 16_000;
      frame.nbSamples = 1024;
      frame.channelLayout = { nbChannels: planes, order: 0, mask: 0n } as Frame['channelLayout'];
      expect(frame.getBuffer()).toBe(0);
      for (const plane of frame.extendedData ?? frame.data ?? [])
        new Float32Array(plane.buffer, plane.byteOffset, 1024).fill(0.5);
      using mixer = new SoundMixer(channels, 16_000);
      const samples = mixer.convert(frame);
      expect(samples, `${planes} planes`).toHaveLength(1024 * channels);
      expect(samples[500], `${planes} planes`).toBeGreaterThan(0.05);
      expect(samples[500], `${planes} planes`).toBeLessThan(0.51);
    }
  });

  it('of a speaker on one side only are mixed all the same', async () => {
    const layout: WavLayout = { sampleRateHz: 16_000, channels: 3, format: 1 };
    const bytes = wavBytes(tone(layout), layout);
    // Front left, front right and side left: the extensible kind of header names them.
    const fields = Buffer.alloc(24);
    fields.writeUInt16LE(22, 0);
    fields.writeUInt16LE(16, 2);
    fields.writeUInt32LE(0x203, 4);
    fields.write('\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71', 8, 'latin1');
    bytes.writeUInt16LE(0xfffe, 20);
    bytes.writeUInt32LE(40, 16);
    const path = join(folder, 'one-side.wav');
    await writeFile(path, Buffer.concat([bytes.subarray(0, 36), fields, bytes.subarray(36)]));
    for (const mono of [true, false]) {
      const { samples } = await read(path, { mono });
      expect(Math.max(...samples.slice(0, 2000))).toBeGreaterThan(0.4);
    }
  });

  it('with a rate that no sound has are refused by it, before they become hours', async () => {
    for (const sampleRateHz of [1, 999, 400_000, 2 ** 31 - 1]) {
      const path = await wavFile(`${sampleRateHz}.wav`, new Float32Array(400), {
        sampleRateHz,
        channels: 1,
        format: 1,
      });
      await expect(read(path, { sampleRateHz: 48_000 }), path).rejects.toMatchObject({ code: 'AUDIO_INVALID' });
    }
  });

  it('stay within full scale when their rate is changed', async () => {
    const layout: WavLayout = { sampleRateHz: 44_100, channels: 1, format: 1 };
    const path = await wavFile(
      'square.wav',
      Float32Array.from({ length: 4410 }, (_, i) => (i % 9 < 4 ? 1 : -1)),
      layout,
    );
    const { samples } = await read(path, { sampleRateHz: 48_000 });
    expect(samples.every((sample) => Math.abs(sample) <= 1)).toBe(true);
  });

  it('stop when they are told to', async () => {
    const layout: WavLayout = { sampleRateHz: 16_000, channels: 1, format: 1 };
    const path = await wavFile('long.wav', new Float32Array(320_000), layout);
    const abort = new AbortController();
    const reading = readAudioFile(path, { signal: abort.signal });
    await reading.next();
    abort.abort(new Error('enough'));
    await expect(reading.next()).rejects.toThrow('enough');
  });

  it.each([
    ['two channels, one turned over', 2, [1, -1]],
    ['two channels, one turned over and quieter', 2, [0.8, -1]],
    ['six channels that cancel in pairs', 6, [1, -1, 0.5, -0.5, 0.8, -0.8]],
  ] as const)('whose channels cancel are heard, with a warning: %s', async (_what, channels, weights) => {
    const layout: WavLayout = { sampleRateHz: 16_000, channels, format: 3 };
    const sound = tone(layout).map((sample, i) => sample * weights[i % channels]!);
    const path = await wavFile('cancel.wav', sound, layout);
    const told: string[] = [];
    const { samples } = await read(path, { mono: true, onWarning: (sentence: string) => told.push(sentence) });
    const level = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    expect(level).toBeGreaterThan(0.3);
    expect(told).toEqual([expect.stringMatching(/The channels of .*cancel\.wav cancel each other/)]);
  });

  it('that are no sound are refused by name', async () => {
    const mute = join(folder, 'mute.mp4');
    const film = await createFilm(mute, { widthPx: 256, heightPx: 256, fps: 10, audio: null });
    for (let n = 0; n < 5; n++) await film.writePicture(new Uint8Array(256 * 256 * 1.5).fill(100));
    await film.finish();
    const layout: WavLayout = { sampleRateHz: 16_000, channels: 1, format: 1 };
    const files: [name: string, content: Buffer | string | null, code: string][] = [
      ['empty.wav', '', 'AUDIO_INVALID'],
      ['text.wav', 'This is a letter, not a song.\n'.repeat(50), 'AUDIO_INVALID'],
      ['text.txt', 'hello', 'AUDIO_INVALID'],
      ['no-samples.wav', wavBytes([], layout), 'AUDIO_INVALID'],
      ['playlist.m3u8', '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n', 'AUDIO_INVALID'],
      ['mute.mp4', null, 'NO_AUDIO'],
      ['missing.wav', null, 'FILE_NOT_FOUND'],
      ['', null, 'FILE_UNREADABLE'],
    ];
    for (const [name, content, code] of files) {
      const path = join(folder, name);
      if (content !== null) await writeFile(path, content);
      for (const error of await Promise.all(
        [probeAudioFile(path), read(path)].map((p) => p.catch((e: unknown) => e)),
      )) {
        expect(error, name).toMatchObject({ code });
        expect((error as Error).message, name).toContain(path);
      }
    }
  });
});
