/**
 * The faces a caller may choose: the shipped ones, those in the configured folders, and uploads (kept for the life of the process).
 * Each is baked once, when it is first wanted, and then comes from the cache.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import { type BakedPortrait, Bakery } from './engine/portrait/bakery.ts';
import { makeThumbnail } from './engine/portrait/thumbnail.ts';
import { AppError } from './errors.ts';
import { assetsDir } from './paths.ts';
import type { PortraitGallery } from './signaling/hosting.ts';
import type { PortraitInfo } from './signaling/protocol.ts';

const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.avif'];
const MAX_UPLOADS = 100;

const manifestSchema = z.array(z.object({ id: z.string(), title: z.string(), file: z.string(), licence: z.string() }));

interface Entry {
  info: PortraitInfo;
  photo: string | Uint8Array;
  baked?: Promise<BakedPortrait>;
}

export class Gallery implements PortraitGallery, AsyncDisposable {
  private readonly entries = new Map<string, Entry>();
  private readonly uploads: string[] = [];
  private readonly bakery: Bakery;
  private isWarm = false;

  private constructor(cacheDir: string) {
    this.bakery = new Bakery(cacheDir);
  }

  /** @throws AppError FILE_NOT_FOUND for a configured folder that is not there. */
  static async open(cacheDir: string, portraitDirs: string[]): Promise<Gallery> {
    const gallery = new Gallery(cacheDir);
    const shipped = join(assetsDir, 'portraits');
    for (const { id, title, file, licence } of manifestSchema.parse(
      JSON.parse(await readFile(join(shipped, 'portraits.json'), 'utf8')),
    ))
      gallery.entries.set(id, { info: { id, title, credit: licence, warnings: [] }, photo: join(shipped, file) });
    for (const dir of portraitDirs) {
      const files = await readdir(dir).catch((cause) => {
        throw new AppError('FILE_NOT_FOUND', `The portrait folder ${dir} cannot be read; check server.portraitDirs.`, {
          cause,
        });
      });
      for (const file of files.filter((name) => IMAGE_EXTENSIONS.includes(extname(name).toLowerCase())).sort()) {
        const title = basename(file, extname(file));
        const id = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
        gallery.entries.set(id, { info: { id, title, credit: '', warnings: [] }, photo: join(dir, file) });
      }
    }
    return gallery;
  }

  async list(): Promise<PortraitInfo[]> {
    return [...this.entries.values()].map(({ info }) => info);
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (!entry) throw new AppError('PORTRAIT_UNKNOWN', `There is no portrait "${id}"; choose one of the gallery.`);
    return entry;
  }

  /** A portrait, baked now if it never was. */
  private async baked(id: string): Promise<BakedPortrait> {
    const entry = this.entry(id);
    entry.baked ??= this.bakery.bake(entry.photo, typeof entry.photo === 'string' ? entry.photo : entry.info.title);
    try {
      const baked = await entry.baked;
      entry.info.warnings = baked.warnings;
      return baked;
    } catch (error) {
      delete entry.baked;
      throw error;
    }
  }

  async rigPath(id: string): Promise<string> {
    return (await this.baked(id)).rigPath;
  }

  async poster(id: string): Promise<Uint8Array> {
    return (await this.baked(id)).poster;
  }

  async thumbnail(id: string): Promise<Uint8Array> {
    return makeThumbnail(this.entry(id).photo);
  }

  async add(photo: Uint8Array, name: string): Promise<PortraitInfo> {
    const id = `upload-${createHash('sha256').update(photo).digest('hex').slice(0, 24)}`;
    const known = this.entries.get(id);
    if (known) return known.info;
    const baked = await this.bakery.bake(photo, name);
    const entry: Entry = {
      info: { id, title: basename(name, extname(name)), credit: '', warnings: baked.warnings },
      photo,
      baked: Promise.resolve(baked),
    };
    this.entries.set(id, entry);
    this.uploads.push(id);
    if (this.uploads.length > MAX_UPLOADS) this.entries.delete(this.uploads.shift()!);
    return entry.info;
  }

  /** Bakes every shipped portrait ahead, so that the first caller does not wait. */
  async warmUp(): Promise<void> {
    for (const id of [...this.entries.keys()]) await this.rigPath(id).catch(() => {});
    this.isWarm = true;
  }

  /** What keeps callers from a face at once, in one sentence. */
  get problem(): string | undefined {
    return this.isWarm ? this.bakery.problem : 'the portraits are being prepared';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bakery[Symbol.asyncDispose]();
  }
}
