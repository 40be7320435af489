/**
 * FaceGeometry: MotionFrame + FaceRig → the draw list of one picture, in place. Everything that all renderers share but
 * the pixels. No Node API.
 */

import { type FaceRig, RIG_FRAME_PX } from '../face-rig.ts';
import type { MotionFrame } from '../motion-frame.ts';
import { smoothstep } from '../smoothstep.ts';
import { Contour, contourSpec } from './contour.ts';
import { type DrawList, type Layer, type LayerSpec, VERTEX_FLOATS } from './draw-list.ts';
import { HoleEdge, ringStripTriangles, strokeTriangles, writeStroke } from './edge-strips.ts';
import { EyeLayers, eyeSpecs, gazeLid, QUAD_TRIANGLES } from './eye-layers.ts';
import { createFaceControls, type FaceControls, resolveControls } from './face-controls.ts';
import { FaceDeformer } from './face-deformer.ts';
import { FaceShader } from './face-shader.ts';
import { HeadProjector } from './head-projector.ts';
import { MouthInterior } from './mouth-interior.ts';
import { biteSpec, incisalLine, mouthSpecs, tongueOverSpec } from './mouth-layers.ts';
import type { RigTextures } from './rig-textures.ts';

/** The skin's soft edge reaches this far into the holes, output px at 512. */
const MOUTH_FEATHER_PX = 1.6;
const EYE_FEATHER_PX = 1;
const CONTOUR_FEATHER_PX = 1.2;
/** A lean within this factor leaves the background where it is; a camera that goes further takes it along. */
const BACKGROUND_STILL = Math.log(1.05);

/** The layers of a picture, in painting order. */
export function faceLayers(rig: FaceRig, textures: RigTextures): LayerSpec[] {
  const mouthCount = rig.mouth.ring.vertices.length;
  const lipStrip = ringStripTriangles(mouthCount);
  const strip = (name: string, texture: number, count: number, triangles: number[]): LayerSpec => ({
    name,
    texture,
    vertexCount: count,
    triangles,
    twoSided: true,
  });
  const sides = ['right', 'left'] as const;
  const bite = biteSpec(rig, textures);
  const tongueOver = tongueOverSpec(rig, textures);
  return [
    {
      name: 'background',
      texture: textures.background.index,
      vertexCount: 4,
      triangles: QUAD_TRIANGLES,
      opaque: Uint8Array.of(1, 1),
    },
    ...eyeSpecs(rig, textures),
    ...mouthSpecs(rig, textures),
    strip('lipShadow', textures.lipShadow, mouthCount * 2, lipStrip),
    ...sides.map((side) => {
      const count = rig.eyes[side].ring.vertices.length;
      return strip(`${side}LidShadow`, textures.lipShadow, count * 2, ringStripTriangles(count));
    }),
    {
      name: 'person',
      texture: textures.person.index,
      vertexCount: rig.positions.length / 3,
      triangles: rig.triangles,
      opaque: rig.triangleOpaque,
    },
    contourSpec(textures.person.index),
    strip('lipFeather', textures.person.index, mouthCount * 2, lipStrip),
    ...sides.map((side) => {
      const count = rig.eyes[side].ring.vertices.length;
      return strip(`${side}LidFeather`, textures.person.index, count * 2, ringStripTriangles(count));
    }),
    ...(bite ? [bite] : []),
    ...(tongueOver ? [tongueOver] : []),
    strip(
      'lipLine',
      textures.cavity,
      (rig.mouth.ring.secondCorner + 1) * 3,
      strokeTriangles(rig.mouth.ring.secondCorner + 1),
    ),
    ...sides.map((side) => {
      const columns = rig.eyes[side].ring.secondCorner + 1;
      return strip(`${side}Lash`, textures.lash[side], columns * 3, strokeTriangles(columns));
    }),
  ];
}

/** A ring whose texture coordinates slide into the skin, away from the dark or bright fringe of what lay in the hole. */
interface Inset {
  vertices: Uint16Array;
  /** 2 per vertex: texels at full strength. */
  offset: Float32Array;
  /** 2 per vertex: texture coordinates at rest. */
  rest: Float32Array;
}

export class FaceGeometry {
  readonly controls: FaceControls = createFaceControls();
  readonly deformer: FaceDeformer;

