/** Rasterizer: what turns a draw list into pixels on the CPU. One per renderer; it owns the list and the frame. No Node API. */
import type { Texture } from '../face-rig.ts';
import type { DrawList, Layer, LayerSpec } from './draw-list.ts';

export interface Rasterizer {
  /** Filled in place by the geometry; may lie in the rasteriser's own memory. */
  readonly list: DrawList;
  readonly layers: ReadonlyMap<string, Layer>;
  /** Paints the list as it is now. The returned RGBA picture is the rasteriser's own and lives until the next call. */
  draw(): Uint8Array;
  /** The last picture as I420 (BT.601 limited range): `i420Bytes(sizePx)` bytes. */
  toI420(out: Uint8Array): void;
}

/** Makes a rasteriser for square pictures of `sizePx` (even) from the layers' fixed parts. */
export type RasterizerFactory = (sizePx: number, textures: Texture[], specs: readonly LayerSpec[]) => Rasterizer;

/** Bytes of a square I420 picture. */
export function i420Bytes(sizePx: number): number {
  return (sizePx * sizePx * 3) / 2;
}
