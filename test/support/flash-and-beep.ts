/** A film whose picture flashes and whose sound beeps at the same instants: what is out of sync in it is our fault. */
import type { FilmWriter } from '../../src/media/film.ts';
import { type ChannelCount, i420Bytes } from '../../src/media/frames.ts';

export interface FlashAndBeep {
  sizePx: number;
  fps: number;
  durationS: number;
  sampleRateHz: number;
  channels: ChannelCount;
}

/** White and 1 kHz for the first 0.2 s of every second after the first half, black and silent otherwise. */
export function isOn(timeS: number): boolean {
  return (timeS + 0.5 + 1e-9) % 1 < 0.2 && timeS > 0.25;
}

export async function writeFlashAndBeep(film: FilmWriter, clip: FlashAndBeep): Promise<void> {
  const { sizePx, fps, sampleRateHz, channels } = clip;
  const picture = new Uint8Array(i420Bytes(sizePx, sizePx));
  const pictureCount = Math.round(clip.durationS * fps);
  let sampleCount = 0;
  for (let n = 0; n < pictureCount; n++) {
    picture.fill(isOn(n / fps) ? 235 : 16, 0, sizePx * sizePx).fill(128, sizePx * sizePx);
    await film.writePicture(picture);
    const until = Math.round(((n + 1) / fps) * sampleRateHz);
    const samples = new Float32Array((until - sampleCount) * channels);
    for (let i = sampleCount; i < until; i++) {
      const timeS = i / sampleRateHz;
      samples.fill(
        isOn(timeS) ? 0.5 * Math.sin(2 * Math.PI * 1000 * timeS) : 0,
        (i - sampleCount) * channels,
        (i - sampleCount + 1) * channels,
      );
    }
    const timestampUs = Math.round((sampleCount / sampleRateHz) * 1e6);
    await film.writeAudio({ kind: 'audio', samples, sampleRateHz, channels, timestampUs });
    sampleCount = until;
  }
}

/** Instants at which a signal rises above a level after at least 0.3 s below it. */
export function onsets(values: ArrayLike<number>, timeAt: (index: number) => number, level: number): number[] {
  const found: number[] = [];
  let lastAboveS = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) < level) continue;
    const timeS = timeAt(i);
    if (timeS - lastAboveS > 0.3) found.push(timeS);
    lastAboveS = timeS;
  }
  return found;
}
