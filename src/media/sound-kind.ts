/**
 * What bytes are, told from the bytes themselves: WAV, packed sound by its name, a text, or none of these (then they may be raw PCM). In: the
 * beginning of a stream; out: its kind, or undefined while more is needed to tell. Labels of services are not to be trusted. Tags in front are
 * passed over, and so are zeros and a little junk in front of frames, as players do.
 */
import { leadingTags } from './leading-tags.ts';
import { framesBehindJunk, framesOf, MAX_JUNK_BYTES } from './sound-frames.ts';

/** `startsAt`: how many bytes are before it. */
export type SoundKind =
  | { kind: 'wav'; startsAt: number }
  /** Packed in a way that FFmpeg may unpack; framed: in frames that can be unpacked one by one. */
  | { kind: 'packed'; name: string; startsAt: number; isFramed?: true }
  /** Surely no sound. */
  | { kind: 'other'; name: string }
  | { kind: 'unmarked' };

/** Behind tags and zeros more is never needed. */
const MAX_HEAD_BYTES = 16 * 1024;
/** So much printable text and nothing else is no sound. */
const MIN_TEXT_BYTES = 32;

/** Marks at the beginning of a file. */
const PACKED: readonly (readonly [mark: string, name: string])[] = [
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
  const tags = leadingTags(head, isWhole);
  if (tags.isOpen) return isWhole || tags.isTooLong ? MP3 : undefined;
  const kind = kindOf(head.subarray(tags.end), isWhole);
  // Who writes a tag writes no raw samples behind it.
  if (kind?.kind === 'unmarked' && tags.end > 0) return MP3;
  return kind && 'startsAt' in kind ? { ...kind, startsAt: kind.startsAt + tags.end } : kind;
}

/** Of what a tag promises and cannot be told any further. */
const MP3: SoundKind = { kind: 'packed', name: 'MP3', startsAt: 0 };

function kindOf(head: Uint8Array, isWhole: boolean): SoundKind | undefined {
  const isFull = isWhole || head.length >= MAX_HEAD_BYTES;
  const marked = byMark(head);
  if (marked) return marked;
  const kinds = [textKind(head, isFull), framesOf(head, isFull), boxKind(head), transportKind(head, isFull)];
  const found = kinds.find((kind) => kind !== undefined && kind !== 'unsure');
  if (found) return found as SoundKind;
  if (!isFull && kinds.includes('unsure')) return undefined;
  const behind = framesBehindJunk(head, isWhole);
  if (behind !== undefined && behind !== 'unsure') return behind;
  if (!isWhole && (behind === 'unsure' || head.length < MAX_JUNK_BYTES)) return undefined;
  return { kind: 'unmarked' };
}

function byMark(head: Uint8Array): SoundKind | undefined {
  const start = latin(head, 0, 12);
  if (/^(?:RIFF|RF64|BW64)....WAVE/s.test(start)) return { kind: 'wav', startsAt: 0 };
  if (/^RIFF....[ -~]{4}/s.test(start)) return { kind: 'other', name: `RIFF ${start.slice(8).trim()}` };
  if (/^FORM....AIF[FC]/s.test(start)) return { kind: 'packed', name: 'AIFF', startsAt: 0 };
  // Parts of a form: only the first lines are text.
  if (/^(?:\r\n)?--[\w'()+,./:=? -]{1,70}\r?\ncontent-/i.test(latin(head, 0, 90)))
    return { kind: 'other', name: 'multipart' };
  if (/^\xff\xfe[\s\S]\0[\s\S]\0[\s\S]\0/.test(start)) return { kind: 'other', name: 'text' };
  for (const [mark, name] of PACKED) if (start.startsWith(mark)) return { kind: 'packed', name, startsAt: 0 };
  for (const [mark, name] of OTHERS) if (start.startsWith(mark)) return { kind: 'other', name };
  return undefined;
}

/** MP4, M4A, 3GP: boxes with a size and a name. */
function boxKind(head: Uint8Array): SoundKind | undefined {
  return head.length >= 8 && MP4_BOXES.has(latin(head, 4, 4))
    ? { kind: 'packed', name: 'M4A or MP4', startsAt: 0 }
    : undefined;
}

/** MPEG-TS: a mark every 188 bytes. */
function transportKind(head: Uint8Array, isFull: boolean): SoundKind | 'unsure' | undefined {
  const marks = [0, 188, 376].filter((at) => at < head.length);
  if (marks.some((at) => head[at] !== 0x47) || (isFull && marks.length < 3)) return undefined;
  return marks.length < 3 ? 'unsure' : { kind: 'packed', name: 'MPEG-TS', startsAt: 0 };
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

const latin = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', at, at + length);
