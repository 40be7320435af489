// A disk that is full: the error names the file that was asked for and what to do, and nothing is left behind.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createMotionFile } from '../../src/engine/motion-file.ts';
import { neutralFrame } from '../../src/engine/motion-frame.ts';
import { saveRig } from '../../src/engine/portrait/rig-store.ts';
import { createFilm, type FilmWriter } from '../../src/media/film.ts';
import { syntheticRig } from '../support/synthetic-rig.ts';

const SIZE_PX = 64;
const FULL = /cannot be written: .*(disk is full|No space left)/i;

const disk = mkdtempSync(join(tmpdir(), 'visavis-full-'));
const mounted = ((): boolean => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'visavis-full', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
if (!mounted) console.info('A full disk: skipped, a small disk can be mounted as root on Linux only.');

describe.skipIf(!mounted)('a full disk', () => {
  beforeAll(() => writeFileSync(join(disk, 'what fills it'), Buffer.alloc(48 * 1024)));
  afterEach(() => expect(readdirSync(disk)).toEqual(['what fills it']));
  afterAll(() => {
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  async function failing(path: string, write: () => Promise<unknown>): Promise<void> {
    const error = await write().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: expect.stringMatching(/^(WRITE_FAILED|FILE_UNWRITABLE)$/) });
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).toMatch(FULL);
  }

  it.each(['film', 'film.mp4', 'film.webm'])('while %s is written', async (name) => {
    const path = join(disk, name);
    const audio = { sampleRateHz: 48_000, channels: 1 } as const;
    let film: FilmWriter | undefined;
    await failing(path, async () => {
      film = await createFilm(path, { widthPx: SIZE_PX, heightPx: SIZE_PX, fps: 25, audio });
      const picture = new Uint8Array((SIZE_PX * SIZE_PX * 3) / 2);
      for (let i = 0; i < 200; i++) {
        for (let at = 0; at < picture.length; at++) picture[at] = (at * (i + 7) * 2_654_435_761) >>> 24;
        await film.writePicture(picture);
        await film.writeAudio({
          kind: 'audio',
          samples: new Float32Array(1920).fill(0.1),
          timestampUs: i * 40_000,
          ...audio,
        });
      }
      await film.finish();
    });
    await film?.abort();
  });

  it('while a motion file is written', async () => {
    const path = join(disk, 'motion.jsonl');
    const file = await createMotionFile(path);
    await failing(path, async () => {
      for (let i = 0; i < 2000; i++) await file.write({ ...neutralFrame(), timestampUs: i * 40_000 });
      await file.finish();
    });
    await file.abort();
  });

  it('while a rig is stored', () => {
    const path = join(disk, 'face.rig');
    return failing(path, () => saveRig(path, syntheticRig()));
  });
});
