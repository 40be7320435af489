/**
 * Worker thread that bakes portraits one after the other, so that a photo being analysed never holds up a call. It ends when it is told
 * to, after the bake under way: ending a thread from outside while a model runs in it would take the whole process down.
 */
import { parentPort } from 'node:worker_threads';
import { AppError } from '../../errors.ts';
import { bakePortrait } from './portrait.ts';
import { makePoster } from './thumbnail.ts';

export interface BakeRequest {
  id: number;
  photo: string | Uint8Array;
  name: string;
  cacheDir: string;
}

export type BakeReply =
  | { id: number; rigPath: string; warnings: string[]; poster: Uint8Array }
  | { id: number; error: { code: string | undefined; message: string } };

const port = parentPort!;
let previous: Promise<void> = Promise.resolve();

async function bake({ id, photo, name, cacheDir }: BakeRequest): Promise<void> {
  let reply: BakeReply;
  try {
    const { rig, path } = await bakePortrait(photo, { name, cacheDir });
    if (path === null)
      throw new AppError(
        'FILE_UNWRITABLE',
        `The cache folder ${cacheDir} cannot be written; choose another (cache.dir).`,
      );
    const warnings = rig.warnings.map((warning) => warning.message);
    reply = { id, rigPath: path, warnings, poster: await makePoster(rig) };
  } catch (error) {
    reply = {
      id,
      error: { code: error instanceof AppError ? error.code : undefined, message: (error as Error).message },
    };
  }
  port.postMessage(reply);
}

let isEnding = false;
port.on('message', (request: BakeRequest | 'end') => {
  if (request === 'end') isEnding = true;
  previous = previous.then(async () => {
    if (request === 'end') port.close();
    else if (!isEnding) await bake(request);
  });
});
