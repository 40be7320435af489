/** Loose hair beside a matte: found where it hangs together with the head, left alone in the background's own texture. */
import { describe, expect, it } from 'vitest';
import { createRaster, type Raster } from '../../src/engine/portrait/raster.ts';
import { findStrands } from '../../src/engine/portrait/strands.ts';

const SIDE = 160;
const HAIR = [0.12, 0.09, 0.08];
const SKY = [0.55, 0.68, 0.85];
const isHead = (x: number, y: number) => Math.hypot(x - 80, y - 90) < 45;

/** A dark disc before a sky; `isDark` adds what else is as dark as hair. */
function scene(isDark: (x: number, y: number) => boolean): { picture: Raster; matte: Raster; foreground: Raster } {
  const picture = createRaster(SIDE, SIDE, 3);
  const matte = createRaster(SIDE, SIDE);
  const foreground = createRaster(SIDE, SIDE, 3);
  for (let y = 0, i = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++, i++) {
      picture.data.set(isHead(x, y) || isDark(x, y) ? HAIR : SKY, 3 * i);
      foreground.data.set(HAIR, 3 * i);
      // Half-covered pixels at the edge, as every matte has.
      matte.data[i] = Math.min(Math.max(45.5 - Math.hypot(x - 80, y - 90), 0), 1);
    }
  return { picture, matte, foreground };
}

const found = (isDark: (x: number, y: number) => boolean) => {
  const { picture, matte, foreground } = scene(isDark);
  const strands = findStrands(picture, matte, foreground);
  return (x: number, y: number) => strands.data[y * SIDE + x];
};

describe('strands', () => {
  it('are what leaves the head as a thin line of its colour', () => {
    const at = found((x, y) => y === 90 && x > 120 && x < 136);
    for (let x = 127; x < 135; x++) expect(at(x, 90)).toBeGreaterThan(0.5);
    expect(at(130, 80)).toBe(0);
    expect(at(80, 90)).toBe(0);
  });

  it('do not begin in mid-air, and end before the next thing', () => {
    const at = found((x, y) => (y === 90 && x > 130 && x < 150) || x === 20);
    expect(at(135, 90)).toBe(0);
    expect(at(20, 90)).toBe(0);
  });

  it('are not what goes on behind the head', () => {
    const at = found((_, y) => y === 90);
    expect(at(130, 90)).toBe(0);
    expect(at(30, 90)).toBe(0);
  });

  it('are none where the background is all lines', () => {
    const { picture, matte, foreground } = scene((x) => x % 6 === 0);
    expect(Math.max(...findStrands(picture, matte, foreground).data)).toBe(0);
  });

  it('are light on dark, too', () => {
    const { picture, matte, foreground } = scene((x, y) => y === 90 && x > 120 && x < 136);
    const inverted = { ...picture, data: picture.data.map((value) => 1 - value) };
    const light = { ...foreground, data: foreground.data.map((value) => 1 - value) };
    expect(findStrands(inverted, matte, light).data[90 * SIDE + 130]).toBeGreaterThan(0.5);
  });
});
