/**
 * Keys that open this server: who holds one may ask for tickets. In: tokens as they are presented; out: the key of each, or nothing. Stored is
 * only a token's SHA-256 (a token has 256 random bits, so nothing slower is needed). Keys come from the file that `visavis access` writes, which is
 * read anew when it changes, and from the environment.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { ALL_RIGHTS, type Rights, rightsSchema } from './rights.ts';

const TOKEN_PREFIX = 'vv_';
const MIN_TOKEN_CHARACTERS = 32;
const WATCH_MS = 1000;

export type KeyKind = 'api' | 'link' | 'kiosk';

export interface AccessKey {
  id: string;
  name: string;
  kind: KeyKind;
  rights: Rights;
  /** The only rooms that it opens; undefined: all, and calls of one's own. */
  rooms?: string[];
  /** Unix time. */
  expiresS?: number;
  ticketsPerMinute: number;
  /** Most calls at once; 0: no limit of its own. */
  calls: number;
}

const storedKeySchema = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1),
  kind: z.enum(['api', 'link', 'kiosk']),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().exactOptional(),
  revokedAt: z.iso.datetime().exactOptional(),
  rights: rightsSchema,
  rooms: z.array(z.string()).exactOptional(),
  ticketsPerMinute: z.number().int().min(0),
  calls: z.number().int().min(0),
});
const keyFileSchema = z.strictObject({ version: z.literal(1), keys: z.array(storedKeySchema) });

export type StoredKey = z.infer<typeof storedKeySchema>;
export type KeyFile = z.infer<typeof keyFileSchema>;

export const newToken = (id: string): string => `${TOKEN_PREFIX}${id}_${randomBytes(32).toString('base64url')}`;

export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** @returns no keys where there is no file yet. @throws AppError KEYS_INVALID naming the file. */
export function readKeyFile(path: string): KeyFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { version: 1, keys: [] };
    throw new AppError('KEYS_INVALID', `The key file ${path} cannot be read; give this user the right to.`, { cause });
  }
  try {
    return keyFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('KEYS_INVALID', `The key file ${path} is damaged; restore it, or remove it and add keys anew.`, {
      cause,
    });
  }
}

/** `NAME:KEY, NAME:KEY …` or bare keys. @throws AppError KEYS_INVALID, which shows no key. */
export function keysFromEnvironment(text: string): Map<string, AccessKey> {
  const keys = new Map<string, AccessKey>();
  for (const [i, entry] of text
    .split(/[\s,]+/)
    .filter(Boolean)
    .entries()) {
    const [, name = `environment ${i + 1}`, token = ''] = /^(?:([^:]+):)?(.*)$/.exec(entry) ?? [];
    if (token.length < MIN_TOKEN_CHARACTERS)
      throw new AppError(
        'KEYS_INVALID',
        `Key "${name}" in VISAVIS_API_KEYS is shorter than ${MIN_TOKEN_CHARACTERS} characters; make one with "openssl rand -hex 32".`,
      );
    const sha256 = hashOf(token);
    const id = `env-${sha256.slice(0, 8)}`;
    keys.set(sha256, { id, name, kind: 'api', rights: ALL_RIGHTS, ticketsPerMinute: 0, calls: 0 });
  }
  return keys;
}

export class KeyRing implements Disposable {
  private readonly path: string;
  private readonly fixed: ReadonlyMap<string, AccessKey>;
  private readonly nowMs: () => number;
  /** By hash. */
  private keys: ReadonlyMap<string, AccessKey> = new Map();
  private readonly reread: () => void;

  /**
   * @param path of the key file; a change to a damaged one leaves the keys as they were.
   * @param environment VISAVIS_API_KEYS.
   * @param failed told what is wrong with a changed file.
   * @throws AppError KEYS_INVALID.
   */
  constructor(path: string, environment = '', failed: (error: unknown) => void = () => {}, nowMs = Date.now) {
    this.path = path;
    this.nowMs = nowMs;
    this.fixed = keysFromEnvironment(environment);
    this.read();
    this.reread = () => {
      try {
        this.read();
      } catch (error) {
        failed(error);
      }
    };
    watchFile(path, { interval: WATCH_MS, persistent: false }, this.reread);
  }

  get isEmpty(): boolean {
    return this.keys.size === 0;
  }

  read(): void {
    const stored = readKeyFile(this.path).keys.filter(({ revokedAt }) => revokedAt === undefined);
    const fromFile = stored.map(({ sha256, expiresAt, createdAt: _, ...key }): [string, AccessKey] => [
      sha256,
      { ...key, ...(expiresAt === undefined ? {} : { expiresS: Date.parse(expiresAt) / 1000 }) },
    ]);
    this.keys = new Map([...this.fixed, ...fromFile]);
  }

  /** All are compared, each in constant time: how long it takes tells nothing. */
  find(token: string): AccessKey | undefined {
    const presented = Buffer.from(hashOf(token), 'hex');
    let found: AccessKey | undefined;
    for (const [sha256, key] of this.keys) if (timingSafeEqual(Buffer.from(sha256, 'hex'), presented)) found = key;
    return found && this.isInForce(found) ? found : undefined;
  }

  /** The key of this id, while it has neither been revoked nor expired. */
  get(id: string): AccessKey | undefined {
    const key = [...this.keys.values()].find((each) => each.id === id);
    return key && this.isInForce(key) ? key : undefined;
  }

  private isInForce({ expiresS }: AccessKey): boolean {
    return expiresS === undefined || this.nowMs() / 1000 < expiresS;
  }

  [Symbol.dispose](): void {
    unwatchFile(this.path, this.reread);
  }
}
