/**
 * Eyeballs behind the lids: per eye a sclera patch and an iris that slides over it with the gaze. In: the rig's eyes and a
 * gaze; out: vertices of two quads per eye. No Node API.
 */
import type { EyeRig, FaceRig } from '../face-rig.ts';
import type { Gaze } from '../motion-frame.ts';
import type { Layer, LayerSpec } from './draw-list.ts';
import { VERTEX_FLOATS } from './draw-list.ts';
import { type HeadProjector, softLimit } from './head-projector.ts';
import type { PlacedTexture, RigTextures } from './rig-textures.ts';

export const QUAD_TRIANGLES = [0, 1, 2, 0, 2, 3];
const OPAQUE_QUAD = Uint8Array.of(1, 1);
/** The iris quad reaches this far beyond the iris, in iris radii. */
const IRIS_MARGIN = 1.25;
/** The iris stays within these bounds, in iris radii, approached softly. */
const MAX_SIDEWAYS = 1.0;
const MAX_UP_DOWN = 0.75;

/** Corners of a rectangle as texture coordinates. */
export function writeQuadUv(
  quad: Float32Array,
  placed: PlacedTexture,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
): void {
  const corners = [x0, y0, x1, y0, x1, y1, x0, y1];
  for (let i = 0; i < 4; i++) {
    quad[i * VERTEX_FLOATS + 2] = (corners[i * 2] - placed.x0Px) * placed.texelsPerPxX;
    quad[i * VERTEX_FLOATS + 3] = (corners[i * 2 + 1] - placed.y0Px) * placed.texelsPerPxY;
  }
}

export function eyeSpecs(textures: RigTextures): LayerSpec[] {
  return (['right', 'left'] as const).flatMap((side) => [
    {
      name: `${side}Sclera`,
      texture: textures.eyes[side].sclera.index,
      vertexCount: 4,
      triangles: QUAD_TRIANGLES,
      opaque: OPAQUE_QUAD,
    },
    { name: `${side}Iris`, texture: textures.eyes[side].iris.index, vertexCount: 4, triangles: QUAD_TRIANGLES },
  ]);
}

/** How far the iris moves for a gaze, rig px, image axes. */
export function irisShift(eye: EyeRig, gaze: Gaze): { x: number; y: number } {
  const yaw = Number.isFinite(gaze.yawRad) ? Math.min(Math.max(gaze.yawRad, -1.2), 1.2) : 0;
  const pitch = Number.isFinite(gaze.pitchRad) ? Math.min(Math.max(gaze.pitchRad, -1.2), 1.2) : 0;
  const sideways = MAX_SIDEWAYS * eye.irisRadiusPx * 0.8;
  const upDown = MAX_UP_DOWN * eye.irisRadiusPx * 0.8;
  return {
    x: softLimit(eye.eyeballRadiusPx * Math.sin(yaw), [-sideways, sideways]),
    y: softLimit(-eye.eyeballRadiusPx * Math.sin(pitch), [-upDown, upDown]),
  };
}

/** How far the lids follow: 1 all the way down, −1 all the way up. */
export function gazeLid(rig: FaceRig, gaze: Gaze): number {
  const eye = rig.eyes.left;
  return Math.min(Math.max(irisShift(eye, gaze).y / (MAX_UP_DOWN * eye.irisRadiusPx), -1), 1);
}

export class EyeLayers {
  readonly #rig: FaceRig;
  readonly #layers: ReadonlyMap<string, Layer>;
  readonly #points = new Float32Array(12);

  constructor(rig: FaceRig, textures: RigTextures, layers: ReadonlyMap<string, Layer>) {
    this.#rig = rig;
    this.#layers = layers;
    for (const side of ['left', 'right'] as const) {
      const eye = rig.eyes[side];
      writeQuadUv(layers.get(`${side}Sclera`)!.vertices, textures.eyes[side].sclera, eye.patch);
      writeQuadUv(layers.get(`${side}Iris`)!.vertices, textures.eyes[side].iris, irisBox(eye));
    }
  }

  update(gaze: Gaze, projector: HeadProjector): void {
    for (const side of ['left', 'right'] as const) {
      const eye = this.#rig.eyes[side];
      this.#quad(eye.patch, 0, 0, eye.depthPx);
      projector.project(this.#points, 4, this.#layers.get(`${side}Sclera`)!.vertices);
      const shift = irisShift(eye, gaze);
      this.#quad(irisBox(eye), shift.x, shift.y, eye.depthPx);
      projector.project(this.#points, 4, this.#layers.get(`${side}Iris`)!.vertices);
    }
  }

  #quad([x0, y0, x1, y1]: readonly [number, number, number, number], dx: number, dy: number, z: number): void {
    this.#points.set([x0 + dx, y0 + dy, z, x1 + dx, y0 + dy, z, x1 + dx, y1 + dy, z, x0 + dx, y1 + dy, z]);
  }
}

/** The part of the patch that holds the iris. */
function irisBox(eye: EyeRig): [number, number, number, number] {
  const r = eye.irisRadiusPx * IRIS_MARGIN;
  const [x, y] = eye.irisCenter;
  return [
    Math.max(x - r, eye.patch[0]),
    Math.max(y - r, eye.patch[1]),
    Math.min(x + r, eye.patch[2]),
    Math.min(y + r, eye.patch[3]),
  ];
}
