/**
 * A MotionFrame as 137 bytes, for a face that is drawn where it is seen. In and out: motion frames; the time is not inside, for whoever
 * carries a packet knows when it is due. Layout, little-endian: u8 version, 8 × f32 (pose, gaze), 52 × u16 (weights 0…1 in the order of
 * `BLENDSHAPE_NAMES`). Pure: the browser shares this file.
 */
import { AppError } from '../errors.ts';
import { BLENDSHAPE_NAMES, type MotionFrame } from './motion-frame.ts';

const VERSION = 1;
const WEIGHTS_AT = 1 + 8 * 4;
const WEIGHT_SCALE = 65_535;
const PACKET_BYTES = WEIGHTS_AT + BLENDSHAPE_NAMES.length * 2;

export function packMotion({ pose, gaze, blendshapes }: MotionFrame): Uint8Array {
  const packet = new Uint8Array(PACKET_BYTES);
  const view = new DataView(packet.buffer);
  view.setUint8(0, VERSION);
  const angles = [pose.yawRad, pose.pitchRad, pose.rollRad, pose.x, pose.y, pose.scale, gaze.yawRad, gaze.pitchRad];
  for (const [i, value] of angles.entries()) view.setFloat32(1 + 4 * i, value, true);
  for (const [i, name] of BLENDSHAPE_NAMES.entries()) {
    const weight = Math.max(0, Math.min(1, blendshapes[name] ?? 0));
    view.setUint16(WEIGHTS_AT + 2 * i, Math.round(weight * WEIGHT_SCALE), true);
  }
  return packet;
}

/** @throws AppError MOTION_INVALID for bytes that are not a packet of this version. */
export function unpackMotion(packet: Uint8Array, timestampUs: number): MotionFrame {
  if (packet.length !== PACKET_BYTES || packet[0] !== VERSION)
    throw new AppError('MOTION_INVALID', 'The server sends motion of another version; reload the page.');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const [yawRad, pitchRad, rollRad, x, y, scale, gazeYawRad, gazePitchRad] = Array.from({ length: 8 }, (_, i) =>
    view.getFloat32(1 + 4 * i, true),
  );
  const blendshapes: MotionFrame['blendshapes'] = {};
  for (const [i, name] of BLENDSHAPE_NAMES.entries()) {
    const weight = view.getUint16(WEIGHTS_AT + 2 * i, true);
    if (weight > 0) blendshapes[name] = weight / WEIGHT_SCALE;
  }
  return {
    timestampUs,
    pose: { yawRad: yawRad!, pitchRad: pitchRad!, rollRad: rollRad!, x: x!, y: y!, scale: scale! },
    gaze: { yawRad: gazeYawRad!, pitchRad: gazePitchRad! },
    blendshapes,
  };
}
