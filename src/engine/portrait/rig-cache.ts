/**
 * Where a photo's rig lies once it has been baked. In: the photo's bytes, unread as a picture; out: a path that changes with the photo, the face basis
 * and the bake, so that nothing stale is ever served.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RIG_VERSION } from '../face-rig.ts';
import { FACE_BASIS_PATH } from './face-basis.ts';

/** Goes up whenever the bake's result changes. */
export const BAKE_VERSION = 7;

/** @param basisSha256 hex. */
export function rigCachePath(photo: Uint8Array, basisSha256: string, cacheDir: string): string {
  const hash = createHash('sha256').update(photo).update(basisSha256).update(`${RIG_VERSION}.${BAKE_VERSION}`);
  return join(cacheDir, `${hash.digest('hex').slice(0, 40)}.rig`);
}

/** Of the shipped face basis, hex; without reading what is in it. @throws Error where it is missing. */
export async function faceBasisSha256(): Promise<string> {
  return createHash('sha256')
    .update(await readFile(FACE_BASIS_PATH))
    .digest('hex');
}
