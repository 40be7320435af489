/**
 * DrawList: one picture as textured triangles, in the order they are painted. The geometry fills it in place, frame after
 * frame; every rasteriser (WASM, plain TypeScript, WebGL2) draws it. No Node API.
 *
 * Painting rules that all rasterisers share: a pixel belongs to a triangle when its centre does (half-open, so
 * neighbours neither overlap nor leave a crack); texture coordinates are in texels with texel centres at +0.5, bilinear,
 * clamped at the edge; colour = texel · shade; straight alpha = texel alpha · vertex alpha; painted over what is there.
 */
import type { Texture } from '../face-rig.ts';

/** Floats per vertex: x, y (output px), u, v (texels), alpha (0…1), shade (0…1.99). */
export const VERTEX_FLOATS = 6;

export interface DrawBatch {
  name: string;
  /** Index into `DrawList.textures`. */
  texture: number;
  firstTriangle: number;
  triangleCount: number;
  /** Triangles of negative area (seen from behind) are dropped unless this is set. */
  twoSided: boolean;
  /** A batch that has nothing to show this frame is skipped. */
  visible: boolean;
}

export interface DrawList {
  widthPx: number;
  heightPx: number;
  vertices: Float32Array;
  /** 3 per triangle. */
  indices: Uint16Array;
  /** 1 per triangle: texels and vertex alphas are all opaque, so painting needs no blending. */
  opaque: Uint8Array;
  batches: DrawBatch[];
  textures: Texture[];
  /** Grows by one whenever the vertices of the background batch (always the first) change. */
  backgroundVersion: number;
}

/** Gives memory for typed arrays: a plain heap, or one WASM instance's. */
export interface Allocator {
  floats(length: number): Float32Array;
  shorts(length: number): Uint16Array;
  bytes(length: number): Uint8Array;
}

export const heapAllocator: Allocator = {
  floats: (length) => new Float32Array(length),
  shorts: (length) => new Uint16Array(length),
  bytes: (length) => new Uint8Array(length),
};

/** What one layer of the picture contributes; vertex indices count from the layer's own first vertex. */
export interface LayerSpec {
  name: string;
  texture: number;
  vertexCount: number;
  triangles: ArrayLike<number>;
  opaque?: Uint8Array;
  twoSided?: boolean;
  /** Layers that share vertices with an earlier one name it instead of bringing their own. */
  sharesVerticesOf?: string;
}

/** Where a layer's vertices lie in the draw list. */
export interface Layer {
  batch: DrawBatch;
  /** This layer's slice of `vertices`. */
  vertices: Float32Array;
}

/** A ring of `count` vertices filled from a centre that follows them. */
export function fanTriangles(count: number): number[] {
  return Array.from({ length: count }, (_, i) => [count, i, (i + 1) % count]).flat();
}

/** Bytes that `buildDrawList` takes from its allocator, alignment included. */
export function drawListBytes(specs: readonly LayerSpec[]): number {
  let vertexCount = 0;
  let triangleCount = 0;
  for (const spec of specs) {
    if (spec.sharesVerticesOf === undefined) vertexCount += spec.vertexCount;
    triangleCount += spec.triangles.length / 3;
  }
  return vertexCount * VERTEX_FLOATS * 4 + triangleCount * 7 + 3 * 16;
}

/** Lays the layers out one after another. Vertices start as zeros with alpha and shade 1. */
export function buildDrawList(
  sizePx: number,
  textures: Texture[],
  specs: readonly LayerSpec[],
  allocator: Allocator,
): { list: DrawList; layers: Map<string, Layer> } {
  let vertexCount = 0;
  let triangleCount = 0;
  for (const spec of specs) {
    if (spec.sharesVerticesOf === undefined) vertexCount += spec.vertexCount;
    triangleCount += spec.triangles.length / 3;
  }
  if (vertexCount > 0xffff) throw new Error(`draw list of ${vertexCount} vertices exceeds 16-bit indices`);

  const vertices = allocator.floats(vertexCount * VERTEX_FLOATS);
  const indices = allocator.shorts(triangleCount * 3);
  const opaque = allocator.bytes(triangleCount);
  const list: DrawList = {
    widthPx: sizePx,
    heightPx: sizePx,
    vertices,
    indices,
    opaque,
    batches: [],
    textures,
    backgroundVersion: 0,
  };
  for (let i = 0; i < vertexCount; i++) {
    vertices[i * VERTEX_FLOATS + 4] = 1;
    vertices[i * VERTEX_FLOATS + 5] = 1;
  }

  const layers = new Map<string, Layer>();
  const firstVertexOf = new Map<string, number>();
  let nextVertex = 0;
  let nextTriangle = 0;
  for (const spec of specs) {
    const firstVertex = spec.sharesVerticesOf === undefined ? nextVertex : firstVertexOf.get(spec.sharesVerticesOf)!;
    firstVertexOf.set(spec.name, firstVertex);
    if (spec.sharesVerticesOf === undefined) nextVertex += spec.vertexCount;
    const count = spec.triangles.length / 3;
    for (let i = 0; i < count * 3; i++) indices[nextTriangle * 3 + i] = firstVertex + spec.triangles[i];
    if (spec.opaque) opaque.set(spec.opaque, nextTriangle);
    const batch: DrawBatch = {
      name: spec.name,
      texture: spec.texture,
      firstTriangle: nextTriangle,
      triangleCount: count,
      twoSided: spec.twoSided ?? false,
      visible: true,
    };
    nextTriangle += count;
    list.batches.push(batch);
    layers.set(spec.name, {
      batch,
      vertices: vertices.subarray(firstVertex * VERTEX_FLOATS, (firstVertex + spec.vertexCount) * VERTEX_FLOATS),
    });
  }
  return { list, layers };
}
