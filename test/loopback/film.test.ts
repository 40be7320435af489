// Films written and read back: pictures, length and sync, in every form a film can take.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAudioFile } from '../../src/media/audio-file.ts';
import { createFilm } from '../../src/media/film.ts';
import { createVideoFile, VIDEO_RECIPES } from '../../src/media/video-file.ts';
import { type DecodedFilm, decodeFilm } from '../support/decode-film.ts';
import { type FlashAndBeep, onsets, writeFlashAndBeep } from '../support/flash-and-beep.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-film-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Length of one AAC frame, the longer of the two codecs'. */
const AUDIO_FRAME_S = 1024 / 48_000;

function flashes({ pictures }: DecodedFilm): number[] {
  return onsets(
    pictures.map((p) => p.meanLuma),
    (i) => pictures[i].timeS,
    120,
  );
}

function beeps({ sound, sampleRateHz, soundStartS }: DecodedFilm): number[] {
  return onsets(sound, (i) => soundStartS + i / sampleRateHz, 0.1);
}

const CLIPS: (FlashAndBeep & { name: string })[] = [
  { name: 'mono.mp4', sizePx: 256, fps: 30, durationS: 3, sampleRateHz: 22_050, channels: 1 },
  { name: 'stereo.webm', sizePx: 256, fps: 50, durationS: 3, sampleRateHz: 44_100, channels: 2 },
  { name: 'low.webm', sizePx: 256, fps: 10, durationS: 3, sampleRateHz: 8_000, channels: 1 },
];

describe('film files', () => {
  it.each(CLIPS)('$name keeps every picture, its length and its sync', async ({ name, ...clip }) => {
    const path = join(folder, name);
    const film = await createFilm(path, {
      widthPx: clip.sizePx,
      heightPx: clip.sizePx,
      fps: clip.fps,
      audio: clip,
    });
    await writeFlashAndBeep(film, clip);
    await film.finish();

    const decoded = await decodeFilm(path);
    expect(decoded).toMatchObject({ widthPx: 256, heightPx: 256, channels: clip.channels });
    expect([decoded.videoCodec, decoded.audioCodec]).toEqual(name.endsWith('mp4') ? ['h264', 'aac'] : ['vp9', 'opus']);
    expect(decoded.pictures).toHaveLength(clip.durationS * clip.fps);
    decoded.pictures.forEach(({ timeS }, n) => {
      expect(Math.abs(timeS - n / clip.fps)).toBeLessThan(0.001);
    });
    const soundS = decoded.sound.length / decoded.sampleRateHz;
    expect(Math.abs(soundS - clip.durationS)).toBeLessThan(AUDIO_FRAME_S);

    const seen = flashes(decoded);
    const heard = beeps(decoded);
    expect(seen).toHaveLength(clip.durationS);
    expect(heard).toHaveLength(clip.durationS);
    heard.forEach((timeS, i) => {
      expect(Math.abs(timeS - (i + 0.5))).toBeLessThan(0.002);
      expect(Math.abs(timeS - seen[i])).toBeLessThan(0.002);
    });
    // What our own reader makes of the film is the sound that went in, from the first sample on.
    let read = 0;
    for await (const { samples } of readAudioFile(path, { sampleRateHz: 16_000, mono: true })) read += samples.length;
    expect(Math.abs(read / 16_000 - clip.durationS)).toBeLessThan(AUDIO_FRAME_S);
    expect(readdirSync(folder).filter((entry) => entry.endsWith('.part'))).toEqual([]);
  });

  it('puts the index of an mp4 first, so that it plays while it loads', async () => {
    const bytes = readFileSync(join(folder, 'mono.mp4'));
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
  });

  it('writes a folder of numbered pictures and the sound beside them', async () => {
    const path = join(folder, 'stills');
    const clip = { sizePx: 256, fps: 5, durationS: 1, sampleRateHz: 16_000, channels: 1 } as const;
    const film = await createFilm(path, { widthPx: 256, heightPx: 256, fps: 5, audio: clip });
    await writeFlashAndBeep(film, clip);
    await film.finish();
    expect((await readdir(join(path, 'frames'))).sort()).toEqual([1, 2, 3, 4, 5].map((n) => `00000${n}.png`));
    const means = await Promise.all(
      [1, 4].map(async (n) => (await sharp(join(path, 'frames', `00000${n}.png`)).stats()).channels.map((c) => c.mean)),
    );
    expect(means[0].every((mean) => mean < 2)).toBe(true);
    expect(means[1].every((mean) => mean > 253)).toBe(true);
    let samples = 0;
    for await (const frame of readAudioFile(join(path, 'audio.wav'))) samples += frame.samples.length;
    expect(samples).toBe(16_000);
  });

  it('leaves nothing of a film that is given up', async () => {
    for (const name of ['gone.mp4', 'gone.webm', 'gone']) {
      const clip = { sizePx: 256, fps: 10, durationS: 1, sampleRateHz: 16_000, channels: 1 } as const;
      const film = await createFilm(join(folder, name), { widthPx: 256, heightPx: 256, fps: 10, audio: clip });
      await writeFlashAndBeep(film, clip);
      await film.abort();
      await film.abort();
    }
    expect((await readdir(folder)).filter((entry) => entry.includes('gone'))).toEqual([]);
  });

  it('replaces a film of the same name only when the new one is complete', async () => {
    const path = join(folder, 'again.mp4');
    await writeFile(path, 'the old film');
    const options = { widthPx: 256, heightPx: 256, fps: 10, audio: null };
    const film = await createFilm(path, options);
    await film.writePicture(new Uint8Array(256 * 256 * 1.5).fill(128));
    expect(readFileSync(path, 'utf8')).toBe('the old film');
    await film.finish();
    const decoded = await decodeFilm(path);
    expect([decoded.pictures.length, decoded.audioCodec]).toEqual([1, null]);
  });

  it('takes another encoder where the best one is missing, and says so', async () => {
    const path = join(folder, 'fallback.mp4');
    const recipes = [{ encoder: 'no-such-encoder', options: {} }, VIDEO_RECIPES.mp4[2]];
    const options = { widthPx: 256, heightPx: 256, fps: 10, audio: null };
    const film = await createVideoFile(path, 'mp4', options, recipes);
    expect(film.notices.join()).toContain('MPEG-4');
    for (let n = 0; n < 5; n++) await film.writePicture(new Uint8Array(256 * 256 * 1.5).fill(40 * n + 16));
    await film.finish();
    expect(await decodeFilm(path)).toMatchObject({ videoCodec: 'mpeg4', pictures: { length: 5 } });
    await expect(createVideoFile(path, 'mp4', options, recipes.slice(0, 1))).rejects.toMatchObject({
      code: 'ENCODER_UNAVAILABLE',
    });
  });

  it('refuses names that it cannot write, naming them', async () => {
    const options = { widthPx: 256, heightPx: 256, fps: 10, audio: null };
    const table: [string, string][] = [
      ['talk.avi', 'BAD_USAGE'],
      [join(folder, 'missing', 'talk.mp4'), 'FILE_UNWRITABLE'],
      [join(folder, 'missing', 'talk'), 'FILE_UNWRITABLE'],
      [join(folder, 'stills'), 'FILE_UNWRITABLE'],
    ];
    for (const [path, code] of table) {
      const error = await createFilm(path, options).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code });
      expect((error as Error).message).toContain(path);
    }
    expect((await stat(join(folder, 'stills'))).isDirectory()).toBe(true);
  });
});
