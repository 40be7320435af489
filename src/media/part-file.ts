/**
 * Output under its final name is always complete: it is written beside it under a hidden name and renamed at the end. A name that is a
 * link is written through: the link stays, its target is replaced. A FIFO or a device gets the finished file at the end.
 *
 * In: the final path. Out: the hidden path (in the same folder, so that renaming is atomic), and the two ways to end. Whatever is
 * unfinished when the process ends, goes with it.
 */
import { createReadStream, createWriteStream, rmSync, type Stats } from 'node:fs';
import {
  access,
  chmod,
  constants,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../errors.ts';
import { writeFailed } from './disk-failure.ts';

export interface PartFile {
  /** Write here, a file or a folder. */
  path: string;
  /** What the disk refuses of it, as an error that names the output. */
  failed(cause: unknown): AppError;
  /** The same for what Node writes. @throws AppError WRITE_FAILED. */
  writing<T>(work: Promise<T>): Promise<T>;
  /** Renames to the final name, replacing a file of that name. @throws AppError WRITE_FAILED. */
  commit(): Promise<void>;
  /** Removes what was written; harmless after `commit`. */
  discard(): Promise<void>;
}

export type OutputKind = 'file' | 'folder';

/** Where the output really goes. */
interface Target {
  /** The last of a chain of links. */
  path: string;
  /** What is there now. */
  found: Stats | null;
}

const PIPE_WAIT_MS = 10;
const MAX_LINKS = 40;
/** File systems take 255 bytes; the rest is for what is put around a name. */
const MAX_NAME_BYTES = 200;

const unfinished = new Set<string>();
let partCount = 0;

/** @throws AppError FILE_UNWRITABLE as `checkWritable`. */
export async function createPartFile(finalPath: string): Promise<PartFile> {
  const { path, found } = await writableTarget(finalPath, 'file');
  if (found && !found.isFile()) return await streamed(finalPath, path, found);
  return part(finalPath, path, found);
}

/** As `createPartFile` for a folder, which is made at once under its hidden name. */
export async function createPartFolder(finalPath: string): Promise<PartFile> {
  const { path } = await writableTarget(finalPath, 'folder');
  const folder = part(finalPath, path, null);
  await folder.writing(mkdir(folder.path));
  return folder;
}

/**
 * For work that takes long before its first byte.
 *
 * @throws AppError FILE_UNWRITABLE when the folder above is missing or read-only; when a folder has the name of the file, or a file there
 * is write-protected; when a file, or a folder with something in it, has the name of the folder.
 */
export async function checkWritable(finalPath: string, kind: OutputKind): Promise<void> {
  await writableTarget(finalPath, kind);
}

const unwritable = (finalPath: string, why: string, cause?: unknown): AppError =>
  new AppError('FILE_UNWRITABLE', `${finalPath} cannot be written: ${why}.`, { cause });

async function writableTarget(finalPath: string, kind: OutputKind): Promise<Target> {
  const refuse = (why: string, cause?: unknown) => unwritable(finalPath, why, cause);
  let found = await stat(finalPath).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ELOOP') throw refuse('it is a link that leads back to itself', cause);
    return null;
  });
  if (found && !found.isFile() && !found.isDirectory()) {
    if (kind === 'folder') throw refuse('it is not a folder but a device or a pipe');
    if (found.isBlockDevice()) throw refuse('it is a disk, and a disk is not overwritten');
    if (found.isSocket()) throw refuse('it is a socket; give a file');
    // Links such as /dev/stdout lead to what has no name of its own.
    return { path: resolve(finalPath), found };
  }
  const path = await linkTarget(resolve(finalPath));
  found = await stat(path).catch(() => null);
  const link = path === resolve(finalPath) ? '' : `, to which the link leads,`;
  const above = dirname(path);
  try {
    await access(above, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const there = await stat(above).catch(() => null);
    const why = !there ? 'does not exist' : there.isDirectory() ? 'is not writable' : 'is a file';
    throw refuse(`the folder ${above}${link} ${why}`, cause);
  }
  if (found === null) return { path, found };
  if (kind === 'file') {
    if (found.isDirectory()) throw refuse('a folder of that name exists');
    await access(path, constants.W_OK).catch((cause) => {
      throw refuse('the file there is write-protected; remove it or choose another name', cause);
    });
  } else {
    if (!found.isDirectory()) throw refuse('a file of that name exists');
    const names = await readdir(path).catch((cause) => {
      throw refuse('a folder of that name exists and cannot be read', cause);
    });
    if (names.length > 0) throw refuse('the folder exists and is not empty');
  }
  return { path, found };
}

