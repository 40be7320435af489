/**
 * Tags in front of packed sound: ID3v2 (https://id3.org/id3v2.4.0-structure) and APEv2 (https://wiki.hydrogenaud.io/index.php?title=APEv2_specification),
 * one behind the other. In: the beginning of a stream; out: where they end.
 */

/** With a picture in it; a longer one is left to the decoder. */
const MAX_TAG_BYTES = 1024 * 1024;

export interface LeadingTags {
  /** Of the last tag that is there as a whole. */
  end: number;
  /** One has begun that is not there as a whole. */
  isOpen: boolean;
  isTooLong: boolean;
}

/** @param isWhole nothing more comes: what only begins as a tag does is none. */
export function leadingTags(head: Uint8Array, isWhole: boolean): LeadingTags {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  let end = 0;
  for (;;) {
    const size = id3Bytes(bytes, end) ?? apeBytes(bytes, end);
    if (size === undefined || (size === 'unsure' && isWhole)) return { end, isOpen: false, isTooLong: false };
    if (size === 'unsure' || end + size > bytes.length)
      return { end, isOpen: true, isTooLong: size !== 'unsure' && end + size > MAX_TAG_BYTES };
    end += size;
    // Padding that the tag does not count.
    while (end < bytes.length && bytes[end] === 0) end++;
  }
}

function id3Bytes(bytes: Buffer, at: number): number | 'unsure' | undefined {
  if (!begins(bytes, at, 'ID3')) return undefined;
  if (at + 10 > bytes.length) return 'unsure';
  const size = bytes.subarray(at + 6, at + 10);
  if (bytes[at + 3] === 0xff || size.some((byte) => byte > 127)) return undefined;
  const footer = bytes[at + 5]! & 0x10 ? 10 : 0;
  return 10 + size.reduce((sum, byte) => sum * 128 + byte, 0) + footer;
}

function apeBytes(bytes: Buffer, at: number): number | 'unsure' | undefined {
  if (!begins(bytes, at, 'APETAGEX')) return undefined;
  if (at + 32 > bytes.length) return 'unsure';
  return 32 + bytes.readUInt32LE(at + 12);
}

/** Whether this is there, as far as it can be seen. */
function begins(bytes: Buffer, at: number, mark: string): boolean {
  const seen = bytes.toString('latin1', at, at + mark.length);
  return seen !== '' && mark.startsWith(seen);
}
