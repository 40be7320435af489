import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boxBlur,
  convexHull,
  createRaster,
  dilate,
  erode,
  fillPolygon,
  gaussianBlur,
  polygonDistance,
  type Raster,
  resize,
} from '../../src/engine/portrait/raster.ts';

function noise(widthPx: number, heightPx: number): Raster {
  const raster = createRaster(widthPx, heightPx);
  for (let i = 0; i < raster.data.length; i++) raster.data[i] = Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1;
  return raster;
}

/** The slow, obvious way. */
function windowed(raster: Raster, radius: number, pick: (values: number[]) => number): Float32Array {
  const { widthPx: w, heightPx: h, data } = raster;
  const inside = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1);
  return Float32Array.from({ length: w * h }, (_, i) => {
    const values: number[] = [];
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        values.push(data[inside(Math.floor(i / w) + dy, h) * w + inside((i % w) + dx, w)]);
      }
    }
    return pick(values);
  });
}

describe('windows', () => {
  it('agree with the obvious implementation for every radius', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 23 }),
        fc.integer({ min: 1, max: 19 }),
        fc.integer({ min: 1, max: 9 }),
        (w, h, r) => {
          const raster = noise(w, h);
          expect(dilate(raster, r).data).toEqual(windowed(raster, r, (v) => Math.max(...v)));
          expect(erode(raster, r).data).toEqual(windowed(raster, r, (v) => Math.min(...v)));
          const mean = windowed(raster, r, (v) => v.reduce((a, b) => a + b, 0) / v.length);
          boxBlur(raster, r).data.forEach((value, i) => {
            expect(value).toBeCloseTo(mean[i], 4);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('leave a flat picture flat', () => {
    const flat = createRaster(40, 30, 3);
    flat.data.fill(0.25);
    for (const sigma of [0.7, 1.5, 3, 9]) {
      for (const value of gaussianBlur(flat, sigma).data) expect(value).toBeCloseTo(0.25, 4);
    }
    for (const value of resize(flat, 77, 13).data) expect(value).toBeCloseTo(0.25, 6);
  });
});

describe('polygons', () => {
  it('cover exactly their area', () => {
    const triangle = [3.25, 2.5, 27.75, 6.5, 11.5, 24.5];
    const area = 0.5 * Math.abs((27.75 - 3.25) * (24.5 - 2.5) - (11.5 - 3.25) * (6.5 - 2.5));
    const covered = fillPolygon(32, 32, triangle).data.reduce((a, b) => a + b, 0);
    expect(Math.abs(covered - area)).toBeLessThan(0.005 * area);
  });

  it('tell inside from outside by the sign of the distance', () => {
    const square = [0, 0, 10, 0, 10, 10, 0, 10];
    expect(polygonDistance(square, 5, 4)).toBeCloseTo(-4);
    expect(polygonDistance(square, 13, 14)).toBeCloseTo(5);
  });

  it('have a hull that contains every point', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 99 })), {
          minLength: 4,
          maxLength: 40,
        }),
        (points) => {
          const hull = convexHull(points.flat());
          if (hull.length < 6) return;
          for (const [x, y] of points) expect(polygonDistance(hull, x, y)).toBeLessThan(1e-6);
        },
      ),
      { numRuns: 60 },
    );
  });
});
