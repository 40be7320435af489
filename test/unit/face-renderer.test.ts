/** What a rendered frame shows, measured on a synthetic face whose colours and sizes are known exactly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FaceRig } from '../../src/engine/face-rig.ts';
import {
  BLENDSHAPE_NAMES,
  type BlendshapeName,
  type HeadPose,
  type MotionFrame,
  neutralFrame,
} from '../../src/engine/motion-frame.ts';
import { Contour, contourSpec } from '../../src/engine/render/contour.ts';
import { buildDrawList, heapAllocator, VERTEX_FLOATS } from '../../src/engine/render/draw-list.ts';
import { FaceGeometry, faceLayers } from '../../src/engine/render/face-geometry.ts';
import { FaceRenderer } from '../../src/engine/render/face-renderer.ts';
import { softLimit } from '../../src/engine/render/head-projector.ts';
import { createReferenceRasterizer } from '../../src/engine/render/reference-rasterizer.ts';
import { halve, prepareTextures, shrink } from '../../src/engine/render/rig-textures.ts';
import { AppError } from '../../src/errors.ts';
import { findColor, psnrDb } from '../support/pictures.ts';
import { IRIS_COLOR, SCLERA_COLOR, syntheticRig } from '../support/synthetic-rig.ts';

const rig = syntheticRig();
const SIZE_PX = 512;
const renderer = new FaceRenderer(rig, { sizePx: SIZE_PX });

function frame(
  blendshapes: Partial<Record<BlendshapeName, number>>,
  pose: Partial<HeadPose> = {},
  gaze: Partial<MotionFrame['gaze']> = {},
): MotionFrame {
  const rest = neutralFrame();
  return { ...rest, blendshapes, pose: { ...rest.pose, ...pose }, gaze: { ...rest.gaze, ...gaze } };
}

function geometryOf(target: FaceRig, sizePx = SIZE_PX) {
  const textures = prepareTextures(target, sizePx);
  const { list, layers } = buildDrawList(sizePx, textures.list, faceLayers(target, textures), heapAllocator);
  return { geometry: new FaceGeometry(target, textures, list, layers), list, layers };
}

/** px of the mouth that are neither lip nor skin, tallest column: skin and lips are red, the inside is dark or white. */
function innerLipGapPx(picture: Uint8Array): number {
  let tallest = 0;
  for (let x = 210; x < 302; x++) {
    let column = 0;
    for (let y = 290; y < 380; y++) {
      const at = (y * SIZE_PX + x) * 4;
      const isRed = picture[at] > 85 && picture[at] > 1.22 * picture[at + 1];
      if (!isRed) column++;
    }
    tallest = Math.max(tallest, column);
  }
  return tallest;
}

const OPEN: Partial<Record<BlendshapeName, number>> = {
  jawOpen: 0.1,
  mouthLowerDownLeft: 0.4,
  mouthLowerDownRight: 0.4,
  mouthUpperUpLeft: 0.3,
  mouthUpperUpRight: 0.3,
};

describe('a face at rest', () => {
  it('is the photo: person over background', () => {
    const expected = new Uint8Array(SIZE_PX * SIZE_PX * 4);
    const { person, background, canvas } = rig;
    for (let y = 0; y < SIZE_PX; y++)
      for (let x = 0; x < SIZE_PX; x++) {
        const from = ((y - canvas.y0Px) * person.widthPx + x - canvas.x0Px) * 4;
        const alpha = person.data[from + 3] / 255;
        for (let c = 0; c < 3; c++)
          expected[(y * SIZE_PX + x) * 4 + c] = person.data[from + c] * alpha + background.data[from + c] * (1 - alpha);
      }
    const picture = renderer.renderRgba(neutralFrame());
    expect(psnrDb(picture, expected)).toBeGreaterThan(34);
    const outsideEyes = (pixel: number) => Math.abs(Math.floor(pixel / SIZE_PX) - 215) > 24;
    expect(psnrDb(picture, expected, outsideEyes)).toBeGreaterThan(50);
  });

  it('is drawn the same by WASM and TypeScript, at every size and in motion', () => {
    for (const sizePx of [256, 358]) {
      const wasm = new FaceRenderer(rig, { sizePx });
      const reference = new FaceRenderer(rig, { sizePx, rasterizer: createReferenceRasterizer });
      const moving = frame({ ...OPEN, eyeBlinkLeft: 0.6 }, { yawRad: 0.2, rollRad: 0.1, scale: 1.3 }, { yawRad: 0.2 });
      for (const motion of [neutralFrame(), moving]) {
        expect(Buffer.compare(wasm.renderRgba(motion), reference.renderRgba(motion))).toBe(0);
        const i420 = [wasm, reference].map((each) => {
          const out = new Uint8Array(new SharedArrayBuffer(each.frameBytes));
          each.render(motion, out);
          return out;
        });
        expect(Buffer.compare(i420[0], i420[1])).toBe(0);
      }
    }
  });

  it('does not depend on what was drawn before', () => {
    const fresh = new FaceRenderer(rig, { sizePx: SIZE_PX }).renderRgba(neutralFrame());
    renderer.renderRgba(frame({ ...OPEN, jawOpen: 0.5, tongueOut: 0.7, eyeBlinkLeft: 1 }, { scale: 0.6, yawRad: 0.3 }));
    expect(Buffer.compare(renderer.renderRgba(neutralFrame()), fresh)).toBe(0);
  });
});

