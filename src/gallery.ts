/**
 * The faces a caller may choose: the shipped ones, those in the configured folders, and uploads. Each is baked once, when it is first
 * wanted. An upload belongs to who knows its id, which cannot be guessed and is in no list. Of its photo nothing is kept but the face,
 * in a folder of this process that goes with it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { access, constants, readdir, readFile, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { z } from 'zod';
import { type BakedPortrait, Bakery } from './engine/portrait/bakery.ts';
import { faceBasisSha256, rigCachePath } from './engine/portrait/rig-cache.ts';
import { AppError } from './errors.ts';
import { assetsDir } from './paths.ts';
import type { PortraitGallery } from './signaling/hosting.ts';
import type { PortraitInfo } from './signaling/protocol.ts';
import type { Logger } from './telemetry.ts';

const IMAGE_EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.avif'];
/** Beyond these, the one that was not used for longest is forgotten. */
const MAX_UPLOADS = 100;
/** Uploads being analysed or waiting for it: each holds a whole photo. */
const MAX_ARRIVING = 4;
const RETRY_AFTER_S = 15;
/** Faces that could not be prepared are tried again when somebody asks how we are, this often at most. */
const RETRY_MS = 30_000;
/** The protocol's ids have 200 characters at most. */
const MAX_ID_CHARACTERS = 100;

const manifestSchema = z.array(
  z.object({
    id: z.string(),
    title: z.string(),
    /** What the face calls itself. */
    name: z.string().min(1),
    file: z.string(),
    licence: z.string(),
    voice: z.enum(['woman', 'man']),
  }),
);

/** A shipped face, or one of a configured folder. */
interface Entry {
  info: PortraitInfo;
  path: string;
  baked?: Promise<BakedPortrait>;
  /** Where its rig lies, once it has one. */
  rigPath?: string;
  /** Why it could not be prepared the last time; undefined when it could, or was never wanted. */
  failure?: string | undefined;
  thumbnail?: Promise<Uint8Array>;
}

interface Upload {
  info: PortraitInfo;
  baked: BakedPortrait;
  /** Holds its rig and nothing else. */
  folder: string;
}

export interface GalleryParts {
  /** Called twice: what strangers send has its own. */
  openBakery?: () => PictureAnalysis;
  /** Told of each face that cannot be prepared, with the reason. */
  logger?: Logger;
}
export type PictureAnalysis = Pick<Bakery, 'bake' | 'thumbnail' | 'problem' | typeof Symbol.asyncDispose>;

export class Gallery implements PortraitGallery, AsyncDisposable {
  private readonly entries = new Map<string, Entry>();
  /** By id, the one last used at the end. */
  private readonly uploads = new Map<string, Upload>();
  private readonly arriving = new Map<string, Promise<PortraitInfo>>();
  private readonly cacheDir: string;
  private readonly uploadsDir: string;
  /** For the gallery's own pictures: what strangers send never holds them up. */
  private readonly bakery: PictureAnalysis;
  private readonly strangersBakery: PictureAnalysis;
  private readonly logger: Logger | undefined;
  private readonly secret = randomBytes(32);
  private nextFolder = 1;
  private isDisposed = false;
  private basisSha256: Promise<string> | undefined;
  private retriedMs = Number.NEGATIVE_INFINITY;

  private constructor(cacheDir: string, { openBakery = () => new Bakery(), logger }: GalleryParts) {
    this.cacheDir = cacheDir;
    this.uploadsDir = join(cacheDir, `uploads-${randomBytes(8).toString('hex')}`);
    this.bakery = openBakery();
    this.strangersBakery = openBakery();
    this.logger = logger;
  }

