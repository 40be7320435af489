/**
 * Changes to the file of access keys. In: what to do with its keys; out: the file anew, whole or not at all, readable by its owner alone. Two commands at
 * once wait for one another.
 */
import { chmod, mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { unwritable } from '../media/disk-failure.ts';
import { createPartFile } from '../media/part-file.ts';
import { readKeyFile, type StoredKey } from '../signaling/access-keys.ts';

const SETTING = 'server.keysFile';
const LOCK_PATIENCE_MS = 5000;
const LOCK_RETRY_MS = 50;
/** A command that was killed leaves its lock behind. */
const STALE_LOCK_MS = 30_000;

/** @param change gets the keys and returns them as they are to be. @throws AppError KEYS_INVALID, FILE_UNWRITABLE, WRITE_FAILED, and what `change` throws. */
export async function changeKeys(path: string, change: (keys: StoredKey[]) => StoredKey[]): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw unwritable(folder, cause, SETTING);
  });
  const unlock = await lock(`${path}.lock`);
  try {
    const { version, keys } = readKeyFile(path);
    const text = `${JSON.stringify({ version, keys: change(keys) }, null, 2)}\n`;
    const part = await createPartFile(path);
    try {
      await part.writing(writeFile(part.path, text, { mode: 0o600 }));
      await part.writing(chmod(part.path, 0o600));
      await part.commit();
    } finally {
      await part.discard();
    }
  } finally {
    await unlock();
  }
}

async function lock(path: string): Promise<() => Promise<void>> {
  const deadlineMs = performance.now() + LOCK_PATIENCE_MS;
  for (;;) {
    try {
      await (await open(path, 'wx')).close();
      return () => rm(path, { force: true });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw unwritable(path, cause, SETTING);
    }
    const held = await stat(path).catch(() => null);
    if (held && Date.now() - held.mtimeMs > STALE_LOCK_MS) await rm(path, { force: true });
    else if (performance.now() > deadlineMs)
      throw new AppError('FILE_UNWRITABLE', `Another command is changing the keys (${path}); try again.`);
    else await delay(LOCK_RETRY_MS);
  }
}