/** Through links to links, to a target that need not be there. */
async function linkTarget(absolute: string): Promise<string> {
  let path = absolute;
  for (let links = 0; links < MAX_LINKS; links++) {
    const target = await readlink(path).catch(() => null);
    if (target === null) return path;
    path = resolve(dirname(path), target);
  }
  throw unwritable(absolute, 'it is a link that leads back to itself');
}

function part(finalPath: string, absolute: string, replaced: Stats | null): PartFile {
  const path = join(dirname(absolute), `.${shortened(basename(absolute))}.${process.pid}-${++partCount}.part`);
  const forget = keepUnfinished(path);
  const failed = (cause: unknown): AppError => writeFailed(finalPath, cause);
  return {
    ...{ path, failed, writing: (work) => naming(failed, work) },
    async commit() {
      try {
        // Who may read the file that is replaced, may read the new one, and nobody else.
        if (replaced) await chmod(path, replaced.mode);
        // Removes an empty folder of the final name; a file is replaced by the renaming.
        await rmdir(absolute).catch(() => undefined);
        await rename(path, absolute);
      } catch (cause) {
        throw failed(cause);
      }
      forget();
    },
    async discard() {
      if (forget()) await rm(path, { recursive: true, force: true });
    },
  };
}

/** A file in the folder for temporary ones, which is copied into the FIFO or device at the end. */
async function streamed(finalPath: string, target: string, found: Stats): Promise<PartFile> {
  let pipe: FileHandle | undefined;
  if (found.isFIFO()) {
    // Held until the end: one that is opened and closed meanwhile would tell the reader that there is no more.
    pipe = await open(target, constants.O_WRONLY | constants.O_NONBLOCK).catch((cause: NodeJS.ErrnoException) => {
      throw unwritable(
        finalPath,
        cause.code === 'ENXIO' ? 'nobody reads from this pipe; start its reader first' : 'you may not',
        cause,
      );
    });
  } else {
    await access(target, constants.W_OK).catch((cause) => {
      throw unwritable(finalPath, 'you may not write to this device', cause);
    });
  }
  const failed = (cause: unknown): AppError =>
    writeFailed(`${tmpdir()}, where ${finalPath} is made ready,`, cause, 'TMPDIR');
  const folder = await naming(failed, mkdtemp(join(tmpdir(), 'visavis-part-')));
  const forget = keepUnfinished(folder);
  const path = join(folder, shortened(basename(target)));
  const discard = async (): Promise<void> => {
    await pipe?.close().catch(() => undefined);
    pipe = undefined;
    if (forget()) await rm(folder, { recursive: true, force: true });
  };
  return {
    ...{ path, failed, writing: (work) => naming(failed, work) },
    async commit() {
      try {
        if (pipe) await copyIntoPipe(path, pipe);
        else if (target !== devNull) await pipeline(createReadStream(path), createWriteStream(target));
      } catch (cause) {
        throw writeFailed(finalPath, cause);
      } finally {
        await discard();
      }
    },
    discard,
  };
}

/** A full pipe says so instead of holding up one of the few threads that serve all files. */
async function copyIntoPipe(path: string, pipe: FileHandle): Promise<void> {
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      try {
        at += (await pipe.write(chunk, at)).bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await new Promise((resolve) => setTimeout(resolve, PIPE_WAIT_MS));
      }
    }
  }
}

function naming<T>(failed: (cause: unknown) => AppError, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw (cause as NodeJS.ErrnoException).syscall === undefined ? cause : failed(cause);
  });
}

/** @returns what ends it; its result says whether it was still there. */
function keepUnfinished(path: string): () => boolean {
  if (unfinished.size === 0) process.on('exit', removeUnfinished);
  unfinished.add(path);
  return () => {
    const isKept = unfinished.delete(path);
    if (unfinished.size === 0) process.off('exit', removeUnfinished);
    return isKept;
  };
}

/** For an end that leaves no time: a second Ctrl-C, a fault of our own. */
function removeUnfinished(): void {
  for (const path of unfinished) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // There is nobody left to tell.
    }
  }
}

function shortened(name: string): string {
  let short = name;
  while (Buffer.byteLength(short) > MAX_NAME_BYTES) short = [...short].slice(0, -1).join('');
  return short;
}
