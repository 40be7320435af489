/** See planted.ts: nested checks as readers of file formats have them, and a fault behind the last. */
export function readChunk(bytes: Uint8Array): string {
  if (bytes[0] !== 0x52) return 'not ours';
  if (bytes[1] !== 0x49) return 'nearly';
  if (bytes[2] !== 0x46) return 'more nearly';
  if (bytes[3] !== 0x58) return 'another kind';
  throw new TypeError('the planted fault');
}
