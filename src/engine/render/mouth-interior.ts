/**
 * What is seen through open lips: a shaded cavity, tongue, lower and upper teeth on curved grids that follow the jaw, the
 * photo's own teeth, and near rest the photo's own mouth. Light falls in through the lips: less of it reaches the
 * corners, a rounded mouth and a nearly closed one. No Node API.
 */

import type { FaceRig, MouthLayer } from '../face-rig.ts';
import { BLENDSHAPE_INDEX } from '../motion-frame.ts';
import { smoothstep } from '../smoothstep.ts';
import { type Layer, VERTEX_FLOATS } from './draw-list.ts';
import { writeQuadUv } from './eye-layers.ts';
import type { FaceControls } from './face-controls.ts';
import type { FaceDeformer } from './face-deformer.ts';
import type { HeadProjector } from './head-projector.ts';
import { BITE_COLUMNS, type IncisalEdge, incisalEdge, interpolate, LayerGrid, toRig } from './mouth-layers.ts';
import type { RigTextures } from './rig-textures.ts';

/** The tongue follows this share of the jaw's move, less when it is raised to the upper teeth. */
const TONGUE_FOLLOWS_JAW = 0.66;
const RAISED_TONGUE_FOLLOWS_JAW = 0.4;
/** The tongue darkens towards the throat over this depth, basis units. */
const TONGUE_DEPTH = 3.6;
const TONGUE_HALF_WIDTH = 1.9;
/** Share of an open mouth's height that the tongue fills at least. */
const TONGUE_FILLS = 0.42;
/** Half the width of the teeth that show, basis units: where the corners' dark begins. */
const INTERIOR_HALF_WIDTH = 2.6;

export class MouthInterior {
  readonly #rig: FaceRig;
  readonly #textures: RigTextures;
  readonly #layers: ReadonlyMap<string, Layer>;
  readonly #points: Float32Array;
  readonly #basis: Float32Array;
  readonly #edge: IncisalEdge;
  readonly #upperGrid: LayerGrid | null;
  readonly #neutralWidth: number;

  constructor(rig: FaceRig, textures: RigTextures, layers: ReadonlyMap<string, Layer>) {
    this.#rig = rig;
    this.#textures = textures;
    this.#layers = layers;
    const largest = Math.max(
      rig.mouth.ring.vertices.length + 1,
      BITE_COLUMNS * 3,
      ...rig.mouth.layers.map((l) => l.positions.length / 3),
    );
    this.#points = new Float32Array(largest * 3);
    this.#basis = new Float32Array(largest * 3);
    this.#edge = incisalEdge(rig);
    const upper = rig.mouth.layers.find((layer) => layer.kind === 'upperTeeth');
    this.#upperGrid = upper ? new LayerGrid(upper) : null;
    const [left, right] = this.#corners();
    const p = rig.positions;
    const n = rig.neutralize;
    this.#neutralWidth = Math.hypot(
      p[left * 3] + n[left * 3] - p[right * 3] - n[right * 3],
      p[left * 3 + 1] + n[left * 3 + 1] - p[right * 3 + 1] - n[right * 3 + 1],
    );
    rig.mouth.layers.forEach((layer, i) => {
      const { texelScaleX, texelScaleY } = textures.mouthLayers[i];
      for (const name of layer.kind === 'tongue' ? ['tongue', 'tongueBeforeTeeth', 'tongueOverLip'] : [layer.kind]) {
        const { vertices } = layers.get(name)!;
        for (let k = 0; k < layer.uv.length / 2; k++) {
          vertices[k * VERTEX_FLOATS + 2] = layer.uv[k * 2] * texelScaleX;
          vertices[k * VERTEX_FLOATS + 3] = layer.uv[k * 2 + 1] * texelScaleY;
        }
      }
    });
    const photoTeeth = layers.get('photoTeeth');
    if (photoTeeth && textures.photoTeeth) writeQuadUv(photoTeeth.vertices, textures.photoTeeth, this.#photoTeethBox());
  }

