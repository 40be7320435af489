/**
 * Eyeballs behind the lids: per eye a sclera patch and an iris that slides over it with the gaze. In: the rig's eyes and a
 * gaze; out: vertices of two quads per eye. No Node API.
 */
import type { EyeRig, FaceRig } from '../face-rig.ts';
import type { Gaze } from '../motion-frame.ts';
import { fanTriangles, type Layer, type LayerSpec, VERTEX_FLOATS } from './draw-list.ts';
import { type HeadProjector, softLimit } from './head-projector.ts';
import type { PlacedTexture, RigTextures } from './rig-textures.ts';

export const QUAD_TRIANGLES = [0, 1, 2, 0, 2, 3];
/**
 * The sclera is drawn as the eye's opening, this much wider and higher: enough for wide-open lids, not so much that it
 * would stick out where the far eye of a turned face touches the face's edge.
 */
const SCLERA_WIDER = 1.1;
const SCLERA_HIGHER = 1.7;
/** Where the lids reach beyond that, it follows them and a little more. */
const OPENING_MARGIN = 1.03;
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

export function eyeSpecs(rig: FaceRig, textures: RigTextures): LayerSpec[] {
  return (['right', 'left'] as const).flatMap((side) => [
    {
      name: `${side}Sclera`,
      texture: textures.eyes[side].sclera.index,
      vertexCount: rig.eyes[side].ring.vertices.length + 1,
      triangles: fanTriangles(rig.eyes[side].ring.vertices.length),
      opaque: new Uint8Array(rig.eyes[side].ring.vertices.length).fill(1),
      twoSided: true,
    },
    { name: `${side}Iris`, texture: textures.eyes[side].iris.index, vertexCount: 4, triangles: QUAD_TRIANGLES },
  ]);
}

/** How far the iris moves for a gaze, rig px, image axes. */
function irisShift(eye: EyeRig, gaze: Gaze): { x: number; y: number } {
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
  readonly #openings: { left: Float32Array; right: Float32Array };

  constructor(rig: FaceRig, textures: RigTextures, layers: ReadonlyMap<string, Layer>) {
    this.#rig = rig;
    this.#layers = layers;
    this.#openings = { left: opening(rig, rig.eyes.left), right: opening(rig, rig.eyes.right) };
    for (const side of ['left', 'right'] as const) {
      const eye = rig.eyes[side];
      const { sclera } = textures.eyes[side];
      const { vertices } = layers.get(`${side}Sclera`)!;
      const points = this.#openings[side];
      for (let i = 0; i * 3 < points.length; i++) {
        vertices[i * VERTEX_FLOATS + 2] = (points[i * 3] - sclera.x0Px) * sclera.texelsPerPxX;
        vertices[i * VERTEX_FLOATS + 3] = (points[i * 3 + 1] - sclera.y0Px) * sclera.texelsPerPxY;
      }
      writeQuadUv(layers.get(`${side}Iris`)!.vertices, textures.eyes[side].iris, irisBox(eye));
    }
  }

  /** @param mesh vertices of the person mesh, already posed. */
  update(gaze: Gaze, projector: HeadProjector, mesh: Float32Array): void {
    for (const side of ['left', 'right'] as const) {
      const eye = this.#rig.eyes[side];
      const points = this.#openings[side];
      const sclera = this.#layers.get(`${side}Sclera`)!.vertices;
      projector.project(points, points.length / 3, sclera);
      coverOpening(sclera, eye, mesh);
      const shift = irisShift(eye, gaze);
      this.#quad(irisBox(eye), shift.x, shift.y, eye.depthPx);
      projector.project(this.#points, 4, this.#layers.get(`${side}Iris`)!.vertices);
    }
  }

  #quad([x0, y0, x1, y1]: readonly [number, number, number, number], dx: number, dy: number, z: number): void {
    this.#points.set([x0 + dx, y0 + dy, z, x1 + dx, y0 + dy, z, x1 + dx, y1 + dy, z, x0 + dx, y1 + dy, z]);
  }
}

/** The eye's opening at rest, enlarged, within the patch; its centre last. 3 per point, at the eyeball's depth. */
function opening(rig: FaceRig, eye: EyeRig): Float32Array {
  const { vertices } = eye.ring;
  const points = new Float32Array((vertices.length + 1) * 3);
  let cx = 0;
  let cy = 0;
  for (const vertex of vertices) {
    cx += rig.positions[vertex * 3] / vertices.length;
    cy += rig.positions[vertex * 3 + 1] / vertices.length;
  }
  for (let i = 0; i < vertices.length; i++) {
    const x = cx + (rig.positions[vertices[i] * 3] - cx) * SCLERA_WIDER;
    const y = cy + (rig.positions[vertices[i] * 3 + 1] - cy) * SCLERA_HIGHER;
    points[i * 3] = Math.min(Math.max(x, eye.patch[0]), eye.patch[2]);
    points[i * 3 + 1] = Math.min(Math.max(y, eye.patch[1]), eye.patch[3]);
    points[i * 3 + 2] = eye.depthPx;
  }
  points.set([cx, cy, eye.depthPx], vertices.length * 3);
  return points;
}

/** The eyeball lies deeper than its lids: as the head turns, a corner would leave it behind and show what is behind the head. */
function coverOpening(sclera: Float32Array, { ring: { vertices, secondCorner } }: EyeRig, mesh: Float32Array): void {
  const centre = vertices.length * VERTEX_FLOATS;
  const cx = sclera[centre];
  const cy = sclera[centre + 1];
  for (let i = 0; i < vertices.length; i++) {
    const at = i * VERTEX_FLOATS;
    const dx = mesh[vertices[i] * VERTEX_FLOATS] - cx;
    const dy = mesh[vertices[i] * VERTEX_FLOATS + 1] - cy;
    const isCorner = i === 0 || i === secondCorner;
    if (!isCorner && dx * dx + dy * dy < (sclera[at] - cx) ** 2 + (sclera[at + 1] - cy) ** 2) continue;
    const reach = isCorner ? SCLERA_WIDER : OPENING_MARGIN;
    sclera[at] = cx + dx * reach;
    sclera[at + 1] = cy + dy * reach;
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
