/**
 * Process in which pictures are opened and analysed, ours and strangers' alike: nothing of a picture, not even its header, is read anywhere else
 * where others depend on the process. In: `AnalysisRequest`; out: what was made of it, or an error for people.
 */
import { AppError } from '../../errors.ts';
import { answerWithinLimits } from '../../media/limited-replies.ts';
import type { FailedReply } from '../../media/worker-replies.ts';
import { bakePortrait, cachePortrait, type Portrait } from './portrait.ts';
import { makePoster, makeThumbnail } from './thumbnail.ts';

export type AnalysisRequest =
  | { kind: 'bake'; photo: string | Uint8Array; name: string; cacheDir: string }
  /** As `bakePortrait` answers. */
  | { kind: 'portrait'; photo: string; cacheDir: string | null }
  | { kind: 'thumbnail'; photo: string; name: string };

export interface BakedPortrait {
  rigPath: string;
  warnings: string[];
  /** The face at rest, 512 px, WebP. */
  poster: Uint8Array;
  /** Of the poster. */
  thumbnail: Uint8Array;
}

export type AnalysisReply = BakedPortrait | Portrait | { thumbnail: Uint8Array } | FailedReply;

async function answer(request: AnalysisRequest): Promise<AnalysisReply> {
  if (request.kind === 'thumbnail') return { thumbnail: await makeThumbnail(request.photo, request.name) };
  const { photo, cacheDir } = request;
  if (request.kind === 'portrait') return await bakePortrait(photo, { cacheDir });
  const { rig, path } = await cachePortrait(photo, { name: request.name, cacheDir: request.cacheDir });
  const poster = await makePoster(rig);
  const thumbnail = await makeThumbnail(poster, request.name);
  return { rigPath: path, warnings: rig.warnings.map(({ message }) => message), poster, thumbnail };
}

answerWithinLimits<AnalysisRequest, AnalysisReply>(async (request) => {
  try {
    return await answer(request);
  } catch (error) {
    const code = error instanceof AppError ? error.code : undefined;
    return { error: { code, message: (error as Error).message } };
  }
});
