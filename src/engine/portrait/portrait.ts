/**
 * The front door of the bake: a photo's path or bytes in, a FaceRig out. A photo that was baked before comes from the
 * cache, keyed by the photo's content, the face basis and the bake's own version, so that nothing stale is ever served.
 */
import { basename } from 'node:path';
import { defaultCacheDir } from '../../config.ts';
import { AppError } from '../../errors.ts';
import type { FaceRig } from '../face-rig.ts';
import { type BakeResult, bakeRig, type PortraitAnalysis } from './bake.ts';
import { type FaceBasis, loadFaceBasis } from './face-basis.ts';
import { readPhotoFile } from './photo.ts';
import { readPortraitPhoto } from './portrait-photo.ts';
import { rigCachePath } from './rig-cache.ts';
import { loadRig, saveRig } from './rig-store.ts';

export interface BakeOptions {
  /** What messages call a photo given as bytes. */
  name?: string;
  /** Folder of baked rigs; `null` neither reads nor writes one. Default: the user's cache folder. */
  cacheDir?: string | null;
}

export interface Portrait {
  rig: FaceRig;
  /** Null where the rig came from the cache. */
  analysis: PortraitAnalysis | null;
  /** Where the rig is kept in the cache; null where none is. */
  path: string | null;
  /** Why the cache does not keep it, though it should. */
  unkept?: AppError;
  /** ms by step. */
  timings: Record<string, number>;
}

let sharedBasis: FaceBasis | null = null;

/** @throws AppError for a photo that is missing, damaged, too small or without a usable face. */
export async function bakePortrait(photo: string | Uint8Array, options: BakeOptions = {}): Promise<Portrait> {
  const start = performance.now();
  const name = options.name ?? (typeof photo === 'string' ? photo : 'the photo');
  const bytes = typeof photo === 'string' ? await readPhotoFile(photo) : photo;
  const basis = faceBasis();
  const cacheDir = options.cacheDir === undefined ? defaultCacheDir() : options.cacheDir;
  const cachePath = cacheDir === null ? null : rigCachePath(bytes, basis.sha256, cacheDir);
  const cached = cachePath === null ? null : await readCached(cachePath);
  if (cached) {
    cached.source.name = basename(name);
    return { rig: cached, analysis: null, path: cachePath, timings: { cacheMs: performance.now() - start } };
  }
  const result = await bakeBytes(bytes, name, basis);
  if (cachePath === null) return { ...result, path: null };
  const unkept = await keep(cachePath, result);
  return unkept ? { ...result, path: null, unkept } : { ...result, path: cachePath };
}

/** For whoever needs the rig's file. @throws AppError FILE_UNWRITABLE, and as `bakePortrait`. */
export async function cachePortrait(
  photo: string | Uint8Array,
  options: { name?: string; cacheDir?: string } = {},
): Promise<{ rig: FaceRig; path: string }> {
  const { rig, path, unkept } = await bakePortrait(photo, options);
  if (path === null) throw unkept;
  return { rig, path };
}

/** A cache that cannot be written costs time at the next start, nothing else. @returns why it cannot. */
async function keep(path: string, { rig, timings }: BakeResult): Promise<AppError | undefined> {
  const start = performance.now();
  try {
    await saveRig(path, rig);
    timings.saveMs = performance.now() - start;
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

async function bakeBytes(bytes: Uint8Array, name: string, basis: FaceBasis): Promise<BakeResult> {
  const start = performance.now();
  const { photo, faces } = await readPortraitPhoto(bytes, name);
  const found = performance.now();
  const result = await bakeRig({ ...photo, name: basename(name) }, faces, basis);
  result.timings = { landmarksMs: found - start, ...result.timings };
  return result;
}

function faceBasis(): FaceBasis {
  sharedBasis ??= loadFaceBasis();
  return sharedBasis;
}

async function readCached(path: string): Promise<FaceRig | null> {
  try {
    return await loadRig(path);
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
