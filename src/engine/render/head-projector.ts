/**
 * HeadProjector: rig space → output pixels under a head pose. The head turns about the neck in front of a pinhole camera
 * that is the identity at rest; vertices in between (neck, shoulders) are blended towards the body by their weight; then
 * the whole person is scaled about the face's centre and shifted. No Node API.
 */
import { type FaceRig, RIG_FRAME_PX } from '../face-rig.ts';
import type { HeadPose } from '../motion-frame.ts';
import { VERTEX_FLOATS } from './draw-list.ts';

/** How far beyond its limit an angle may still go, as a share of the limit. */
const SOFT_MARGIN = 0.4;
/** The shoulders follow this share of a shift of the head. */
const BODY_FOLLOW = 0.5;

/** Identity within [min, max]; beyond, the excess is compressed into a margin that is approached, never reached. */
export function softLimit(value: number, [min, max]: readonly [number, number]): number {
  if (value > max) {
    const margin = SOFT_MARGIN * Math.max(max, 0.02);
    return max + margin * (1 - Math.exp((max - value) / margin));
  }
  if (value < min) {
    const margin = SOFT_MARGIN * Math.max(-min, 0.02);
    return min - margin * (1 - Math.exp((value - min) / margin));
  }
  return value;
}

const finite = (value: number, fallback: number): number => (Number.isFinite(value) ? value : fallback);

export class HeadProjector {
  readonly #rig: FaceRig;
  readonly #outputScale: number;
  readonly #rotation = new Float64Array(9);
  #pivotX = 0;
  #pivotY = 0;
  #scale = 1;
  #shiftX = 0;
  #shiftY = 0;
  #bodyShiftX = 0;
  #bodyShiftY = 0;

  constructor(rig: FaceRig, sizePx: number) {
    this.#rig = rig;
    this.#outputScale = sizePx / RIG_FRAME_PX;
    const centre = RIG_FRAME_PX / 2;
    const depth = (rig.focalPx - rig.pivot[2]) / rig.focalPx;
    this.#pivotX = centre + (rig.pivot[0] - centre) * depth;
    this.#pivotY = centre + (rig.pivot[1] - centre) * depth;
  }

  /** Output px per rig px of the face as it is posed now. */
  get pxPerRigPx(): number {
    return this.#scale * this.#outputScale;
  }

  setPose(pose: HeadPose): void {
    const rig = this.#rig;
    const yaw = softLimit(finite(pose.yawRad, 0), rig.poseLimits.yawRad);
    // Up is positive outside, but y grows downwards here.
    const pitch = -softLimit(finite(pose.pitchRad, 0), rig.poseLimits.pitchRad);
    const roll = softLimit(finite(pose.rollRad, 0), rig.poseLimits.rollRad);
    const cy = Math.cos(yaw);
    const sy = Math.sin(yaw);
    const cp = Math.cos(pitch);
    const sp = Math.sin(pitch);
    const cr = Math.cos(roll);
    const sr = Math.sin(roll);
    // Rz(roll) · Rx(pitch) · Ry(yaw)
    const m = this.#rotation;
    const x10 = -sp * sy;
    const x12 = sp * cy;
    m[0] = cr * cy - sr * x10;
    m[1] = -sr * cp;
    m[2] = cr * sy - sr * x12;
    m[3] = sr * cy + cr * x10;
    m[4] = cr * cp;
    m[5] = sr * sy + cr * x12;
    m[6] = -cp * sy;
    m[7] = -sp;
    m[8] = cp * cy;
    this.#scale = Math.min(Math.max(finite(pose.scale, 1), 0.3), 3);
    this.#shiftX = Math.min(Math.max(finite(pose.x, 0), -1), 1) * rig.faceWidthPx;
    this.#shiftY = Math.min(Math.max(finite(pose.y, 0), -1), 1) * rig.faceWidthPx;
    this.#bodyShiftX = this.#shiftX * BODY_FOLLOW;
    this.#bodyShiftY = this.#shiftY * BODY_FOLLOW;
    // The lower edge of the person's picture never comes into view: rather lower the whole person.
    const bottom = rig.canvas.y0Px + rig.canvas.heightPx;
    const seen = rig.faceCenter[1] + (bottom - rig.faceCenter[1]) * this.#scale + this.#bodyShiftY;
    const missing = Math.max(0, RIG_FRAME_PX + 1 - seen);
    this.#shiftY += missing;
    this.#bodyShiftY += missing;
  }

  /**
   * Projects `count` points (3 floats each, rig space) into x and y of vertices.
   * @param weights 1 per point: 1 moves with the head, 0 with the body; omitted: all with the head.
   */
  project(points: Float32Array, count: number, vertices: Float32Array, weights?: Float32Array): void {
    const m = this.#rotation;
    const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = m;
    const f = this.#rig.focalPx;
    const inverseF = 1 / f;
    const centre = RIG_FRAME_PX / 2;
    const px = this.#pivotX;
    const py = this.#pivotY;
    const pz = this.#rig.pivot[2];
    const k = this.#outputScale;
    const s = this.#scale * k;
    const fx = this.#rig.faceCenter[0];
    const fy = this.#rig.faceCenter[1];
    const bodyX = fx * k - fx * s + this.#bodyShiftX * k;
    const bodyY = fy * k - fy * s + this.#bodyShiftY * k;
    const headX = (this.#shiftX - this.#bodyShiftX) * k;
    const headY = (this.#shiftY - this.#bodyShiftY) * k;
    for (let i = 0, p = 0, v = 0; i < count; i++, p += 3, v += VERTEX_FLOATS) {
      const z = points[p + 2];
      const depth = (f - z) * inverseF;
      const ax = centre + (points[p] - centre) * depth;
      const ay = centre + (points[p + 1] - centre) * depth;
      const w = weights === undefined ? 1 : weights[i];
      let x = points[p];
      let y = points[p + 1];
      if (w > 0) {
        const dx = ax - px;
        const dy = ay - py;
        const dz = z - pz;
        const bx = ax + w * (m0 * dx + m1 * dy + m2 * dz - dx);
        const by = ay + w * (m3 * dx + m4 * dy + m5 * dz - dy);
        const bz = z + w * (m6 * dx + m7 * dy + m8 * dz - dz);
        const perspective = f / (f - bz);
        x = centre + (bx - centre) * perspective;
        y = centre + (by - centre) * perspective;
      }
      vertices[v] = x * s + bodyX + w * headX;
      vertices[v + 1] = y * s + bodyY + w * headY;
    }
  }
}
