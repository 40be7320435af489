/**
 * Voices that the user installed, one folder each. In: an archive or a folder, and the checksum it should have; out: a checked voice under its
 * name, whole or not at all. Nothing of an archive is run, and nothing of it lands outside its folder.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { childEnvironment } from '../config.ts';
import { AppError } from '../errors.ts';
import { isDiskFailure, unwritable } from '../media/disk-failure.ts';
import { findVoiceModel, type VoiceModel } from './sherpa-models.ts';

const run = promisify(execFile);

const MAX_ARCHIVE_BYTES = 2_000_000_000;
const MAX_UNPACKED_BYTES = 4e9;
const MAX_FILES = 5000;
const ARCHIVE = /\.(tar|tar\.bz2|tbz2?|tar\.gz|tgz|tar\.xz|txz)$/i;
const PART = '.part-';

export interface InstalledVoice {
  name: string;
  dir: string;
  model: VoiceModel;
}

/** Whole ones only, by name. A store that is not there yet is empty. */
export async function installedVoices(storeDir: string): Promise<InstalledVoice[]> {
  const entries = await readdir(storeDir, { withFileTypes: true }).catch(() => []);
  const voices: InstalledVoice[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const dir = join(storeDir, entry.name);
    try {
      voices.push({ name: entry.name, dir, model: findVoiceModel(dir) });
    } catch (error) {
      // Not a voice, though it lies here.
      if (!(error instanceof AppError)) throw error;
    }
  }
  return voices.sort((a, b) => a.name.localeCompare(b.name));
}

export interface InstallRequest {
  /** Address of an archive, or path of an archive or a folder. */
  source: string;
  sha256?: string | undefined;
  storeDir: string;
  signal: AbortSignal;
  /** What it may take unpacked. */
  maxUnpackedBytes?: number;
  /** Bytes of the download; the total where the server says. */
  onProgress?: (bytes: number, total: number | null) => void;
  /** Speaks with the voice before it is taken. @throws AppError when it cannot. */
  tryOut: (voice: InstalledVoice) => Promise<void>;
}

interface InstallResult {
  voice: InstalledVoice;
  sha256: string | null;
  /** The beginning of the licence or description that came with it. */
  licence: string | null;
}

/**
 * @throws AppError VOICE_UNKNOWN for a source that is none, BAD_USAGE for one that cannot be meant, MODEL_CORRUPT for a wrong checksum or content, FILE_UNWRITABLE, FILE_NOT_FOUND;
 * the signal's reason when aborted. In every case nothing is left behind.
 */