  /** @throws AppError FILE_NOT_FOUND for a configured folder that is not there. */
  static async open(cacheDir: string, portraitDirs: string[], parts: GalleryParts = {}): Promise<Gallery> {
    const gallery = new Gallery(cacheDir, parts);
    const shipped = join(assetsDir, 'portraits');
    for (const { id, title, name, file, licence, voice } of manifestSchema.parse(
      JSON.parse(await readFile(join(shipped, 'portraits.json'), 'utf8')),
    ))
      gallery.entries.set(id, {
        info: { id, title, name, credit: licence, warnings: [], voice },
        path: join(shipped, file),
      });
    for (const dir of portraitDirs) {
      const files = await readdir(dir).catch((cause) => {
        throw new AppError('FILE_NOT_FOUND', `The portrait folder ${dir} cannot be read; check server.portraitDirs.`, {
          cause,
        });
      });
      for (const file of files.filter((name) => IMAGE_EXTENSIONS.includes(extname(name).toLowerCase())).sort()) {
        const title = basename(file, extname(file));
        const id = gallery.freeId(title);
        gallery.entries.set(id, { info: { id, title, credit: '', warnings: [] }, path: join(dir, file) });
      }
    }
    return gallery;
  }

  async list(): Promise<PortraitInfo[]> {
    return [...this.entries.values()].map(({ info }) => info);
  }

  async info(id: string): Promise<PortraitInfo> {
    return (this.upload(id) ?? this.entry(id)).info;
  }

