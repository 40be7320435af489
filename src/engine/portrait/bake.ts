/**
 * Photo → FaceRig. In: a decoded photo, its faces and the face basis. Out: the rig, what was learnt about the photo on
 * the way, and the time each step took. Deterministic: the same photo gives the same rig, bit for bit.
 */
import { sharp } from '../../media/image.ts';
import { type FaceRig, RIG_VERSION, type SparseMatrix } from '../face-rig.ts';
import type { BlendshapeName } from '../motion-frame.ts';
import { personalShapes } from './expression-shapes.ts';
import { bakeEye } from './eyes.ts';
import type { FaceBasis } from './face-basis.ts';
import { applyBasisToRig, basisToRig, type FaceFit, fitFace, poseAngles } from './face-fit.ts';
import { type Face, faceSizePx } from './face-mesh.ts';
import { measureGrain } from './fill.ts';
import { type Framing, frameFace, toRigSpace } from './framing.ts';
import type { Circle } from './iris-fit.ts';
import { CHIN, FACE_OVAL, FOREHEAD_TOP, LEFT_IRIS, RIGHT_IRIS, SKIN_LANDMARK_COUNT } from './landmark-indices.ts';
import { snapLids } from './lid-snap.ts';
import { applySimilarity, type Similarity } from './linear-algebra.ts';
import { personMatte } from './matte.ts';
import { matteView } from './matting.ts';
import { addSpread, bakeMouth, type LipEdges, lipEdges, lipGap, sealMatrix } from './mouth.ts';
import { buildOuterMesh, measureFace } from './outer-mesh.ts';
import { extendBeyondPhoto } from './outpaint.ts';
import { readPalette } from './palette.ts';
import { assemblePersonMesh, type PersonMesh, sparseShape } from './person-mesh.ts';
import type { Photo } from './photo.ts';
import { poseLimits } from './pose-limits.ts';
import { clamp, convexHull, createRaster, halve, lumaOf, type Raster, resize, sample } from './raster.ts';
import { fitShading } from './shading.ts';
import { CANVAS, composeTextures } from './textures.ts';
import { photoWarnings } from './warnings.ts';

const FOCAL_PX = 1500;
/** The neck joint, basis space. */
const PIVOT = [0, -5, -1] as const;

export interface PortraitAnalysis {
  faceCount: number;
  /** Detector score of the face that was taken, 0…1, and its width in photo px. */
  faceScore: number;
  faceSizePx: number;
  framing: Framing;
  /** 478 × 3, rig px, lids snapped. */
  landmarks: Float32Array;
  /** Mean landmark error of the face model, parts of the face's height. */
  fitError: number;
  /** Matte over the view, 0…1. */
  matte: Raster;
}

export interface BakeResult {
  rig: FaceRig;
  analysis: PortraitAnalysis;
  /** ms by step, in the order they ran. */
  timings: Record<string, number>;
}

