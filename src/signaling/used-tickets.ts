/**
 * Which tickets have opened their session. In: their ids, and when they expire. Out: whether one was used, also before a restart of the server: each is
 * noted in a file before it counts. A file holds those of one hour and is only ever added to, so that servers that share the folder lose nothing of
 * each other's; files that no valid ticket can be in are deleted at start and with each hour.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { unwritable } from '../media/disk-failure.ts';

const HOUR_S = 3600;
/** No ticket lasts for so many hours, clocks that differ included. */
const KEPT_HOURS = 2;
const noteSchema = z.tuple([z.string(), z.number()]);

export interface UsedTicketsOptions {
  /** Undefined: a restart forgets. */
  dir?: string;
  nowMs?: () => number;
  /** The note could not be kept: until the next restart the ticket is known all the same. */
  unkept?: (error: Error) => void;
}

export class UsedTickets {
  private readonly dir: string | undefined;
  private readonly nowMs: () => number;
  private readonly unkept: (error: Error) => void;
  /** Unix time by which each expires. */
  private readonly expiresS = new Map<string, number>();

  /** The last hour at which the folder was tidied. */
  private tidiedHour = Number.NEGATIVE_INFINITY;

  constructor({ dir, nowMs = Date.now, unkept = () => {} }: UsedTicketsOptions = {}) {
    this.dir = dir;
    this.nowMs = nowMs;
    this.unkept = unkept;
    this.noting((folder) => {
      for (const path of this.tidied(folder))
        for (const line of readFileSync(path, 'utf8').split('\n')) this.read(line);
    });
  }

  has(id: string): boolean {
    return this.expiresS.has(id);
  }

  add(id: string, expiresS: number): void {
    const nowS = this.nowMs() / 1000;
    for (const [each, endS] of this.expiresS) if (endS < nowS) this.expiresS.delete(each);
    this.expiresS.set(id, expiresS);
    this.noting((folder) => {
      if (this.tidiedHour !== this.hour) this.tidied(folder);
      // A line of its own, also behind one that a crash has cut off.
      appendFileSync(join(folder, String(this.hour)), `\n${JSON.stringify([id, expiresS])}\n`, { mode: 0o600 });
    });
  }

  private get hour(): number {
    return Math.floor(this.nowMs() / 1000 / HOUR_S);
  }

  private noting(work: (folder: string) => void): void {
    if (this.dir === undefined) return;
    try {
      mkdirSync(this.dir, { recursive: true, mode: 0o700 }); // also where somebody has cleaned the cache
      work(this.dir);
    } catch (cause) {
      this.unkept(unwritable(this.dir, cause, 'cache.dir'));
    }
  }

  /** Deletes the files of hours that are over. @returns the paths of the others. */
  private tidied(folder: string): string[] {
    this.tidiedHour = this.hour;
    const kept = [];
    for (const name of readdirSync(folder).filter((each) => /^\d+$/.test(each))) {
      const path = join(folder, name);
      if (Number(name) < this.hour - KEPT_HOURS) rmSync(path, { force: true });
      else kept.push(path);
    }
    return kept;
  }

  /** A line that a crash has cut off is none. */
  private read(line: string): void {
    try {
      const [id, expiresS] = noteSchema.parse(JSON.parse(line));
      this.expiresS.set(id, expiresS);
    } catch {
      // not a note
    }
  }
}