describe('lips', () => {
  it('are open without a command to close', () => {
    expect(innerLipGapPx(renderer.renderRgba(frame(OPEN)))).toBeGreaterThan(5);
  });

  it.each([
    ['mouthClose as large as jawOpen', { ...OPEN, mouthClose: 0.1 }],
    ['mouthClose beyond jawOpen', { ...OPEN, jawOpen: 0.3, mouthClose: 0.8 }],
    ['mouthPress', { ...OPEN, mouthPressLeft: 0.4, mouthPressRight: 0.4 }],
    ['silence', { mouthClose: 0.1 }],
  ])('meet within a pixel: %s', (_, weights) => {
    for (const pose of [{}, { yawRad: 0.15, pitchRad: 0.1, rollRad: 0.1 }])
      expect(innerLipGapPx(renderer.renderRgba(frame(weights, pose)))).toBeLessThanOrEqual(1);
  });

  it('meet to the very vertex, whatever else is asked', () => {
    const { geometry } = geometryOf(rig);
    geometry.update(frame({ ...OPEN, mouthSmileLeft: 1, mouthPucker: 0.5, mouthClose: 0.2 }));
    const { positions } = geometry.deformer;
    const { upperRing, lowerRing } = rig.mouth;
    for (let i = 0; i < upperRing.length; i++)
      for (let k = 0; k < 3; k++)
        expect(positions[upperRing[i] * 3 + k]).toBeCloseTo(positions[lowerRing[i] * 3 + k], 3);
  });

  it('never cross', () => {
    const { geometry } = geometryOf(rig);
    geometry.update(frame({ mouthRollLower: 1, mouthRollUpper: 1 }));
    const { positions } = geometry.deformer;
    for (let i = 0; i < rig.mouth.upperRing.length; i++)
      expect(positions[rig.mouth.lowerRing[i] * 3 + 1] - positions[rig.mouth.upperRing[i] * 3 + 1]).toBeGreaterThan(
        -0.2,
      );
  });

  it('open gradually: no step larger than the change that asks for it', () => {
    const { geometry } = geometryOf(rig);
    let previous = 0;
    for (let i = 0; i <= 100; i++) {
      geometry.update(frame({ ...OPEN, jawOpen: 0.2, mouthClose: 0.2 * (1 - i / 100) }));
      const gap = geometry.deformer.lipGapPx;
      expect(gap - previous).toBeGreaterThan(-0.05);
      expect(gap - previous).toBeLessThan(1);
      previous = gap;
    }
    expect(previous).toBeGreaterThan(8);
  });

  it('touch the upper teeth for f and v', () => {
    const { geometry, layers } = geometryOf(rig);
    geometry.update(frame({ jawOpen: 0.03, mouthRollLower: 0.5, mouthUpperUpLeft: 0.3, mouthUpperUpRight: 0.3 }));
    expect(layers.get('bite')!.batch.visible).toBe(true);
    const middle = rig.mouth.lowerRing[rig.mouth.lowerRing.length >> 1];
    // The synthetic upper teeth end 0.2 units (1.8 px) below the lips' line; the lip lies just behind that edge.
    const edgeY = 319 + 1.8;
    const lipY = geometry.deformer.positions[middle * 3 + 1];
    expect(edgeY - lipY).toBeGreaterThan(0);
    expect(edgeY - lipY).toBeLessThan(4);
    expect(geometry.deformer.lipGapPx).toBeGreaterThan(1);
  });
});

