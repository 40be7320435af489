// The face of someone who is spoken to: nods at the caller's pauses, eyes that turn away to think and come back, and never a jump.
import { describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { Attention } from '../../src/engine/motion/attention.ts';
import { LivePerformer } from '../../src/engine/motion/live-performer.ts';
import { NO_CALLER, PERFORMANCE_HZ, type PerformanceInput } from '../../src/engine/motion/performance-source.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';

const FPS = 50;
const DEG = 180 / Math.PI;
const SEEDS = [1, 2, 3, 4, 5, 6];

type Phase = 'idle' | 'listening' | 'thinking' | 'speaking';

/** Somebody who talks for 2.3 s, pauses for 1.2 s, and goes on. */
const callerAt = (timeS: number): { isVoiced: boolean; loudness: number } => {
  const isVoiced = timeS % 3.5 < 2.3;
  return { isVoiced, loudness: isVoiced ? 0.4 + 0.5 * Math.abs(Math.sin(5 * timeS) * Math.sin(1.3 * timeS)) : 0 };
};

function speech(seconds: number): SpeechChunk {
  const count = Math.floor(seconds / 0.2);
  return {
    samples: Float32Array.from({ length: seconds * 8000 }, (_, i) => 0.3 * Math.sin(0.2 * i)),
    sampleRateHz: 8000,
    startUs: 0,
    phonemes: Array.from({ length: count }, (_, i) => ({
      ipa: ['a', 'm', 'ɛ', 's'][i % 4]!,
      startUs: i * 200_000,
      endUs: (i + 1) * 200_000,
      stress: i % 4 === 0 ? 2 : 0,
    })),
    words: [],
  };
}

interface Shown {
  phase: Phase;
  /** Seconds since the phase began. */
  timeS: number;
  frame: MotionFrame;
}

function perform(seed: number, phases: [Phase, number][]): Shown[] {
  const face = new LivePerformer({ fps: FPS, controls: resolveControls({ seed }) });
  const shown: Shown[] = [];
  for (const [phase, seconds] of phases) {
    face.setActivity(phase === 'speaking' ? 'idle' : phase);
    if (phase === 'speaking') face.pushSpeech(speech(seconds));
    for (let i = 0; i < seconds * FPS; i++) {
      const timeS = i / FPS;
      if (i % 5 === 0) face.hearCaller(phase === 'listening' ? callerAt(timeS) : NO_CALLER);
      shown.push({ phase, timeS, frame: face.next(phase === 'speaking' ? timeS : undefined) });
    }
    if (phase === 'speaking') face.endSpeech();
  }
  return shown;
}

/** Where the eyes look, relative to the caller, in degrees. */
const lookAside = ({ pose, gaze }: MotionFrame): number =>
  Math.hypot(pose.yawRad + gaze.yawRad, pose.pitchRad + gaze.pitchRad) * DEG;

const CONVERSATION: [Phase, number][] = [
  ['idle', 3],
  ['listening', 9],
  ['thinking', 2],
  ['speaking', 4],
  ['listening', 4],
  ['thinking', 1],
  ['idle', 2],
];

describe('attention', () => {
  it.each(SEEDS)(
    'makes one continuous motion of a whole conversation, with a closed mouth where nothing is said (seed %d)',
    (seed) => {
      const shown = perform(seed, CONVERSATION);
      for (let i = 1; i < shown.length; i++) {
        const [a, b] = [shown[i - 1]!.frame, shown[i]!.frame];
        // The head of someone who speaks is quicker.
        const limitDeg = shown[i]!.phase === 'speaking' ? 4.5 : 2;
        const where = `at ${(i / FPS).toFixed(2)} s, ${shown[i]!.phase}`;
        for (const axis of ['yawRad', 'pitchRad', 'rollRad'] as const)
          expect(Math.abs(b.pose[axis] - a.pose[axis]) * DEG, `${axis} ${where}`).toBeLessThan(limitDeg);
        expect(Math.abs(b.pose.scale - a.pose.scale), where).toBeLessThan(0.003);
        expect(Math.abs(b.pose.y - a.pose.y), where).toBeLessThan(0.004);
        expect(Math.abs((b.blendshapes.browInnerUp ?? 0) - (a.blendshapes.browInnerUp ?? 0)), where).toBeLessThan(0.12);
        const { phase, timeS } = shown[i]!;
        if (phase !== 'speaking' && timeS > 0.12) expect(b.blendshapes.jawOpen ?? 0, where).toBeLessThan(0.02);
      }
    },
  );

  it('nods after the caller’s phrases, not after every one, and never without a caller', () => {
    const nods = (
      activity: PerformanceInput['activity'],
      caller: (timeS: number) => PerformanceInput['caller'],
    ): number[] => {
      const found: number[] = [];
      for (const seed of SEEDS) {
        const attention = new Attention(seed);
        let isNodding = false;
        for (let tick = 0; tick < 35 * PERFORMANCE_HZ; tick++) {
          const timeS = tick / PERFORMANCE_HZ;
          const input = { tick, activity, caller: caller(timeS), loudness: 0, emphasis: 0, isPhraseEnd: false };
          const { nodPush } = attention.next({ ...input, controls: resolveControls({ seed }) });
          if (nodPush > 0 && !isNodding) found.push(timeS % 3.5);
          isNodding = nodPush > 0;
        }
      }
      return found;
    };
    const found = nods('listening', callerAt);
    const atPauses = found.filter((timeS) => timeS >= 2.3 && timeS < 2.9);
    // 60 phrases.
    expect(atPauses.length).toBeGreaterThan(30);
    expect(atPauses.length).toBeLessThan(85);
    expect(atPauses.length).toBeGreaterThan(0.8 * found.length);
    expect(nods('listening', () => NO_CALLER)).toEqual([]);
    expect(nods('speaking', callerAt)).toEqual([]);
    // Someone who never pauses is nodded at all the same.
    expect(nods('listening', () => ({ isVoiced: true, loudness: 0.5 })).length).toBeGreaterThan(20);
  });

  it('looks at the caller while listening, away while thinking, and back when it answers', () => {
    let listening = 0;
    let thinking = 0;
    let listened = 0;
    let thought = 0;
    let back = 0;
    for (const seed of SEEDS) {
      const shown = perform(seed, CONVERSATION);
      for (const { phase, timeS, frame } of shown) {
        const isAside = lookAside(frame) > 3;
        if (phase === 'listening') {
          listened += 1;
          listening += Number(isAside);
        }
        if (phase === 'thinking' && timeS > 0.5) {
          thought += 1;
          thinking += Number(isAside);
        }
      }
      const first = shown.filter(({ phase, timeS }) => phase === 'speaking' && timeS > 0.5 && timeS < 0.7);
      back += Number(first.some(({ frame }) => lookAside(frame) < 3));
    }
    expect(listening / listened).toBeLessThan(0.15);
    expect(thinking / thought).toBeGreaterThan(0.5);
    expect(back).toBeGreaterThanOrEqual(SEEDS.length - 2);
  });

  it('never freezes and never repeats itself while idle', () => {
    const shown = perform(9, [['idle', 60]]);
    const pitch = shown.map(({ frame }) => frame.pose.pitchRad * DEG);
    for (let second = 0; second + 2 < 60; second++) {
      const part = pitch.slice(second * FPS, (second + 2) * FPS);
      expect(Math.max(...part) - Math.min(...part), `still from ${second} s on`).toBeGreaterThan(0.05);
    }
    for (let lagS = 4; lagS <= 30; lagS++)
      expect(correlation(pitch, lagS * FPS), `repeats after ${lagS} s`).toBeLessThan(0.8);
  });
});

function correlation(values: number[], lag: number): number {
  const a = values.slice(0, -lag);
  const b = values.slice(lag);
  const mean = (list: number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb);
    aa += (a[i]! - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
