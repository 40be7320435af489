// The gallery with a bakery that writes a rig for any bytes at once, or when it is told to.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { faceBasisSha256, rigCachePath } from '../../src/engine/portrait/rig-cache.ts';
import { AppError } from '../../src/errors.ts';
import { Gallery } from '../../src/gallery.ts';
import { sharp } from '../../src/media/image.ts';
import { assetsDir } from '../../src/paths.ts';
import type { Logger } from '../../src/telemetry.ts';

const poster = await sharp({ create: { width: 32, height: 32, channels: 3, background: 'teal' } })
  .webp()
  .toBuffer();

const thumbnail = await sharp(poster).resize(160).webp().toBuffer();

class FakeBakery {
  readonly problem = undefined;
  bakes = 0;
  thumbnails = 0;
  failure: Error | undefined;
  /** What bakes wait for. */
  gate: Promise<unknown> = Promise.resolve();

  async bake(_photo: string | Uint8Array, _name: string, cacheDir: string) {
    this.bakes += 1;
    await this.gate;
    mkdirSync(cacheDir, { recursive: true });
    const rigPath = join(cacheDir, 'face.rig');
    writeFileSync(rigPath, 'rig');
    if (this.failure) throw this.failure;
    return { rigPath, warnings: [], poster, thumbnail };
  }

  async thumbnail() {
    this.thumbnails += 1;
    return thumbnail;
  }

  async [Symbol.asyncDispose]() {}
}