describe('eyes', () => {
  const LEFT_BOX = [262, 190, 330, 240] as const;
  const RIGHT_BOX = [182, 190, 250, 240] as const;
  const openness = (picture: Uint8Array, box: typeof LEFT_BOX | typeof RIGHT_BOX) =>
    findColor(picture, SIZE_PX, IRIS_COLOR, box).count + findColor(picture, SIZE_PX, SCLERA_COLOR, box, 24).count;

  it('close on a blink without a slit, each on its own', () => {
    const open = renderer.renderRgba(neutralFrame());
    expect(openness(open, LEFT_BOX)).toBeGreaterThan(200);
    const both = renderer.renderRgba(frame({ eyeBlinkLeft: 1, eyeBlinkRight: 1 }));
    expect(openness(both, LEFT_BOX)).toBe(0);
    expect(openness(both, RIGHT_BOX)).toBe(0);
    const wink = renderer.renderRgba(frame({ eyeBlinkLeft: 1 }));
    expect(openness(wink, LEFT_BOX)).toBe(0);
    expect(openness(wink, RIGHT_BOX)).toBeGreaterThan(200);
  });

  it('move the irises by the eyeball’s radius times the sine, to the side the viewer is told', () => {
    const rest = findColor(renderer.renderRgba(neutralFrame()), SIZE_PX, IRIS_COLOR, LEFT_BOX, 60);
    for (const yawRad of [-0.25, 0.25]) {
      const moved = findColor(renderer.renderRgba(frame({}, {}, { yawRad })), SIZE_PX, IRIS_COLOR, LEFT_BOX, 60);
      const expected = rig.eyes.left.eyeballRadiusPx * Math.sin(yawRad);
      expect(Math.abs(moved.x - rest.x - expected)).toBeLessThan(0.6);
    }
    const { geometry, layers } = geometryOf(rig);
    const irisY = () => layers.get('leftIris')!.vertices[1];
    geometry.update(neutralFrame());
    const restY = irisY();
    geometry.update(frame({}, {}, { pitchRad: 0.15 }));
    expect(irisY() - restY).toBeCloseTo(-rig.eyes.left.eyeballRadiusPx * Math.sin(0.15), 0);
  });
});

describe('pose', () => {
  const nose = () => {
    const { geometry, layers } = geometryOf(rig);
    const person = layers.get('person')!.vertices;
    const tip = [...Array(rig.faceVertexCount).keys()].reduce((best, i) =>
      rig.positions[i * 3 + 2] > rig.positions[best * 3 + 2] ? i : best,
    );
    return (pose: Partial<HeadPose>) => {
      geometry.update(frame({}, pose));
      return { x: person[tip * VERTEX_FLOATS], y: person[tip * VERTEX_FLOATS + 1] };
    };
  };

  it('turns the way the contract says', () => {
    const at = nose();
    const rest = at({});
    expect(at({ yawRad: 0.1 }).x).toBeGreaterThan(rest.x + 5);
    expect(at({ pitchRad: 0.1 }).y).toBeLessThan(rest.y - 5);
    // Clockwise: what is above the neck goes to the right.
    expect(at({ rollRad: 0.1 }).x).toBeGreaterThan(rest.x + 3);
    expect(at({ x: 0.1 }).x).toBeCloseTo(rest.x + 0.1 * rig.faceWidthPx, 1);
    expect(at({ y: -0.1 }).y).toBeCloseTo(rest.y - 0.1 * rig.faceWidthPx, 1);
  });

  it('scales the face about its centre', () => {
    const { geometry, layers } = geometryOf(rig);
    const person = layers.get('person')!.vertices;
    const [a, b] = [rig.eyes.left.ring.vertices[0], rig.eyes.right.ring.vertices[0]];
    const width = (scale: number) => {
      geometry.update(frame({}, { scale }));
      return person[a * VERTEX_FLOATS] - person[b * VERTEX_FLOATS];
    };
    const rest = width(1);
    for (const scale of [0.556, 0.8, 1.25, 1.67]) expect(width(scale) / rest).toBeCloseTo(scale, 2);
  });

  it('is limited softly: monotonic, bounded, untouched inside the limits', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -4, max: 4, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (x, step) => {
          const limits = [-0.3, 0.4] as const;
          const y = softLimit(x, limits);
          if (x >= -0.3 && x <= 0.4) expect(y).toBe(x);
          expect(softLimit(x + step, limits)).toBeGreaterThanOrEqual(y);
          expect(y).toBeGreaterThan(-0.43);
          expect(y).toBeLessThan(0.57);
        },
      ),
    );
  });
});

