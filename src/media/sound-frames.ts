/**
 * Frames of MPEG audio and AAC: each begins with a mark that raw PCM may contain too, and tells where the next one begins. In: the beginning of a
 * stream; out: whether frames follow each other in it, and where they begin. One mark is chance; several in their places, alike, are not.
 */
import type { SoundKind } from './sound-kind.ts';

/** In front of the first frame, and behind zeros. */
export const MAX_JUNK_BYTES = 512;
/** Frames in a row: at the beginning of a stream, and anywhere else. */
const FIRST_FRAMES = 2;
const FRAMES_BEHIND_JUNK = 3;

/** A frame's size, and what is the same in all frames of a stream. */
interface Frame {
  bytes: number;
  format: number;
}
type Found = Frame | 'unsure' | undefined;
type Read = (head: Uint8Array, at: number) => Found;
type Packed = Extract<SoundKind, { kind: 'packed' }>;

/** Frames from the first byte on. */
export function framesOf(head: Uint8Array, isFull: boolean): Packed | 'unsure' | undefined {
  for (const [name, read] of [
    ['MP3', mpegFrame],
    ['AAC', adtsFrame],
    ['AAC', latmFrame],
  ] as const) {
    const found = follow(head, 0, read, FIRST_FRAMES, isFull);
    if (found === 'unsure') return 'unsure';
    if (found) return { kind: 'packed', name, startsAt: 0, ...(read === latmFrame ? {} : { isFramed: true }) };
  }
  return undefined;
}

/** Frames behind zeros and a little junk. */
export function framesBehindJunk(head: Uint8Array, isWhole: boolean): Packed | 'unsure' | undefined {
  const zeros = head.findIndex((byte) => byte !== 0);
  if (zeros < 0) return undefined;
  let isUnsure = false;
  for (let at = zeros; at < Math.min(head.length, zeros + MAX_JUNK_BYTES); at++)
    for (const [name, read] of [
      ['MP3', mpegFrame],
      ['AAC', adtsFrame],
    ] as const) {
      const found = follow(head, at, read, FRAMES_BEHIND_JUNK, isWhole);
      if (found === true) return { kind: 'packed', name, startsAt: at, isFramed: true };
      isUnsure ||= found === 'unsure';
    }
  return isUnsure ? 'unsure' : undefined;
}

/** @returns whether so many frames of one format follow each other, or fewer up to the end. */
function follow(head: Uint8Array, from: number, read: Read, count: number, isFull: boolean): boolean | 'unsure' {
  const first = read(head, from);
  let at = from;
  for (let seen = 0; seen < count; seen++) {
    if (isFull && seen > 0 && seen >= count - 1 && at === head.length) return true;
    const frame = read(head, at);
    if (frame === 'unsure') return isFull ? false : 'unsure';
    if (frame === undefined || frame.format !== (first as Frame).format) return false;
    at += frame.bytes;
  }
  return true;
}

/** kbit/s by layer: I, II, III of MPEG-1; I, then II and III of MPEG-2. */
const BITRATES = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;

function mpegFrame(head: Uint8Array, at: number): Found {
  if (at + 4 > head.length) return prefixed(head, at, 0xff, 0xe0, 0xe0);
  if (head[at] !== 0xff || (head[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const version = (head[at + 1]! >> 3) & 3; // 0: 2.5, 2: 2, 3: 1
  const layer = 4 - ((head[at + 1]! >> 1) & 3); // 4: none
  const rateIndex = (head[at + 2]! >> 2) & 3;
  const kbitsIndex = head[at + 2]! >> 4;
  if (version === 1 || layer === 4 || rateIndex === 3 || kbitsIndex === 0 || kbitsIndex === 15) return undefined;
  const row = version === 3 ? layer - 1 : layer === 1 ? 3 : 4;
  const bps = BITRATES[row]![kbitsIndex - 1]! * 1000;
  const rateHz = [44_100, 48_000, 32_000][rateIndex]! / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const padding = (head[at + 2]! >> 1) & 1;
  const samples = layer === 3 && version !== 3 ? 576 : 1152;
  const bytes =
    layer === 1
      ? (Math.floor((12 * bps) / rateHz) + padding) * 4
      : Math.floor(((samples / 8) * bps) / rateHz) + padding;
  return { bytes, format: (version << 4) | (layer << 2) | rateIndex };
}

function adtsFrame(head: Uint8Array, at: number): Found {
  if (at + 6 > head.length) return prefixed(head, at, 0xff, 0xf6, 0xf0);
  if (head[at] !== 0xff || (head[at + 1]! & 0xf6) !== 0xf0) return undefined;
  if (((head[at + 2]! >> 2) & 15) > 12) return undefined;
  const bytes = ((head[at + 3]! & 3) << 11) | (head[at + 4]! << 3) | (head[at + 5]! >> 5);
  // Version, profile, rate, channels.
  const format = ((head[at + 1]! & 8) << 16) | ((head[at + 2]! & 0xfd) << 8) | (head[at + 3]! & 0xc0);
  return bytes > 7 ? { bytes, format } : undefined;
}

/** AAC as broadcast (LOAS). */
function latmFrame(head: Uint8Array, at: number): Found {
  if (at + 3 > head.length) return prefixed(head, at, 0x56, 0xe0, 0xe0);
  if (head[at] !== 0x56 || (head[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const length = ((head[at + 1]! & 0x1f) << 8) | head[at + 2]!;
  return length > 0 ? { bytes: length + 3, format: 0 } : undefined;
}

/** What is there may still become the mark. */
function prefixed(head: Uint8Array, at: number, first: number, mask: number, second: number): 'unsure' | undefined {
  const isMark =
    (at >= head.length || head[at] === first) && (at + 1 >= head.length || (head[at + 1]! & mask) === second);
  return isMark ? 'unsure' : undefined;
}
