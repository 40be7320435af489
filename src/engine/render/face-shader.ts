/**
 * FaceShader: how expression changes the light on the skin. The photo's own lighting was fitted as luma ≈ c·[1, n]; a vertex
 * whose normal turns gets the ratio of the new value to the old one. Only expression counts, not head rotation: relighting
 * the whole face shows every error of the fit. No Node API.
 */
import type { FaceRig } from '../face-rig.ts';
import { BLENDSHAPE_INDEX } from '../motion-frame.ts';
import { VERTEX_FLOATS } from './draw-list.ts';
import type { FaceControls } from './face-controls.ts';

const MIN_LIGHT = 0.25;
const MIN_RATIO = 0.6;
const MAX_RATIO = 1.3;

export class FaceShader {
  /** 1 per vertex of the mesh. */
  readonly shade: Float32Array;
  readonly #rig: FaceRig;
  readonly #normals: Float32Array;
  readonly #restLight: Float32Array;
  readonly #shapeIndex: Int32Array;
  /** What the photo's own expression contributes per shape; taken back as far as the mouth is neutralised. */
  readonly #photoWeight: Float32Array;

  constructor(rig: FaceRig) {
    this.#rig = rig;
    this.shade = new Float32Array(rig.positions.length / 3).fill(1);
    this.#normals = new Float32Array(rig.faceVertexCount * 3);
    const [c0, cx, cy, cz] = rig.shading.coefficients;
    const n = rig.shading.normals;
    this.#restLight = new Float32Array(rig.faceVertexCount);
    for (let i = 0; i < rig.faceVertexCount; i++)
      this.#restLight[i] = Math.max(MIN_LIGHT, c0 + cx * n[i * 3] + cy * n[i * 3 + 1] + cz * n[i * 3 + 2]);
    this.#shapeIndex = Int32Array.from(rig.shapes, (shape) => BLENDSHAPE_INDEX[shape.name]);
    this.#photoWeight = Float32Array.from(rig.shapes, (shape) =>
      /^(mouth|jaw)/.test(shape.name) ? (rig.photoExpression[shape.name] ?? 0) : 0,
    );
  }

  update(controls: FaceControls): void {
    const rig = this.#rig;
    const { faceVertexCount } = rig;
    const normals = this.#normals;
    const shade = this.shade;
    normals.set(rig.shading.normals);
    let active = false;
    for (let s = 0; s < rig.shapes.length; s++) {
      const weight = controls.weights[this.#shapeIndex[s]] - controls.neutralize * this.#photoWeight[s];
      if (weight === 0) continue;
      const { vertex, normalDelta } = rig.shapes[s];
      active = true;
      // Face vertices come first in the list, and only they have normals.
      for (let i = 0, d = 0; d < normalDelta.length; i++, d += 3) {
        const p = vertex[i] * 3;
        normals[p] += weight * normalDelta[d];
        normals[p + 1] += weight * normalDelta[d + 1];
        normals[p + 2] += weight * normalDelta[d + 2];
      }
    }
    if (!active) {
      shade.fill(1);
      return;
    }
    const [c0, cx, cy, cz] = rig.shading.coefficients;
    const rest = rig.shading.normals;
    for (let i = 0, p = 0; i < faceVertexCount; i++, p += 3) {
      const x = normals[p];
      const y = normals[p + 1];
      const z = normals[p + 2];
      if (x === rest[p] && y === rest[p + 1] && z === rest[p + 2]) {
        shade[i] = 1;
        continue;
      }
      const length = Math.max(Math.sqrt(x * x + y * y + z * z), 1e-6);
      const light = Math.max(MIN_LIGHT, c0 + (cx * x + cy * y + cz * z) / length);
      shade[i] = Math.min(Math.max(light / this.#restLight[i], MIN_RATIO), MAX_RATIO);
    }
    for (let i = faceVertexCount; i < shade.length; i++) {
      const falloff = rig.shadeFalloff[i];
      shade[i] = falloff > 0.01 ? 1 + (shade[rig.nearestOval[i - faceVertexCount]] - 1) * falloff : 1;
    }
  }

  /** Writes the shade of every mesh vertex into `vertices`. */
  write(vertices: Float32Array): void {
    for (let i = 0, v = 5; i < this.shade.length; i++, v += VERTEX_FLOATS) vertices[v] = this.shade[i];
  }
}