describe('a turned face', () => {
  const { geometry, layers } = geometryOf(rig);

  it('ends softly where it hides what is behind it, and nowhere else', () => {
    // A ridge: the side that faces the viewer, and one that falls away steeply and is hidden when the head turns.
    const ridge = [100, 100, 50, 100, 200, 50, 160, 150, 40, 90, 150, 0];
    const [top, bottom, front, side] = [0, 1, 2, 3];
    const part: FaceRig = {
      ...rig,
      positions: Float32Array.from(ridge),
      triangles: Uint16Array.of(top, bottom, side, top, front, bottom),
      faceVertexCount: 4,
    };
    const spec = contourSpec(0);
    const { layers: strips } = buildDrawList(SIZE_PX, [], [spec], heapAllocator);
    const layer = strips.get('contour')!;
    const mesh = new Float32Array(4 * VERTEX_FLOATS).fill(1);
    for (let v = 0; v < 4; v++) mesh.set([ridge[v * 3], ridge[v * 3 + 1]], v * VERTEX_FLOATS);
    const contour = new Contour(part, mesh, layer);
    contour.update(1.2);
    expect(layer.batch.visible).toBe(false);
    mesh[side * VERTEX_FLOATS] = 110;
    contour.update(1.2);
    expect(layer.batch).toMatchObject({ visible: true, triangleCount: 2 });
    const quad = [0, 1, 2, 3].map((k) => layer.vertices.subarray(k * VERTEX_FLOATS, (k + 1) * VERTEX_FLOATS));
    expect(quad.map((v) => v[4])).toEqual([1, 1, 0, 0]);
    expect(quad.map((v) => Math.round(v[0] * 10))).toEqual([1000, 1000, 988, 988]);
    expect(new Set(quad.map((v) => v[1]))).toEqual(new Set([100, 200]));
    mesh[side * VERTEX_FLOATS] = 90;
    contour.update(1.2);
    expect(layer.batch.visible).toBe(false);
  });

  it.each([-0.35, -0.17, 0.17, 0.35])('has white up to the corners of its eyes, turned by %f rad', (yawRad) => {
    geometry.update(frame({}, { yawRad }));
    const person = layers.get('person')!.vertices;
    for (const side of ['left', 'right'] as const) {
      const { vertices: ring, secondCorner } = rig.eyes[side].ring;
      const white = layers.get(`${side}Sclera`)!.vertices;
      const x = (vertices: Float32Array, i: number) => vertices[i * VERTEX_FLOATS];
      const corners = [0, secondCorner].sort((i, k) => x(person, ring[i]) - x(person, ring[k]));
      expect(x(white, corners[0])).toBeLessThan(x(person, ring[corners[0]]));
      expect(x(white, corners[1])).toBeGreaterThan(x(person, ring[corners[1]]));
    }
  });
});

