/**
 * Where faces are: a photo in, boxes with six key points out, best first.
 *
 * Two small networks (MediaPipe BlazeFace, near: 128 px input, far: 192 px) look at the whole photo, and in a search also
 * at tiles of it, from farther away and turned.
 * Boxes of all passes are merged by weighted non-maximum suppression in photo px.
 */
import { loadModel } from '../../inference.ts';
import type { Photo } from './photo.ts';
import { cropSquare, type Square, toPhoto } from './photo-crop.ts';

export interface FaceDetection {
  /** Upright box around brows, chin and cheeks, photo px. */
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  /** 0…1. */
  score: number;
  /** Photo px: eye at the image's left, eye at the right, nose tip, mouth, ear at the left, ear at the right. */
  keypoints: [x: number, y: number][];
}

interface Detector {
  model: string;
  sizePx: number;
  minScore: number;
  /** Anchor centres, x and y in 0…1, in the order of the network's rows. */
  anchors: Float32Array;
}

/** Seen on upright portraits and paintings: 0.74…0.98; on the same ones upside down: under 0.8. */
export const CONFIDENT_SCORE = 0.8;
const KEYPOINTS = 6;
const OVERLAP_TO_MERGE = 0.3;
const ROLL_TO_MERGE_RAD = 0.5;
const TURNS_RAD = [-0.6, 0.6, -Math.PI / 2, Math.PI / 2, Math.PI];

/** One anchor per `perCell` and cell of a square grid, layer after layer. */
function makeAnchors(layers: { cells: number; perCell: number }[]): Float32Array {
  const centers: number[] = [];
  for (const { cells, perCell } of layers) {
    for (let y = 0; y < cells; y++) {
      for (let x = 0; x < cells; x++) {
        for (let n = 0; n < perCell; n++) centers.push((x + 0.5) / cells, (y + 0.5) / cells);
      }
    }
  }
  return Float32Array.from(centers);
}

const NEAR: Detector = {
  model: 'face-detector-near',
  sizePx: 128,
  minScore: 0.5,
  anchors: makeAnchors([
    { cells: 16, perCell: 2 },
    { cells: 8, perCell: 6 },
  ]),
};
const FAR: Detector = {
  model: 'face-detector-far',
  sizePx: 192,
  minScore: 0.6,
  anchors: makeAnchors([{ cells: 48, perCell: 1 }]),
};

/** A quick look at the whole photo: what most portraits need. Best score first. */
export async function glanceForFaces(photo: Photo): Promise<FaceDetection[]> {
  const whole = wholePhoto(photo);
  return mergeOverlapping([...(await detect(photo, whole, NEAR)), ...(await detect(photo, whole, FAR))]);
}

/**
 * A thorough search for what a glance misses: small faces (tiles), faces that fill the frame (from farther away), faces that lie
 * or stand on their head (turned). Best score first.
 */
export async function searchForFaces(photo: Photo): Promise<FaceDetection[]> {
  const whole = wholePhoto(photo);
  const found = await glanceForFaces(photo);
  for (const zoom of [1.4, 2]) found.push(...(await detect(photo, { ...whole, sidePx: whole.sidePx * zoom }, NEAR)));
  for (const rollRad of TURNS_RAD) {
    found.push(...(await detect(photo, { ...whole, sidePx: whole.sidePx * 1.2, rollRad }, NEAR)));
    found.push(...(await detect(photo, { ...whole, sidePx: whole.sidePx * 1.1, rollRad }, FAR)));
  }
  const shortSidePx = Math.min(photo.widthPx, photo.heightPx);
  for (const divisor of [1, 2, 3]) {
    for (const tile of tiles(photo, shortSidePx / divisor)) found.push(...(await detect(photo, tile, FAR)));
    if (found.some((face) => face.score > CONFIDENT_SCORE)) break;
  }
  return mergeOverlapping(found);
}

function wholePhoto({ widthPx, heightPx }: Photo): Square {
  return { centerX: widthPx / 2, centerY: heightPx / 2, sidePx: Math.max(widthPx, heightPx), rollRad: 0 };
}