  readonly #rig: FaceRig;
  readonly #list: DrawList;
  readonly #layers: ReadonlyMap<string, Layer>;
  readonly #textures: RigTextures;
  readonly #projector: HeadProjector;
  readonly #shader: FaceShader;
  readonly #eyes: EyeLayers;
  readonly #mouth: MouthInterior;
  readonly #person: Float32Array;
  readonly #contour: Contour;
  readonly #mouthEdge: HoleEdge;
  readonly #eyeEdges: { left: HoleEdge; right: HoleEdge };
  readonly #lipInset: Inset;
  readonly #lidInsets: { left: Inset; right: Inset };
  readonly #outputScale: number;
  readonly #minBackgroundScale: number;
  #backgroundScale = Number.NaN;

  constructor(rig: FaceRig, textures: RigTextures, list: DrawList, layers: ReadonlyMap<string, Layer>) {
    this.#rig = rig;
    this.#list = list;
    this.#layers = layers;
    this.#textures = textures;
    this.#outputScale = list.widthPx / RIG_FRAME_PX;
    this.#projector = new HeadProjector(rig, list.widthPx);
    this.deformer = new FaceDeformer(rig, incisalLine(rig));
    this.#shader = new FaceShader(rig);
    this.#eyes = new EyeLayers(rig, textures, layers);
    this.#mouth = new MouthInterior(rig, textures, layers);
    this.#person = layers.get('person')!.vertices;
    for (let i = 0; i < rig.positions.length / 3; i++) {
      this.#person[i * VERTEX_FLOATS + 2] = this.#texelX(rig.positions[i * 3]);
      this.#person[i * VERTEX_FLOATS + 3] = this.#texelY(rig.positions[i * 3 + 1]);
    }
    this.#contour = new Contour(rig, this.#person, layers.get('contour')!);
    this.#mouthEdge = new HoleEdge(rig.mouth.ring, this.#person);
    this.#eyeEdges = {
      left: new HoleEdge(rig.eyes.left.ring, this.#person),
      right: new HoleEdge(rig.eyes.right.ring, this.#person),
    };
    this.#lipInset = this.#makeLipInset();
    const { canvas, faceCenter } = rig;
    const toEdge = [
      faceCenter[0] / (faceCenter[0] - canvas.x0Px),
      faceCenter[1] / (faceCenter[1] - canvas.y0Px),
      (RIG_FRAME_PX - faceCenter[0]) / (canvas.x0Px + canvas.widthPx - faceCenter[0]),
      (RIG_FRAME_PX - faceCenter[1]) / (canvas.y0Px + canvas.heightPx - faceCenter[1]),
    ];
    this.#minBackgroundScale = Math.max(...toEdge);
    this.#lidInsets = { left: this.#makeLidInset('left'), right: this.#makeLidInset('right') };
  }

  update(frame: MotionFrame): void {
    const { controls, deformer } = this;
    const projector = this.#projector;
    const person = this.#person;
    resolveControls(controls, this.#rig, frame, gazeLid(this.#rig, frame.gaze));
    deformer.deform(controls);
    this.#shader.update(controls);
    projector.setPose(frame.pose);
    projector.project(deformer.positions, this.#rig.positions.length / 3, person, this.#rig.headWeight);
    this.#shader.write(person);
    this.#updateBackground(frame.pose.scale);
    this.#eyes.update(frame.gaze, projector, person);
    this.#insetLips();
    this.#insetLids();
    this.#mouth.update(controls, deformer, projector, person);
    this.#updateEdges(frame);
  }

  #texelX(x: number): number {
    return (x - this.#textures.person.x0Px) * this.#textures.person.texelsPerPxX;
  }

  #texelY(y: number): number {
    return (y - this.#textures.person.y0Px) * this.#textures.person.texelsPerPxY;
  }

  /** The background is far away: it stays, follows only a camera that moves for good, and always covers the frame. */
  #updateBackground(scale: number): void {
    const distance = Math.log(Math.min(Math.max(Number.isFinite(scale) ? scale : 1, 0.3), 3));
    const beyond = Math.sign(distance) * Math.max(0, Math.abs(distance) - BACKGROUND_STILL);
    const backgroundScale = Math.max(Math.exp(beyond), this.#minBackgroundScale);
    if (backgroundScale === this.#backgroundScale) return;
    this.#backgroundScale = backgroundScale;
    const { vertices } = this.#layers.get('background')!;
    const placed = this.#textures.background;
    const [cx, cy] = this.#rig.faceCenter;
    const size = this.#list.widthPx;
    const corners = [0, 0, RIG_FRAME_PX, 0, RIG_FRAME_PX, RIG_FRAME_PX, 0, RIG_FRAME_PX];
    for (let i = 0; i < 4; i++) {
      const at = i * VERTEX_FLOATS;
      const x = corners[i * 2];
      const y = corners[i * 2 + 1];
      vertices[at] = (x / RIG_FRAME_PX) * size;
      vertices[at + 1] = (y / RIG_FRAME_PX) * size;
      vertices[at + 2] = (cx + (x - cx) / backgroundScale - placed.x0Px) * placed.texelsPerPxX;
      vertices[at + 3] = (cy + (y - cy) / backgroundScale - placed.y0Px) * placed.texelsPerPxY;
    }
    this.#list.backgroundVersion++;
  }

  #makeInset(vertices: Uint16Array, offsets: (i: number) => [x: number, y: number]): Inset {
    const { texelsPerPxX, texelsPerPxY } = this.#textures.person;
    const offset = new Float32Array(vertices.length * 2);
    const rest = new Float32Array(vertices.length * 2);
    for (let i = 0; i < vertices.length; i++) {
      const [x, y] = offsets(i);
      offset[i * 2] = x * texelsPerPxX;
      offset[i * 2 + 1] = y * texelsPerPxY;
      rest[i * 2] = this.#person[vertices[i] * VERTEX_FLOATS + 2];
      rest[i * 2 + 1] = this.#person[vertices[i] * VERTEX_FLOATS + 3];
    }
    return { vertices, offset, rest };
  }

  #makeLipInset(): Inset {
    const { positions, outerLipRing, faceHeightPx, mouth } = this.#rig;
    const { vertices, secondCorner } = mouth.ring;
    return this.#makeInset(vertices, (i) => {
      if (i === 0 || i === secondCorner) return [0, 0];
      const x = positions[vertices[i] * 3];
      const y = positions[vertices[i] * 3 + 1];
      let best = Number.POSITIVE_INFINITY;
      let dx = 0;
      let dy = 0;
      for (const outer of outerLipRing) {
        const ox = positions[outer * 3] - x;
        const oy = positions[outer * 3 + 1] - y;
        const distance = Math.hypot(ox, oy);
        if (distance >= best) continue;
        best = distance;
        dx = ox;
        dy = oy;
      }
      const reach = Math.min(0.006 * faceHeightPx, 0.22 * best) / Math.max(best, 1e-3);
      return [dx * reach, dy * reach];
    });
  }