export async function installVoice(request: InstallRequest): Promise<InstallResult> {
  const { source, storeDir, signal, tryOut, maxUnpackedBytes = MAX_UNPACKED_BYTES } = request;
  const address = /^https?:\/\//i.test(source) ? addressOf(source) : null;
  const name = voiceName(address ? pathOf(address) : resolve(source));
  // In the store itself, so that renaming is atomic.
  const work = join(storeDir, `${PART}${process.pid}-${Date.now()}`);
  const unwritten = (cause: unknown): AppError => unwritable(storeDir, cause, 'tts.voiceDir');
  try {
    await mkdir(storeDir, { recursive: true });
    await sweep(storeDir);
    await mkdir(work);
  } catch (cause) {
    throw unwritten(cause);
  }
  try {
    const unpacked = join(work, 'unpacked');
    await mkdir(unpacked);
    const found = address ? null : await stat(source).catch(() => null);
    if (!address && found === null)
      throw new AppError('FILE_NOT_FOUND', `There is no file or folder ${source}; check the path.`);
    let sha256: string | null = null;
    if (found?.isDirectory()) {
      await cp(source, join(unpacked, name), { recursive: true, verbatimSymlinks: true });
    } else {
      const archive = address ? join(work, `download${extensionOf(address.pathname)}`) : source;
      if (!ARCHIVE.test(archive))
        throw new AppError(
          'BAD_USAGE',
          `${source} is no tar archive (.tar.bz2, .tar.gz, .tar.xz) and no folder; give one.`,
        );
      if (address) await download(request, archive);
      sha256 = await checksum(archive, signal);
      if (request.sha256 !== undefined && sha256 !== request.sha256.toLowerCase())
        throw new AppError(
          'MODEL_CORRUPT',
          `${source} has the checksum ${sha256}, not ${request.sha256}; it is damaged or another file: nothing was installed.`,
        );
      await unpack(archive, unpacked, { source, signal, maxUnpackedBytes });
    }
    await inspect(unpacked, source, maxUnpackedBytes);
    const dir = await voiceFolder(unpacked, source);
    const voice = { name, dir, model: findVoiceModel(dir) };
    await tryOut(voice);
    signal.throwIfAborted();
    const target = join(storeDir, name);
    const before = join(work, 'before');
    await rename(target, before).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(dir, target).catch(async (error) => {
      await rename(before, target).catch(() => undefined);
      throw error;
    });
    const model = findVoiceModel(target);
    return { voice: { name, dir: target, model }, sha256, licence: await licenceOf(target) };
  } catch (error) {
    throw isDiskFailure(error) ? unwritten(error) : error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @throws AppError VOICE_UNKNOWN */
export async function removeVoice(storeDir: string, name: string): Promise<void> {
  const voices = await installedVoices(storeDir);
  const voice = voices.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (!voice) {
    const known = voices.map((each) => each.name).join(', ') || 'none';
    throw new AppError('VOICE_UNKNOWN', `There is no installed voice "${name}"; installed: ${known}.`);
  }
  await rm(voice.dir, { recursive: true });
}

/** Removes what installations left that were killed. */
async function sweep(storeDir: string): Promise<void> {
  for (const name of await readdir(storeDir)) {
    const pid = Number(new RegExp(`^\\${PART}(\\d+)-`).exec(name)?.[1]);
    if (!(pid > 0) || isRunning(pid)) continue;
    await rm(join(storeDir, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @throws AppError BAD_USAGE */
function addressOf(source: string): URL {
  if (URL.canParse(source)) return new URL(source);
  throw new AppError('BAD_USAGE', `"${source}" is no address; correct it, or give a file or folder.`);
}

/** @throws AppError BAD_USAGE where a "%" stands for nothing. */
function pathOf(url: URL): string {
  try {
    return decodeURIComponent(url.pathname);
  } catch (cause) {
    throw new AppError('BAD_USAGE', `"${url.href}" has a "%" that stands for no letter; write it as %25.`, { cause });
  }
}

/** Name of the archive or folder without its ending, as it may stand in a path and on a command line. */
function voiceName(path: string): string {
  const name = basename(path)
    .replace(ARCHIVE, '')
    .replace(/[^\p{L}\p{N}_.-]+/gu, '-')
    .replace(/^[.-]+/, '');
  if (name === '') throw new AppError('BAD_USAGE', `"${path}" gives the voice no name; rename the file.`);
  return name.slice(0, 100);
}

const extensionOf = (path: string): string => ARCHIVE.exec(path)?.[0] ?? '';

async function download({ source, signal, onProgress }: InstallRequest, path: string): Promise<void> {
  const response = await fetch(source, { signal }).catch((cause) => {
    if (signal.aborted) throw signal.reason;
    throw new AppError('FILE_UNREADABLE', `${source} cannot be fetched; check the address and the network.`, { cause });
  });
  if (!response.ok || !response.body)
    throw new AppError('FILE_UNREADABLE', `${source} answers with HTTP ${response.status}; check the address.`);
  const total = Number(response.headers.get('content-length')) || null;
  let bytes = 0;
  const counted = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const piece of body) {
      bytes += piece.length;
      if (bytes > MAX_ARCHIVE_BYTES)
        throw new AppError('MODEL_CORRUPT', `${source} is larger than 2 GB; that is no voice.`);
      onProgress?.(bytes, total);
      yield piece;
    }
  };
  try {
    await pipeline(Readable.from(counted(response.body)), createWriteStream(path), { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof AppError || isDiskFailure(error)) throw error;
    throw new AppError('FILE_UNREADABLE', `The download of ${source} broke off after ${bytes} bytes; try again.`, {
      cause: error,
    });
  }
}

async function checksum(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}

/** How tar says what a disk refuses. */
const DISK_WORDS: readonly [code: string, words: RegExp][] = [
  ['ENOSPC', /no space left|wrote only \d+ of/i],
  ['EDQUOT', /quota exceeded/i],
  ['EFBIG', /file too large/i],
  ['EROFS', /read-only file system/i],
];

/** By the system's tar, which Linux, macOS and Windows have. */
async function unpack(
  archive: string,
  into: string,
  { source, signal, maxUnpackedBytes }: Pick<InstallRequest, 'source' | 'signal'> & { maxUnpackedBytes: number },
): Promise<void> {
  const options = { signal, env: { ...childEnvironment(), LC_ALL: 'C' }, maxBuffer: 16 * 1024 * 1024 };
  const tar = async (...args: string[]): Promise<string> => {
    try {
      return (await run('tar', args, options)).stdout;
    } catch (cause) {
      if (signal.aborted) throw signal.reason;
      const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      const stderr = (cause as { stderr?: string }).stderr ?? '';
      const words = stderr.trim().split('\n').at(-1);
      const refusal = DISK_WORDS.find(([, pattern]) => pattern.test(stderr));
      if (refusal) throw Object.assign(new Error(words), { code: refusal[0] });
      throw new AppError(
        'MODEL_CORRUPT',
        isMissing
          ? 'The program "tar" is not there; unpack the archive yourself and give the folder instead.'
          : `${source} cannot be unpacked (${words}); download it again, or unpack it yourself and give the folder.`,
        { cause },
      );
    }
  };
  const names = (await tar('-tf', archive)).split('\n').filter((name) => name !== '');
  if (names.length === 0 || names.length > MAX_FILES)
    throw new AppError('MODEL_CORRUPT', `${source} holds ${names.length} files; that is no voice.`);
  const outside = names.find((name) => /^([/\\]|[a-z]:)/i.test(name) || name.split(/[/\\]/).includes('..'));
  if (outside !== undefined)
    throw new AppError('MODEL_CORRUPT', `${source} would write outside its folder ("${outside}"); do not trust it.`);
  if (await isLarger(archive, maxUnpackedBytes, signal)) throw tooLarge(source, maxUnpackedBytes);
  await tar('-xf', archive, '-C', into);
}

/** Measured without writing anything: a small archive can hold more than the disk. What cannot be read is for unpacking to say. */
async function isLarger(archive: string, maxBytes: number, signal: AbortSignal): Promise<boolean> {
  const child = spawn('tar', ['-xOf', archive], {
    env: childEnvironment(),
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
  });
  const ended = new Promise<void>((resolve) => void child.once('close', resolve).once('error', () => resolve()));
  let bytes = 0;
  for await (const piece of child.stdout) {
    bytes += (piece as Buffer).length;
    if (bytes > maxBytes) break;
  }
  if (bytes > maxBytes) child.kill();
  await ended;
  signal.throwIfAborted();
  return bytes > maxBytes;
}

const tooLarge = (source: string, maxBytes: number): AppError =>
  new AppError('MODEL_CORRUPT', `${source} unpacks to more than ${maxBytes / 1e9} GB; that is no voice.`);

/** Plain files and folders only, and not too much of them. */
async function inspect(dir: string, source: string, maxBytes: number): Promise<void> {
  let bytes = 0;
  for (const name of await readdir(dir, { recursive: true })) {
    const found = await lstat(join(dir, name));
    if (!found.isFile() && !found.isDirectory())
      throw new AppError(
        'MODEL_CORRUPT',
        `${source} holds "${name}", which is neither file nor folder; do not trust it.`,
      );
    bytes += found.size;
  }
  if (bytes > maxBytes) throw tooLarge(source, maxBytes);
}

/** The folder with the model: the archive's own, or the one folder in it. */
async function voiceFolder(unpacked: string, source: string): Promise<string> {
  const entries = await readdir(unpacked, { withFileTypes: true });
  if (entries.some(({ name }) => name.endsWith('.onnx'))) return unpacked;
  const folders = entries.filter((entry) => entry.isDirectory());
  if (folders.length === 1) return join(unpacked, folders[0].name);
  throw new AppError('MODEL_CORRUPT', `${source} holds no single voice folder; give one voice at a time.`);
}

async function licenceOf(dir: string): Promise<string | null> {
  const names = await readdir(dir);
  const name =
    names.find((each) => /^(licen[cs]e|copying)/i.test(each)) ??
    names.find((each) => /^(model_card|readme)/i.test(each));
  if (name === undefined) return null;
  const text = await readFile(join(dir, name), 'utf8').catch(() => '');
  return `${name}\n${text.split('\n').slice(0, 40).join('\n').slice(0, 3000)}`.trim();
}
