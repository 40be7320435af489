/** A text file to speak: UTF-8 (with or without a byte-order mark) in, a string with something to say in it out. */
import { readFile, stat } from 'node:fs/promises';
import { AppError } from '../errors.ts';

const MAX_TEXT_BYTES = 20_000_000;

/** @throws AppError FILE_NOT_FOUND, FILE_UNREADABLE, TEXT_EMPTY. */
export async function readTextFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new AppError('FILE_NOT_FOUND', `There is no text file ${path}; check the path.`);
  if (found.isDirectory() || found.size > MAX_TEXT_BYTES) {
    const what = found.isDirectory() ? 'is a folder' : 'is larger than 20 MB';
    throw new AppError('FILE_UNREADABLE', `${path} ${what}; give a text file.`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    throw new AppError('FILE_UNREADABLE', `${path} is not text in UTF-8; save it as UTF-8 and try again.`, { cause });
  }
  if (text.trim() === '') throw new AppError('TEXT_EMPTY', `${path} is empty; write what is to be said into it.`);
  return text;
}
