/**
 * Contact sheets for looking: every row a portrait, every column a state of the face.
 *   npx tsx scripts/contact-sheets.ts SHEET OUT.png PORTRAIT… [--cell PX] [--size PX]
 * SHEET: mouth | eyes | gaze | expressions | emotions | turns | distance | talk. PORTRAIT: a photo or a .rig file.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import sharp, { type OverlayOptions } from 'sharp';
import { type AvatarControls, EMOTIONS } from '../src/engine/controls.ts';
import type { FaceRig } from '../src/engine/face-rig.ts';
import { emotionOffset } from '../src/engine/motion/emotion.ts';
import { toBlendshapes, WEIGHT_COUNT } from '../src/engine/motion/retarget.ts';
import type { BlendshapeName, MotionFrame } from '../src/engine/motion-frame.ts';
import { neutralFrame } from '../src/engine/motion-frame.ts';
import { bakePortrait } from '../src/engine/portrait/portrait.ts';
import { loadRig } from '../src/engine/portrait/rig-store.ts';
import { FaceRenderer } from '../src/engine/render/face-renderer.ts';
import { allowOwnDrawings } from '../src/media/image.ts';

interface State {
  label: string;
  frame: MotionFrame;
}
interface Sheet {
  states: State[];
  /** What of the picture a cell shows. */
  view: 'mouth' | 'eyes' | 'face' | 'frame';
}

/** Weights given without a side stand for both. */
function frameOf(weights: Record<string, number>, pose = {}, gaze = {}): MotionFrame {
  const frame = neutralFrame();
  const both =
    /^(brow(Down|OuterUp)|cheekSquint|eye(Blink|Squint|Wide|Look\w+)|mouth(Dimple|Frown|LowerDown|Press|Smile|Stretch|UpperUp)|noseSneer)$/;
  for (const [name, value] of Object.entries(weights)) {
    if (both.test(name)) {
      frame.blendshapes[`${name}Left` as BlendshapeName] = value;
      frame.blendshapes[`${name}Right` as BlendshapeName] = value;
    } else frame.blendshapes[name as BlendshapeName] = value;
  }
  Object.assign(frame.pose, pose);
  Object.assign(frame.gaze, gaze);
  return frame;
}

const VISEMES: Record<string, Record<string, number>> = {
  rest: {},
  closed: { mouthClose: 0.1 },
  MBP: { jawOpen: 0.06, mouthClose: 0.12, mouthPress: 0.4, mouthRollLower: 0.18, mouthRollUpper: 0.12 },
  aa: { jawOpen: 0.36, mouthLowerDown: 0.3, mouthUpperUp: 0.22, mouthStretch: 0.12 },
  AA: { jawOpen: 0.6, mouthLowerDown: 0.3, mouthUpperUp: 0.3, mouthStretch: 0.15 },
  eh: { jawOpen: 0.22, mouthLowerDown: 0.3, mouthUpperUp: 0.25, mouthStretch: 0.22, tongueOut: 0.1 },
  ee: { jawOpen: 0.1, mouthSmile: 0.3, mouthStretch: 0.3, mouthLowerDown: 0.4, mouthUpperUp: 0.3, tongueOut: 0.2 },
  oo: { jawOpen: 0.05, mouthPucker: 0.95, mouthFunnel: 0.2 },
  oh: { jawOpen: 0.24, mouthPucker: 0.6, mouthFunnel: 0.3 },
  FV: { jawOpen: 0.03, mouthRollLower: 0.5, mouthUpperUp: 0.28, mouthShrugLower: 0.1 },
  TH: { jawOpen: 0.15, mouthLowerDown: 0.25, mouthUpperUp: 0.25, tongueOut: 0.65 },
  tdn: { jawOpen: 0.1, mouthLowerDown: 0.22, mouthUpperUp: 0.18, tongueOut: 0.35 },
  sh: { jawOpen: 0.07, mouthFunnel: 0.45, mouthPucker: 0.25, mouthLowerDown: 0.15 },
  tongue: { jawOpen: 0.3, tongueOut: 1 },
};

const states = (list: Record<string, MotionFrame>): State[] =>
  Object.entries(list).map(([label, frame]) => ({ label, frame }));
const degrees = (value: number) => (value * Math.PI) / 180;

/** What the product makes of an emotion, at rest. */
function emotionFrame(emotion: AvatarControls['emotion']): MotionFrame {
  const frame = neutralFrame();
  const { pitchRad, rollRad, scale, gazePitchRad, addTo } = emotionOffset(emotion);
  const weights = new Float32Array(WEIGHT_COUNT);
  addTo(weights);
  frame.blendshapes = toBlendshapes(weights);
  frame.pose = { ...frame.pose, pitchRad, rollRad, scale };
  frame.gaze = { yawRad: 0, pitchRad: gazePitchRad };
  return frame;
}

