/**
 * The sheet by which a person judges a portrait: what was seen in the photo, and the face in every kind of motion.
 * In: a baked rig and its analysis. Out: one PNG of tiles, row by row as listed below.
 */
import { type FaceRig, RIG_FRAME_PX } from '../engine/face-rig.ts';
import { type MotionFrame, neutralFrame } from '../engine/motion-frame.ts';
import type { PortraitAnalysis } from '../engine/portrait/bake.ts';
import { FaceRenderer } from '../engine/render/face-renderer.ts';
import { createPartFile } from '../media/part-file.ts';
import { writePng } from '../media/png.ts';

const TILE_PX = 256;
const COLUMNS = 8;
const DEGREE = Math.PI / 180;

type Weights = MotionFrame['blendshapes'];
interface Tile {
  pose?: Partial<MotionFrame['pose']>;
  gaze?: Partial<MotionFrame['gaze']>;
  weights?: Weights;
}

const both = (name: string, weight: number): Weights => ({ [`${name}Left`]: weight, [`${name}Right`]: weight });
const blink = (weight: number): Tile => ({ weights: both('eyeBlink', weight) });
const turn = (yaw: number, pitch: number, roll: number): Tile => ({
  pose: { yawRad: yaw * DEGREE, pitchRad: pitch * DEGREE, rollRad: roll * DEGREE },
  // The eyes stay on the viewer.
  gaze: { yawRad: -yaw * DEGREE, pitchRad: -pitch * DEGREE },
});
const look = (yawRad: number, pitchRad: number): Tile => ({ gaze: { yawRad, pitchRad } });
const mouth = (weights: Weights): Tile => ({ weights });

const TURNS = [
  turn(-15, 0, 0),
  turn(-8, 0, 0),
  turn(8, 0, 0),
  turn(15, 0, 0),
  turn(0, 10, 0),
  turn(0, -10, 0),
  turn(0, 0, 10),
  { pose: { scale: 0.6, x: 0.1, y: 0.05 } },
];
const EYES = [
  blink(0.35),
  blink(0.7),
  blink(1),
  look(-0.4, 0),
  look(0.4, 0),
  look(0, 0.3),
  look(0, -0.3),
  {
    weights: both('eyeWide', 1),
  },
];
const EMOTIONS: Tile[] = [
  mouth({ ...both('mouthSmile', 0.5), ...both('cheekSquint', 0.3) }),
  mouth({ ...both('mouthSmile', 0.9), ...both('cheekSquint', 0.6), jawOpen: 0.15 }),
  mouth({ ...both('mouthFrown', 0.7), browInnerUp: 0.8 }),
  mouth({ ...both('browDown', 0.9), ...both('noseSneer', 0.4), ...both('mouthPress', 0.5) }),
  mouth({ browInnerUp: 0.8, ...both('browOuterUp', 0.8), ...both('eyeWide', 0.7), jawOpen: 0.3 }),
  mouth({ cheekPuff: 0.8, mouthPucker: 0.3 }),
  mouth({ mouthLeft: 0.8 }),
  mouth({ tongueOut: 1, jawOpen: 0.4 }),
];
const SOUNDS: Tile[] = [
  mouth({ mouthClose: 0.1 }),
  mouth({ jawOpen: 0.08, mouthClose: 0.12, ...both('mouthPress', 0.35), mouthRollLower: 0.15, mouthRollUpper: 0.15 }),
  mouth({ jawOpen: 0.03, mouthRollLower: 0.5, ...both('mouthUpperUp', 0.28) }),
  mouth({ jawOpen: 0.12, tongueOut: 0.65 }),
  mouth({ jawOpen: 0.36, ...both('mouthLowerDown', 0.15) }),
  mouth({ jawOpen: 0.1, ...both('mouthStretch', 0.3), ...both('mouthSmile', 0.2), ...both('mouthLowerDown', 0.2) }),
  mouth({ jawOpen: 0.22, mouthFunnel: 0.5 }),
  mouth({ jawOpen: 0.08, mouthPucker: 0.8, mouthFunnel: 0.3 }),
];

/** @throws AppError FILE_UNWRITABLE. */
export async function writeDebugSheet(path: string, rig: FaceRig, analysis: PortraitAnalysis): Promise<void> {
  const renderer = new FaceRenderer(rig, { sizePx: TILE_PX });
  const draw = ({ pose, gaze, weights }: Tile) => {
    const frame = neutralFrame();
    Object.assign(frame.pose, pose);
    Object.assign(frame.gaze, gaze);
    frame.blendshapes = weights ?? {};
    return renderer.renderRgba(frame);
  };
  const rest = draw({});
  const seen = [rest, withLandmarks(rest, analysis.landmarks), canvasTile(rig, true), canvasTile(rig, false)];
  const tiles = [...seen, ...Array<null>(COLUMNS - seen.length).fill(null)].concat(
    [TURNS, EYES, EMOTIONS, SOUNDS].flat().map(draw),
  );

  const rows = tiles.length / COLUMNS;
  const sheet = { widthPx: COLUMNS * TILE_PX, heightPx: rows * TILE_PX };
  const data = new Uint8Array(sheet.widthPx * sheet.heightPx * 4).fill(255);
  tiles.forEach((tile, i) => {
    if (tile === null) return;
    const left = (i % COLUMNS) * TILE_PX;
    const top = Math.floor(i / COLUMNS) * TILE_PX;
    for (let y = 0; y < TILE_PX; y++) {
      data.set(tile.subarray(y * TILE_PX * 4, (y + 1) * TILE_PX * 4), ((top + y) * sheet.widthPx + left) * 4);
    }
  });
  const part = await createPartFile(path);
  try {
    await writePng(part.path, { ...sheet, data });
    await part.commit();
  } catch (error) {
    await part.discard();
    throw error;
  }
}

/** The picture at rest with a dot on every landmark. */
function withLandmarks(rest: Uint8Array, landmarks: Float32Array): Uint8Array {
  const picture = rest.slice();
  const scale = TILE_PX / RIG_FRAME_PX;
  for (let i = 0; i < landmarks.length; i += 3) {
    const x = Math.round(landmarks[i] * scale);
    const y = Math.round(landmarks[i + 1] * scale);
    if (x < 0 || y < 0 || x >= TILE_PX || y >= TILE_PX) continue;
    picture.set([0, 255, 80, 255], (y * TILE_PX + x) * 4);
  }
  return picture;
}

/** The whole canvas, far beyond the frame: the person on magenta, or the refilled background. */
function canvasTile(rig: FaceRig, isPerson: boolean): Uint8Array {
  const { widthPx, heightPx, data } = isPerson ? rig.person : rig.background;
  const tile = new Uint8Array(TILE_PX * TILE_PX * 4).fill(255);
  for (let y = 0; y < TILE_PX; y++) {
    for (let x = 0; x < TILE_PX; x++) {
      const from = (Math.floor((y * heightPx) / TILE_PX) * widthPx + Math.floor((x * widthPx) / TILE_PX)) * 4;
      const alpha = isPerson ? data[from + 3] / 255 : 1;
      for (let c = 0; c < 3; c++) {
        const behind = c === 1 ? 0 : 255;
        tile[(y * TILE_PX + x) * 4 + c] = alpha * data[from + c] + (1 - alpha) * behind;
      }
    }
  }
  return tile;
}
