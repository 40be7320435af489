/** What a disk refuses, in words for people. In: the system's error. Out: why, and what to do; an error that names what could not be written. */
import { AppError } from '../errors.ts';

const FAILURES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; make room, or choose another place',
  EDQUOT: 'the quota of this disk is used up; make room, or choose another place',
  EROFS: 'the disk is read-only; choose another place',
  EFBIG: 'the file is too large for this disk; choose another place',
  EIO: 'the disk reports an error; choose another place',
  EACCES: 'you may not write there; choose a place where you may',
  EPERM: 'you may not write there; choose a place where you may',
  ENOENT: 'its folder is not there; make it, or choose another place',
  ENOTDIR: 'a file has the name of its folder; choose another place',
  EEXIST: 'a file has the name of its folder; choose another place',
};
/** Those that only a disk has; the others may be a program's or a network's. */
const DISK_ONLY = ['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG', 'EIO'];

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException | undefined)?.code ?? '';

export const isDiskFailure = (error: unknown): boolean => DISK_ONLY.includes(codeOf(error));

function diskFailure(cause: unknown): string {
  const code = codeOf(cause);
  return FAILURES[code] ?? `${code || (cause as Error).message}; choose another place`;
}

/** What the server or an installation keeps. @param path a file or folder. @param setting that says where it is. */
export const unwritable = (path: string, cause: unknown, setting: string): AppError =>
  new AppError('FILE_UNWRITABLE', `${path} cannot be written: ${diskFailure(cause)} (${setting}).`, { cause });

/** Output that was asked for. @param setting that says where it is, if one does. */
export function writeFailed(path: string, cause: unknown, setting?: string): AppError {
  const where = setting === undefined ? '' : ` (${setting})`;
  return new AppError('WRITE_FAILED', `${path} cannot be written: ${diskFailure(cause)}${where}.`, { cause });
}
