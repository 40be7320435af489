// Changing a finished performance: frame rate, amplitudes, pose and face from two files.
import { describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { combineMotion, editMotion, resampleMotion } from '../../src/engine/motion-edit.ts';
import { type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';

async function* motionAt(fps: number, count: number): AsyncGenerator<MotionFrame> {
  for (let i = 0; i < count; i++) {
    const timeS = i / fps;
    yield {
      timestampUs: Math.round(timeS * 1e6),
      pose: { yawRad: 0.3 * Math.sin(5 * timeS), pitchRad: 0.1, rollRad: 0, x: 0, y: 0.02 * timeS, scale: 1 },
      gaze: { yawRad: -0.3 * Math.sin(5 * timeS), pitchRad: 0 },
      blendshapes: { jawOpen: i % 2, eyeBlinkLeft: 0.5 },
    };
  }
}

async function collect(frames: AsyncIterable<MotionFrame>): Promise<MotionFrame[]> {
  const all: MotionFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

describe('resampling motion', () => {
  it.each([24, 25, 29.97, 30, 60])('to the same rate (%f) changes nothing', async (fps) => {
    const source = await collect(motionAt(fps, 40));
    expect(await collect(resampleMotion(motionAt(fps, 40), fps))).toEqual(source);
  });

  it.each([
    [25, 30],
    [30, 25],
    [25, 60],
    [60, 24],
    [25, 50],
  ])('from %f to %f fps keeps length and time', async (from, to) => {
    const motion = await collect(resampleMotion(motionAt(from, from * 2), to));
    expect(motion).toHaveLength(to * 2);
    motion.forEach((frame, i) => {
      expect(frame.timestampUs).toBe(Math.round((i * 1e6) / to));
      const timeS = i / to;
      // Past the last source frame the pose is held.
      if (timeS > 2 - 1 / from) return;
      expect(Math.abs(frame.pose.yawRad - 0.3 * Math.sin(5 * timeS))).toBeLessThan(0.006);
      expect(frame.gaze.yawRad).toBeCloseTo(-frame.pose.yawRad, 9);
      expect(frame.blendshapes.eyeBlinkLeft).toBe(0.5);
      expect(frame.blendshapes.jawOpen).toBeGreaterThanOrEqual(0);
      expect(frame.blendshapes.jawOpen).toBeLessThanOrEqual(1);
    });
  });

  it('holds a single frame and passes nothing on as nothing', async () => {
    expect(await collect(resampleMotion(motionAt(25, 1), 30))).toHaveLength(1);
    expect(await collect(resampleMotion(motionAt(25, 0), 30))).toEqual([]);
  });
});

describe('editing motion', () => {
  const frame: MotionFrame = {
    timestampUs: 0,
    pose: { yawRad: 0.2, pitchRad: -0.1, rollRad: 0.05, x: 0.1, y: 0.1, scale: 1.2 },
    gaze: { yawRad: -0.15, pitchRad: 0.1 },
    blendshapes: { jawOpen: 0.8, mouthClose: 0.8 },
  };

  it('leaves a frame as it is at the defaults', () => {
    const edited = editMotion(frame, resolveControls());
    expect(edited.blendshapes).toEqual(frame.blendshapes);
    for (const key of ['yawRad', 'pitchRad'] as const) expect(edited.gaze[key]).toBeCloseTo(frame.gaze[key], 12);
    expect(edited.pose).toEqual(frame.pose);
  });

  it('freezes the head at headMotion 0, the eyes still looking where they looked', () => {
    const { pose, gaze } = editMotion(frame, resolveControls({ headMotion: 0 }));
    expect(JSON.stringify(pose)).toBe(JSON.stringify(neutralFrame().pose));
    expect(gaze.yawRad).toBeCloseTo(frame.pose.yawRad + frame.gaze.yawRad, 12);
  });

  it('freezes the face at expressiveness 0 and keeps weights within 1 at 2', () => {
    const still = editMotion(frame, resolveControls({ expressiveness: 0 }));
    expect(still.blendshapes).toEqual({});
    expect(editMotion(frame, resolveControls({ expressiveness: 2 })).blendshapes.jawOpen).toBe(1);
    // A small performance still closes its lips: mouthClose must not fall below jawOpen.
    const small = editMotion(frame, resolveControls({ expressiveness: 0.3 })).blendshapes;
    expect(small.mouthClose).toBeGreaterThanOrEqual(small.jawOpen as number);
  });

  it('moves gaze and distance by what is asked', () => {
    const edited = editMotion(frame, resolveControls({ gaze: { yawRad: 0.2, pitchRad: -0.1 }, headDistance: 1.5 }));
    expect(edited.gaze.yawRad).toBeCloseTo(frame.gaze.yawRad + 0.2, 12);
    expect(edited.gaze.pitchRad).toBeCloseTo(frame.gaze.pitchRad - 0.1, 12);
    expect(edited.pose.scale).toBeCloseTo(1.2 / 1.5, 12);
  });

  it('lays an emotion over the performance without opening closed lips', () => {
    const surprised = resolveControls({ emotion: { surprised: 1 } });
    const { browInnerUp = 0, jawOpen } = editMotion(frame, surprised).blendshapes;
    expect(browInnerUp).toBeGreaterThan(0.5);
    expect(jawOpen).toBeCloseTo(0.8, 12);
    const open = { ...frame, blendshapes: { jawOpen: 0.1 } };
    expect(editMotion(open, surprised).blendshapes.jawOpen).toBeGreaterThan(0.2);
    expect(editMotion(open, resolveControls({ emotion: { neutral: 1 } })).blendshapes).toEqual({ jawOpen: 0.1 });
  });

  it('takes the pose of one and the face and looking direction of another', async () => {
    async function* still() {
      for (let i = 0; i < 5; i++) yield neutralFrame(i * 40_000);
    }
    const [first, second, ...rest] = await collect(combineMotion(still(), motionAt(25, 9)));
    expect(rest).toHaveLength(3);
    expect([first.blendshapes.jawOpen, second.blendshapes.jawOpen]).toEqual([0, 1]);
    expect(second.pose).toEqual(neutralFrame().pose);
    expect(second.gaze.yawRad).toBeCloseTo(0, 12);
  });
});
