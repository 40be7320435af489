/**
 * The data channel that carries motion to a page that draws the face itself: one message a picture, never resent, each with the RTP
 * timestamp of the sound it belongs to. Layout: u32 big-endian (48 kHz, as on the audio track), then the packet. Pure: the browser
 * shares this file.
 */
export const MOTION_CHANNEL = 'motion';
const CLOCK_BYTES = 4;

export function sealMotion(audioRtpTimestamp: number, packet: Uint8Array): Uint8Array {
  const message = new Uint8Array(CLOCK_BYTES + packet.length);
  new DataView(message.buffer).setUint32(0, audioRtpTimestamp);
  message.set(packet, CLOCK_BYTES);
  return message;
}

export function openMotion(message: ArrayBuffer): { audioRtpTimestamp: number; packet: Uint8Array } {
  return {
    audioRtpTimestamp: new DataView(message).getUint32(0),
    packet: new Uint8Array(message, CLOCK_BYTES),
  };
}
