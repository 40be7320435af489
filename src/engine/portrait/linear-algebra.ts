/**
 * The three small solvers the fits need: similarity between point sets, symmetric positive-definite systems, and least
 * squares in which some unknowns may not be negative. Plain arrays in, plain arrays out, deterministic.
 */

/** q = scale · R · p + t, R row-major 3×3. */
export interface Similarity {
  scale: number;
  rotation: Float64Array;
  translation: [number, number, number];
}

/**
 * Weighted least-squares similarity that takes `from` onto `to` (3 per point). Horn 1987: the rotation is the
 * eigenvector of a symmetric 4×4, found by Jacobi sweeps, so that no reflection can come out.
 */
export function fitSimilarity(from: ArrayLike<number>, to: ArrayLike<number>, weights?: ArrayLike<number>): Similarity {
  const count = from.length / 3;
  let total = 0;
  const a = [0, 0, 0];
  const b = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const w = weights ? weights[i] : 1;
    total += w;
    for (let k = 0; k < 3; k++) {
      a[k] += w * from[3 * i + k];
      b[k] += w * to[3 * i + k];
    }
  }
  for (let k = 0; k < 3; k++) {
    a[k] /= total;
    b[k] /= total;
  }
  const m = new Float64Array(9);
  let spread = 0;
  for (let i = 0; i < count; i++) {
    const w = (weights ? weights[i] : 1) / total;
    for (let r = 0; r < 3; r++) {
      const p = from[3 * i + r] - a[r];
      spread += w * p * p;
      for (let c = 0; c < 3; c++) m[3 * r + c] += w * p * (to[3 * i + c] - b[c]);
    }
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = m;
  const quaternion = largestEigenvector4([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ]);
  const rotation = rotationFromQuaternion(quaternion);
  let covariance = 0;
  for (let r = 0; r < 3; r++) for (let c = 0; c < 3; c++) covariance += rotation[3 * c + r] * m[3 * r + c];
  const scale = covariance / spread;
  const t = (k: number) =>
    b[k] - scale * (rotation[3 * k] * a[0] + rotation[3 * k + 1] * a[1] + rotation[3 * k + 2] * a[2]);
  return { scale, rotation, translation: [t(0), t(1), t(2)] };
}

/** Applies a similarity to 3-per-point `points`. */
export function applySimilarity(s: Similarity, points: ArrayLike<number>): Float32Array {
  const out = new Float32Array(points.length);
  const [a, b, c, d, e, f, g, h, i] = s.rotation;
  for (let k = 0; k < points.length; k += 3) {
    const x = points[k] * s.scale;
    const y = points[k + 1] * s.scale;
    const z = points[k + 2] * s.scale;
    out[k] = a * x + b * y + c * z + s.translation[0];
    out[k + 1] = d * x + e * y + f * z + s.translation[1];
    out[k + 2] = g * x + h * y + i * z + s.translation[2];
  }
  return out;
}

function rotationFromQuaternion([w, x, y, z]: number[]): Float64Array {
  return Float64Array.of(
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  );
}

function largestEigenvector4(matrix: number[][]): number[] {
  const a = matrix.map((row) => [...row]);
  const v: number[][] = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 24; sweep++) {
    for (let p = 0; p < 3; p++) {
      for (let q = p + 1; q < 4; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < 4; k++) {
          const kp = a[k][p];
          a[k][p] = c * kp - s * a[k][q];
          a[k][q] = s * kp + c * a[k][q];
        }
        for (let k = 0; k < 4; k++) {
          const pk = a[p][k];
          a[p][k] = c * pk - s * a[q][k];
          a[q][k] = s * pk + c * a[q][k];
          const kp = v[k][p];
          v[k][p] = c * kp - s * v[k][q];
          v[k][q] = s * kp + c * v[k][q];
        }
      }
    }
  }
  let best = 0;
  for (let k = 1; k < 4; k++) if (a[k][k] > a[best][best]) best = k;
  return v.map((row) => row[best]);
}

/** Solves A x = b for symmetric positive-definite A (row-major n × n, left as it is) by Cholesky. */
export function solveSpd(matrix: Float64Array, rightSide: Float64Array): Float64Array {
  const n = rightSide.length;
  const l = matrix.slice();
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) {
      const f = l[j * n + k];
      for (let i = j; i < n; i++) l[i * n + j] -= f * l[i * n + k];
    }
    const d = Math.sqrt(Math.max(l[j * n + j], 1e-12));
    for (let i = j; i < n; i++) l[i * n + j] /= d;
  }
  const x = rightSide.slice();
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
  return x;
}

/**
 * Minimises xᵀ A x − 2 bᵀ x with x[i] ≥ 0 for i ≥ `freeCount`. Active set: unknowns that come out negative are held at
 * zero and the rest solved again, until none does (A: normal matrix, regularisation already added).
 */
export function solveNonNegative(matrix: Float64Array, rightSide: Float64Array, freeCount: number): Float64Array {
  const n = rightSide.length;
  let active = Array.from({ length: n }, (_, i) => i);
  for (;;) {
    const m = active.length;
    const a = new Float64Array(m * m);
    const b = new Float64Array(m);
    for (let i = 0; i < m; i++) {
      b[i] = rightSide[active[i]];
      for (let j = 0; j < m; j++) a[i * m + j] = matrix[active[i] * n + active[j]];
    }
    const solved = solveSpd(a, b);
    const kept = active.filter((index, i) => index < freeCount || solved[i] >= 0);
    if (kept.length === m) {
      const x = new Float64Array(n);
      for (let i = 0; i < m; i++) x[active[i]] = solved[i];
      return x;
    }
    active = kept;
  }
}

/** Least-squares polynomial, lowest order first, in a basis that fits |x| ≤ 1 well. */
export function fitPolynomial(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  order: number,
  weights?: ArrayLike<number>,
): Float64Array {
  const n = order + 1;
  const a = new Float64Array(n * n);
  const b = new Float64Array(n);
  const powers = new Float64Array(n);
  for (let i = 0; i < x.length; i++) {
    const w = weights ? weights[i] : 1;
    powers[0] = 1;
    for (let k = 1; k < n; k++) powers[k] = powers[k - 1] * x[i];
    for (let r = 0; r < n; r++) {
      b[r] += w * powers[r] * y[i];
      for (let c = 0; c < n; c++) a[r * n + c] += w * powers[r] * powers[c];
    }
  }
  for (let k = 0; k < n; k++) a[k * n + k] += 1e-9;
  return solveSpd(a, b);
}

export function evaluatePolynomial(coefficients: ArrayLike<number>, x: number): number {
  let value = 0;
  for (let k = coefficients.length - 1; k >= 0; k--) value = value * x + coefficients[k];
  return value;
}
