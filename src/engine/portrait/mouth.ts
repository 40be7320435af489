/**
 * The mouth that opens. In: the basis' teeth, gums and tongue, the photo's palette, the mesh. Out: tinted layers placed
 * behind this photo's lips, and the sparse matrices by which a move of the inner lip's edge spreads into the lip, so that
 * lips can be closed exactly.
 */
import type { JawAffine, MouthLayer, MouthRig, SparseMatrix, Texture } from '../face-rig.ts';
import type { FaceBasis, MouthBasisLayer } from './face-basis.ts';
import { applyBasisToRig } from './face-fit.ts';
import { LOWER_LIP_INNER, UPPER_LIP_INNER } from './landmark-indices.ts';
import type { Palette, Rgb } from './palette.ts';
import { clamp } from './raster.ts';

/** How far (basis units) a move of the edge reaches into the lip: the lower lip is the fuller one. */
const UPPER_REACH = 0.8;
const LOWER_REACH = 1.3;

export interface LipEdges {
  /** Inner-lip vertices from one corner to the other, without the corners; paired by position. */
  upper: Uint16Array;
  lower: Uint16Array;
}

export function lipEdges(basis: FaceBasis): LipEdges {
  const { vertices, secondCorner } = basis.rings.innerLips;
  return {
    upper: vertices.slice(1, secondCorner),
    lower: vertices.slice(secondCorner + 1).reverse(),
  };
}

/** Rows: all `vertexCount` mesh vertices; columns: the edge's vertices, which move by exactly what is asked. */
export function sealMatrix(basis: FaceBasis, edge: Uint16Array, label: 1 | -1, vertexCount: number): SparseMatrix {
  const reach = label === 1 ? UPPER_REACH : LOWER_REACH;
  const { positions, lipLabels } = basis;
  const columnOf = new Map(Array.from(edge, (v, k) => [v, k] as const));
  const rowStart = new Uint32Array(vertexCount + 1);
  const column: number[] = [];
  const value: number[] = [];
  for (let v = 0; v < vertexCount; v++) {
    rowStart[v] = column.length;
    if (v >= basis.vertexCount) continue;
    const own = columnOf.get(v);
    if (own !== undefined) {
      column.push(own);
      value.push(1);
      continue;
    }
    if (lipLabels[v] !== label && lipLabels[v] !== 0) continue;
    if (!isNear(positions, v, edge, 2.2 * reach)) continue;
    const near = Array.from(edge, (e, k) => ({
      k,
      d: Math.hypot(
        positions[3 * v] - positions[3 * e],
        positions[3 * v + 1] - positions[3 * e + 1],
        positions[3 * v + 2] - positions[3 * e + 2],
      ),
    }))
      .sort((a, b) => a.d - b.d)
      .slice(0, 3);
    const strength = Math.exp(-((near[0].d / reach) ** 2));
    if (strength < 0.01) continue;
    const total = near.reduce((sum, n) => sum + 1 / (n.d + 0.05) ** 2, 0);
    for (const { k, d } of near) {
      column.push(k);
      value.push(strength / (d + 0.05) ** 2 / total);
    }
  }
  rowStart[vertexCount] = column.length;
  return {
    rowCount: vertexCount,
    columnCount: edge.length,
    rowStart,
    column: Uint16Array.from(column),
    value: Float32Array.from(value),
  };
}

function isNear(positions: Float32Array, v: number, edge: Uint16Array, distance: number): boolean {
  for (const e of edge) {
    const dx = positions[3 * v] - positions[3 * e];
    const dy = positions[3 * v + 1] - positions[3 * e + 1];
    if (dx * dx + dy * dy < distance * distance) return true;
  }
  return false;
}

/** positions += amount · matrix · moves (3 per column), in place. */
export function addSpread(positions: Float32Array, matrix: SparseMatrix, moves: Float32Array, amount: number): void {
  for (let row = 0; row < matrix.rowCount; row++) {
    for (let e = matrix.rowStart[row]; e < matrix.rowStart[row + 1]; e++) {
      const w = amount * matrix.value[e];
      const from = 3 * matrix.column[e];
      for (let k = 0; k < 3; k++) positions[3 * row + k] += w * moves[from + k];
    }
  }
}

