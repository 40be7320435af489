/**
 * What bytes are, told from the bytes themselves: WAV, packed sound by its name, a text, or none of these (then they may be raw PCM). In: the
 * beginning of a stream; out: its kind, or undefined while more is needed to tell. Labels of services are not to be trusted.
 */

export type SoundKind =
  | { kind: 'wav' }
  /** Packed in a way that FFmpeg may unpack; `framesAt`: where frames begin that can be unpacked one by one. */
  | { kind: 'packed'; name: string; framesAt?: number }
  /** Surely no sound. */
  | { kind: 'other'; name: string }
  | { kind: 'unmarked' };

/** More is never needed. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** So much printable text and nothing else is no sound. */
const MIN_TEXT_BYTES = 32;

/** Marks at the beginning of a file. */
const PACKED: readonly (readonly [mark: string, name: string])[] = [
  ['ID3', 'MP3'],
  ['OggS', 'Ogg'],
  ['fLaC', 'FLAC'],
  ['\x1a\x45\xdf\xa3', 'WebM or Matroska'],
  ['#!AMR', 'AMR'],
  ['ADIF', 'AAC'],
  ['.snd', 'AU'],
  ['caff', 'CAF'],
  ['RIFX', 'big-endian WAV'],
  ['riff\x2e\x91\xcf\x11', 'W64'],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'WMA'],
  ['wvpk', 'WavPack'],
  ['MAC ', "Monkey's Audio"],
  ['TTA1', 'TTA'],
  ['MPCK', 'Musepack'],
  ['FLV\x01', 'FLV'],
  ['\x00\x00\x01\xba', 'MPEG'],
  ['\x0b\x77', 'AC-3'],
];
const OTHERS: readonly (readonly [mark: string, name: string])[] = [
  ['#!SILK', 'SILK'],
  ['\x02#!SILK', 'SILK'],
  ['MThd', 'MIDI'],
  ['PK\x03\x04', 'a ZIP archive'],
  ['\x1f\x8b\x08', 'gzip'],
  ['\x89PNG', 'a PNG picture'],
  ['\xff\xd8\xff\xe0', 'a JPEG picture'],
  ['%PDF-', 'PDF'],
  ['7z\xbc\xaf', 'a 7z archive'],
];
const MP4_BOXES = new Set(['ftyp', 'styp', 'moov', 'moof', 'mdat', 'free', 'skip', 'wide', 'sidx']);

/** @param isWhole nothing more comes. */
export function soundKind(head: Uint8Array, isWhole: boolean): SoundKind | undefined {
  const isFull = isWhole || head.length >= MAX_HEAD_BYTES;
  const tagged = taggedFrames(head);
  if (tagged) return tagged;
  const marked = byMark(head);
  if (marked) return marked;
  const kinds = [textKind(head, isFull), mpegKind(head, isFull), boxKind(head), transportKind(head, isFull)];
  const found = kinds.find((kind) => kind !== undefined && kind !== 'unsure');
  if (found) return found as SoundKind;
  if (!isFull && (head.length < 12 || kinds.includes('unsure'))) return undefined;
  return { kind: 'unmarked' };
}

