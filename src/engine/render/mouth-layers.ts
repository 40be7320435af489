/**
 * The parts of the mouth's inside as layers of the picture, and where their texels lie: grids in basis space → rig space,
 * the upper teeth's edge, the layers' triangles in painting order. No Node API.
 */
import type { FaceRig, MouthLayer } from '../face-rig.ts';
import { fanTriangles, type LayerSpec } from './draw-list.ts';
import { QUAD_TRIANGLES } from './eye-layers.ts';
import type { RigTextures } from './rig-textures.ts';

/** Columns of the strip of teeth over a bitten lip. */
export const BITE_COLUMNS = 17;

/** Bites happen on the front teeth only: beyond this |x| (basis units) a turned arch doubles back on itself. */
const INCISORS_HALF_WIDTH = 1.5;

/** Depth of the interior behind the lips as drawn: full depth in a turned photo would push the tongue into a corner. */
const PARALLAX = 0.6;

/** Points on a layer's regular grid by texel, in basis space. */
export class LayerGrid {
  readonly columns: number;
  readonly rows: number;
  readonly #layer: MouthLayer;

  constructor(layer: MouthLayer) {
    this.#layer = layer;
    const count = layer.uv.length / 2;
    let columns = 1;
    while (columns < count && layer.uv[columns * 2 + 1] === layer.uv[1]) columns++;
    this.columns = columns;
    this.rows = count / columns;
  }

  /** Basis-space point under texel (u, v), bilinear between grid vertices. */
  at(u: number, v: number, out: Float32Array | number[]): void {
    const { uv, positions } = this.#layer;
    const last = uv.length - 2;
    const x = ((u - uv[0]) / (uv[last] - uv[0])) * (this.columns - 1);
    const y = ((v - uv[1]) / (uv[last + 1] - uv[1])) * (this.rows - 1);
    const column = Math.min(Math.max(Math.floor(x), 0), this.columns - 2);
    const row = Math.min(Math.max(Math.floor(y), 0), this.rows - 2);
    const fx = x - column;
    const fy = y - row;
    const a = (row * this.columns + column) * 3;
    const b = a + this.columns * 3;
    for (let k = 0; k < 3; k++) {
      const top = positions[a + k] + fx * (positions[a + 3 + k] - positions[a + k]);
      const bottom = positions[b + k] + fx * (positions[b + 3 + k] - positions[b + k]);
      out[k] = top + fy * (bottom - top);
    }
  }
}

/** Basis space → rig px for the mouth's parts: widened to this mouth, shifted onto its lips. */
export function toRig(rig: FaceRig, p: ArrayLike<number>, at: number, out: Float32Array, to: number): void {
  const { basisCenter: c, widthScale: s, offsetPx } = rig.mouth;
  const x = c[0] + (p[at] - c[0]) * s;
  const y = c[1] + (p[at + 1] - c[1]) * s;
  const z = c[2] + (p[at + 2] - c[2]) * PARALLAX;
  const m = rig.basisToRig;
  out[to] = m[0] * x + m[1] * y + m[2] * z + m[3] + offsetPx[0];
  out[to + 1] = m[4] * x + m[5] * y + m[6] * z + m[7] + offsetPx[1];
  out[to + 2] = m[8] * x + m[9] * y + m[10] * z + m[11] + offsetPx[2];
}

/** The edge of the upper teeth from left to right: where it is in the rig, and in the texture. */
export interface IncisalEdge {
  x: number[];
  y: number[];
  u: number[];
  v: number[];
}

export function incisalEdge(rig: FaceRig): IncisalEdge {
  const edge: IncisalEdge = { x: [], y: [], u: [], v: [] };
  const layer = rig.mouth.layers.find((candidate) => candidate.kind === 'upperTeeth');
  if (!layer) return edge;
  const { texture } = layer;
  const grid = new LayerGrid(layer);
  const lowest: number[] = [];
  for (let u = 0; u < texture.widthPx; u++) {
    let v = texture.heightPx - 1;
    while (v > 0 && texture.data[(v * texture.widthPx + u) * 4 + 3] < 128) v--;
    lowest.push(v + 1);
  }
  const basisPoint = [0, 0, 0];
  const rigPoint = new Float32Array(3);
  const half = Math.max(2, Math.round(texture.widthPx / 24));
  for (let i = 0; i < 65; i++) {
    const u = Math.round(((i + 0.5) / 65) * texture.widthPx);
    // Averaged along the row, so that a lip does not dip into the gaps between the teeth.
    let sum = 0;
    let count = 0;
    for (let k = Math.max(0, u - half); k <= Math.min(texture.widthPx - 1, u + half); k++, count++) sum += lowest[k];
    const v = sum / count;
    grid.at(u, v, basisPoint);
    if (Math.abs(basisPoint[0]) > INCISORS_HALF_WIDTH) continue;
    toRig(rig, basisPoint, 0, rigPoint, 0);
    if (edge.x.length > 0 && rigPoint[0] <= edge.x[edge.x.length - 1]) continue;
    edge.x.push(rigPoint[0]);
    edge.y.push(rigPoint[1]);
    edge.u.push(u);
    edge.v.push(v);
  }
  return edge;
}

