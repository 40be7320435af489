import { describe, expect, it } from 'vitest';
import {
  applySimilarity,
  evaluatePolynomial,
  fitPolynomial,
  fitSimilarity,
  solveNonNegative,
  solveSpd,
} from '../../src/engine/portrait/linear-algebra.ts';

const cloud = Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * 7.13) * 5 + (i % 3));

describe('fitSimilarity', () => {
  it('finds scale, turn and shift again', () => {
    const [yaw, roll] = [0.6, -0.4];
    const rotation = Float64Array.of(
      Math.cos(roll) * Math.cos(yaw),
      -Math.sin(roll),
      Math.cos(roll) * Math.sin(yaw),
      Math.sin(roll) * Math.cos(yaw),
      Math.cos(roll),
      Math.sin(roll) * Math.sin(yaw),
      -Math.sin(yaw),
      0,
      Math.cos(yaw),
    );
    const truth = { scale: 17.5, rotation, translation: [256, -200, 30] as [number, number, number] };
    const found = fitSimilarity(cloud, applySimilarity(truth, cloud));
    expect(found.scale).toBeCloseTo(17.5, 3);
    found.rotation.forEach((value, i) => {
      expect(value).toBeCloseTo(rotation[i], 4);
    });
    found.translation.forEach((value, i) => {
      expect(value).toBeCloseTo(truth.translation[i], 2);
    });
  });

  it('never answers with a mirror image', () => {
    const mirrored = cloud.map((value, i) => (i % 3 === 0 ? -value : value));
    const [a, b, c, d, e, f, g, h, i] = fitSimilarity(cloud, mirrored).rotation;
    expect(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)).toBeCloseTo(1, 6);
  });

  it('ignores points of no weight', () => {
    const moved = cloud.slice();
    moved[0] += 1000;
    const weights = new Float64Array(cloud.length / 3).fill(1);
    weights[0] = 0;
    expect(fitSimilarity(cloud, moved, weights).scale).toBeCloseTo(1, 5);
  });
});

describe('least squares', () => {
  it('solves a positive-definite system', () => {
    const x = solveSpd(Float64Array.of(4, 1, 0, 1, 3, 1, 0, 1, 2), Float64Array.of(6, 10, 8));
    expect(4 * x[0] + x[1]).toBeCloseTo(6);
    expect(x[0] + 3 * x[1] + x[2]).toBeCloseTo(10);
    expect(x[1] + 2 * x[2]).toBeCloseTo(8);
  });

  it('holds unknowns at zero rather than below', () => {
    // Unconstrained: x = (−1, 2); with x ≥ 0 the best is (0, 1.5).
    const matrix = Float64Array.of(2, 1, 1, 2);
    expect([...solveNonNegative(matrix, Float64Array.of(0, 3), 0)].map((v) => Math.round(v * 1e6) / 1e6)).toEqual([
      0, 1.5,
    ]);
    const free = solveNonNegative(matrix, Float64Array.of(0, 3), 1);
    expect(free[0]).toBeCloseTo(-1);
    expect(free[1]).toBeCloseTo(2);
  });

  it('fits a cubic through its own points', () => {
    const truth = [0.5, -1, 2, 3];
    const x = [0, 0.1, 0.3, 0.5, 0.8, 1];
    const fit = fitPolynomial(
      x,
      x.map((at) => evaluatePolynomial(truth, at)),
      3,
    );
    fit.forEach((value, i) => {
      expect(value).toBeCloseTo(truth[i], 4);
    });
  });
});
