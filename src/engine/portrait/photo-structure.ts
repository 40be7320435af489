/**
 * The parts that a picture's file says it has, counted without decoding any: frames, pages, passes. In: bytes of a known format; out: how many,
 * counted no further than is allowed. A photo has one, or few; files with thousands are made to keep a decoder busy.
 */
import type { PhotoFormat } from '../../media/picture-format.ts';

/** Largest count that a decoder is given, by format. The first frame or page is what is read. */
const MOST: Partial<
  Record<PhotoFormat, { most: number; what: string; count: (bytes: DataView, most: number) => number }>
> = {
  jpeg: { most: 100, what: 'passes', count: jpegScans },
  gif: { most: 2000, what: 'frames', count: gifFrames },
  webp: { most: 2000, what: 'frames', count: webpFrames },
  tiff: { most: 100, what: 'pages', count: tiffPages },
};

/** @returns what there is too much of, such as "more than 100 pages". */
export function excessOf(bytes: Uint8Array, format: PhotoFormat): string | undefined {
  const limit = MOST[format];
  if (!limit) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return limit.count(view, limit.most) > limit.most ? `more than ${limit.most} ${limit.what}` : undefined;
}

const MARKER = 0xff;
const START_OF_SCAN = 0xda;

function jpegScans(view: DataView, most: number): number {
  let count = 0;
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  // In the data of a scan, 0xff is followed by 0 or by a restart mark; elsewhere a stray find only counts too many by one.
  for (let at = bytes.indexOf(MARKER); at >= 0 && count <= most; at = bytes.indexOf(MARKER, at + 1)) {
    const marker = bytes[at + 1];
    if (marker === START_OF_SCAN) count++;
    else if (marker !== undefined && marker >= 0xc0 && marker !== MARKER && (marker < 0xd0 || marker > 0xd9)) {
      // A segment is stepped over: its contents are not the picture's.
      if (at + 4 <= bytes.length) at += bytes.readUInt16BE(at + 2);
    }
  }
  return count;
}

function gifFrames(view: DataView, most: number): number {
  const byte = (at: number): number => (at < view.byteLength ? view.getUint8(at) : 0x3b);
  const colors = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const afterBlocks = (start: number): number => {
    let at = start;
    while (at < view.byteLength && byte(at) !== 0) at += byte(at) + 1;
    return at + 1;
  };
  let count = 0;
  let at = 13 + colors(byte(10));
  while (at < view.byteLength && count <= most) {
    if (byte(at) === 0x21) at = afterBlocks(at + 2);
    else if (byte(at) === 0x2c) {
      count++;
      at = afterBlocks(at + 11 + colors(byte(at + 9)));
    } else break;
  }
  return count;
}

function webpFrames(view: DataView, most: number): number {
  let count = 0;
  for (let at = 12; at + 8 <= view.byteLength && count <= most; ) {
    if (view.getUint32(at, false) === 0x414e4d46) count++; // "ANMF"
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return count;
}

function tiffPages(view: DataView, most: number): number {
  if (view.byteLength < 16) return 0;
  const little = view.getUint8(0) === 0x49;
  const isBig = view.getUint16(2, little) === 43;
  const number = (at: number): number => (isBig ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const [countBytes, entryBytes, offsetBytes] = isBig ? [8, 20, 8] : [2, 12, 4];
  let count = 0;
  let at = number(isBig ? 8 : 4);
  // A chain that bites its own tail never ends, and is cut by the limit.
  while (at !== 0 && at + countBytes <= view.byteLength && count <= most) {
    count++;
    const entries = isBig ? number(at) : view.getUint16(at, little);
    const next = at + countBytes + entries * entryBytes;
    if (next + offsetBytes > view.byteLength) break;
    at = number(next);
  }
  return count;
}
