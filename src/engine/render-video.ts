/**
 * The offline render loop: motion frames and sound in, a film out, as fast as the machine can.
 *
 * Picture n shows the performance at n / fps and the sound beside it is never more than one picture ahead, so memory
 * stays constant. The film lasts as long as the longer of the two: the last pose is held, or the sound has ended.
 */
import type { FilmWriter } from '../media/film.ts';
import { type AudioFrame, i420Bytes } from '../media/frames.ts';
import type { MotionFrame } from './motion-frame.ts';
import { pictureCount as picturesOf } from './picture-count.ts';

/** What draws: the face renderer, or a test pattern. */
export interface PictureRenderer {
  /** @param out I420 in BT.601 limited range, planes without padding; RGBA for a film that keeps transparency. */
  render(frame: MotionFrame, out: Uint8Array): void;
}

export interface RenderJob {
  renderer: PictureRenderer;
  sizePx: number;
  /** Renderer and film speak RGBA. */
  isCutOut?: boolean;
  fps: number;
  /** At `fps`, from 0. */
  motion: AsyncIterable<MotionFrame>;
  /** Of the rate and channels that the film was opened with; null for a silent film. */
  audio: AsyncIterable<AudioFrame> | null;
  film: FilmWriter;
  signal?: AbortSignal;
  /** Sees every frame that is drawn, in order. */
  onFrame?: (frame: MotionFrame, pictureCount: number) => Promise<void> | void;
}

export interface RenderResult {
  pictureCount: number;
  /** How long motion and sound are by themselves, for telling the user when they differ. */
  motionUs: number;
  audioUs: number;
}

/** Draws and writes everything; does not finish the film. @throws the signal's reason when aborted. */
export async function renderVideo(job: RenderJob): Promise<RenderResult> {
  const { renderer, fps, film, signal } = job;
  const picture = new Uint8Array(job.isCutOut ? 4 * job.sizePx ** 2 : i420Bytes(job.sizePx, job.sizePx));
  const motion = job.motion[Symbol.asyncIterator]();
  const audio = job.audio?.[Symbol.asyncIterator]();
  let audioUs = 0;
  let audioEnded = audio === undefined;
  let motionCount = 0;
  let pictureCount = 0;
  let last = null as MotionFrame | null;

  const pumpAudio = async (untilUs: number) => {
    while (!audioEnded && audioUs < untilUs) {
      const next = await audio?.next();
      if (next === undefined || next.done) {
        audioEnded = true;
        return;
      }
      const { samples, channels, sampleRateHz, timestampUs } = next.value;
      await film.writeAudio(next.value);
      audioUs = timestampUs + (samples.length / channels / sampleRateHz) * 1e6;
    }
  };

  try {
    for (;;) {
      signal?.throwIfAborted();
      const startUs = (pictureCount * 1e6) / fps;
      await pumpAudio(startUs + 1e6 / fps);
      const next = pictureCount === motionCount ? await motion.next() : null;
      if (next !== null && !next.done) {
        motionCount++;
        last = next.value;
      } else if (last === null || picturesOf(audioUs / 1e6, fps) <= pictureCount) {
        break;
      }
      const frame: MotionFrame = pictureCount < motionCount ? last : { ...last, timestampUs: Math.round(startUs) };
      renderer.render(frame, picture);
      await film.writePicture(picture);
      pictureCount++;
      await job.onFrame?.(frame, pictureCount);
    }
    await pumpAudio(Number.POSITIVE_INFINITY);
  } finally {
    await motion.return?.();
    await audio?.return?.();
  }
  return { pictureCount, motionUs: Math.round((motionCount * 1e6) / fps), audioUs: Math.round(audioUs) };
}