/** A phrase in visemes, blended, frame by frame: what a mouth strip looks like. */
function talkStates(): State[] {
  const order = ['closed', 'MBP', 'aa', 'MBP', 'ee', 'FV', 'oh', 'tdn', 'oo', 'TH', 'eh', 'MBP', 'closed'];
  const result: State[] = [];
  for (let i = 0; i + 1 < order.length; i++)
    for (let k = 0; k < 3; k++) {
      const t = k / 3;
      const blended: Record<string, number> = {};
      for (const [from, share] of [
        [VISEMES[order[i]], 1 - t],
        [VISEMES[order[i + 1]], t],
      ] as const)
        for (const [name, value] of Object.entries(from)) blended[name] = (blended[name] ?? 0) + share * value;
      result.push({ label: k === 0 ? order[i] : '', frame: frameOf(blended) });
    }
  return result;
}

const SHEETS: Record<string, () => Sheet> = {
  mouth: () => ({
    view: 'mouth',
    states: states(Object.fromEntries(Object.entries(VISEMES).map(([k, w]) => [k, frameOf(w)]))),
  }),
  talk: () => ({ view: 'mouth', states: talkStates() }),
  eyes: () => ({
    view: 'eyes',
    states: states({
      rest: frameOf({}),
      'blink .3': frameOf({ eyeBlink: 0.3 }),
      'blink .6': frameOf({ eyeBlink: 0.6 }),
      'blink .85': frameOf({ eyeBlink: 0.85 }),
      'blink 1': frameOf({ eyeBlink: 1 }),
      'wink L': frameOf({ eyeBlinkLeft: 1 }),
      wide: frameOf({ eyeWide: 1 }),
      squint: frameOf({ eyeSquint: 1 }),
      browUp: frameOf({ browInnerUp: 0.8, browOuterUp: 0.6 }),
      browDown: frameOf({ browDown: 0.8 }),
    }),
  }),
  gaze: () => ({
    view: 'eyes',
    states: states({
      rest: frameOf({}),
      right: frameOf({}, {}, { yawRad: 0.35 }),
      left: frameOf({}, {}, { yawRad: -0.35 }),
      up: frameOf({}, {}, { pitchRad: 0.3 }),
      down: frameOf({}, {}, { pitchRad: -0.3 }),
      'right .15': frameOf({}, {}, { yawRad: 0.15 }),
      'up left': frameOf({}, {}, { yawRad: -0.25, pitchRad: 0.2 }),
      'far .6': frameOf({}, {}, { yawRad: 0.6 }),
      'head 12 gaze -12': frameOf({}, { yawRad: degrees(12) }, { yawRad: degrees(-12) }),
    }),
  }),
  expressions: () => ({
    view: 'face',
    states: states({
      rest: frameOf({}),
      smile: frameOf({ mouthSmile: 0.6, cheekSquint: 0.4, eyeSquint: 0.2 }),
      laugh: frameOf({
        mouthSmile: 0.9,
        cheekSquint: 0.6,
        eyeSquint: 0.4,
        jawOpen: 0.2,
        mouthUpperUp: 0.3,
        mouthLowerDown: 0.3,
      }),
      sad: frameOf({ mouthFrown: 0.6, browInnerUp: 0.8, mouthShrugLower: 0.3, eyeSquint: 0.1 }),
      angry: frameOf({ browDown: 0.9, noseSneer: 0.3, mouthPress: 0.3, eyeSquint: 0.3 }),
      surprised: frameOf({ browInnerUp: 0.9, browOuterUp: 0.9, eyeWide: 0.8, jawOpen: 0.3 }),
      disgust: frameOf({ noseSneer: 1, mouthUpperUp: 0.4, browDown: 0.4 }),
      puff: frameOf({ cheekPuff: 0.8, mouthClose: 0.1 }),
      'mouth left': frameOf({ mouthLeft: 0.8 }),
      'jaw right': frameOf({ jawRight: 0.8, jawOpen: 0.15 }),
    }),
  }),
  emotions: () => ({
    view: 'face',
    states: [
      { label: 'neutral', frame: emotionFrame({}) },
      ...EMOTIONS.filter((name) => name !== 'neutral').flatMap((name) => [
        { label: `${name} .5`, frame: emotionFrame({ [name]: 0.5 }) },
        { label: name, frame: emotionFrame({ [name]: 1 }) },
      ]),
    ],
  }),
  turns: () => ({
    view: 'frame',
    states: states(
      Object.fromEntries([
        ['rest', frameOf({})],
        ...[-25, -15, -8, 8, 15, 25].map((a) => [`yaw ${a}`, frameOf({}, { yawRad: degrees(a) })]),
        ...[-15, -8, 8, 15].map((a) => [`pitch ${a}`, frameOf({}, { pitchRad: degrees(a) })]),
        ...[-15, 15].map((a) => [`roll ${a}`, frameOf({}, { rollRad: degrees(a) })]),
      ]),
    ),
  }),
  distance: () => ({
    view: 'frame',
    states: states(
      Object.fromEntries([
        ...[0.556, 0.7, 0.85, 1, 1.2, 1.5, 1.8].map((scale) => [`scale ${scale}`, frameOf({}, { scale })]),
        ['x .15', frameOf({}, { x: 0.15 })],
        ['y -.15', frameOf({}, { y: -0.15 })],
        ['.6 x -.3', frameOf({}, { x: -0.3, scale: 0.6 })],
      ]),
    ),
  }),
};

