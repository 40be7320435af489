/** The WASM rasteriser against the plain TypeScript one, on random triangles: bit-equal, RGBA and I420. */
import { describe, expect, it } from 'vitest';
import type { Texture } from '../../src/engine/face-rig.ts';
import { type LayerSpec, VERTEX_FLOATS } from '../../src/engine/render/draw-list.ts';
import { i420Bytes, type Rasterizer } from '../../src/engine/render/rasterizer.ts';
import { createReferenceRasterizer } from '../../src/engine/render/reference-rasterizer.ts';
import { createWasmRasterizer } from '../../src/engine/render/wasm-rasterizer.ts';
import { random } from '../support/random.ts';

const SIZE_PX = 94;

function noiseTexture(widthPx: number, heightPx: number, seed: number): Texture {
  const next = random(seed);
  return { widthPx, heightPx, data: Uint8Array.from({ length: widthPx * heightPx * 4 }, () => next() * 256) };
}

const VERTICES = 240;
const TRIANGLES = 160;

function specs(seed: number): LayerSpec[] {
  const next = random(seed);
  const triangles = Uint16Array.from({ length: TRIANGLES * 3 }, () => next() * VERTICES);
  const opaque = Uint8Array.from({ length: TRIANGLES }, () => (next() < 0.5 ? 1 : 0));
  return [
    { name: 'background', texture: 0, vertexCount: 4, triangles: [0, 1, 2, 0, 2, 3], opaque: Uint8Array.of(1, 1) },
    { name: 'one-sided', texture: 1, vertexCount: VERTICES, triangles, opaque },
    { name: 'two-sided', texture: 2, vertexCount: VERTICES, triangles, opaque, twoSided: true },
  ];
}

function fill(rasterizer: Rasterizer, seed: number): void {
  const next = random(seed);
  const corners = [0, 0, SIZE_PX, 0, SIZE_PX, SIZE_PX, 0, SIZE_PX];
  const background = rasterizer.layers.get('background')!.vertices;
  for (let i = 0; i < 4; i++) background.set([corners[i * 2], corners[i * 2 + 1], i, i * 3, 1, 1], i * VERTEX_FLOATS);
  rasterizer.list.backgroundVersion++;
  for (const name of ['one-sided', 'two-sided']) {
    const vertices = rasterizer.layers.get(name)!.vertices;
    const shaded = next() < 0.7;
    for (let at = 0; at < vertices.length; at += VERTEX_FLOATS) {
      const x = (next() * 1.4 - 0.2) * SIZE_PX;
      const y = (next() * 1.4 - 0.2) * SIZE_PX;
      // Some coordinates are whole or half numbers, where the rule for who owns a pixel decides.
      const snap = next();
      vertices[at] = snap < 0.3 ? Math.round(x * 2) / 2 : x;
      vertices[at + 1] = snap < 0.3 ? Math.round(y * 2) / 2 : y;
      vertices[at + 2] = next() * 60 - 10;
      vertices[at + 3] = next() * 60 - 10;
      vertices[at + 4] = next();
      vertices[at + 5] = shaded ? next() * 1.99 : 1;
    }
  }
}

describe('rasteriser', () => {
  it('paints the same bytes in WASM and in TypeScript', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const textures = [noiseTexture(8, 8, seed), noiseTexture(33, 21, seed + 1), noiseTexture(48, 40, seed + 2)];
      const reference = createReferenceRasterizer(SIZE_PX, textures, specs(seed));
      const wasm = createWasmRasterizer(SIZE_PX, textures, specs(seed));
      fill(reference, seed);
      fill(wasm, seed);
      const expected = reference.draw();
      expect(new Set(expected).size).toBeGreaterThan(100);
      expect(Buffer.compare(wasm.draw(), expected)).toBe(0);
      const expectedI420 = new Uint8Array(i420Bytes(SIZE_PX));
      const gotI420 = new Uint8Array(i420Bytes(SIZE_PX));
      reference.toI420(expectedI420);
      wasm.toI420(gotI420);
      expect(Buffer.compare(gotI420, expectedI420)).toBe(0);
    }
  });

  it('neither overlaps nor leaves cracks between neighbours', () => {
    // A grid of jittered cells, half transparent: a pixel painted twice or not at all would differ in value.
    const cells = 12;
    const next = random(5);
    const triangles: number[] = [];
    for (let y = 0; y < cells; y++)
      for (let x = 0; x < cells; x++) {
        const a = y * (cells + 1) + x;
        triangles.push(a, a + 1, a + cells + 2, a, a + cells + 2, a + cells + 1);
      }
    const black: Texture = {
      widthPx: 2,
      heightPx: 2,
      data: new Uint8Array(16).fill(0).map((_, i) => (i % 4 === 3 ? 255 : 0)),
    };
    const white: Texture = { widthPx: 2, heightPx: 2, data: new Uint8Array(16).fill(255) };
    const count = (cells + 1) ** 2;
    const layers: LayerSpec[] = [
      { name: 'background', texture: 0, vertexCount: 4, triangles: [0, 1, 2, 0, 2, 3], opaque: Uint8Array.of(1, 1) },
      { name: 'grid', texture: 1, vertexCount: count, triangles },
    ];
    for (const factory of [createReferenceRasterizer, createWasmRasterizer]) {
      const rasterizer = factory(SIZE_PX, [black, white], layers);
      const background = rasterizer.layers.get('background')!.vertices;
      const corners = [0, 0, SIZE_PX, 0, SIZE_PX, SIZE_PX, 0, SIZE_PX];
      for (let i = 0; i < 4; i++) background.set([corners[i * 2], corners[i * 2 + 1], 1, 1, 1, 1], i * VERTEX_FLOATS);
      const grid = rasterizer.layers.get('grid')!.vertices;
      for (let i = 0; i < count; i++) {
        const column = i % (cells + 1);
        const row = Math.floor(i / (cells + 1));
        const edge = column === 0 || row === 0 || column === cells || row === cells;
        const jitter = () => (edge ? 0 : (next() - 0.5) * 5);
        grid.set(
          [-4 + (column / cells) * 102 + jitter(), -4 + (row / cells) * 102 + jitter(), 1, 1, 0.5, 1],
          i * VERTEX_FLOATS,
        );
      }
      rasterizer.list.backgroundVersion++;
      const picture = rasterizer.draw();
      expect([...new Set(picture.filter((_, i) => i % 4 === 0))]).toEqual([128]);
    }
  });
});
