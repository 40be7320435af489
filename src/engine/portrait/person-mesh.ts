/**
 * Face and outer mesh as one: only what can be seen is kept, triangles lie back to front, every expression covers all
 * vertices it moves. In: both meshes, dense face shapes, the person texture. Out: the mesh part of a FaceRig.
 */
import type { CanvasRect, ShapeDelta, Texture } from '../face-rig.ts';
import type { DenseShape } from './expression-shapes.ts';
import type { FaceBasis } from './face-basis.ts';
import type { OuterMesh } from './outer-mesh.ts';

/** Displacements below this are left out, rig px. */
const MIN_MOVE_PX = 0.02;

export interface PersonMesh {
  positions: Float32Array;
  triangles: Uint16Array;
  triangleOpaque: Uint8Array;
  headWeight: Float32Array;
  shadeFalloff: Float32Array;
  nearestOval: Uint16Array;
  /** 3 per vertex, whole mesh, for further baking. */
  shapes: { name: DenseShape['name']; delta: Float32Array; normalDelta: Float32Array }[];
}

export function assemblePersonMesh(
  basis: FaceBasis,
  face: Float32Array,
  outer: OuterMesh,
  shapes: DenseShape[],
  person: Texture,
  canvas: CanvasRect,
): PersonMesh {
  const faceCount = basis.vertexCount;
  const all = new Float32Array(face.length + outer.positions.length);
  all.set(face);
  all.set(outer.positions, face.length);

  const cover = alphaCover(person, canvas);
  const seen: { a: number; b: number; c: number; z: number; opaque: boolean }[] = [];
  const add = (a: number, b: number, c: number) => {
    const alpha = cover(all, a, b, c);
    if (alpha === 'clear') return;
    seen.push({ a, b, c, z: all[3 * a + 2] + all[3 * b + 2] + all[3 * c + 2], opaque: alpha === 'opaque' });
  };
  for (let t = 0; t < basis.triangles.length; t += 3) {
    add(basis.triangles[t], basis.triangles[t + 1], basis.triangles[t + 2]);
  }
  for (let t = 0; t < outer.triangles.length; t += 3) {
    add(outer.triangles[t], outer.triangles[t + 1], outer.triangles[t + 2]);
  }
  seen.sort((p, q) => p.z - q.z);

  // Face vertices all stay (rings and shapes index them); outer ones only where a triangle uses them.
  const newIndex = new Int32Array(all.length / 3).fill(-1);
  for (let v = 0; v < faceCount; v++) newIndex[v] = v;
  const kept: number[] = [];
  for (const { a, b, c } of seen) {
    for (const v of [a, b, c]) {
      if (newIndex[v] >= 0) continue;
      newIndex[v] = faceCount + kept.length;
      kept.push(v - faceCount);
    }
  }
  const count = faceCount + kept.length;
  const mesh: PersonMesh = {
    positions: new Float32Array(count * 3),
    triangles: new Uint16Array(seen.length * 3),
    triangleOpaque: Uint8Array.from(seen, (t) => (t.opaque ? 1 : 0)),
    headWeight: new Float32Array(count).fill(1),
    shadeFalloff: new Float32Array(count),
    nearestOval: Uint16Array.from(kept, (i) => outer.nearestOval[i]),
    shapes: shapes.map((shape) => ({
      name: shape.name,
      delta: extendDelta(shape.delta, outer, kept, count),
      normalDelta: shape.normalDelta,
    })),
  };
  mesh.positions.set(face);
  kept.forEach((i, k) => {
    mesh.positions.set(outer.positions.subarray(3 * i, 3 * i + 3), face.length + 3 * k);
    mesh.headWeight[faceCount + k] = outer.headWeight[i];
    mesh.shadeFalloff[faceCount + k] = outer.shadeFalloff[i];
  });
  seen.forEach((t, i) => {
    mesh.triangles.set([newIndex[t.a], newIndex[t.b], newIndex[t.c]], 3 * i);
  });
  return mesh;
}

