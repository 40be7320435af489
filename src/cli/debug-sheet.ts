/**
 * The sheet by which a person judges a portrait: what the bake made of the photo, and below it the face in motion: head
 * turns, eyes, emotions, mouth shapes. In: a baked rig. Out: one PNG.
 */
import { type FaceRig, RIG_FRAME_PX } from '../engine/face-rig.ts';
import { type MotionFrame, neutralFrame } from '../engine/motion-frame.ts';
import { drawDebugSheet } from '../engine/portrait/debug-sheet.ts';
import { FaceRenderer } from '../engine/render/face-renderer.ts';
import { createPartFile } from '../media/part-file.ts';
import { stackPng } from '../media/png.ts';

/** Half a frame. */
const TILE_PX = 256;
const COLUMNS = 6;
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

const ROWS: { tiles: Tile[]; shows: 'frame' | 'eyes' | 'mouth' }[] = [
  {
    shows: 'frame',
    tiles: [turn(-12, 0, 0), turn(12, 0, 0), turn(0, 10, 0), turn(0, -10, 0), turn(0, 0, 10), { pose: { scale: 0.6 } }],
  },
  {
    shows: 'eyes',
    tiles: [blink(0), blink(0.5), blink(1), look(-0.4, 0), look(0.4, 0.2), { weights: both('eyeWide', 1) }],
  },
  {
    shows: 'frame',
    tiles: [
      mouth({ ...both('mouthSmile', 0.75), ...both('cheekSquint', 0.5), ...both('eyeSquint', 0.3) }),
      mouth({ ...both('mouthSmile', 0.9), ...both('cheekSquint', 0.6), jawOpen: 0.15 }),
      mouth({ ...both('browDown', 0.9), ...both('noseSneer', 0.35), ...both('mouthFrown', 0.4) }),
      mouth({ browInnerUp: 0.85, ...both('browOuterUp', 0.8), ...both('eyeWide', 0.8), jawOpen: 0.25 }),
      mouth({ browInnerUp: 0.9, ...both('mouthFrown', 0.7), mouthShrugLower: 0.4 }),
      mouth({ tongueOut: 1, jawOpen: 0.4 }),
    ],
  },
  {
    // m, f, th, a, i, u
    shows: 'mouth',
    tiles: [
      mouth({
        jawOpen: 0.08,
        mouthClose: 0.12,
        ...both('mouthPress', 0.35),
        mouthRollLower: 0.15,
        mouthRollUpper: 0.15,
      }),
      mouth({ jawOpen: 0.03, mouthRollLower: 0.5, ...both('mouthUpperUp', 0.28) }),
      mouth({ jawOpen: 0.12, tongueOut: 0.65 }),
      mouth({ jawOpen: 0.36, ...both('mouthLowerDown', 0.15) }),
      mouth({ jawOpen: 0.1, ...both('mouthStretch', 0.3), ...both('mouthSmile', 0.2), ...both('mouthLowerDown', 0.2) }),
      mouth({ jawOpen: 0.08, mouthPucker: 0.8, mouthFunnel: 0.3 }),
    ],
  },
];

/** @throws AppError FILE_UNWRITABLE. */
export async function writeDebugSheet(path: string, rig: FaceRig): Promise<void> {
  const renderer = new FaceRenderer(rig, { sizePx: RIG_FRAME_PX });
  const widthPx = COLUMNS * TILE_PX;
  const heightPx = ROWS.length * TILE_PX;
  const data = new Uint8Array(widthPx * heightPx * 4);
  ROWS.forEach(({ tiles, shows }, row) => {
    tiles.forEach(({ pose, gaze, weights }, column) => {
      const frame = neutralFrame();
      Object.assign(frame.pose, pose);
      Object.assign(frame.gaze, gaze);
      frame.blendshapes = weights ?? {};
      const picture = renderer.renderRgba(frame);
      const tile = shows === 'frame' ? halved(picture) : cropped(picture, centreOf(rig, shows));
      for (let y = 0; y < TILE_PX; y++) {
        const at = ((row * TILE_PX + y) * widthPx + column * TILE_PX) * 4;
        data.set(tile.subarray(y * TILE_PX * 4, (y + 1) * TILE_PX * 4), at);
      }
    });
  });
  const part = await createPartFile(path);
  try {
    await part.writing(stackPng(part.path, await drawDebugSheet(rig), { widthPx, heightPx, data }));
    await part.commit();
  } catch (error) {
    await part.discard();
    throw error;
  }
}

/** Rig px between the eyes, or between the lips. */
function centreOf(rig: FaceRig, part: 'eyes' | 'mouth'): [x: number, y: number] {
  if (part === 'eyes') {
    const { left, right } = rig.eyes;
    return [(left.irisCenter[0] + right.irisCenter[0]) / 2, (left.irisCenter[1] + right.irisCenter[1]) / 2];
  }
  const mean = (axis: number) =>
    rig.outerLipRing.reduce((sum, vertex) => sum + rig.positions[3 * vertex + axis], 0) / rig.outerLipRing.length;
  return [mean(0), mean(1)];
}

/** The tile around a point at full size, moved inside the picture. */
function cropped(picture: Uint8Array, [x, y]: [number, number]): Uint8Array {
  const inside = (centre: number) => Math.max(0, Math.min(RIG_FRAME_PX - TILE_PX, Math.round(centre) - TILE_PX / 2));
  const tile = new Uint8Array(TILE_PX * TILE_PX * 4);
  for (let row = 0; row < TILE_PX; row++) {
    const from = ((inside(y) + row) * RIG_FRAME_PX + inside(x)) * 4;
    tile.set(picture.subarray(from, from + TILE_PX * 4), row * TILE_PX * 4);
  }
  return tile;
}

/** The whole picture at half its size. */
function halved(picture: Uint8Array): Uint8Array {
  const tile = new Uint8Array(TILE_PX * TILE_PX * 4);
  for (let y = 0; y < TILE_PX; y++) {
    for (let x = 0; x < TILE_PX; x++) {
      const from = (2 * y * RIG_FRAME_PX + 2 * x) * 4;
      for (let c = 0; c < 4; c++) {
        const below = from + RIG_FRAME_PX * 4;
        tile[(y * TILE_PX + x) * 4 + c] =
          (picture[from + c] + picture[from + 4 + c] + picture[below + c] + picture[below + 4 + c]) / 4;
      }
    }
  }
  return tile;
}