  /** @param mesh vertices of the person mesh, already posed. */
  update(controls: FaceControls, deformer: FaceDeformer, projector: HeadProjector, mesh: Float32Array): void {
    const { faceHeightPx, mouth } = this.#rig;
    const gap = deformer.lipGapPx;
    // A bitten lip and a mouth at rest in the photo may be open without a gap in the middle: the ring's box decides.
    const hidden = controls.seal >= 1;
    const open = smoothstep(0.3, 0.3 + 0.028 * faceHeightPx, gap);
    const ownMouth = mouth.photoGapPx > 0.02 * faceHeightPx ? 1 - Math.min(controls.neutralize / 0.3, 1) : 0;
    const lit = Math.max(open, ownMouth, controls.bite);
    const depth = Math.min(Math.max(gap / (0.1 * faceHeightPx), 0), 1);
    const width = this.#mouthWidth(deformer.positions) / this.#neutralWidth;
    const light = (0.3 + 0.7 * lit) * Math.min(Math.max(0.55 + (0.45 * (width - 0.6)) / 0.35, 0.55), 1);

    this.#updateCavity(deformer, projector, depth, hidden);
    const tongue = controls.weights[BLENDSHAPE_INDEX.tongueOut];
    for (const layer of mouth.layers) {
      const level =
        layer.kind === 'upperTeeth'
          ? 0.9 + 0.1 * depth
          : layer.kind === 'lowerTeeth'
            ? 0.74 + 0.14 * depth
            : 0.58 + 0.3 * Math.min(tongue / 0.35, 1) + 0.16 * depth;
      this.#poseLayer(layer, controls, deformer, projector, this.#layers.get(layer.kind)!, level * light, 1);
      this.#layers.get(layer.kind)!.batch.visible = !hidden;
      if (layer.kind === 'tongue') {
        const out = smoothstep(0.4, 0.6, tongue);
        const front = this.#layers.get('tongueBeforeTeeth')!;
        front.batch.visible = !hidden && out > 0;
        if (front.batch.visible) this.#poseLayer(layer, controls, deformer, projector, front, 0.92 * light, out);
        const beyond = smoothstep(0.72, 0.9, tongue);
        const over = this.#layers.get('tongueOverLip')!;
        over.batch.visible = !hidden && beyond > 0;
        if (over.batch.visible) this.#poseLayer(layer, controls, deformer, projector, over, light, beyond);
      }
    }
    this.#updatePhotoTeeth(projector, light, hidden);
    this.#updatePhotoMouth(controls, deformer, mesh, hidden);
    this.#updateBite(controls, deformer, projector, light);
  }