export async function bakeRig(photo: Photo, faces: Face[], basis: FaceBasis): Promise<BakeResult> {
  const timings: Record<string, number> = {};
  let since = performance.now();
  const lap = (step: string) => {
    const now = performance.now();
    timings[step] = now - since;
    since = now;
  };

  const face = faces[0];
  const framing = frameFace(photo.widthPx, photo.heightPx, face.landmarks);
  const { view: viewRect } = framing;
  const fine = await resamplePhoto(photo, framing);
  const view = framing.texelScale === 2 ? halve(fine) : fine;
  lap('resampleMs');
  const rawMatte = await matteOfView(photo, framing);
  lap('segmentMs');

  const landmarks = snapLids(view, viewRect, toRigSpace(framing, face.landmarks));
  const fit = fitFace(basis, landmarks);
  const toRig = basisToRig(fit.pose);
  const measures = measureFace(fit.positions);
  lap('fitMs');

  const matting = matteView(view, rawMatte, faceOutline(landmarks, viewRect));
  lap('matteMs');
  const overhang = {
    left: viewRect.x0Px - CANVAS.x0Px,
    top: viewRect.y0Px - CANVAS.y0Px,
    right: CANVAS.x0Px + CANVAS.widthPx - viewRect.x0Px - viewRect.widthPx,
    bottom: CANVAS.y0Px + CANVAS.heightPx - viewRect.y0Px - viewRect.heightPx,
  };
  const surroundings = extendBeyondPhoto(view, matting, overhang, faceExtent(landmarks, viewRect, measures));
  lap('outpaintMs');
  const grain = 0.8 * measureGrain(lumaOf(view), resize(matting.backgroundKnown, view.widthPx, view.heightPx));
  const { person, background } = composeTextures(fine, matting, surroundings, framing, grain);
  lap('textureMs');

  const texelsPerPx = person.widthPx / CANVAS.widthPx;
  const alphaAt = (x: number, y: number) => {
    const column = clamp(Math.floor((x - CANVAS.x0Px) * texelsPerPx), 0, person.widthPx - 1);
    const row = clamp(Math.floor((y - CANVAS.y0Px) * texelsPerPx), 0, person.heightPx - 1);
    return person.data[(row * person.widthPx + column) * 4 + 3] / 255;
  };
  const outer = buildOuterMesh(basis, toRig, fit.positions, measures, alphaAt);
  const dense = personalShapes(basis, fit.pose, fit.positions);
  const mesh = assemblePersonMesh(basis, fit.positions, outer, dense, person, CANVAS);
  lap('meshMs');

  const edges = lipEdges(basis);
  const vertexCount = mesh.positions.length / 3;
  const seals = {
    edges,
    upper: sealMatrix(basis, edges.upper, 1, vertexCount),
    lower: sealMatrix(basis, edges.lower, -1, vertexCount),
  };
  const neutralize = neutralizeShape(mesh, fit, seals);
  const neutral = mesh.positions.map((value, i) => value + neutralize[i]);
  const photoGapPx = Math.hypot(fit.positions[39] - fit.positions[42], fit.positions[40] - fit.positions[43]);
  const palette = readPalette(view, viewRect, basis, fit.positions, landmarks, measures.faceHeightPx, photoGapPx);
  const mouth = bakeMouth(basis, toRig, fit.pose.scale, fit.positions, neutral, palette, seals);
  lap('mouthMs');
  const eye = (ring: FaceBasis['rings']['leftEye'], iris: readonly number[]) =>
    bakeEye(fine, framing.texelScale, viewRect, ring, fit.positions, irisOf(landmarks, iris), palette.eyeWhite);
  const eyes = {
    left: eye(basis.rings.leftEye, LEFT_IRIS),
    right: eye(basis.rings.rightEye, RIGHT_IRIS),
  };
  lap('eyesMs');

  const turn: Similarity = { scale: 1, rotation: fit.pose.rotation, translation: [0, 0, 0] };
  const normals = applySimilarity(turn, basis.normals);
  const photoPose = poseAngles(fit.pose);
  const rig: FaceRig = {
    version: RIG_VERSION,
    source: {
      name: photo.name,
      widthPx: photo.widthPx,
      heightPx: photo.heightPx,
      crop: [framing.x0Px, framing.y0Px, framing.sidePx],
    },
    warnings: photoWarnings(faces, framing, photo, photoPose, landmarks),
    canvas: CANVAS,
    person,
    background,
    focalPx: FOCAL_PX,
    pivot: applyBasisToRig(toRig, ...PIVOT),
    faceCenter: [
      (measures.chinX + fit.positions[3 * FOREHEAD_TOP]) / 2,
      (measures.chinY + fit.positions[3 * FOREHEAD_TOP + 1]) / 2,
    ],
    faceWidthPx: measures.faceWidthPx,
    faceHeightPx: measures.faceHeightPx,
    photoPose,
    poseLimits: poseLimits(photoPose),
    basisToRig: toRig,
    positions: mesh.positions,
    faceVertexCount: basis.vertexCount,
    triangles: mesh.triangles,
    triangleOpaque: mesh.triangleOpaque,
    headWeight: mesh.headWeight,
    shadeFalloff: mesh.shadeFalloff,
    nearestOval: mesh.nearestOval,
    shapes: mesh.shapes.map((shape) => sparseShape(shape, basis.vertexCount)),
    neutralize,
    photoExpression: fit.expression,
    shading: { coefficients: fitShading(view, viewRect, fit.positions, normals), normals },
    outerLipRing: basis.rings.outerLips.vertices.slice(),
    eyes,
    mouth,
  };
  lap('assembleMs');
  return {
    rig,
    analysis: {
      faceCount: faces.length,
      faceScore: face.score,
      faceSizePx: faceSizePx(face),
      framing,
      landmarks,
      fitError: fit.error,
      matte: matting.alpha,
    },
    timings,
  };
}

/** The photo's part that the canvas sees, at the textures' resolution, 0…1. */
async function resamplePhoto(photo: Photo, { source, view, texelScale }: Framing): Promise<Raster> {
  const widthPx = view.widthPx * texelScale;
  const heightPx = view.heightPx * texelScale;
  const pixels = await sharp(photo.rgb, { raw: { width: photo.widthPx, height: photo.heightPx, channels: 3 } })
    .extract({ left: source.x0Px, top: source.y0Px, width: source.widthPx, height: source.heightPx })
    .resize(widthPx, heightPx, { fit: 'fill', kernel: 'lanczos3' })
    .raw()
    .toBuffer();
  const out = createRaster(widthPx, heightPx, 3);
  for (let i = 0; i < out.data.length; i++) out.data[i] = pixels[i] / 255;
  return out;
}

/**
 * The segmentation network sees 256 × 256 px, so it is asked about two squares: the frame, where detail counts, and all of
 * the view. A soft border inside the frame joins them. Half the view's size.
 */
