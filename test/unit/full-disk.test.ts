// A disk that is full: the error names the file that was asked for and what to do, and nothing is left behind.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FormRecords } from '../../src/agent/desk/form-records.ts';
import type { FormSpec } from '../../src/agent/desk/form-spec.ts';
import { installVoice } from '../../src/agent/voice-store.ts';
import { changeKeys } from '../../src/cli/access-key-file.ts';
import { samplePortrait } from '../../src/cli/benchmarks/sample-portrait.ts';
import { writeDebugSheet } from '../../src/cli/debug-sheet.ts';
import { createMotionFile } from '../../src/engine/motion-file.ts';
import { neutralFrame } from '../../src/engine/motion-frame.ts';
import { Bakery } from '../../src/engine/portrait/bakery.ts';
import { saveRig } from '../../src/engine/portrait/rig-store.ts';
import { createFilm, type FilmWriter } from '../../src/media/film.ts';
import { createPartFile } from '../../src/media/part-file.ts';

import type { StoredKey } from '../../src/signaling/access-keys.ts';
import type { Logger } from '../../src/telemetry.ts';
import { syntheticRig } from '../support/synthetic-rig.ts';

const SIZE_PX = 64;
const FULL = /cannot be written: the disk is full; make room, or choose another place/;

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

  it('while a face of the gallery is cached', async () => {
    await using bakery = new Bakery();
    const error = await bakery.bake(samplePortrait, 'Mona Lisa', disk).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'FILE_UNWRITABLE', message: expect.stringMatching(FULL) });
    expect((error as Error).message).toContain(disk);
    expect((error as Error).message).toContain('(cache.dir)');
  });

  it('while a contact sheet is written', () => {
    const path = join(disk, 'sheet.png');
    return failing(path, () => writeDebugSheet(path, syntheticRig()));
  });

  it('while the keys are written', () => {
    const path = join(disk, 'keys.json');
    const key = { name: 'x'.repeat(20_000) } as StoredKey;
    return failing(path, () => changeKeys(path, () => [key]));
  });

  it('while a voice is installed, from a folder and from an archive', async () => {
    const store = join(disk, 'voices');
    const scratch = mkdtempSync(join(tmpdir(), 'visavis-voice-'));
    const source = join(scratch, 'voice');
    mkdirSync(source);
    writeFileSync(join(source, 'model.onnx'), randomBytes(40_000));
    execFileSync('tar', ['-czf', `${source}.tar.gz`, '-C', scratch, 'voice']);
    const request = { storeDir: store, signal: new AbortController().signal, tryOut: async () => {} };
    await failing(store, () => installVoice({ ...request, source }));
    await failing(store, () => installVoice({ ...request, source: `${source}.tar.gz` }));
    expect(readdirSync(store)).toEqual([]);
    rmSync(store, { recursive: true });
    rmSync(scratch, { recursive: true });
  });

  it('while a form is recorded', async () => {
    const told: unknown[] = [];
    const records = new FormRecords(disk, { error: (fields: object) => told.push(fields) } as unknown as Logger);
    const spec = { id: 'repair', record: 'repairs.jsonl' } as FormSpec;
    const values = { what: 'x'.repeat(20_000) };
    const record = { form: 'repair', language: 'en', at: '2026-01-01T00:00:00Z', values };
    expect(await records.deliver(spec, record, new AbortController().signal)).toBe('lost');
    expect(told).toEqual([{ error: expect.stringMatching(FULL) }]);
    expect(JSON.stringify(told)).toContain(join(disk, 'repairs.jsonl'));
    rmSync(join(disk, 'repairs.jsonl'));
  });

  it('while what goes to a pipe or device is made ready in the folder for temporary files', async () => {
    const { TMPDIR } = process.env;
    process.env.TMPDIR = disk;
    try {
      const part = await createPartFile('/dev/null');
      await failing(disk, () => part.writing(writeFile(part.path, Buffer.alloc(20_000))));
      await part.discard();
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
    }
  });
});
