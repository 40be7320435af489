/**
 * A film as a folder: `frames/000001.png …` and `audio.wav`, for tools that take pictures apart or together.
 *
 * In: I420 pictures, or RGBA ones, which keep their transparency, and PCM. The folder appears under its name when everything is in it and not before.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilmOptions, FilmWriter } from './film.ts';
import { createPartFolder } from './part-file.ts';
import { writePng } from './png.ts';
import { WavWriter } from './wav-file.ts';

/** Pictures that are being compressed at a time. */
const IN_FLIGHT = 4;

/** @throws AppError FILE_UNWRITABLE when the folder cannot be made or holds something already. */
export async function createPngFolder(
  path: string,
  { widthPx, heightPx, audio, isCutOut = false }: FilmOptions,
): Promise<FilmWriter> {
  const part = await createPartFolder(path);
  const framesDir = join(part.path, 'frames');
  await part.writing(mkdir(framesDir));
  const wavPath = join(part.path, 'audio.wav');
  const wav = audio && (await part.writing(WavWriter.create(wavPath, audio.sampleRateHz, audio.channels)));
  let pictureCount = 0;
  const inFlight: Promise<unknown>[] = [];
  const settle = () => Promise.all(inFlight.splice(0));

  return {
    notices: [],
    async writePicture(picture) {
      if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
      const name = `${String(++pictureCount).padStart(6, '0')}.png`;
      const data = isCutOut ? picture.slice() : i420ToRgb(picture, widthPx, heightPx);
      const writing = part.writing(writePng(join(framesDir, name), { widthPx, heightPx, data }));
      // A failure is reported by the call that awaits it; until then it is not unhandled.
      writing.catch(() => undefined);
      inFlight.push(writing);
    },
    async writeAudio(frame) {
      if (wav) await part.writing(wav.write(frame.samples));
    },
    async finish() {
      await settle();
      if (wav) await part.writing(wav.close());
      await part.commit();
    },
    async abort() {
      await Promise.allSettled(inFlight.splice(0));
      await wav?.close().catch(() => undefined);
      await part.discard();
    },
  };
}

/** BT.601 limited range to 8-bit RGB; chroma is repeated over its 2 × 2 pixels. */
function i420ToRgb(i420: Uint8Array, widthPx: number, heightPx: number): Uint8Array {
  const rgb = new Uint8Array(widthPx * heightPx * 3);
  const chromaWidth = widthPx / 2;
  const uPlane = widthPx * heightPx;
  const vPlane = uPlane + uPlane / 4;
  const clamped = new Uint8ClampedArray(rgb.buffer, rgb.byteOffset, rgb.length);
  for (let y = 0, at = 0; y < heightPx; y++) {
    const chromaRow = (y >> 1) * chromaWidth;
    for (let x = 0; x < widthPx; x++, at += 3) {
      const chroma = chromaRow + (x >> 1);
      const luma = 1.164384 * (i420[y * widthPx + x] - 16);
      const u = i420[uPlane + chroma] - 128;
      const v = i420[vPlane + chroma] - 128;
      clamped[at] = luma + 1.596027 * v;
      clamped[at + 1] = luma - 0.391762 * u - 0.812968 * v;
      clamped[at + 2] = luma + 2.017232 * u;
    }
  }
  return rgb;
}
