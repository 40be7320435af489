/** `visavis render`: a photo and a performance in, a talking film out; or the performance alone, as a motion file. */
import type { Command } from 'commander';
import { createMotionFile, type MotionFileWriter } from '../engine/motion-file.ts';
import { pictureCount } from '../engine/picture-count.ts';
import { type PictureRenderer, renderVideo } from '../engine/render-video.ts';
import { AppError } from '../errors.ts';
import { checkFilmPath, createFilm } from '../media/film.ts';
import { checkWritable } from '../media/part-file.ts';
import { addControlFlags, type ControlFlags, parseBackground, parseControls, parseNumberIn } from './flags.ts';
import {
  checkPerformanceFlags,
  type PerformanceFlags,
  type PlannedPerformance,
  planPerformance,
} from './performance.ts';
import { type Progress, startProgress } from './progress.ts';
import { type CommandIo, runCommand } from './run-command.ts';

interface RenderFlags extends PerformanceFlags, ControlFlags {
  portrait?: string;
  out?: string;
  motionOut?: string;
  motionOnly?: boolean;
  size: string;
  background: string;
  json?: boolean;
}

const MIN_SIZE_PX = 256;
const MAX_SIZE_PX = 1024;
/** Motion and sound that differ by less are the same length to a viewer. */
const LENGTH_TOLERANCE_US = 500_000;

export function addRenderCommand(program: Command): void {
  const command = program
    .command('render')
    .description('photo + speech → talking film with that sound, offline, as fast as the machine can')
    .option('--portrait <image>', 'the face: JPEG, PNG, WebP or AVIF')
    .option('--audio <file>', 'the speech: anything FFmpeg reads')
    .option('--text <words>', 'speak these words instead')
    .option('--text-file <file>', 'speak this UTF-8 text file instead')
    .option('--lang <tag>', 'language of the text, such as it, de, en-gb')
    .option('--voice <name>', 'voice for the text, such as en-us+f3 or flite:slt; with --lang its variant')
    .option('--motion <file>', 'draw this motion file instead of generating motion')
    .option('--pose-from <file>', 'take the head pose from this motion file')
    .option('--dynamics-from <file>', 'take face and eyes from this motion file')
    .option('--performance <kind>', "how the head turns: learned or fitted (default: the configuration's)")
    .option('--out <path>', 'the film: .mp4, .webm, or a folder for frames/000001.png … and audio.wav')
    .option('--motion-out <file>', 'also write what was drawn as a motion file (.jsonl)')
    .option('--motion-only', 'write the motion and draw nothing; needs --motion-out and no portrait')
    .option('--fps <n>', "pictures per second, 1 … 120 (default: the motion file's, else 25)")
    .option('--size <px>', `side of the square picture, ${MIN_SIZE_PX} … ${MAX_SIZE_PX}, a multiple of 16`, '512')
    .option(
      '--background <what>',
      'behind the person: keep (the photo), a colour such as #1d2b3a, or none (PNGs with alpha)',
      'keep',
    )
    .option('--json', 'print one JSON object on stdout');
  addControlFlags(command).action((flags: RenderFlags) => runCommand(flags.json ?? false, (io) => render(flags, io)));
}

async function render(flags: RenderFlags, io: CommandIo): Promise<object> {
  const controls = parseControls(flags);
  checkPerformanceFlags(flags);
  const sizePx = parseNumberIn('--size', flags.size, MIN_SIZE_PX, MAX_SIZE_PX);
  if (sizePx % 16 !== 0) throw new AppError('BAD_USAGE', `--size is ${flags.size}; it must be a multiple of 16.`);
  const background = parseBackground(flags.background);
  const isCutOut = background === 'none';
  const { portrait, out } = flags;
  if (flags.motionOnly) {
    if (flags.motionOut === undefined) throw new AppError('BAD_USAGE', '--motion-only needs --motion-out FILE.jsonl.');
    await using performance = await planPerformance(flags, controls, false, io);
    return await writeMotion(performance, flags.motionOut, io);
  }
  if (portrait === undefined) throw new AppError('BAD_USAGE', 'There is no face to draw; give --portrait IMAGE.');
  if (out === undefined) throw new AppError('BAD_USAGE', 'There is no film to write; give --out FILE.mp4.');
  await checkFilmPath(out, isCutOut);
  if (flags.motionOut !== undefined) await checkWritable(flags.motionOut, 'file');

  await using performance = await planPerformance(flags, controls, true, io);
  const { openPortrait } = await import('./open-portrait.ts');
  const { rig } = await openPortrait(portrait, io, background);
  const [{ FaceRenderer }, { CutOutRenderer, withBackground }] = await Promise.all([
    import('../engine/render/face-renderer.ts'),
    import('../engine/render/backgrounds.ts'),
  ]);
  const shown = typeof background === 'string' ? rig : withBackground(rig, background);
  const renderer = isCutOut ? new CutOutRenderer(rig, { sizePx }) : new FaceRenderer(shown, { sizePx });
  return await drawFilm({ renderer, isCutOut, sizePx, performance, out, motionOut: flags.motionOut }, io);
}

