/**
 * FaceDeformer: the mesh of one face under given controls, in rig space: photo + neutralise + blend shapes, then what must be
 * exact: lips that meet or at least never cross, a lower lip on the teeth, lids that meet. No Node API.
 */

import type { FaceRig, HoleRing, SparseMatrix } from '../face-rig.ts';
import { BLENDSHAPE_INDEX } from '../motion-frame.ts';
import { smoothstep } from '../smoothstep.ts';
import type { FaceControls } from './face-controls.ts';

/** A gap between the lips is closed by this share from above, the rest from below. */
const UPPER_LIP_SHARE = 0.35;
/** Height of tooth that shows above a bitten lip, and how far the lip slides behind the teeth, in face heights. */
const BITE_SHOWN = 0.016;
const BITE_OVERLAP = 0.008;

/** The rows of a sparse matrix that hold something. */
interface CompactRows {
  rows: Uint16Array;
  matrix: SparseMatrix;
}

function compactRows(matrix: SparseMatrix): CompactRows {
  const rows: number[] = [];
  for (let r = 0; r < matrix.rowCount; r++) if (matrix.rowStart[r + 1] > matrix.rowStart[r]) rows.push(r);
  return { rows: Uint16Array.from(rows), matrix };
}

/** positions += factor · matrix · moves; `moves` holds 3 per column. */
function spread({ rows, matrix }: CompactRows, moves: Float32Array, factor: number, positions: Float32Array): void {
  const { rowStart, column, value } = matrix;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    let x = 0;
    let y = 0;
    let z = 0;
    for (let e = rowStart[row]; e < rowStart[row + 1]; e++) {
      const c = column[e] * 3;
      const v = value[e];
      x += v * moves[c];
      y += v * moves[c + 1];
      z += v * moves[c + 2];
    }
    positions[row * 3] += factor * x;
    positions[row * 3 + 1] += factor * y;
    positions[row * 3 + 2] += factor * z;
  }
}

/** The vertex across the hole from ring vertex `i`. */
export function acrossRing(ring: HoleRing, i: number): number {
  return ring.vertices[(ring.vertices.length - i) % ring.vertices.length];
}

export class FaceDeformer {
  /** 3 per vertex, rig px. */
  readonly positions: Float32Array;
  /** Gap between the lips' middles, px; negative would be a crossing. */
  lipGapPx = 0;
  /** Largest move of an inner-lip vertex from where it is in the photo, px. */
  lipMovePx = 0;

  readonly #rig: FaceRig;
  readonly #shapeIndex: Int32Array;
  readonly #upper: CompactRows;
  readonly #lower: CompactRows;
  readonly #moves: Float32Array;
  readonly #incisalY: (x: number) => number;
  readonly #middle: number;

  /** @param incisalY y of the upper teeth's edge at a given x, rig px. */
  constructor(rig: FaceRig, incisalY: (x: number) => number) {
    this.#rig = rig;
    this.positions = Float32Array.from(rig.positions);
    this.#shapeIndex = Int32Array.from(rig.shapes, (shape) => BLENDSHAPE_INDEX[shape.name]);
    this.#upper = compactRows(rig.mouth.sealUpper);
    this.#lower = compactRows(rig.mouth.sealLower);
    this.#moves = new Float32Array(rig.mouth.upperRing.length * 3);
    this.#incisalY = incisalY;
    this.#middle = rig.mouth.upperRing.length >> 1;
  }