describe('any motion', () => {
  const weight = fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, -3, 7, Number.POSITIVE_INFINITY) },
  );
  const angle = fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -0.5, max: 0.5, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NaN, 40, Number.NEGATIVE_INFINITY) },
  );
  const motion = fc.record({
    timestampUs: fc.constant(0),
    pose: fc.record({
      yawRad: angle,
      pitchRad: angle,
      rollRad: angle,
      x: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
      y: fc.double({ min: -0.3, max: 0.3, noNaN: true }),
      scale: fc.oneof(fc.double({ min: 0.5, max: 1.8, noNaN: true }), fc.constantFrom(Number.NaN, 0, -1, 99)),
    }),
    gaze: fc.record({ yawRad: angle, pitchRad: angle }),
    blendshapes: fc.dictionary(fc.constantFrom(...BLENDSHAPE_NAMES), weight, { maxKeys: 20 }),
  });

  it('gives finite vertices, texture coordinates on the texture, alpha and shade in range', () => {
    const { geometry, list } = geometryOf(rig, 256);
    fc.assert(
      fc.property(motion, (each) => {
        geometry.update(each as MotionFrame);
        for (const batch of list.batches) {
          if (!batch.visible) continue;
          const { widthPx, heightPx } = list.textures[batch.texture];
          for (let k = batch.firstTriangle * 3; k < (batch.firstTriangle + batch.triangleCount) * 3; k++) {
            const [x, y, u, v, alpha, shade] = list.vertices.subarray(
              list.indices[k] * VERTEX_FLOATS,
              list.indices[k] * VERTEX_FLOATS + VERTEX_FLOATS,
            );
            const fine =
              Number.isFinite(x) &&
              Number.isFinite(y) &&
              u > -8 &&
              v > -8 &&
              u < widthPx + 8 &&
              v < heightPx + 8 &&
              alpha >= 0 &&
              alpha <= 1.0001 &&
              shade >= 0 &&
              shade < 2;
            if (!fine) throw new Error(`${batch.name}: ${[x, y, u, v, alpha, shade].join(' ')}`);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('leaves no hole in the face: the background never shines through', () => {
    const glaring = syntheticRig();
    for (let i = 0; i < glaring.background.data.length; i += 4) glaring.background.data.set([255, 0, 255, 255], i);
    const sizePx = 256;
    const picture = new FaceRenderer(glaring, { sizePx });
    const { geometry, layers } = geometryOf(glaring, sizePx);
    const person = layers.get('person')!.vertices;
    let checked = 0;
    fc.assert(
      fc.property(motion, (each) => {
        const rgba = picture.renderRgba(each as MotionFrame);
        geometry.update(each as MotionFrame);
        for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) throw new Error('a pixel was not painted');
        for (let t = 0; t < glaring.triangleOpaque.length; t++) {
          if (!glaring.triangleOpaque[t]) continue;
          const [a, b, c] = [0, 1, 2].map((k) => glaring.triangles[t * 3 + k] * VERTEX_FLOATS);
          const x = Math.floor((person[a] + person[b] + person[c]) / 3);
          const y = Math.floor((person[a + 1] + person[b + 1] + person[c + 1]) / 3);
          if (x < 0 || y < 0 || x >= sizePx || y >= sizePx) continue;
          // Only where the pixel's centre lies in a triangle that faces the viewer.
          const side = (p: number, q: number) =>
            (person[q] - person[p]) * (y + 0.5 - person[p + 1]) -
            (x + 0.5 - person[p]) * (person[q + 1] - person[p + 1]);
          if (Math.min(side(a, b), side(b, c), side(c, a)) <= 0) continue;
          checked++;
          const at = (y * sizePx + x) * 4;
          if (rgba[at] > 200 && rgba[at + 1] < 60 && rgba[at + 2] > 200) throw new Error(`hole at ${x}, ${y}`);
        }
      }),
      { numRuns: 24 },
    );
    expect(checked).toBeGreaterThan(3000);
  });

  it('never shows where the person’s picture ends below', () => {
    const small = renderer.renderRgba(frame({}, { scale: 0.5 }));
    // The synthetic body is blue-grey and as wide as the frame's middle third at the bottom.
    for (let x = 200; x < 312; x++) {
      const at = ((SIZE_PX - 1) * SIZE_PX + x) * 4;
      expect(Math.abs(small[at] - 70)).toBeLessThan(30);
      expect(Math.abs(small[at + 2] - 110)).toBeLessThan(30);
    }
  });
});

describe('textures', () => {
  const texture = (texels: number[][], widthPx: number) => ({
    widthPx,
    heightPx: texels.length / widthPx,
    data: Uint8Array.from(texels.flat()),
  });

  it('shrink by area, and what is transparent lends no colour', () => {
    const red = [200, 0, 0, 255];
    const clearGreen = [0, 200, 0, 0];
    const half = texture([red, clearGreen, red, clearGreen], 2);
    for (const small of [halve(half), shrink(half, 1, 1)]) expect([...small.data]).toEqual([200, 0, 0, 128]);
    const grey = texture(
      [
        [0, 0, 0, 255],
        [90, 90, 90, 255],
        [30, 30, 30, 255],
        [0, 0, 0, 255],
      ],
      4,
    );
    expect([...shrink(grey, 2, 1).data]).toEqual([45, 45, 45, 255, 15, 15, 15, 255]);
  });

  it('stay as they are where the output is as fine as they', () => {
    expect(prepareTextures(rig, 512).person.texture).toBe(rig.person);
    expect(prepareTextures(rig, 256).person.texture.widthPx).toBe(rig.person.widthPx / 2);
  });
});

describe('sizes', () => {
  it.each([255, 254, 1026, 300.5, Number.NaN])('refuses %s px', (sizePx) => {
    expect(() => new FaceRenderer(rig, { sizePx })).toThrow(AppError);
  });
});