/** Square of the output picture that a view shows. */
function viewBox(rig: FaceRig, view: Sheet['view'], sizePx: number): { left: number; top: number; side: number } {
  const k = sizePx / 512;
  if (view === 'frame') return { left: 0, top: 0, side: sizePx };
  const center = (list: Uint16Array): [number, number] => {
    let x = 0;
    let y = 0;
    for (const v of list) {
      x += rig.positions[v * 3] / list.length;
      y += rig.positions[v * 3 + 1] / list.length;
    }
    return [x, y];
  };
  let [x, y] = rig.faceCenter;
  let side = rig.faceHeightPx * 1.35;
  if (view === 'mouth') {
    [x, y] = center(rig.mouth.ring.vertices);
    y += rig.faceHeightPx * 0.04;
    side = rig.faceHeightPx * 0.62;
  } else if (view === 'eyes') {
    const [lx, ly] = center(rig.eyes.left.ring.vertices);
    const [rx, ry] = center(rig.eyes.right.ring.vertices);
    [x, y] = [(lx + rx) / 2, (ly + ry) / 2];
    side = rig.faceWidthPx * 0.95;
  }
  side = Math.min(sizePx, Math.round(side * k));
  const within = (value: number) => Math.min(Math.max(Math.round(value * k - side / 2), 0), sizePx - side);
  return { left: within(x), top: within(y), side };
}

async function openPortrait(path: string): Promise<FaceRig> {
  return path.endsWith('.rig') ? loadRig(path) : (await bakePortrait(path)).rig;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cell: { type: 'string', default: '180' },
    size: { type: 'string', default: '512' },
    wrap: { type: 'string' },
  },
});
const [sheetName, out, ...portraits] = positionals;
if (!sheetName || !SHEETS[sheetName] || !out || portraits.length === 0) {
  console.error(`usage: contact-sheets.ts ${Object.keys(SHEETS).join('|')} OUT.png PORTRAIT… [--cell PX] [--size PX]`);
  process.exit(2);
}
const cell = Number(values.cell);
const sizePx = Number(values.size);
allowOwnDrawings(); // the labels
const sheet = SHEETS[sheetName]();
const perRow = values.wrap ? Number(values.wrap) : sheet.states.length;
const rowsPerPortrait = Math.ceil(sheet.states.length / perRow);
const cells: OverlayOptions[] = [];
for (const [row, path] of portraits.entries()) {
  const rig = await openPortrait(path);
  const renderer = new FaceRenderer(rig, { sizePx });
  const box = viewBox(rig, sheet.view, sizePx);
  for (const [column, state] of sheet.states.entries()) {
    const picture = renderer.renderRgba(state.frame);
    const label = column === 0 ? `${state.label} ${basename(path).slice(0, 22)}` : state.label;
    const text = Buffer.from(
      `<svg width="${cell}" height="16"><rect width="100%" height="100%" fill="#000a"/><text x="3" y="12" font-size="11" fill="#fff" font-family="sans-serif">${label}</text></svg>`,
    );
    const input = await sharp(picture, { raw: { width: sizePx, height: sizePx, channels: 4 } })
      .extract({ left: box.left, top: box.top, width: box.side, height: box.side })
      .resize(cell, cell, { kernel: 'lanczos3' })
      .composite([{ input: text, left: 0, top: 0 }])
      .png()
      .toBuffer();
    cells.push({
      input,
      left: (column % perRow) * cell,
      top: (row * rowsPerPortrait + Math.floor(column / perRow)) * cell,
    });
  }
}
await sharp({
  create: {
    width: perRow * cell,
    height: portraits.length * rowsPerPortrait * cell,
    channels: 3,
    background: 'black',
  },
})
  .composite(cells)
  .png()
  .toFile(out);
