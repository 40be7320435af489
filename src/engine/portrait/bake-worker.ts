/**
 * Worker thread that bakes portraits one after the other, so that a photo being analysed never holds up a call. It ends when it is told
 * to, after the bake under way: ending a thread from outside while a model runs in it would take the whole process down.
 */
import { AppError } from '../../errors.ts';
import { answerInOrder } from '../../media/worker-replies.ts';
import { bakePortrait } from './portrait.ts';
import { makePoster } from './thumbnail.ts';

export interface BakeRequest {
  photo: string | Uint8Array;
  name: string;
  cacheDir: string;
}

export interface BakedPortrait {
  rigPath: string;
  warnings: string[];
  /** The face at rest, 512 px, WebP. */
  poster: Uint8Array;
}

answerInOrder<BakeRequest, BakedPortrait>(async ({ photo, name, cacheDir }) => {
  const { rig, path } = await bakePortrait(photo, { name, cacheDir });
  if (path === null)
    throw new AppError(
      'FILE_UNWRITABLE',
      `The cache folder ${cacheDir} cannot be written; choose another (cache.dir).`,
    );
  const warnings = rig.warnings.map((warning) => warning.message);
  return { rigPath: path, warnings, poster: await makePoster(rig) };
});
