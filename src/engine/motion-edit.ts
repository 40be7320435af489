/**
 * Changes to a finished performance: another frame rate, smaller or larger motion, pose from one and face from another.
 *
 * In and out: MotionFrames in order. The looking direction (head pose + gaze) is kept wherever the pose changes, as
 * the eyes of a living head do. Pure; memory stays constant.
 */
import type { AvatarControls } from './controls.ts';
import { type EmotionOffset, emotionOffset } from './motion/emotion.ts';
import { BLENDSHAPE_NAMES, type Gaze, type HeadPose, type MotionFrame, NEUTRAL_POSE } from './motion-frame.ts';

type Weights = MotionFrame['blendshapes'];

const POSE_KEYS = ['yawRad', 'pitchRad', 'rollRad', 'x', 'y', 'scale'] as const;

/** Rounded time stamps must not make one more frame at the end. */
const END_TOLERANCE_US = 1000;

/**
 * Resamples to `fps` at absolute time: cubic for pose and gaze, linear for the weights (which must not overshoot).
 * Frames that fall on a source frame are that frame. The result lasts as long as the source.
 */
export async function* resampleMotion(source: AsyncIterable<MotionFrame>, fps: number): AsyncGenerator<MotionFrame> {
  // The frame before, the two around the wanted instant, and the one after.
  let window: MotionFrame[] = [];
  let sourceCount = 0;
  let count = 0;
  const frameUs = (index: number) => Math.round((index * 1e6) / fps);
  function* upTo(endUs: number): Generator<MotionFrame> {
    const [before, from, to, after] = window;
    while (frameUs(count) < endUs) yield interpolate(before, from, to, after, frameUs(count++));
  }
  for await (const frame of source) {
    sourceCount++;
    if (window.length === 0) {
      window = [frame, frame, frame, frame];
      continue;
    }
    // At the start the window holds copies of the first frame, and no time passes between copies.
    window = [window[1], window[2], window[3], frame];
    yield* upTo(window[2].timestampUs);
  }
  if (window.length === 0) return;
  const last = window[3];
  window = [window[1], window[2], last, last];
  yield* upTo(last.timestampUs);
  window = [last, last, last, last];
  const periodUs = sourceCount > 1 ? last.timestampUs / (sourceCount - 1) : 1e6 / fps;
  yield* upTo(last.timestampUs + periodUs - END_TOLERANCE_US);
}

function interpolate(
  before: MotionFrame,
  from: MotionFrame,
  to: MotionFrame,
  after: MotionFrame,
  timestampUs: number,
): MotionFrame {
  const spanUs = to.timestampUs - from.timestampUs;
  const u = spanUs > 0 ? (timestampUs - from.timestampUs) / spanUs : 0;
  // Time stamps are whole µs, rounded or cut by whoever wrote them: a frame that near is the frame itself.
  if (u * spanUs < 1.5) return { ...from, timestampUs };
  const pose: HeadPose = { ...NEUTRAL_POSE };
  for (const key of POSE_KEYS) pose[key] = cubic(before.pose[key], from.pose[key], to.pose[key], after.pose[key], u);
  const gaze: Gaze = {
    yawRad: cubic(before.gaze.yawRad, from.gaze.yawRad, to.gaze.yawRad, after.gaze.yawRad, u),
    pitchRad: cubic(before.gaze.pitchRad, from.gaze.pitchRad, to.gaze.pitchRad, after.gaze.pitchRad, u),
  };
  const blendshapes: Weights = {};
  const names = new Set([...Object.keys(from.blendshapes), ...Object.keys(to.blendshapes)]) as Set<keyof Weights>;
  for (const name of names) {
    const start = from.blendshapes[name] ?? 0;
    blendshapes[name] = start + u * ((to.blendshapes[name] ?? 0) - start);
  }
  return { timestampUs, pose, gaze, blendshapes };
}

/** Catmull-Rom: through p1 and p2 with the slopes of their neighbours, 0 ≤ u ≤ 1. */
function cubic(p0: number, p1: number, p2: number, p3: number, u: number): number {
  return p1 + 0.5 * u * (p2 - p0 + u * (2 * p0 - 5 * p1 + 4 * p2 - p3 + u * (3 * (p1 - p2) + p3 - p0)));
}

/** The pose of one performance with the face and the looking direction of another; as long as the shorter one. */
export async function* combineMotion(
  poseFrom: AsyncIterable<MotionFrame>,
  dynamicsFrom: AsyncIterable<MotionFrame>,
): AsyncGenerator<MotionFrame> {
  const poses = poseFrom[Symbol.asyncIterator]();
  try {
    for await (const frame of dynamicsFrom) {
      const next = await poses.next();
      if (next.done) return;
      yield withPose(frame, next.value.pose);
    }
  } finally {
    await poses.return?.();
  }
}

/**
 * Applies the controls to a finished performance. At 0 head motion the head stays as in the photo, at 0 expressiveness
 * face and eyes do; what gaze, distance and emotion add comes on top.
 */
export function editMotion(frame: MotionFrame, controls: AvatarControls): MotionFrame {
  const { headMotion, expressiveness, headDistance } = controls;
  const emotion = emotionOffset(controls.emotion);
  const pose: HeadPose = { ...NEUTRAL_POSE };
  for (const key of POSE_KEYS)
    pose[key] = key === 'scale' ? frame.pose.scale ** headMotion : headMotion * frame.pose[key];
  pose.pitchRad += emotion.pitchRad;
  pose.rollRad += emotion.rollRad;
  pose.scale *= emotion.scale / headDistance;
  const { gaze } = withPose(frame, pose);
  const eyes = Math.min(1, expressiveness);
  return {
    timestampUs: frame.timestampUs,
    pose,
    gaze: {
      yawRad: eyes * gaze.yawRad + controls.gaze.yawRad,
      pitchRad: eyes * gaze.pitchRad + controls.gaze.pitchRad + emotion.gazePitchRad,
    },
    blendshapes: editWeights(frame.blendshapes, expressiveness, emotion),
  };
}

function editWeights(weights: Weights, expressiveness: number, emotion: EmotionOffset): Weights {
  const dense = new Float32Array(BLENDSHAPE_NAMES.length);
  emotion.addTo(dense);
  const jaw = weights.jawOpen ?? 0;
  const openness = 1 - Math.min(1, (weights.mouthClose ?? 0) / Math.max(jaw, 0.08));
  const edited: Weights = {};
  for (const [i, name] of BLENDSHAPE_NAMES.entries()) {
    // What closes the lips keeps closing them in a small performance: a mumbled m is still an m.
    const isClosure = name === 'mouthClose' || name.startsWith('mouthPress');
    const gain = isClosure ? Math.min(1, 4 * expressiveness) : expressiveness;
    // And no emotion opens a mouth that is closed for a sound.
    const isOpener = name === 'jawOpen' || name === 'mouthFunnel';
    const weight = gain * (weights[name] ?? 0) + dense[i] * (isOpener ? openness : 1);
    if (weight > 0) edited[name] = Math.min(1, weight);
  }
  return edited;
}

/** The same face under another pose, with the eyes turned back so that they look where they looked. */
function withPose(frame: MotionFrame, pose: HeadPose): MotionFrame {
  return {
    ...frame,
    pose,
    gaze: {
      yawRad: frame.gaze.yawRad + frame.pose.yawRad - pose.yawRad,
      pitchRad: frame.gaze.pitchRad + frame.pose.pitchRad - pose.pitchRad,
    },
  };
}
