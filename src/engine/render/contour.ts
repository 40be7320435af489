/**
 * The soft contour of a turned face. Triangles end in whole pixels; where the cheek, the nose or the chin hides what is
 * behind it, that edge would crawl in steps as the head moves. In: the posed mesh. Out: a strip of one pixel, fading
 * outwards, along every edge between a triangle that faces the viewer and one behind it that does not. No Node API.
 */
import type { FaceRig } from '../face-rig.ts';
import { type Layer, type LayerSpec, VERTEX_FLOATS } from './draw-list.ts';

/** A triangle that faces the viewer by more than this (cosine) at rest still does at the strongest turn and expression. */
const NEVER_TURNS = 0.7;
/** Edges that can be softened at once; a strongly turned face has about half as many. */
const CAPACITY = 256;

export function contourSpec(texture: number): LayerSpec {
  const triangles: number[] = [];
  for (let i = 0; i < CAPACITY; i++) {
    const a = i * 4;
    triangles.push(a, a + 1, a + 2, a, a + 2, a + 3);
  }
  return { name: 'contour', texture, vertexCount: CAPACITY * 4, triangles, twoSided: true };
}

function canTurnAway({ positions, triangles }: FaceRig, t: number): boolean {
  const [a, b, c] = [triangles[t] * 3, triangles[t + 1] * 3, triangles[t + 2] * 3];
  const [ux, uy, uz] = [0, 1, 2].map((k) => positions[b + k] - positions[a + k]);
  const [vx, vy, vz] = [0, 1, 2].map((k) => positions[c + k] - positions[a + k]);
  const [x, y, z] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
  return z < NEVER_TURNS * Math.hypot(x, y, z);
}

export class Contour {
  readonly #mesh: Float32Array;
  readonly #layer: Layer;
  /** Triangles that belong to the face or share an edge with it, 3 vertices each, and whether they face the viewer. */
  readonly #triangles: Uint16Array;
  readonly #faces: Uint8Array;
  /** Per edge: its two vertices, its near and its far triangle (places in the list above), the vertex across in the near one. */
  readonly #edges: Uint16Array;
  readonly #normals: Float32Array;
  readonly #found: Uint16Array;

  /** @param mesh vertices of the person mesh, posed. */
  constructor(rig: FaceRig, mesh: Float32Array, layer: Layer) {
    this.#mesh = mesh;
    this.#layer = layer;
    const sides = new Map<number, { t: number; across: number; isFace: boolean }[]>();
    const count = rig.positions.length / 3;
    for (let t = 0; t < rig.triangles.length; t += 3) {
      const corners = rig.triangles.subarray(t, t + 3);
      const isFace = corners.every((v) => v < rig.faceVertexCount);
      for (let k = 0; k < 3; k++) {
        const p = corners[k];
        const q = corners[(k + 1) % 3];
        const key = Math.min(p, q) * count + Math.max(p, q);
        const side = { t, across: corners[(k + 2) % 3], isFace };
        sides.set(key, [...(sides.get(key) ?? []), side]);
      }
    }
    const place = new Map<number, number>();
    const placeOf = (t: number) => {
      if (!place.has(t)) place.set(t, place.size);
      return place.get(t)!;
    };
    const edges: number[] = [];
    for (const [key, pair] of sides) {
      // Painted later is nearer. Where that one turns away, the edge is a fold, which lies hidden.
      const [far, near] = pair;
      if (pair.length !== 2 || !near.isFace || !canTurnAway(rig, far.t)) continue;
      edges.push(Math.floor(key / count), key % count, placeOf(near.t), placeOf(far.t), near.across);
    }
    this.#edges = Uint16Array.from(edges);
    this.#triangles = Uint16Array.from([...place.keys()].flatMap((t) => [...rig.triangles.subarray(t, t + 3)]));
    this.#faces = new Uint8Array(place.size);
    this.#normals = new Float32Array(count * 2);
    this.#found = new Uint16Array(CAPACITY);
  }

  /** Call once per frame, after the mesh was posed and shaded. */
  update(widthPx: number): void {
    const mesh = this.#mesh;
    const triangles = this.#triangles;
    const faces = this.#faces;
    let isTurned = false;
    for (let i = 0, t = 0; i < faces.length; i++, t += 3) {
      const a = triangles[t] * VERTEX_FLOATS;
      const b = triangles[t + 1] * VERTEX_FLOATS;
      const c = triangles[t + 2] * VERTEX_FLOATS;
      const area =
        (mesh[b] - mesh[a]) * (mesh[c + 1] - mesh[a + 1]) - (mesh[c] - mesh[a]) * (mesh[b + 1] - mesh[a + 1]);
      faces[i] = area > 0 ? 1 : 0;
      isTurned ||= area <= 0;
    }
    const count = isTurned ? this.#findEdges() : 0;
    const { batch } = this.#layer;
    batch.visible = count > 0;
    batch.triangleCount = count * 2;
    for (let i = 0; i < count; i++) this.#writeQuad(i, widthPx);
  }

  /** Edges of the contour, and at their vertices the direction outwards. */
  #findEdges(): number {
    const mesh = this.#mesh;
    const edges = this.#edges;
    const faces = this.#faces;
    const normals = this.#normals;
    const found = this.#found;
    let count = 0;
    for (let e = 0; e < edges.length && count < CAPACITY; e += 5) {
      if (faces[edges[e + 2]] === 0 || faces[edges[e + 3]] === 1) continue;
      found[count++] = e / 5;
    }
    for (let i = 0; i < count; i++) {
      const e = found[i] * 5;
      normals.fill(0, edges[e] * 2, edges[e] * 2 + 2);
      normals.fill(0, edges[e + 1] * 2, edges[e + 1] * 2 + 2);
    }
    for (let i = 0; i < count; i++) {
      const e = found[i] * 5;
      const p = edges[e] * VERTEX_FLOATS;
      const q = edges[e + 1] * VERTEX_FLOATS;
      const r = edges[e + 4] * VERTEX_FLOATS;
      const tx = mesh[q] - mesh[p];
      const ty = mesh[q + 1] - mesh[p + 1];
      const length = Math.max(Math.hypot(tx, ty), 1e-4);
      const inwards = -ty * (mesh[r] - mesh[p]) + tx * (mesh[r + 1] - mesh[p + 1]) > 0 ? -1 : 1;
      for (const v of [edges[e], edges[e + 1]]) {
        normals[v * 2] += (inwards * -ty) / length;
        normals[v * 2 + 1] += (inwards * tx) / length;
      }
    }
    return count;
  }

  #writeQuad(i: number, widthPx: number): void {
    const mesh = this.#mesh;
    const { vertices } = this.#layer;
    const e = this.#found[i] * 5;
    for (let k = 0; k < 4; k++) {
      const v = this.#edges[k === 0 || k === 3 ? e : e + 1];
      const from = v * VERTEX_FLOATS;
      const to = (i * 4 + k) * VERTEX_FLOATS;
      for (let c = 0; c < VERTEX_FLOATS; c++) vertices[to + c] = mesh[from + c];
      if (k < 2) continue;
      const nx = this.#normals[v * 2];
      const ny = this.#normals[v * 2 + 1];
      const reach = widthPx / Math.max(Math.hypot(nx, ny), 1e-4);
      vertices[to] += nx * reach;
      vertices[to + 1] += ny * reach;
      vertices[to + 4] = 0;
    }
  }
}
