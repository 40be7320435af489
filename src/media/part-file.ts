/**
 * Output under its final name is always complete: it is written beside it under a hidden name and renamed at the end.
 *
 * In: the final path. Out: the hidden path, in the same folder (so that renaming is atomic), and the two ways to end.
 */
import { access, constants, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '../errors.ts';

export interface PartFile {
  /** Write here, a file or a folder. */
  path: string;
  /** Renames to the final name, replacing a file of that name. */
  commit(): Promise<void>;
  /** Removes what was written; harmless after `commit`. */
  discard(): Promise<void>;
}

export type OutputKind = 'file' | 'folder';

/** @throws AppError FILE_UNWRITABLE as `checkWritable`. */
export async function createPartFile(finalPath: string): Promise<PartFile> {
  await checkWritable(finalPath, 'file');
  return part(resolve(finalPath));
}

/** As `createPartFile` for a folder, which is made at once under its hidden name. */
export async function createPartFolder(finalPath: string): Promise<PartFile> {
  await checkWritable(finalPath, 'folder');
  const folder = part(resolve(finalPath));
  await mkdir(folder.path);
  return folder;
}

/**
 * For work that takes long before its first byte.
 *
 * @throws AppError FILE_UNWRITABLE when the folder above is missing or read-only; when a folder has the name of the file;
 * when a file, or a folder with something in it, has the name of the folder.
 */
export async function checkWritable(finalPath: string, kind: OutputKind): Promise<void> {
  const absolute = resolve(finalPath);
  const above = dirname(absolute);
  const refuse = (why: string, cause?: unknown) =>
    new AppError('FILE_UNWRITABLE', `${finalPath} cannot be written: ${why}.`, { cause });
  try {
    await access(above, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = (await stat(above).catch(() => null)) ? 'is not writable' : 'does not exist';
    throw refuse(`the folder ${above} ${why}`, cause);
  }
  const found = await stat(absolute).catch(() => null);
  if (found === null) return;
  if (kind === 'file' && found.isDirectory()) throw refuse('a folder of that name exists');
  if (kind === 'folder' && !found.isDirectory()) throw refuse('a file of that name exists');
  if (kind === 'folder' && (await readdir(absolute)).length > 0) throw refuse('the folder exists and is not empty');
}

function part(absolute: string): PartFile {
  const path = join(dirname(absolute), `.${basename(absolute)}.${process.pid}.part`);
  let open = true;
  return {
    path,
    async commit() {
      // Removes an empty folder of the final name; a file is replaced by the renaming.
      await rmdir(absolute).catch(() => undefined);
      await rename(path, absolute);
      open = false;
    },
    async discard() {
      if (!open) return;
      open = false;
      await rm(path, { recursive: true, force: true });
    },
  };
}