interface FilmJob {
  renderer: PictureRenderer;
  isCutOut: boolean;
  sizePx: number;
  performance: PlannedPerformance;
  out: string;
  motionOut: string | undefined;
}

async function drawFilm(
  { renderer, isCutOut, sizePx, performance: planned, out, motionOut }: FilmJob,
  io: CommandIo,
): Promise<object> {
  const { fps, motion, sound } = planned;
  const startMs = performance.now();
  let motionFile: MotionFileWriter | null = null;
  let progress: Progress | null = null;
  const film = await createFilm(out, { widthPx: sizePx, heightPx: sizePx, fps, audio: sound, isCutOut });
  try {
    for (const notice of film.notices) io.warn(notice);
    motionFile = motionOut === undefined ? null : await createMotionFile(motionOut);
    progress = startProgress(out, totalPictures(planned), !io.json);
    const result = await renderVideo({
      renderer,
      isCutOut,
      sizePx,
      fps,
      motion,
      audio: sound?.frames ?? null,
      film,
      signal: io.signal,
      onFrame: async (frame, count) => {
        await motionFile?.write(frame);
        progress?.update(count);
      },
    });
    await film.finish();
    await motionFile?.finish();
    progress.stop();
    if (sound !== null && Math.abs(result.motionUs - result.audioUs) > LENGTH_TOLERANCE_US) {
      const seconds = (us: number) => `${(us / 1e6).toFixed(1)} s`;
      const rest = result.motionUs < result.audioUs ? 'the last pose is held' : 'the rest is silent';
      io.warn(`The motion lasts ${seconds(result.motionUs)} and the sound ${seconds(result.audioUs)}; ${rest}.`);
    }
    const wallS = (performance.now() - startMs) / 1000;
    const { pictureCount: pictures } = result;
    io.print(
      `${out}: ${pictures} pictures, ${(pictures / fps).toFixed(2)} s at ${round(fps)} fps, ` +
        `made in ${wallS.toFixed(1)} s (${Math.round(pictures / wallS)} pictures per second)`,
    );
    return {
      out,
      pictures,
      fps: round(fps),
      sizePx,
      durationS: round(pictures / fps),
      audioS: sound === null ? null : round(result.audioUs / 1e6),
      wallS: round(wallS),
      picturesPerSecond: round(pictures / wallS),
      ...(motionOut === undefined ? {} : { motionOut }),
    };
  } catch (error) {
    progress?.stop();
    await film.abort();
    await motionFile?.abort();
    throw error;
  }
}

/** The motion without a picture. */
async function writeMotion(planned: PlannedPerformance, motionOut: string, io: CommandIo): Promise<object> {
  const startMs = performance.now();
  const file = await createMotionFile(motionOut);
  const progress = startProgress(motionOut, totalPictures(planned), !io.json);
  let frames = 0;
  try {
    for await (const frame of planned.motion) {
      await file.write(frame);
      progress.update(++frames);
      // Motion that comes without waiting for anything must still let Ctrl-C through.
      if (frames % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
      io.signal.throwIfAborted();
    }
    await file.finish();
    progress.stop();
  } catch (error) {
    progress.stop();
    await file.abort();
    throw error;
  }
  const durationS = frames / planned.fps;
  const wallS = (performance.now() - startMs) / 1000;
  io.print(`${motionOut}: ${frames} motion frames, ${durationS.toFixed(2)} s, made in ${wallS.toFixed(1)} s`);
  return { motionOut, frames, fps: round(planned.fps), durationS: round(durationS), wallS: round(wallS) };
}

function totalPictures({ durationUs, fps }: PlannedPerformance): number | null {
  return durationUs === null ? null : pictureCount(durationUs / 1e6, fps);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
