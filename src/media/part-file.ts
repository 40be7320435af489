/**
 * Output under its final name is always complete: it is written beside it under a hidden name and renamed at the end.
 *
 * In: the final path. Out: the hidden path, in the same folder (so that renaming is atomic), and the two ways to end.
 */
import { access, constants, mkdir, rename, rm, rmdir, stat } from 'node:fs/promises';
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

/** @throws AppError FILE_UNWRITABLE when the folder is missing or read-only, or a folder has the final name. */
export async function createPartFile(finalPath: string): Promise<PartFile> {
  const absolute = resolve(finalPath);
  const folder = dirname(absolute);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = (await stat(folder).catch(() => null)) ? 'is not writable' : 'does not exist';
    throw new AppError('FILE_UNWRITABLE', `${finalPath} cannot be written: the folder ${folder} ${why}.`, { cause });
  }
  if ((await stat(absolute).catch(() => null))?.isDirectory()) {
    throw new AppError('FILE_UNWRITABLE', `${finalPath} cannot be written: a folder of that name exists.`);
  }
  return part(absolute);
}

/** As `createPartFile` for a folder, which is made at once; a folder of the final name must be empty or absent. */
export async function createPartFolder(finalPath: string): Promise<PartFile> {
  const absolute = resolve(finalPath);
  try {
    await rmdir(absolute);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT') {
      const why = code === 'ENOTEMPTY' ? 'the folder exists and is not empty' : 'a file of that name exists';
      throw new AppError('FILE_UNWRITABLE', `${finalPath} cannot be written: ${why}; choose another name.`, { cause });
    }
  }
  const folder = await createPartFile(finalPath);
  await mkdir(folder.path);
  return folder;
}

function part(absolute: string): PartFile {
  const path = join(dirname(absolute), `.${basename(absolute)}.${process.pid}.part`);
  let open = true;
  return {
    path,
    async commit() {
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