async function matteOfView(photo: Photo, framing: Framing): Promise<Raster> {
  const { source, view, sidePx } = framing;
  const frame = { x0: framing.x0Px, y0: framing.y0Px, sidePx };
  const near = await segment(photo, frame);
  const wideSide = Math.max(source.widthPx, source.heightPx);
  const wideSquare = {
    x0: source.x0Px + (source.widthPx - wideSide) / 2,
    y0: source.y0Px + (source.heightPx - wideSide) / 2,
    sidePx: wideSide,
  };
  const wide = wideSide > 1.1 * sidePx ? await segment(photo, wideSquare) : null;
  const out = createRaster((view.widthPx + 1) >> 1, (view.heightPx + 1) >> 1);
  const scaleX = source.widthPx / out.widthPx;
  const scaleY = source.heightPx / out.heightPx;
  for (let j = 0, i = 0; j < out.heightPx; j++) {
    const y = source.y0Px + (j + 0.5) * scaleY;
    for (let k = 0; k < out.widthPx; k++, i++) {
      const x = source.x0Px + (k + 0.5) * scaleX;
      const share = wide ? shareOf(frame, x, y) : 1;
      let value = share > 0 ? share * near(x, y) : 0;
      if (wide && share < 1) value += (1 - share) * wide(x, y);
      out.data[i] = value;
    }
  }
  return out;
}

interface PhotoSquare {
  x0: number;
  y0: number;
  sidePx: number;
}

/** 0 outside a square, 1 well inside. */
function shareOf({ x0, y0, sidePx }: PhotoSquare, x: number, y: number): number {
  const inset = Math.min(x - x0, x0 + sidePx - x, y - y0, y0 + sidePx - y);
  return clamp(inset / (0.08 * sidePx), 0, 1);
}

/** The matte of a square of the photo, as a function of photo px. */
async function segment(photo: Photo, { x0, y0, sidePx }: PhotoSquare): Promise<(x: number, y: number) => number> {
  const square = { centerX: x0 + sidePx / 2, centerY: y0 + sidePx / 2, sidePx, rollRad: 0 };
  const { sizePx, values } = await personMatte(photo, square);
  const raster = { widthPx: sizePx, heightPx: sizePx, channels: 1, data: values };
  return (x, y) => sample(raster, ((x - x0) / sidePx) * sizePx, ((y - y0) / sidePx) * sizePx);
}

function faceOutline(landmarks: Float32Array, origin: { x0Px: number; y0Px: number }): Float32Array {
  const points = new Float32Array(SKIN_LANDMARK_COUNT * 2);
  for (let i = 0; i < SKIN_LANDMARK_COUNT; i++) {
    points[2 * i] = landmarks[3 * i] - origin.x0Px;
    points[2 * i + 1] = landmarks[3 * i + 1] - origin.y0Px;
  }
  return convexHull(points);
}

function faceExtent(
  landmarks: Float32Array,
  origin: { x0Px: number; y0Px: number },
  { faceWidthPx, faceHeightPx }: { faceWidthPx: number; faceHeightPx: number },
) {
  const xs = FACE_OVAL.map((i) => landmarks[3 * i] - origin.x0Px);
  return {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: landmarks[3 * FOREHEAD_TOP + 1] - origin.y0Px,
    chin: landmarks[3 * CHIN + 1] - origin.y0Px,
    faceWidth: faceWidthPx,
    faceHeight: faceHeightPx,
  };
}

function irisOf(landmarks: Float32Array, [center, ...edge]: readonly number[]): Circle {
  const x = landmarks[3 * center];
  const y = landmarks[3 * center + 1];
  const radius =
    edge.reduce((sum, i) => sum + Math.hypot(landmarks[3 * i] - x, landmarks[3 * i + 1] - y), 0) / edge.length;
  return { x, y, radius };
}

/** Minus the photo's own mouth expression, then what still gapes is closed. */
function neutralizeShape(
  mesh: PersonMesh,
  fit: FaceFit,
  seals: { edges: LipEdges; upper: SparseMatrix; lower: SparseMatrix },
): Float32Array {
  const out = new Float32Array(mesh.positions.length);
  for (const shape of mesh.shapes) {
    const weight = fit.expression[shape.name] ?? 0;
    if (weight === 0 || !isMouthShape(shape.name)) continue;
    // A photo's frown or pucker is as often the person's own mouth: half of it stays.
    const amount = /Frown|Pucker/.test(shape.name) ? weight / 2 : weight;
    for (let i = 0; i < out.length; i++) out[i] -= amount * shape.delta[i];
  }
  const gap = lipGap(
    mesh.positions.map((value, i) => value + out[i]),
    seals.edges,
  );
  addSpread(out, seals.upper, gap, 0.35);
  addSpread(out, seals.lower, gap, -0.65);
  return out;
}

function isMouthShape(name: BlendshapeName): boolean {
  return name.startsWith('mouth') || name.startsWith('jaw');
}
