/**
 * FaceRenderer: MotionFrame → picture, for one face at one size. In: a FaceRig; out: I420 into the caller's buffer, or
 * RGBA. Deterministic: the same rig and frame give the same bytes, whatever was drawn before. One instance, one thread;
 * instances share nothing but the compiled module.
 */
import { AppError } from '../../errors.ts';
import type { FaceRig } from '../face-rig.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { FaceGeometry, faceLayers } from './face-geometry.ts';
import { i420Bytes, type Rasterizer, type RasterizerFactory } from './rasterizer.ts';
import { prepareTextures } from './rig-textures.ts';
import { createWasmRasterizer } from './wasm-rasterizer.ts';

export interface FaceRendererOptions {
  /** Side of the square picture: even, 256…1024. */
  sizePx?: number;
  /** The WASM one unless a test asks for the reference. */
  rasterizer?: RasterizerFactory;
}

export class FaceRenderer {
  readonly sizePx: number;
  /** Bytes of a picture in I420. */
  readonly frameBytes: number;
  readonly #rasterizer: Rasterizer;
  readonly #geometry: FaceGeometry;

  /** @throws AppError BAD_USAGE for a size out of range, MODEL_MISSING when the WASM has not been built. */
  constructor(rig: FaceRig, options: FaceRendererOptions = {}) {
    const sizePx = options.sizePx ?? 512;
    if (!Number.isInteger(sizePx) || sizePx % 2 !== 0 || sizePx < 256 || sizePx > 1024)
      throw new AppError(
        'BAD_USAGE',
        `A picture of ${sizePx} px cannot be drawn; choose an even size from 256 to 1024.`,
      );
    this.sizePx = sizePx;
    this.frameBytes = i420Bytes(sizePx);
    const textures = prepareTextures(rig, sizePx);
    const factory = options.rasterizer ?? createWasmRasterizer;
    this.#rasterizer = factory(sizePx, textures.list, faceLayers(rig, textures));
    this.#geometry = new FaceGeometry(rig, textures, this.#rasterizer.list, this.#rasterizer.layers);
  }

  /** Draws `frame` as I420 (BT.601 limited range; planes Y, U, V packed) into `out`, which holds `frameBytes` or more. */
  render(frame: MotionFrame, out: Uint8Array): void {
    if (out.length < this.frameBytes) throw new Error(`the picture needs ${this.frameBytes} bytes, not ${out.length}`);
    this.#geometry.update(frame);
    this.#rasterizer.draw();
    this.#rasterizer.toI420(out);
  }

  /** Draws `frame` as RGBA. The returned picture is the caller's. */
  renderRgba(frame: MotionFrame): Uint8Array {
    this.#geometry.update(frame);
    return this.#rasterizer.draw().slice();
  }
}
