/**
 * Strips along the edges of the mouth and eye holes, a ring of quads from the mesh's edge into the hole: the skin's soft
 * edge (feather), the shade that lips and lids cast on what lies behind, the strokes where a mouth or an eye
 * is closed. No Node API.
 */
import type { HoleRing } from '../face-rig.ts';
import { VERTEX_FLOATS } from './draw-list.ts';
import { acrossRing } from './face-deformer.ts';

/** Triangles of a closed strip of `count` quads: vertex i of the edge, vertex count + i of the far side. */
export function ringStripTriangles(count: number): number[] {
  const triangles: number[] = [];
  for (let i = 0; i < count; i++) {
    const j = (i + 1) % count;
    triangles.push(i, j, count + j, i, count + j, count + i);
  }
  return triangles;
}

/** The edge of one hole in the picture: where its vertices are, which way is into the hole, how far across. */
export class HoleEdge {
  readonly count: number;
  readonly #ring: HoleRing;
  readonly #across: Uint16Array;
  readonly #normals: Float32Array;
  readonly #widths: Float32Array;
  readonly #mesh: Float32Array;

  /** @param mesh vertices of the person mesh, posed. */
  constructor(ring: HoleRing, mesh: Float32Array) {
    this.#ring = ring;
    this.#mesh = mesh;
    this.count = ring.vertices.length;
    this.#across = Uint16Array.from(ring.vertices, (_, i) => acrossRing(ring, i));
    this.#normals = new Float32Array(this.count * 2);
    this.#widths = new Float32Array(this.count);
  }

  /** Call once per frame, after the mesh was posed. */
  update(): void {
    const { vertices } = this.#ring;
    const mesh = this.#mesh;
    const count = this.count;
    let sign = 0;
    for (let i = 0; i < count; i++) {
      const before = vertices[(i + count - 1) % count] * VERTEX_FLOATS;
      const after = vertices[(i + 1) % count] * VERTEX_FLOATS;
      const here = vertices[i] * VERTEX_FLOATS;
      const across = this.#across[i] * VERTEX_FLOATS;
      const tx = mesh[after] - mesh[before];
      const ty = mesh[after + 1] - mesh[before + 1];
      const length = Math.max(Math.hypot(tx, ty), 1e-4);
      const dx = mesh[across] - mesh[here];
      const dy = mesh[across + 1] - mesh[here + 1];
      this.#normals[i * 2] = -ty / length;
      this.#normals[i * 2 + 1] = tx / length;
      this.#widths[i] = Math.hypot(dx, dy);
      sign += (-ty * dx + tx * dy) / length;
    }
    if (sign < 0) for (let i = 0; i < this.#normals.length; i++) this.#normals[i] = -this.#normals[i];
  }

  /**
   * Lays a strip of up to `widthPx`, but no more than `maxShare` of the way across, into the hole.
   * `upperAlpha` and `lowerAlpha` hold at the edge, 0 at the far side. Texture coordinates and shade are the mesh's own
   * where `textured`.
   */
  writeStrip(
    strip: Float32Array,
    widthPx: number,
    maxShare: number,
    upperAlpha: number,
    lowerAlpha: number,
    textured: boolean,
  ): void {
    const { vertices, secondCorner } = this.#ring;
    const mesh = this.#mesh;
    for (let i = 0; i < this.count; i++) {
      const from = vertices[i] * VERTEX_FLOATS;
      const edge = i * VERTEX_FLOATS;
      const far = (this.count + i) * VERTEX_FLOATS;
      const reach = Math.min(widthPx, maxShare * this.#widths[i]);
      strip[edge] = mesh[from];
      strip[edge + 1] = mesh[from + 1];
      strip[far] = mesh[from] + this.#normals[i * 2] * reach;
      strip[far + 1] = mesh[from + 1] + this.#normals[i * 2 + 1] * reach;
      strip[edge + 4] = i <= secondCorner ? upperAlpha : lowerAlpha;
      strip[far + 4] = 0;
      if (textured) {
        for (let k = 2; k < 4; k++) {
          strip[edge + k] = mesh[from + k];
          strip[far + k] = mesh[from + k];
        }
        strip[edge + 5] = mesh[from + 5];
        strip[far + 5] = mesh[from + 5];
      }
    }
  }
}

/** Triangles of a soft stroke: three rows of `columns` vertices. */
export function strokeTriangles(columns: number): number[] {
  const triangles: number[] = [];
  for (const row of [0, columns])
    for (let i = row; i < row + columns - 1; i++)
      triangles.push(i, i + 1, i + columns, i + 1, i + columns + 1, i + columns);
  return triangles;
}

/**
 * A soft stroke along the line where a hole closes: darkest in the middle row, fading above and, further, below; thin and
 * faint at the corners. Its middle runs between the two edges.
 */
export function writeStroke(
  stroke: Float32Array,
  mesh: Float32Array,
  ring: HoleRing,
  thicknessPx: number,
  alpha: number,
): void {
  const columns = ring.secondCorner + 1;
  for (let i = 0; i < columns; i++) {
    // Smoothed along the line: it is one stroke.
    let x = 0;
    let y = 0;
    for (let k = -1; k <= 1; k++) {
      const column = Math.min(Math.max(i + k, 0), columns - 1);
      const upper = ring.vertices[column] * VERTEX_FLOATS;
      const lower = acrossRing(ring, column) * VERTEX_FLOATS;
      const weight = k === 0 ? 0.25 : 0.125;
      x += (mesh[upper] + mesh[lower]) * weight;
      y += (mesh[upper + 1] + mesh[lower + 1]) * weight;
    }
    const t = i / (columns - 1);
    const taper = Math.sin(Math.PI * (0.04 + 0.92 * t)) ** 0.6;
    const top = i * VERTEX_FLOATS;
    const middle = (columns + i) * VERTEX_FLOATS;
    const bottom = (2 * columns + i) * VERTEX_FLOATS;
    stroke[top] = x;
    stroke[top + 1] = y - thicknessPx * taper * 0.9;
    stroke[middle] = x;
    stroke[middle + 1] = y;
    stroke[bottom] = x;
    stroke[bottom + 1] = y + thicknessPx * taper * 1.3;
    stroke[top + 4] = 0;
    stroke[middle + 4] = alpha * taper;
    stroke[bottom + 4] = 0;
  }
}
