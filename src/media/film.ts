/** A film that is being written, whatever its form: `.mp4`, `.webm` or a folder of PNGs, chosen by the name it gets. */
import { devNull } from 'node:os';
import { extname, resolve } from 'node:path';
import { AppError } from '../errors.ts';
import type { AudioFrame, ChannelCount } from './frames.ts';
import { checkWritable } from './part-file.ts';

export interface FilmOptions {
  /** Both even. */
  widthPx: number;
  heightPx: number;
  /** Pictures per second, up to 3 decimals. */
  fps: number;
  /** The sound that `writeAudio` will bring; null for a silent film. */
  audio: { sampleRateHz: number; channels: ChannelCount } | null;
  /** Pictures come as RGBA, straight alpha, which a folder of PNGs alone keeps. */
  isCutOut?: boolean;
}

/** Calls must not overlap: await each one. */
export interface FilmWriter {
  /** What the user should know: an encoder that had to stand in, say. */
  readonly notices: readonly string[];
  /** The next picture, I420 without padding, or RGBA where `isCutOut` says so; free for reuse when the promise resolves. */
  writePicture(i420: Uint8Array): Promise<void>;
  /** The next stretch of sound, of the announced rate and channel count. */
  writeAudio(frame: AudioFrame): Promise<void>;
  /** Puts the complete film under its final name. */
  finish(): Promise<void>;
  /** Leaves nothing behind; harmless after `finish`. */
  abort(): Promise<void>;
}

export type FilmKind = 'mp4' | 'webm' | 'folder';

/** @throws AppError BAD_USAGE for another ending. */
function filmKind(path: string): FilmKind {
  // Drawn and encoded as ever, then thrown away: a trial run.
  if (resolve(path) === devNull) return 'mp4';
  const ending = extname(path).toLowerCase();
  if (ending === '.mp4') return 'mp4';
  if (ending === '.webm') return 'webm';
  if (ending === '') return 'folder';
  throw new AppError('BAD_USAGE', `${path} ends in ${ending}; a film is written as .mp4, .webm or a folder of PNGs.`);
}

/** Says early what `createFilm` would say. @throws AppError BAD_USAGE, FILE_UNWRITABLE. */
export async function checkFilmPath(path: string, isCutOut = false): Promise<void> {
  if (isCutOut && filmKind(path) !== 'folder')
    throw new AppError(
      'BAD_USAGE',
      `${path} cannot keep a transparent background; give --out a folder (PNGs with alpha), or --background a colour.`,
    );
  await checkWritable(path, filmKind(path) === 'folder' ? 'folder' : 'file');
}

/** @throws AppError BAD_USAGE, FILE_UNWRITABLE, ENCODER_UNAVAILABLE. */
export async function createFilm(path: string, options: FilmOptions): Promise<FilmWriter> {
  const kind = filmKind(path);
  if (kind === 'folder') return (await import('./png-frames.ts')).createPngFolder(path, options);
  return (await import('./video-file.ts')).createVideoFile(path, kind, options);
}
