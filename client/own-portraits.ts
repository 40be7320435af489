/**
 * The visitor's own pictures, which are in no list of the server's: this tab remembers their ids, over reloads, where the browser allows
 * that. In: ids; out: the faces that the server still has.
 */
import type { PortraitInfo } from '../src/signaling/protocol.ts';
import { fetchPortrait } from './catalog.ts';

const KEY = 'visavis-own-portraits';

function ownIds(): string[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

function keep(ids: string[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(ids));
  } catch {
    // The face is there until the page is left.
  }
}

export function rememberOwnPortrait(id: string): void {
  keep([...new Set([...ownIds(), id])]);
}

/** @param named the id in the page's address, which may be of a picture that was uploaded elsewhere. */
export async function fetchOwnPortraits(listed: PortraitInfo[], named: string | null): Promise<PortraitInfo[]> {
  const own = ownIds();
  const ids = [...new Set(named ? [...own, named] : own)].filter((id) => !listed.some((info) => info.id === id));
  const found = (await Promise.all(ids.map(fetchPortrait))).filter((info) => info !== undefined);
  keep(own.filter((id) => found.some((info) => info.id === id)));
  return found;
}