/** Squares of a given side that cover the photo and overlap by at least a third. */
function tiles(photo: Photo, sidePx: number): Square[] {
  const starts = (lengthPx: number) => {
    const count = Math.max(1, Math.ceil((lengthPx - sidePx) / (sidePx * 0.65)) + 1);
    return Array.from({ length: count }, (_, i) =>
      count === 1 ? lengthPx / 2 : sidePx / 2 + ((lengthPx - sidePx) * i) / (count - 1),
    );
  };
  return starts(photo.heightPx).flatMap((centerY) =>
    starts(photo.widthPx).map((centerX) => ({ centerX, centerY, sidePx, rollRad: 0 })),
  );
}

async function detect(photo: Photo, square: Square, detector: Detector): Promise<FaceDetection[]> {
  const { sizePx, anchors, minScore } = detector;
  const model = await loadModel(detector.model);
  const data = cropSquare(photo, square, sizePx, { low: -1, high: 1, edge: 'black' });
  const { boxes, scores } = await model.run({ input: { data, dims: [1, sizePx, sizePx, 3] } });
  const minLogit = Math.log(minScore / (1 - minScore));
  const found: FaceDetection[] = [];
  for (let row = 0; row < scores.data.length; row++) {
    if (scores.data[row] < minLogit) continue;
    const raw = boxes.data.subarray(row * 16, row * 16 + 16);
    const point = (at: number) =>
      toPhoto(square, raw[at] / sizePx + anchors[row * 2], raw[at + 1] / sizePx + anchors[row * 2 + 1]);
    const [x, y] = point(0);
    const halfX = ((raw[2] / sizePx) * square.sidePx) / 2;
    const halfY = ((raw[3] / sizePx) * square.sidePx) / 2;
    found.push({
      x0: x - halfX,
      y0: y - halfY,
      x1: x + halfX,
      y1: y + halfY,
      score: 1 / (1 + Math.exp(-scores.data[row])),
      keypoints: Array.from({ length: KEYPOINTS }, (_, n) => point(4 + 2 * n)),
    });
  }
  return found;
}

/** Boxes that overlap become one: the mean, weighted by score, of those that see the head turned like the best does. */
function mergeOverlapping(detections: FaceDetection[]): FaceDetection[] {
  let rest = detections.toSorted((a, b) => b.score - a.score);
  const merged: FaceDetection[] = [];
  while (rest.length > 0) {
    const best = rest[0];
    const group = rest.filter((other) => other === best || overlap(best, other) > OVERLAP_TO_MERGE);
    rest = rest.filter((other) => !group.includes(other));
    const alike = group.filter((other) => Math.cos(rollRad(other) - rollRad(best)) > Math.cos(ROLL_TO_MERGE_RAD));
    const total = alike.reduce((sum, d) => sum + d.score, 0);
    const mean = (of: (d: FaceDetection) => number) => alike.reduce((sum, d) => sum + of(d) * d.score, 0) / total;
    merged.push({
      x0: mean((d) => d.x0),
      y0: mean((d) => d.y0),
      x1: mean((d) => d.x1),
      y1: mean((d) => d.y1),
      score: best.score,
      keypoints: best.keypoints.map((_, n) => [mean((d) => d.keypoints[n][0]), mean((d) => d.keypoints[n][1])]),
    });
  }
  return merged;
}

/** How far the line between the eyes is turned clockwise. */
export function rollRad({ keypoints: [[leftX, leftY], [rightX, rightY]] }: FaceDetection): number {
  return Math.atan2(rightY - leftY, rightX - leftX);
}

/** Intersection over union. */
function overlap(a: FaceDetection, b: FaceDetection): number {
  const width = Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0);
  const height = Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0);
  if (width <= 0 || height <= 0) return 0;
  const area = (d: FaceDetection) => (d.x1 - d.x0) * (d.y1 - d.y0);
  return (width * height) / (area(a) + area(b) - width * height);
}