function byMark(head: Uint8Array): SoundKind | undefined {
  const start = latin(head, 0, 12);
  if (/^(?:RIFF|RF64|BW64)....WAVE/s.test(start)) return { kind: 'wav' };
  if (/^RIFF....[ -~]{4}/s.test(start)) return { kind: 'other', name: `RIFF ${start.slice(8).trim()}` };
  if (/^FORM....AIF[FC]/s.test(start)) return { kind: 'packed', name: 'AIFF' };
  // Parts of a form: only the first lines are text.
  if (/^(?:\r\n)?--[\w'()+,./:=? -]{1,70}\r?\ncontent-/i.test(latin(head, 0, 90)))
    return { kind: 'other', name: 'multipart' };
  if (/^\xff\xfe[\s\S]\0[\s\S]\0[\s\S]\0/.test(start)) return { kind: 'other', name: 'text' };
  for (const [mark, name] of PACKED) if (start.startsWith(mark)) return { kind: 'packed', name };
  for (const [mark, name] of OTHERS) if (start.startsWith(mark)) return { kind: 'other', name };
  return undefined;
}

/** MP4, M4A, 3GP: boxes with a size and a name. */
function boxKind(head: Uint8Array): SoundKind | undefined {
  return head.length >= 8 && MP4_BOXES.has(latin(head, 4, 4)) ? { kind: 'packed', name: 'M4A or MP4' } : undefined;
}

/** MPEG-TS: a mark every 188 bytes. */
function transportKind(head: Uint8Array, isFull: boolean): SoundKind | 'unsure' | undefined {
  const marks = [0, 188, 376].filter((at) => at < head.length);
  if (marks.some((at) => head[at] !== 0x47) || (isFull && marks.length < 3)) return undefined;
  return marks.length < 3 ? 'unsure' : { kind: 'packed', name: 'MPEG-TS' };
}

/** Nothing but printable characters: sound never looks so for long. */
function textKind(head: Uint8Array, isFull: boolean): SoundKind | 'unsure' | undefined {
  const bytes = head.subarray(0, 512);
  if (bytes.length === 0 || !bytes.every(isPrintable)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  // A character may be cut at the end of the piece.
  if (text.slice(0, -2).includes('\ufffd')) return undefined;
  const trimmed = text.replace(/^\ufeff/, '').trimStart();
  if (trimmed.startsWith('{') || trimmed.startsWith('['))
    return bytes.length >= 4 || isFull ? { kind: 'other', name: 'JSON' } : 'unsure';
  if (/^<(?:!doctype html|html|head|body)/i.test(trimmed)) return { kind: 'other', name: 'HTML' };
  if (/^<[?!a-z]/i.test(trimmed)) return { kind: 'other', name: 'XML' };
  if (bytes.length >= MIN_TEXT_BYTES || isFull) return { kind: 'other', name: 'text' };
  return 'unsure';
}

const isPrintable = (byte: number): boolean => (byte >= 32 && byte !== 127) || (byte >= 9 && byte <= 13);

/** Frames of MPEG audio and AAC begin with a mark that raw PCM may begin with too; at the mark of the next frame it is sure. */
function mpegKind(head: Uint8Array, isFull: boolean): SoundKind | 'unsure' | undefined {
  for (const [name, frameBytes] of [
    ['MP3', mpegFrameBytes],
    ['AAC', adtsFrameBytes],
    ['AAC', latmFrameBytes],
  ] as const) {
    const first = frameBytes(head, 0);
    if (first === undefined) continue;
    if (first === 'unsure') return isFull ? undefined : 'unsure';
    const framed = frameBytes === latmFrameBytes ? {} : { framesAt: 0 };
    if (first === head.length && isFull) return { kind: 'packed', name, ...framed };
    const second = frameBytes(head, first);
    if (second === 'unsure' && !isFull) return 'unsure';
    if (typeof second === 'number') return { kind: 'packed', name, ...framed };
  }
  return undefined;
}

/** An MP3 behind a tag that has come as a whole. */
function taggedFrames(head: Uint8Array): SoundKind | undefined {
  if (latin(head, 0, 3) !== 'ID3' || head.length < 10) return undefined;
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  const framesAt = 10 + size;
  return typeof mpegFrameBytes(head, framesAt) === 'number' ? { kind: 'packed', name: 'MP3', framesAt } : undefined;
}

type FrameBytes = number | 'unsure' | undefined;

/** kbit/s by layer: I, II, III of MPEG-1; I, then II and III of MPEG-2. */
const BITRATES = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;

function mpegFrameBytes(head: Uint8Array, at: number): FrameBytes {
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
  if (layer === 1) return (Math.floor((12 * bps) / rateHz) + padding) * 4;
  const samples = layer === 3 && version !== 3 ? 576 : 1152;
  return Math.floor(((samples / 8) * bps) / rateHz) + padding;
}

function adtsFrameBytes(head: Uint8Array, at: number): FrameBytes {
  if (at + 6 > head.length) return prefixed(head, at, 0xff, 0xf6, 0xf0);
  if (head[at] !== 0xff || (head[at + 1]! & 0xf6) !== 0xf0) return undefined;
  if (((head[at + 2]! >> 2) & 15) > 12) return undefined;
  const length = ((head[at + 3]! & 3) << 11) | (head[at + 4]! << 3) | (head[at + 5]! >> 5);
  return length > 7 ? length : undefined;
}

/** AAC as broadcast (LOAS). */
function latmFrameBytes(head: Uint8Array, at: number): FrameBytes {
  if (at + 3 > head.length) return prefixed(head, at, 0x56, 0xe0, 0xe0);
  if (head[at] !== 0x56 || (head[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const length = ((head[at + 1]! & 0x1f) << 8) | head[at + 2]!;
  return length > 0 ? length + 3 : undefined;
}

/** What is there may still become the mark. */
function prefixed(head: Uint8Array, at: number, first: number, mask: number, second: number): FrameBytes {
  const isMark =
    (at >= head.length || head[at] === first) && (at + 1 >= head.length || (head[at + 1]! & mask) === second);
  return isMark ? 'unsure' : undefined;
}

const latin = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', at, at + length);
