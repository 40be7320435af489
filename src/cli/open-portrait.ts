/** A photo as commands open it: its rig, from the configured cache where it was seen before; its warnings told. */
import { loadConfig } from '../config.ts';
import type { Portrait } from '../engine/portrait/portrait.ts';
import type { Background } from './flags.ts';
import type { CommandIo } from './run-command.ts';

/** @throws AppError for a photo that is missing, damaged or without a usable face. */
export async function openPortrait(path: string, io: CommandIo, background: Background = 'keep'): Promise<Portrait> {
  const portrait = await analysePhoto(path, loadConfig().cache.dir, io);
  for (const { code, message } of portrait.rig.warnings) {
    if (code === 'TRANSPARENT' && background !== 'keep') continue;
    const remedy = ' Give --background none for PNGs with transparency, or --background COLOR.';
    io.warn(`${path}: ${message}${code === 'TRANSPARENT' ? remedy : ''}`);
  }
  io.signal.throwIfAborted();
  return portrait;
}

/** In a process of its own: a file that was made to harm costs an error. @param cacheDir as `bakePortrait` takes it. @throws AppError as it does. */
export async function analysePhoto(path: string, cacheDir: string | null, { signal }: CommandIo): Promise<Portrait> {
  const { Bakery } = await import('../engine/portrait/bakery.ts');
  await using bakery = new Bakery({ isLowPriority: false });
  const stop = (): void => void bakery[Symbol.asyncDispose]();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await bakery.portrait(path, cacheDir);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