let folder: string;
let cacheDir: string;
let bakery: FakeBakery;
let gallery: Gallery;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'visavis-gallery-'));
  cacheDir = join(folder, 'cache');
  bakery = new FakeBakery();
  gallery = await Gallery.open(cacheDir, [], { openBakery: () => bakery });
});
afterEach(async () => {
  await gallery[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const photo = (n: number): Uint8Array => Buffer.from(`photo ${n}`);

function uploadFolders(): string[] {
  const [uploads] = existsSync(cacheDir) ? readdirSync(cacheDir).filter((name) => name.startsWith('uploads-')) : [];
  return uploads ? readdirSync(join(cacheDir, uploads)) : [];
}

describe('faces that cannot be prepared', () => {
  it('keep the server from being ready only when there is no other, each with a line in the log', async () => {
    const lines: { portraitId: string; err: Error }[] = [];
    const logger = { warn: (line: (typeof lines)[number]) => void lines.push(line) } as unknown as Logger;
    await using faces = await Gallery.open(cacheDir, [], { openBakery: () => bakery, logger });
    expect(await faces.problem()).toBeUndefined(); // nothing is known yet
    bakery.failure = new Error('the disk is full');
    const ids = (await faces.list()).map(({ id }) => id);
    for (const id of ids.slice(1)) await faces.rigPath(id).catch(() => {});
    expect(await faces.problem()).toBeUndefined(); // the first may still be
    await faces.warmUp();
    expect(await faces.problem()).toMatch(/no face can be prepared.*the disk is full/);
    expect(new Set(lines.map(({ portraitId }) => portraitId))).toEqual(new Set(ids));
    expect(lines.every(({ err }) => err.message === 'the disk is full')).toBe(true);
  });

  it('are tried again while somebody asks, so that the server recovers by itself', async () => {
    bakery.failure = new Error('the disk is full');
    await gallery.warmUp();
    bakery.failure = undefined;
    expect(await gallery.problem()).toBeDefined();
    await vi.waitFor(async () => expect(await gallery.problem()).toBeUndefined());
    await vi.waitFor(() => expect(gallery.detail).toMatch(/^(\d+) of \1 faces$/));
  });

  it('are told to visitors by name, with advice that fits', async () => {
    bakery.failure = new Error(`${cacheDir}/x.rig cannot be written`);
    const refused = {
      code: 'PORTRAIT_UNAVAILABLE',
      message: expect.stringContaining('" cannot be prepared right now; choose another one'),
    };
    for (const ask of [() => gallery.rigPath('mona-lisa'), () => gallery.poster('mona-lisa')]) {
      const error = (await ask().catch((told) => told)) as AppError;
      expect(error).toMatchObject(refused);
      expect(error.message).not.toMatch(/\/|another picture/);
    }
  });

  it('wait for no analysis where one was made before the server started', async () => {
    const file = await readFile(join(assetsDir, 'portraits', 'mona-lisa.jpg'));
    const kept = rigCachePath(file, await faceBasisSha256(), cacheDir);
    mkdirSync(cacheDir, { recursive: true });
    writeFileSync(kept, 'rig');
    bakery.gate = new Promise(() => {});
    void gallery.poster('mona-lisa'); // somebody looks at the page
    expect(await gallery.rigPath('mona-lisa')).toBe(kept);
    rmSync(kept);
    bakery.gate = Promise.resolve();
    await using faces = await Gallery.open(cacheDir, [], { openBakery: () => bakery });
    expect(await faces.rigPath('mona-lisa')).toBe(join(cacheDir, 'face.rig'));
  });

  it('are prepared anew when somebody cleaned the cache', async () => {
    const path = await gallery.rigPath('maya');
    rmSync(path);
    await gallery.rigPath('maya').catch(() => {}); // notices
    expect(existsSync(await gallery.rigPath('maya'))).toBe(true);
    expect(bakery.bakes).toBe(2);
  });
});

describe('a shipped face', () => {
  it('tells whose voice suits it', async () => {
    expect(await gallery.info('maya')).toMatchObject({ voice: 'woman' });
    expect(await gallery.info('kofi')).toMatchObject({ voice: 'man' });
  });
});

describe('an upload', () => {
  it('is in no list, and there for who knows its id', async () => {
    const before = await gallery.list();
    const info = await gallery.add(photo(1), 'me.jpg');
    expect(info.title).toBe('me');
    expect(await gallery.list()).toEqual(before);
    expect(await gallery.info(info.id)).toEqual(info);
    expect(existsSync(await gallery.rigPath(info.id))).toBe(true);
    expect((await sharp(await gallery.thumbnail(info.id)).metadata()).width).toBe(160);
  });

  it('has an id that does not follow from the picture, and that tells nobody its name', async () => {
    const { id } = await gallery.add(photo(1), 'me.jpg');
    await using elsewhere = await Gallery.open(join(folder, 'other'), [], { openBakery: () => new FakeBakery() });
    expect((await elsewhere.add(photo(1), 'me.jpg')).id).not.toBe(id);
    expect(await gallery.add(photo(1), 'a stranger.jpg')).toMatchObject({ title: 'a stranger' });
    await expect(gallery.info(`${id.slice(0, -1)}x`)).rejects.toMatchObject({ code: 'PORTRAIT_UNKNOWN' });
  });

  it('that comes twice at once is one, analysed once', async () => {
    const [first, second] = await Promise.all([gallery.add(photo(1), 'me.jpg'), gallery.add(photo(1), 'me.jpg')]);
    expect(first).toEqual(second);
    expect(await gallery.add(photo(1), 'me.jpg')).toEqual(first);
    expect(bakery.bakes).toBe(1);
    expect(uploadFolders()).toHaveLength(1);
  });

  it('is refused while too many wait, and taken afterwards', async () => {
    let open = () => {};
    bakery.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waiting = [1, 2, 3, 4].map((n) => gallery.add(photo(n), 'me.jpg'));
    await expect(gallery.add(photo(5), 'me.jpg')).rejects.toMatchObject({ code: 'SERVER_BUSY', retryAfterS: 15 });
    const again = gallery.add(photo(4), 'me.jpg'); // waits with the first of its kind
    open();
    expect((await Promise.all([...waiting, again])).length).toBe(5);
    await gallery.add(photo(5), 'me.jpg');
  });

  it('goes with its rig when a hundred others were used since', async () => {
    const oldest = await gallery.add(photo(0), 'me.jpg');
    const unused = await gallery.add(photo(1), 'me.jpg');
    const rigPath = await gallery.rigPath(unused.id);
    for (let n = 2; n < 100; n++) await gallery.add(photo(n), 'me.jpg');
    await gallery.rigPath(oldest.id);
    await gallery.add(photo(100), 'me.jpg');
    await expect(gallery.info(unused.id)).rejects.toMatchObject({ code: 'PORTRAIT_UNKNOWN' });
    expect(existsSync(rigPath)).toBe(false);
    expect(existsSync(await gallery.rigPath(oldest.id))).toBe(true);
    expect(uploadFolders()).toHaveLength(100);
    await gallery[Symbol.asyncDispose]();
    expect(uploadFolders()).toEqual([]);
  });

  it('that fails leaves nothing, and may be tried again', async () => {
    bakery.failure = new AppError('NO_FACE', 'There is no face.');
    await expect(gallery.add(photo(1), 'me.jpg')).rejects.toThrow('There is no face.');
    expect(uploadFolders()).toEqual([]);
    bakery.failure = undefined;
    expect((await gallery.add(photo(1), 'me.jpg')).title).toBe('me');
  });
});

describe('faces of a folder', () => {
  it('each have an id, whatever their script', async () => {
    const dir = join(folder, 'faces');
    mkdirSync(dir);
    const names = [
      '山田.webp',
      '李.webp',
      'Zoë!.webp',
      'zoe\u0308?.webp',
      '♥.webp',
      '☆.webp',
      'Mei.webp',
      `${'x'.repeat(240)}.webp`,
    ];
    for (const name of names) writeFileSync(join(dir, name), poster);
    await using faces = await Gallery.open(cacheDir, [dir], { openBakery: () => bakery });
    const shipped = (await gallery.list()).map(({ id }) => id);
    const ids = (await faces.list()).map(({ id }) => id).filter((id) => !shipped.includes(id));
    expect(ids).toHaveLength(names.length);
    expect(ids).toEqual(expect.arrayContaining(['山田', '李', 'zoë-', 'zoë--2', '-', '--2', 'mei-2', 'x'.repeat(100)]));
  });

  it('have their thumbnails made once', async () => {
    const dir = join(folder, 'faces');
    mkdirSync(dir);
    writeFileSync(join(dir, 'one.webp'), poster);
    await using faces = await Gallery.open(cacheDir, [dir], { openBakery: () => bakery });
    const first = await faces.thumbnail('one');
    rmSync(join(dir, 'one.webp'));
    expect(await faces.thumbnail('one')).toEqual(first);
    expect(bakery.thumbnails).toBe(1);
  });
});
