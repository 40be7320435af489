/** The soft step that portrait, motion and rendering share. Pure; the browser shares it too. */

/** 0 at or below `from`, 1 at or above `to`, smooth between. */
export function smoothstep(from: number, to: number, value: number): number {
  const t = Math.min(Math.max((value - from) / (to - from), 0), 1);
  return t * t * (3 - 2 * t);
}
