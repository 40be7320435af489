/**
 * The rasteriser in WASM SIMD: one instance and one small memory per renderer, so that renderers in worker threads add up.
 * The draw list is built right in the instance's memory, so nothing is copied per frame but the finished picture.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { wasmDir } from '../../paths.ts';
import { type Allocator, buildDrawList, type DrawBatch, drawListBytes } from './draw-list.ts';
import { i420Bytes, type RasterizerFactory } from './rasterizer.ts';

interface RasterExports {
  drawTriangles(
    frame: number,
    width: number,
    height: number,
    texture: number,
    textureWidth: number,
    textureHeight: number,
    vertices: number,
    indices: number,
    opaqueFlags: number,
    count: number,
    twoSided: number,
  ): void;
  toI420(frame: number, width: number, height: number, out: number): void;
  copy(to: number, from: number, byteCount: number): void;
}

const PAGE_BYTES = 65536;
/** The compiler keeps its own few constants at the bottom of the memory. */
const RESERVED_BYTES = 1024;

let compiled: WebAssembly.Module | undefined;

function rasterModule(): WebAssembly.Module {
  if (!compiled) {
    const path = join(wasmDir, 'raster.wasm');
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = new Uint8Array(readFileSync(path));
    } catch (cause) {
      throw new AppError('MODEL_MISSING', `${path} is missing; run "npm run setup" to build it.`, { cause });
    }
    compiled = new WebAssembly.Module(bytes);
  }
  return compiled;
}

/** Hands out a WASM memory from the bottom up, never freeing: everything a renderer needs is known when it is made. */
function arena(memory: WebAssembly.Memory): Allocator {
  let top = RESERVED_BYTES;
  const reserve = (byteCount: number): number => {
    const at = top;
    top = align(top + byteCount);
    return at;
  };
  return {
    floats: (length) => new Float32Array(memory.buffer, reserve(length * 4), length),
    shorts: (length) => new Uint16Array(memory.buffer, reserve(length * 2), length),
    bytes: (length) => new Uint8Array(memory.buffer, reserve(length), length),
  };
}

const align = (byteCount: number): number => (byteCount + 15) & ~15;

/** A rasteriser in WASM. Errors: AppError MODEL_MISSING when `build/raster.wasm` has not been built. */
export const createWasmRasterizer: RasterizerFactory = (sizePx, sourceTextures, specs) => {
  const module = rasterModule();
  const frameBytes = sizePx * sizePx * 4;
  let total = RESERVED_BYTES + align(drawListBytes(specs)) + 2 * align(frameBytes) + align(i420Bytes(sizePx)) + 64;
  for (const texture of sourceTextures) total += align(texture.data.length);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(total / PAGE_BYTES) });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const wasm = instance.exports as unknown as RasterExports;

  const allocator = arena(memory);
  const textures = sourceTextures.map((texture) => {
    const data = allocator.bytes(texture.data.length);
    data.set(texture.data);
    return { ...texture, data };
  });
  const { list, layers } = buildDrawList(sizePx, textures, specs, allocator);
  const frame = allocator.bytes(frameBytes);
  const background = allocator.bytes(frameBytes);
  const i420 = allocator.bytes(i420Bytes(sizePx));
  let drawnBackground = -1;

  const drawBatch = (target: Uint8Array, batch: DrawBatch): void => {
    const texture = textures[batch.texture];
    wasm.drawTriangles(
      target.byteOffset,
      sizePx,
      sizePx,
      texture.data.byteOffset,
      texture.widthPx,
      texture.heightPx,
      list.vertices.byteOffset,
      list.indices.byteOffset + batch.firstTriangle * 6,
      list.opaque.byteOffset + batch.firstTriangle,
      batch.triangleCount,
      batch.twoSided ? 1 : 0,
    );
  };

  return {
    list,
    layers,
    draw() {
      // The background covers every pixel and rarely moves: painted once, then copied.
      if (drawnBackground !== list.backgroundVersion) {
        drawBatch(background, list.batches[0]);
        drawnBackground = list.backgroundVersion;
      }
      wasm.copy(frame.byteOffset, background.byteOffset, frameBytes);
      for (let i = 1; i < list.batches.length; i++) if (list.batches[i].visible) drawBatch(frame, list.batches[i]);
      return frame;
    },
    toI420(out) {
      wasm.toI420(frame.byteOffset, sizePx, sizePx, i420.byteOffset);
      out.set(i420);
    },
  };
};