/** Lower edge minus upper edge, 3 per pair. */
export function lipGap(positions: Float32Array, { upper, lower }: LipEdges): Float32Array {
  const gap = new Float32Array(upper.length * 3);
  for (let i = 0; i < upper.length; i++) {
    for (let k = 0; k < 3; k++) gap[3 * i + k] = positions[3 * lower[i] + k] - positions[3 * upper[i] + k];
  }
  return gap;
}

/** `neutral`: the mesh with the photo's own mouth expression taken away. */
export function bakeMouth(
  basis: FaceBasis,
  basisToRig: Float32Array,
  scale: number,
  face: Float32Array,
  neutral: Float32Array,
  palette: Palette,
  seals: { edges: LipEdges; upper: SparseMatrix; lower: SparseMatrix },
): MouthRig {
  const { vertices, secondCorner } = basis.rings.innerLips;
  const span = (points: Float32Array) => {
    const a = 3 * vertices[0];
    const b = 3 * vertices[secondCorner];
    return Math.hypot(points[a] - points[b], points[a + 1] - points[b + 1], points[a + 2] - points[b + 2]);
  };
  const widthScale = clamp(span(neutral) / (scale * span(basis.positions)), 0.85, 1.12) * 0.96;
  const basisCenter = [0, 1, 2].map(
    (k) => (basis.positions[3 * UPPER_LIP_INNER + k] + basis.positions[3 * LOWER_LIP_INNER + k]) / 2,
  ) as [number, number, number];
  const placed = applyBasisToRig(basisToRig, ...basisCenter);
  const gapAt = (k: number) => face[3 * UPPER_LIP_INNER + k] - face[3 * LOWER_LIP_INNER + k];
  return {
    ring: basis.rings.innerLips,
    sealUpper: seals.upper,
    sealLower: seals.lower,
    upperRing: seals.edges.upper,
    lowerRing: seals.edges.lower,
    layers: basis.mouth.layers.map((layer) => bakeLayer(layer, palette)),
    tonguePath: basis.mouth.tonguePath.map(({ weight, positions }) => ({ weight, positions: positions.slice() })),
    jaw: basis.mouth.jaw.map((jaw): JawAffine => ({ name: jaw.name, matrix: jaw.matrix.slice() })),
    widthScale,
    basisCenter,
    offsetPx: [neutral[3 * UPPER_LIP_INNER] - placed[0], neutral[3 * UPPER_LIP_INNER + 1] - placed[1], 0],
    cavityColor: palette.cavity.map((c) => Math.round(c * 255)) as Rgb,
    photoGapPx: Math.hypot(gapAt(0), gapAt(1)),
    photoTeeth: null,
  };
}

function bakeLayer(layer: MouthBasisLayer, palette: Palette): MouthLayer {
  return {
    kind: layer.kind,
    positions: layer.positions.slice(),
    uv: layer.uv.slice(),
    triangles: layer.triangles.slice(),
    texture: tint(layer, palette),
  };
}

/** As if lit by the photo's light: texel · target ÷ reference. */
function tint(layer: MouthBasisLayer, palette: Palette): Texture {
  const { widthPx, heightPx, data } = layer.texture;
  const out = data.slice();
  for (let i = 0; i < widthPx * heightPx; i++) {
    const tooth = layer.toothReference ? layer.toothMask[i] / 255 : 0;
    for (let c = 0; c < 3; c++) {
      const toothGain = layer.toothReference ? palette.tooth[c] / layer.toothReference[c] : 0;
      const fleshGain = palette.flesh[c] / layer.fleshReference[c];
      const gain = 255 * (tooth * toothGain + (1 - tooth) * fleshGain);
      out[4 * i + c] = clamp(data[4 * i + c] * gain, 0, 255) + 0.5;
    }
  }
  return { widthPx, heightPx, data: out };
}