export function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  if (xs.length < 2) return ys[0] ?? 0;
  let i = 1;
  while (i < xs.length - 1 && xs[i] < x) i++;
  const t = Math.min(Math.max((x - xs[i - 1]) / (xs[i] - xs[i - 1]), 0), 1);
  return ys[i - 1] + t * (ys[i] - ys[i - 1]);
}

/** y of the upper teeth's edge by x, rig px; the lips' middle where a rig has no teeth. */
export function incisalLine(rig: FaceRig): (x: number) => number {
  const edge = incisalEdge(rig);
  return (x) => interpolate(edge.x, edge.y, x);
}

/** Triangles across the hole, from the upper to the lower edge. */
function holeTriangles(count: number, half: number): number[] {
  const triangles: number[] = [];
  for (let i = 0; i < half; i++) {
    const c = (count - i) % count;
    const d = count - i - 1;
    triangles.push(i, i + 1, d, i, d, c);
  }
  return triangles;
}

/** Layers behind the lips, back to front. */
export function mouthSpecs(rig: FaceRig, textures: RigTextures): LayerSpec[] {
  const { ring, layers, photoGapPx } = rig.mouth;
  const count = ring.vertices.length;
  const specs: LayerSpec[] = [
    {
      name: 'cavity',
      texture: textures.cavity,
      vertexCount: count + 1,
      triangles: fanTriangles(count),
      opaque: new Uint8Array(count).fill(1),
      twoSided: true,
    },
  ];
  layers.forEach((layer, i) => {
    const vertexCount = layer.positions.length / 3;
    specs.push({ name: layer.kind, texture: textures.mouthLayers[i].index, vertexCount, triangles: layer.triangles });
  });
  const tongue = layers.findIndex((layer) => layer.kind === 'tongue');
  if (tongue >= 0)
    specs.push({
      name: 'tongueBeforeTeeth',
      texture: textures.mouthLayers[tongue].index,
      vertexCount: layers[tongue].positions.length / 3,
      triangles: layers[tongue].triangles,
    });
  if (textures.photoTeeth)
    specs.push({ name: 'photoTeeth', texture: textures.photoTeeth.index, vertexCount: 4, triangles: QUAD_TRIANGLES });
  if (photoGapPx > 0)
    specs.push({
      name: 'photoMouth',
      texture: textures.person.index,
      vertexCount: count,
      triangles: holeTriangles(count, ring.secondCorner),
      twoSided: true,
    });
  return specs;
}

/** The tongue once more, over the lips: where it is stuck out. */
export function tongueOverSpec(rig: FaceRig, textures: RigTextures): LayerSpec | null {
  const tongue = rig.mouth.layers.findIndex((layer) => layer.kind === 'tongue');
  if (tongue < 0) return null;
  const { positions, triangles } = rig.mouth.layers[tongue];
  const texture = textures.mouthLayers[tongue].index;
  return { name: 'tongueOverLip', texture, vertexCount: positions.length / 3, triangles };
}

/** The strip of upper teeth that is painted over a bitten lower lip. */
export function biteSpec(rig: FaceRig, textures: RigTextures): LayerSpec | null {
  const upper = rig.mouth.layers.findIndex((layer) => layer.kind === 'upperTeeth');
  if (upper < 0) return null;
  const triangles: number[] = [];
  for (let row = 0; row < 2; row++)
    for (let i = 0; i < BITE_COLUMNS - 1; i++) {
      const a = row * BITE_COLUMNS + i;
      const b = a + BITE_COLUMNS;
      triangles.push(a, a + 1, b, a + 1, b + 1, b);
    }
  return { name: 'bite', texture: textures.mouthLayers[upper].index, vertexCount: BITE_COLUMNS * 3, triangles };
}
