/** A photo as commands open it: its rig, from the configured cache where it was seen before; its warnings told. */
import { loadConfig } from '../config.ts';
import type { Portrait } from '../engine/portrait/portrait.ts';
import type { CommandIo } from './run-command.ts';

/** @throws AppError for a photo that is missing, damaged or without a usable face. */
export async function openPortrait(path: string, io: CommandIo): Promise<Portrait> {
  const { bakePortrait } = await import('../engine/portrait/portrait.ts');
  const portrait = await bakePortrait(path, { cacheDir: loadConfig().cache.dir });
  for (const { message } of portrait.rig.warnings) io.warn(`${path}: ${message}`);
  io.signal.throwIfAborted();
  return portrait;
}