  /** A title as an id that no other face has; letters of any script. */
  private freeId(title: string): string {
    const words = title.normalize('NFC').toLowerCase();
    const name = [...words.replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, '-')].slice(0, MAX_ID_CHARACTERS).join('');
    let id = name;
    for (let n = 2; this.entries.has(id); n++) id = `${name}-${n}`;
    return id;
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (!entry) throw new AppError('PORTRAIT_UNKNOWN', `There is no portrait "${id}"; choose one of the gallery.`);
    return entry;
  }

  private upload(id: string): Upload | undefined {
    const upload = this.uploads.get(id);
    if (upload) {
      this.uploads.delete(id);
      this.uploads.set(id, upload);
    }
    return upload;
  }

  /** A portrait, baked now if it never was. */
  private async baked(id: string): Promise<BakedPortrait> {
    const upload = this.upload(id);
    if (upload) return upload.baked;
    const entry = this.entry(id);
    const { title } = entry.info;
    entry.baked ??= this.bakery.bake(entry.path, title, this.cacheDir);
    const baking = entry.baked;
    try {
      const baked = await baking;
      await access(baked.rigPath); // somebody may have cleaned the cache
      entry.info.warnings = baked.warnings;
      entry.rigPath = baked.rigPath;
      entry.failure = undefined;
      return baked;
    } catch (cause) {
      // Who comes next tries again; of those who waited for the same attempt, the first tells of it.
      if (entry.baked === baking) {
        delete entry.baked;
        entry.failure = cause instanceof Error ? cause.message : String(cause);
        if (!this.isDisposed)
          this.logger?.warn({ portraitId: id, path: entry.path, err: cause }, 'a face cannot be prepared');
      }
      throw unavailable(entry, cause);
    }
  }

  async rigPath(id: string): Promise<string> {
    return (await this.keptRig(id)) ?? (await this.baked(id)).rigPath;
  }

  /** A rig from before a start of the server: callers who come back to it wait for no analysis. @returns undefined where there is none. */
  private async keptRig(id: string): Promise<string | undefined> {
    if (this.uploads.has(id)) return undefined;
    const entry = this.entry(id);
    try {
      const path = entry.rigPath ?? (await this.cachePath(entry));
      await access(path, constants.R_OK);
      entry.rigPath = path;
      return path;
    } catch {
      return undefined; // what is amiss is told where it is analysed
    }
  }

  private async cachePath({ path }: Entry): Promise<string> {
    this.basisSha256 ??= faceBasisSha256();
    const [photo, sha256] = await Promise.all([readFile(path), this.basisSha256]);
    return rigCachePath(photo, sha256, this.cacheDir);
  }

  async poster(id: string): Promise<Uint8Array> {
    return (await this.baked(id)).poster;
  }

  async thumbnail(id: string): Promise<Uint8Array> {
    const upload = this.upload(id);
    if (upload) return upload.baked.thumbnail;
    const entry = this.entry(id);
    entry.thumbnail ??= this.bakery.thumbnail(entry.path, entry.info.title);
    const making = entry.thumbnail;
    try {
      return await making;
    } catch (cause) {
      if (entry.thumbnail === making) {
        delete entry.thumbnail;
        if (!this.isDisposed)
          this.logger?.warn({ portraitId: id, path: entry.path, err: cause }, 'a face has no thumbnail');
      }
      throw unavailable(entry, cause);
    }
  }

  async add(photo: Uint8Array, name: string): Promise<PortraitInfo> {
    // The same picture under the same name is the same face. Whoever has another name for it is not told this one.
    const digest = createHmac('sha256', this.secret).update(JSON.stringify(name)).update(photo).digest('hex');
    const id = `upload-${digest.slice(0, 32)}`;
    const known = this.upload(id);
    if (known) return known.info;
    let arrival = this.arriving.get(id);
    if (!arrival) {
      if (this.arriving.size >= MAX_ARRIVING)
        throw new AppError('SERVER_BUSY', `Other pictures are being analysed; try again in ${RETRY_AFTER_S} seconds.`, {
          retryAfterS: RETRY_AFTER_S,
        });
      arrival = this.analyse(id, photo, name).finally(() => this.arriving.delete(id));
      this.arriving.set(id, arrival);
    }
    return arrival;
  }

  private async analyse(id: string, photo: Uint8Array, name: string): Promise<PortraitInfo> {
    const folder = join(this.uploadsDir, String(this.nextFolder++));
    try {
      const baked = await this.strangersBakery.bake(photo, name, folder);
      const info = { id, title: basename(name, extname(name)), credit: '', warnings: baked.warnings };
      this.uploads.set(id, { info, baked, folder });
      await this.forgetUnused();
      return info;
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private async forgetUnused(): Promise<void> {
    for (const [id, { folder }] of this.uploads) {
      if (this.uploads.size <= MAX_UPLOADS) return;
      this.uploads.delete(id);
      // What cannot be removed now goes with the whole folder.
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Bakes every shipped portrait ahead, so that no caller waits; those that fail are told in the log. */
  async warmUp(): Promise<void> {
    for (const id of [...this.entries.keys()]) {
      if (this.isDisposed) return;
      await this.baked(id).catch(() => {});
      await this.thumbnail(id).catch(() => {});
    }
  }

  /**
   * What keeps callers from every face, in one sentence; undefined where one is ready, or may be. A server on which all have failed tries
   * again while it is asked, so that it recovers by itself once the cause is gone.
   */
  async problem(): Promise<string | undefined> {
    const entries = [...this.entries.values()];
    for (const entry of entries) if (await isReady(entry)) return undefined;
    const failures = entries.flatMap(({ info, failure }) => (failure === undefined ? [] : [`${info.id}: ${failure}`]));
    if (failures.length < entries.length) return undefined;
    const nowMs = performance.now();
    if (nowMs - this.retriedMs >= RETRY_MS) {
      this.retriedMs = nowMs;
      void this.warmUp();
    }
    return `no face can be prepared (${failures[0]})`;
  }

  /** For the operator: what works, though not all of it. */
  get detail(): string {
    const entries = [...this.entries.values()];
    const failed = entries.flatMap(({ info, failure }) => (failure === undefined ? [] : [`${info.id}: ${failure}`]));
    const faces = `${entries.length - failed.length} of ${entries.length} faces`;
    return [faces, ...failed, this.bakery.problem ?? this.strangersBakery.problem].filter(Boolean).join('; ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    await Promise.all([this.bakery[Symbol.asyncDispose](), this.strangersBakery[Symbol.asyncDispose]()]);
    // What cannot be removed was never written, or its disk has gone.
    await rm(this.uploadsDir, { recursive: true, force: true }).catch((err) =>
      this.logger?.warn({ err, folder: this.uploadsDir }, 'the folder of uploads cannot be removed'),
    );
  }
}

/** For visitors, who can do nothing about the photo and shall not read where it lies. */
const unavailable = ({ info }: Entry, cause: unknown): AppError =>
  new AppError(
    'PORTRAIT_UNAVAILABLE',
    `The face "${info.title}" cannot be prepared right now; choose another one, or try again in a minute.`,
    { cause, retryAfterS: RETRY_AFTER_S },
  );

/** Whether a call could begin with this face at once. */
const isReady = ({ rigPath }: Entry): Promise<boolean> =>
  rigPath === undefined
    ? Promise.resolve(false)
    : access(rigPath, constants.R_OK).then(
        () => true,
        () => false,
      );
