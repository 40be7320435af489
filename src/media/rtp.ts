/**
 * The few bytes of RTP and RTCP (RFC 3550, 4585, 5104) that a peer without a WebRTC library of its own reads and writes. Packets come in as the network
 * brings them: what is cut short or malformed is undefined or false, never an exception.
 */

export const AUDIO_CLOCK_HZ = 48_000;
export const VIDEO_CLOCK_HZ = 90_000;

const UNIX_TO_NTP_MS = 2_208_988_800_000;
const SENDER_REPORT = 200;
const PAYLOAD_FEEDBACK = 206;
const PICTURE_LOSS_INDICATION = 1;
const FULL_INTRA_REQUEST = 4;

/** RFC 3550 §5.1: starts at random, wraps at 2³². */
export function rtpTimestamp(timestampUs: number, clockHz: number, base: number): number {
  return (base + Math.round((timestampUs * clockHz) / 1e6)) >>> 0;
}

export const randomUint32 = (): number => Math.floor(Math.random() * 2 ** 32);

/**
 * Below 2¹⁵, as browsers begin: RTP numbers wrap at 2¹⁶, and a receiver that loses packets around a wrap before it has seen some thousand can
 * miscount SRTP's rollovers (RFC 3711 §3.3.1) or no longer ask for what is lost.
 */
export const firstSequenceNumber = (): number => Math.floor(Math.random() * 2 ** 15);

/** Wall-clock ms since 1970 → seconds since 1900 in 32.32 fixed point (RFC 3550 §4). */
export function ntpTime(wallMs: number): bigint {
  const seconds = (wallMs + UNIX_TO_NTP_MS) / 1000;
  const whole = Math.floor(seconds);
  return (BigInt(whole) << 32n) | BigInt(Math.floor((seconds - whole) * 2 ** 32));
}

export interface RtpPacket {
  sequenceNumber: number;
  timestamp: number;
  payload: Uint8Array;
}

/** @returns undefined for what is not an RTP packet. */
export function readRtp(bytes: Uint8Array): RtpPacket | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || bytes[0]! >> 6 !== 2) return undefined;
  let offset = 12 + 4 * (bytes[0]! & 15);
  if (bytes[0]! & 16) {
    if (offset + 4 > bytes.length) return undefined;
    offset += 4 + 4 * view.getUint16(offset + 2);
  }
  const padding = bytes[0]! & 32 ? bytes.at(-1)! : 0;
  if (offset + padding > bytes.length) return undefined;
  return {
    sequenceNumber: view.getUint16(2),
    timestamp: view.getUint32(4),
    payload: bytes.subarray(offset, bytes.length - padding),
  };
}

/** @param bytes one RTCP packet or several in a row. @returns whether one of them asks for a whole picture. */
export function asksForKeyframe(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 4 <= bytes.length; offset += 4 + 4 * view.getUint16(offset + 2)) {
    const format = bytes[offset]! & 31;
    if (bytes[offset + 1] !== PAYLOAD_FEEDBACK) continue;
    if (format === PICTURE_LOSS_INDICATION || format === FULL_INTRA_REQUEST) return true;
  }
  return false;
}

export interface SenderReport {
  ssrc: number;
  /** The same instant on the wall clock, see `ntpTime`, and on the stream's own. */
  ntp: bigint;
  timestamp: number;
  packets: number;
  octets: number;
}

/** RFC 3550 §6.4.1, without reception blocks. */
export function writeSenderReport({ ssrc, ntp, timestamp, packets, octets }: SenderReport): Uint8Array {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, SENDER_REPORT);
  view.setUint16(2, bytes.length / 4 - 1);
  view.setUint32(4, ssrc);
  view.setBigUint64(8, ntp);
  view.setUint32(16, timestamp);
  view.setUint32(20, packets);
  view.setUint32(24, octets);
  return bytes;
}