  #corners(): [number, number] {
    const { vertices, secondCorner } = this.#rig.mouth.ring;
    return [vertices[0], vertices[secondCorner]];
  }

  #mouthWidth(positions: Float32Array): number {
    const [left, right] = this.#corners();
    return Math.hypot(positions[left * 3] - positions[right * 3], positions[left * 3 + 1] - positions[right * 3 + 1]);
  }

  /** Fills the hole with the dark of the throat, warmer and lighter towards the lips, most of all the lower one. */
  #updateCavity(deformer: FaceDeformer, projector: HeadProjector, depth: number, hidden: boolean): void {
    const { vertices: ring, secondCorner } = this.#rig.mouth.ring;
    const layer = this.#layers.get('cavity')!;
    layer.batch.visible = !hidden;
    if (hidden) return;
    const count = ring.length;
    const points = this.#points;
    const x = deformer.positions;
    let cx = 0;
    let cy = 0;
    let cz = 0;
    for (let i = 0; i < count; i++) {
      cx += x[ring[i] * 3] / count;
      cy += x[ring[i] * 3 + 1] / count;
      cz += x[ring[i] * 3 + 2] / count;
    }
    for (let i = 0; i < count; i++) {
      // A little wider than the hole, so that no seam shows at the lips' soft edge.
      const dx = x[ring[i] * 3] - cx;
      const dy = x[ring[i] * 3 + 1] - cy;
      points[i * 3] = cx + dx * 1.06;
      points[i * 3 + 1] = cy + dy * 1.15 + Math.sign(dy) * 2;
      points[i * 3 + 2] = x[ring[i] * 3 + 2] - 4;
      const lower = i > secondCorner ? Math.sin((Math.PI * (i - secondCorner)) / (count - secondCorner)) : 0;
      layer.vertices[i * VERTEX_FLOATS + 5] = 1 + 0.9 * lower * depth;
    }
    points[count * 3] = cx;
    points[count * 3 + 1] = cy;
    points[count * 3 + 2] = cz - 4;
    layer.vertices[count * VERTEX_FLOATS + 5] = 0.75;
    projector.project(points, count + 1, layer.vertices);
  }

  #poseLayer(
    layer: MouthLayer,
    controls: FaceControls,
    deformer: FaceDeformer,
    projector: HeadProjector,
    target: Layer,
    level: number,
    alpha: number,
  ): void {
    const count = layer.positions.length / 3;
    const basis = this.#basis;
    if (layer.kind === 'tongue') this.#tongueAt(controls.weights[BLENDSHAPE_INDEX.tongueOut]);
    else basis.set(layer.positions);
    if (layer.kind !== 'upperTeeth') this.#followJaw(controls, layer.kind, count);
    let front = Number.NEGATIVE_INFINITY;
    let top = Number.POSITIVE_INFINITY;
    if (layer.kind === 'tongue') for (let i = 2; i < count * 3; i += 3) front = Math.max(front, basis[i]);
    for (let i = 0, v = 0; i < count; i++, v += VERTEX_FLOATS) {
      let light = level;
      let cover = alpha;
      toRig(this.#rig, basis, i * 3, this.#points, i * 3);
      if (layer.kind === 'tongue') {
        // Round and dark towards the throat, where it fades into the cavity.
        const near = 1 - (front - basis[i * 3 + 2]) / TONGUE_DEPTH;
        const side = basis[i * 3] / TONGUE_HALF_WIDTH;
        light *= (0.5 + 0.5 * smoothstep(0, 1, near)) * Math.max(1 - 0.3 * side * side, 0.5);
        cover *= smoothstep(-0.15, 0.2, near);
        if (near > 0.3) top = Math.min(top, this.#points[i * 3 + 1]);
      } else {
        const side = basis[i * 3] / INTERIOR_HALF_WIDTH;
        light *= Math.min(Math.max(1.05 - 0.45 * side * side, 0.3), 1);
      }
      target.vertices[v + 4] = cover;
      target.vertices[v + 5] = light;
    }
    if (layer.kind === 'tongue') {
      const rise = this.#tongueRise(controls, deformer, top);
      if (rise > 0) for (let i = 1; i < count * 3; i += 3) this.#points[i] -= rise;
    }
    projector.project(this.#points, count, target.vertices);
  }

  /** px by which a resting tongue is lifted so that it fills the lower part of an open mouth, however the jaw was fitted. */
  #tongueRise(controls: FaceControls, deformer: FaceDeformer, top: number): number {
    const { lowerRing } = this.#rig.mouth;
    const lipY = deformer.positions[lowerRing[lowerRing.length >> 1] * 3 + 1];
    const missing = top - (lipY - TONGUE_FILLS * Math.max(deformer.lipGapPx, 0));
    return Math.max(0, missing) * (1 - smoothstep(0.3, 0.5, controls.weights[BLENDSHAPE_INDEX.tongueOut]));
  }

  /** Between the teeth the tongue rises onto the upper ones, or the lower lip would hide it. */
  #tongueAt(weight: number): void {
    const path = this.#rig.mouth.tonguePath;
    let i = 1;
    while (i < path.length - 1 && path[i].weight < weight) i++;
    const from = path[i - 1];
    const to = path[Math.min(i, path.length - 1)];
    const t = to === from ? 0 : Math.min(Math.max((weight - from.weight) / (to.weight - from.weight), 0), 1);
    const lift = 0.25 * smoothstep(0.4, 0.6, weight) * (1 - smoothstep(0.7, 0.95, weight));
    for (let k = 0; k < from.positions.length; k++)
      this.#basis[k] = from.positions[k] + t * (to.positions[k] - from.positions[k]) + (k % 3 === 1 ? lift : 0);
  }

  #followJaw(controls: FaceControls, kind: MouthLayer['kind'], count: number): void {
    const raised = Math.min(controls.weights[BLENDSHAPE_INDEX.tongueOut] / 0.35, 1);
    const share =
      kind === 'tongue' ? TONGUE_FOLLOWS_JAW + raised * (RAISED_TONGUE_FOLLOWS_JAW - TONGUE_FOLLOWS_JAW) : 1;
    // One affine map for all jaw shapes together: p' = p + Σ w·(A·[p, 1]).
    const sum = new Float64Array(12);
    for (const { name, matrix } of this.#rig.mouth.jaw) {
      const weight = controls.weights[BLENDSHAPE_INDEX[name]] * share;
      if (weight > 0) for (let k = 0; k < 12; k++) sum[k] += weight * matrix[k];
    }
    const p = this.#basis;
    for (let i = 0; i < count * 3; i += 3) {
      const x = p[i];
      const y = p[i + 1];
      const z = p[i + 2];
      p[i] = x + sum[0] * x + sum[1] * y + sum[2] * z + sum[3];
      p[i + 1] = y + sum[4] * x + sum[5] * y + sum[6] * z + sum[7];
      p[i + 2] = z + sum[8] * x + sum[9] * y + sum[10] * z + sum[11];
    }
  }

  #photoTeethBox(): [number, number, number, number] {
    const { texture, x0Px, y0Px, texelsPerPxX, texelsPerPxY } = this.#textures.photoTeeth!;
    return [x0Px, y0Px, x0Px + texture.widthPx / texelsPerPxX, y0Px + texture.heightPx / texelsPerPxY];
  }

  #updatePhotoTeeth(projector: HeadProjector, light: number, hidden: boolean): void {
    const layer = this.#layers.get('photoTeeth');
    if (!layer) return;
    layer.batch.visible = !hidden;
    const [x0, y0, x1, y1] = this.#photoTeethBox();
    const z = this.#rig.positions[this.#rig.mouth.upperRing[this.#rig.mouth.upperRing.length >> 1] * 3 + 2] - 6;
    this.#points.set([x0, y0, z, x1, y0, z, x1, y1, z, x0, y1, z]);
    for (let i = 0; i < 4; i++) layer.vertices[i * VERTEX_FLOATS + 5] = light;
    projector.project(this.#points, 4, layer.vertices);
  }

  /** The photo's own open mouth, fading out as the lips leave their place. */
  #updatePhotoMouth(controls: FaceControls, deformer: FaceDeformer, mesh: Float32Array, hidden: boolean): void {
    const layer = this.#layers.get('photoMouth');
    if (!layer) return;
    const { faceHeightPx, mouth } = this.#rig;
    const moved = smoothstep(0.008 * faceHeightPx, 0.038 * faceHeightPx, deformer.lipMovePx);
    const alpha = (1 - moved) * (1 - controls.neutralize);
    layer.batch.visible = !hidden && alpha > 0.01;
    if (!layer.batch.visible) return;
    const { vertices: ring } = mouth.ring;
    for (let i = 0; i < ring.length; i++) {
      const to = i * VERTEX_FLOATS;
      const from = ring[i] * VERTEX_FLOATS;
      for (let k = 0; k < 4; k++) layer.vertices[to + k] = mesh[from + k];
      layer.vertices[to + 4] = alpha;
    }
  }

  /** Upper teeth over the lower lip: from just above the lip's edge down to the teeth's edge. */
  #updateBite(controls: FaceControls, deformer: FaceDeformer, projector: HeadProjector, light: number): void {
    const layer = this.#layers.get('bite');
    const grid = this.#upperGrid;
    if (!layer || !grid) return;
    layer.batch.visible = controls.bite > 0.01;
    if (!layer.batch.visible) return;
    const { mouth } = this.#rig;
    const upperIndex = mouth.layers.findIndex((candidate) => candidate.kind === 'upperTeeth');
    const { texelScaleX, texelScaleY } = this.#textures.mouthLayers[upperIndex];
    const x = deformer.positions;
    const { lowerRing } = mouth;
    const last = lowerRing.length - 1;
    const basisPoint = this.#basis;
    const points = this.#points;
    for (let i = 0; i < BITE_COLUMNS; i++) {
      const t = 0.2 + (0.6 * i) / (BITE_COLUMNS - 1);
      const at = t * last;
      const k = Math.min(Math.floor(at), last - 1);
      const f = at - k;
      const lipX = x[lowerRing[k] * 3] * (1 - f) + x[lowerRing[k + 1] * 3] * f;
      const lipY = x[lowerRing[k] * 3 + 1] * (1 - f) + x[lowerRing[k + 1] * 3 + 1] * f;
      const u = interpolate(this.#edge.x, this.#edge.u, lipX);
      const edgeV = interpolate(this.#edge.x, this.#edge.v, lipX);
      const fade = smoothstep(0, 0.25, Math.min(i, BITE_COLUMNS - 1 - i) / (BITE_COLUMNS - 1));
      // Rows: above the lip's edge, at it, below the teeth's edge. y is as good as linear in v along a column.
      grid.at(u, edgeV, basisPoint);
      toRig(this.#rig, basisPoint, 0, points, (2 * BITE_COLUMNS + i) * 3);
      const edgeY = points[(2 * BITE_COLUMNS + i) * 3 + 1];
      grid.at(u, edgeV - 20, basisPoint);
      toRig(this.#rig, basisPoint, 0, points, i * 3);
      const pxPerTexel = (edgeY - points[i * 3 + 1]) / 20;
      const rows = [edgeV - (edgeY - lipY + 2.5) / pxPerTexel, edgeV - (edgeY - lipY + 0.5) / pxPerTexel, edgeV + 2];
      for (let row = 0; row < 3; row++) {
        const vertex = row * BITE_COLUMNS + i;
        grid.at(u, rows[row], basisPoint);
        const side = basisPoint[0] / INTERIOR_HALF_WIDTH;
        toRig(this.#rig, basisPoint, 0, points, vertex * 3);
        const to = vertex * VERTEX_FLOATS;
        layer.vertices[to + 2] = u * texelScaleX;
        layer.vertices[to + 3] = rows[row] * texelScaleY;
        layer.vertices[to + 4] = row === 0 ? 0 : controls.bite * fade;
        layer.vertices[to + 5] = 0.95 * light * Math.min(1.05 - 0.45 * side * side, 1);
      }
    }
    projector.project(points, BITE_COLUMNS * 3, layer.vertices);
  }
}
