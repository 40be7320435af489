/** A lively performance made of sines, always the same: speech-like mouth, blinks, gaze and head motion. What measurements of drawing draw. */
import { type MotionFrame, neutralFrame } from '../motion-frame.ts';

const wave = (timeS: number, hz: number, phase: number) => 0.5 + 0.5 * Math.sin(2 * Math.PI * hz * timeS + phase);

export function talkingFrame(index: number, fps: number): MotionFrame {
  const timeS = index / fps;
  const frame = neutralFrame(Math.round(timeS * 1e6));
  Object.assign(frame.pose, {
    yawRad: 0.12 * Math.sin(1.7 * timeS),
    pitchRad: 0.06 * Math.sin(2.3 * timeS + 1),
    rollRad: 0.04 * Math.sin(1.1 * timeS + 2),
    x: 0.01 * Math.sin(0.9 * timeS),
  });
  frame.gaze.yawRad = -frame.pose.yawRad;
  const blink = timeS % 3 < 0.2 ? 1 : 0;
  const smile = 0.3 * wave(timeS, 0.2, 0);
  frame.blendshapes = {
    jawOpen: 0.3 * wave(timeS, 4, 0),
    mouthClose: 0.1 * wave(timeS, 2, 1),
    mouthFunnel: 0.3 * wave(timeS, 1.5, 2),
    mouthPucker: 0.3 * wave(timeS, 1.1, 3),
    mouthSmileLeft: smile,
    mouthSmileRight: smile,
    mouthLowerDownLeft: 0.2 * wave(timeS, 4, 1),
    mouthLowerDownRight: 0.2 * wave(timeS, 4, 1),
    mouthUpperUpLeft: 0.15 * wave(timeS, 3, 1),
    mouthUpperUpRight: 0.15 * wave(timeS, 3, 1),
    browInnerUp: 0.3 * wave(timeS, 0.5, 0),
    browOuterUpLeft: 0.2 * wave(timeS, 0.5, 1),
    browOuterUpRight: 0.2 * wave(timeS, 0.5, 1),
    cheekSquintLeft: smile,
    cheekSquintRight: smile,
    eyeBlinkLeft: blink,
    eyeBlinkRight: blink,
  };
  return frame;
}