function extendDelta(face: Float32Array, outer: OuterMesh, kept: number[], count: number): Float32Array {
  const out = new Float32Array(count * 3);
  out.set(face);
  const { vertices, weights, strength } = outer.carry;
  kept.forEach((i, n) => {
    if (strength[i] < 1e-3) return;
    const to = face.length + 3 * n;
    for (let k = 0; k < 4; k++) {
      const v = 3 * vertices[4 * i + k];
      const w = weights[4 * i + k] * strength[i];
      out[to] += w * face[v];
      out[to + 1] += w * face[v + 1];
      out[to + 2] += w * face[v + 2];
    }
  });
  return out;
}

/** Only what moves is listed. */
export function sparseShape(
  shape: { name: DenseShape['name']; delta: Float32Array; normalDelta: Float32Array },
  faceCount: number,
): ShapeDelta {
  const { delta } = shape;
  const vertices: number[] = [];
  for (let v = 0; v < delta.length / 3; v++) {
    if (Math.hypot(delta[3 * v], delta[3 * v + 1], delta[3 * v + 2]) > MIN_MOVE_PX) vertices.push(v);
  }
  const faceVertices = vertices.filter((v) => v < faceCount);
  const pick = (values: Float32Array, list: number[]) =>
    Float32Array.from(list.flatMap((v) => [values[3 * v], values[3 * v + 1], values[3 * v + 2]]));
  return {
    name: shape.name,
    vertex: Uint16Array.from(vertices),
    delta: pick(delta, vertices),
    normalDelta: pick(shape.normalDelta, faceVertices),
  };
}

/** Says of a triangle whether all its texels are opaque, all are clear, or neither. One texel of margin for filtering. */
function alphaCover(person: Texture, canvas: CanvasRect) {
  const { widthPx: w, heightPx: h, data } = person;
  const scaleX = w / canvas.widthPx;
  const scaleY = h / canvas.heightPx;
  const step = Math.max(1, Math.round(scaleX));
  return (positions: Float32Array, a: number, b: number, c: number): 'clear' | 'opaque' | 'mixed' => {
    const x = [a, b, c].map((v) => (positions[3 * v] - canvas.x0Px) * scaleX);
    const y = [a, b, c].map((v) => (positions[3 * v + 1] - canvas.y0Px) * scaleY);
    const y0 = Math.max(0, Math.floor(Math.min(...y)) - 1);
    const y1 = Math.min(h - 1, Math.ceil(Math.max(...y)) + 1);
    let anyClear = false;
    let anySolid = false;
    for (let row = y0; row <= y1; row += step) {
      let from = Number.POSITIVE_INFINITY;
      let to = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < 3; i++) {
        const j = (i + 1) % 3;
        const low = Math.max(Math.min(y[i], y[j]), row - step);
        const high = Math.min(Math.max(y[i], y[j]), row + step + 1);
        if (low > high) continue;
        const span = y[j] - y[i];
        for (const at of [low, high]) {
          const t = Math.abs(span) < 1e-9 ? 0 : (at - y[i]) / span;
          const edge = x[i] + t * (x[j] - x[i]);
          from = Math.min(from, edge);
          to = Math.max(to, edge);
        }
        if (Math.abs(span) < 1e-9) {
          from = Math.min(from, x[j]);
          to = Math.max(to, x[j]);
        }
      }
      const x0 = Math.max(0, Math.floor(from) - 1);
      const x1 = Math.min(w - 1, Math.ceil(to) + 1);
      for (let column = x0; column <= x1; column += step) {
        const alpha = data[(row * w + column) * 4 + 3];
        if (alpha < 254) anyClear = true;
        if (alpha > 1) anySolid = true;
        if (anyClear && anySolid) return 'mixed';
      }
    }
    return anySolid ? 'opaque' : 'clear';
  };
}