  deform(controls: FaceControls): void {
    const rig = this.#rig;
    const x = this.positions;
    x.set(rig.positions);
    const n = controls.neutralize;
    if (n > 0) for (let i = 0; i < x.length; i++) x[i] += n * rig.neutralize[i];
    for (let s = 0; s < rig.shapes.length; s++) {
      const weight = controls.weights[this.#shapeIndex[s]];
      if (weight === 0) continue;
      const { vertex, delta } = rig.shapes[s];
      for (let i = 0, d = 0; i < vertex.length; i++, d += 3) {
        const p = vertex[i] * 3;
        x[p] += weight * delta[d];
        x[p + 1] += weight * delta[d + 1];
        x[p + 2] += weight * delta[d + 2];
      }
    }
    this.#meetLips(controls);
    if (controls.bite > 0) this.#biteLip(controls.bite);
    this.#meetLids(rig.eyes.left.ring, controls.blink.left);
    this.#meetLids(rig.eyes.right.ring, controls.blink.right);
    this.#measureLips();
  }

  /** Closes the gap as far as `seal` asks and takes back any crossing that the photo itself does not have. */
  #meetLips(controls: FaceControls): void {
    const { upperRing, lowerRing } = this.#rig.mouth;
    const x = this.positions;
    const rest = this.#rig.positions;
    const moves = this.#moves;
    const { seal } = controls;
    let any = false;
    for (let i = 0; i < upperRing.length; i++) {
      const u = upperRing[i] * 3;
      const l = lowerRing[i] * 3;
      const gapY = x[l + 1] - x[u + 1];
      const crossing = Math.min(gapY, 0) - Math.min(rest[l + 1] - rest[u + 1], 0);
      moves[i * 3] = seal * (x[l] - x[u]);
      moves[i * 3 + 1] = seal * gapY + (1 - seal) * Math.min(crossing, 0);
      moves[i * 3 + 2] = seal * (x[l + 2] - x[u + 2]);
      any ||= moves[i * 3] !== 0 || moves[i * 3 + 1] !== 0;
    }
    if (!any) return;
    spread(this.#upper, moves, UPPER_LIP_SHARE, x);
    spread(this.#lower, moves, UPPER_LIP_SHARE - 1, x);
  }

  /** Lifts the upper lip off the teeth's edge and brings the lower lip just behind it, fading towards the corners. */
  #biteLip(bite: number): void {
    const { upperRing, lowerRing } = this.#rig.mouth;
    const faceHeight = this.#rig.faceHeightPx;
    const x = this.positions;
    const moves = this.#moves;
    const last = upperRing.length - 1;
    const fade = (i: number): number => bite * smoothstep(0, 0.28, Math.min(i, last - i) / last);
    moves.fill(0);
    for (let i = 0; i <= last; i++) {
      const u = upperRing[i] * 3;
      moves[i * 3 + 1] = fade(i) * Math.min(0, this.#incisalY(x[u]) - BITE_SHOWN * faceHeight - x[u + 1]);
    }
    spread(this.#upper, moves, 1, x);
    moves.fill(0);
    for (let i = 0; i <= last; i++) {
      const l = lowerRing[i] * 3;
      moves[i * 3 + 1] = fade(i) * (this.#incisalY(x[l]) - BITE_OVERLAP * faceHeight - x[l + 1]);
    }
    spread(this.#lower, moves, 1, x);
  }

  /** A blink's last fifth brings the two lids together to the very vertex, whatever brows and cheeks add. */
  #meetLids(ring: HoleRing, blink: number): void {
    const meet = smoothstep(0.8, 1, blink);
    if (meet === 0) return;
    const x = this.positions;
    for (let i = 1; i < ring.secondCorner; i++) {
      const u = ring.vertices[i] * 3;
      const l = acrossRing(ring, i) * 3;
      for (let k = 0; k < 3; k++) {
        const gap = x[l + k] - x[u + k];
        x[u + k] += meet * 0.75 * gap;
        x[l + k] -= meet * 0.25 * gap;
      }
    }
  }

  #measureLips(): void {
    const { upperRing, lowerRing } = this.#rig.mouth;
    const x = this.positions;
    const rest = this.#rig.positions;
    this.lipGapPx = x[lowerRing[this.#middle] * 3 + 1] - x[upperRing[this.#middle] * 3 + 1];
    let move = 0;
    for (const ring of [upperRing, lowerRing])
      for (const vertex of ring)
        move = Math.max(
          move,
          Math.abs(x[vertex * 3] - rest[vertex * 3]),
          Math.abs(x[vertex * 3 + 1] - rest[vertex * 3 + 1]),
        );
    this.lipMovePx = move;
  }
}