  #makeLidInset(side: 'left' | 'right'): Inset {
    const { positions } = this.#rig;
    const { vertices, secondCorner } = this.#rig.eyes[side].ring;
    const inner = Uint16Array.from(vertices.filter((_, i) => i !== 0 && i !== secondCorner));
    const corner = vertices[0] * 3;
    const other = vertices[secondCorner] * 3;
    const width = Math.hypot(positions[corner] - positions[other], positions[corner + 1] - positions[other + 1]);
    let cx = 0;
    let cy = 0;
    for (const vertex of vertices) {
      cx += positions[vertex * 3] / vertices.length;
      cy += positions[vertex * 3 + 1] / vertices.length;
    }
    return this.#makeInset(inner, (i) => {
      const dx = positions[inner[i] * 3] - cx;
      const dy = positions[inner[i] * 3 + 1] - cy;
      const length = Math.max(Math.hypot(dx, dy), 1e-3);
      const reach = (i < secondCorner - 1 ? 0.05 : 0.075) * width;
      return [(0.3 * dx * reach) / length, (dy * reach) / length];
    });
  }

  #applyInset({ vertices, offset, rest }: Inset, strength: number): void {
    const person = this.#person;
    for (let i = 0; i < vertices.length; i++) {
      const at = vertices[i] * VERTEX_FLOATS;
      person[at + 2] = rest[i * 2] + strength * offset[i * 2];
      person[at + 3] = rest[i * 2 + 1] + strength * offset[i * 2 + 1];
    }
  }

  /** How far the lips have left their place in the photo, 0…1. */
  #lipsMoved(): number {
    const { faceHeightPx, mouth } = this.#rig;
    return Math.min(
      Math.max(
        Math.abs(this.deformer.lipGapPx - mouth.photoGapPx) / (0.03 * faceHeightPx),
        this.controls.neutralize * Math.min(mouth.photoGapPx / (0.02 * faceHeightPx), 1),
      ),
      1,
    );
  }

  /** The lips' inner edge turns into the shade as the mouth leaves rest. */
  #insetLips(): void {
    const moved = this.#lipsMoved();
    this.#applyInset(this.#lipInset, moved);
    const shade = 0.38 * moved * smoothstep(0, 3, this.deformer.lipGapPx);
    const { vertices, secondCorner } = this.#rig.mouth.ring;
    for (let i = 0; i < vertices.length; i++)
      this.#person[vertices[i] * VERTEX_FLOATS + 5] *= 1 - shade * (i <= secondCorner ? 1 : 0.55);
  }

  #insetLids(): void {
    this.#applyInset(this.#lidInsets.left, this.controls.blink.left);
    this.#applyInset(this.#lidInsets.right, this.controls.blink.right);
  }

  #updateEdges(frame: MotionFrame): void {
    const { controls, deformer } = this;
    const { faceHeightPx, mouth, eyes } = this.#rig;
    const pxPerRigPx = this.#projector.pxPerRigPx;
    const feather = Math.max(this.#outputScale, 0.5);

    this.#contour.update(CONTOUR_FEATHER_PX * feather);
    this.#mouthEdge.update();
    const lipShadow = this.#layers.get('lipShadow')!;
    const shadow =
      0.55 * Math.min(Math.max(deformer.lipGapPx / 6, 0), 1) * Math.min(deformer.lipMovePx / (0.03 * faceHeightPx), 1);
    lipShadow.batch.visible = shadow > 0.01;
    if (lipShadow.batch.visible)
      this.#mouthEdge.writeStrip(
        lipShadow.vertices,
        0.035 * faceHeightPx * pxPerRigPx,
        0.4,
        shadow,
        0.45 * shadow,
        false,
      );
    const lipFeather = this.#layers.get('lipFeather')!;
    this.#mouthEdge.writeStrip(lipFeather.vertices, MOUTH_FEATHER_PX * feather, 0.5, 1, 1, true);
    // Lips that were open in the photo have no line of their own where they meet.
    const lipLine = this.#layers.get('lipLine')!;
    const line = 0.6 * this.#lipsMoved() * (1 - smoothstep(0.5, 3, deformer.lipGapPx)) * (1 - controls.bite);
    lipLine.batch.visible = line > 0.01;
    if (lipLine.batch.visible)
      writeStroke(lipLine.vertices, this.#person, mouth.ring, 0.007 * faceHeightPx * pxPerRigPx, line);

    const look = Math.max(Math.abs(frame.gaze.yawRad) * 0.6, Math.max(-frame.gaze.pitchRad, 0) * 2);
    for (const side of ['left', 'right'] as const) {
      const edge = this.#eyeEdges[side];
      const blink = controls.blink[side];
      edge.update();
      const lidShadow = this.#layers.get(`${side}LidShadow`)!;
      const strength = 0.35 * Math.min(Math.max(blink, Number.isFinite(look) ? look : 0), 1);
      lidShadow.batch.visible = strength > 0.02;
      if (lidShadow.batch.visible)
        edge.writeStrip(lidShadow.vertices, 0.02 * faceHeightPx * pxPerRigPx, 0.5, strength, 0, false);
      edge.writeStrip(this.#layers.get(`${side}LidFeather`)!.vertices, EYE_FEATHER_PX * feather, 0.5, 1, 1, true);
      const lash = this.#layers.get(`${side}Lash`)!;
      lash.batch.visible = blink > 0.25;
      if (lash.batch.visible)
        writeStroke(
          lash.vertices,
          this.#person,
          eyes[side].ring,
          0.0075 * faceHeightPx * pxPerRigPx,
          0.75 * smoothstep(0.25, 0.75, blink),
        );
    }
  }
}
