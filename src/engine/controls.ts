/**
 * What a caller may ask of a performance: gaze, head distance, emotion, amplitudes, seed.
 *
 * In: values from a flag, a request or a slider. Out: complete `AvatarControls`. A value outside its range is an error
 * that names the control and the range; nothing is clamped in silence. No Node API: the browser shares this file.
 */
import { AppError } from '../errors.ts';
import type { Gaze } from './motion-frame.ts';

export const EMOTIONS = ['neutral', 'happy', 'angry', 'surprised', 'sad'] as const;
export type Emotion = (typeof EMOTIONS)[number];

export interface AvatarControls {
  /** Main gaze direction relative to the photo's; saccades happen around it. ±0.6 rad each. */
  gaze: Gaze;
  /** Camera distance relative to the photo, 0.6 … 1.8. */
  headDistance: number;
  /** Offsets to the whole performance, 0 … 1 each; a missing emotion is 0. `neutral` alone means no offset. */
  emotion: Partial<Record<Emotion, number>>;
  /** Amplitude of the head's motion, 0 … 2; 0 freezes the pose. */
  headMotion: number;
  /** Amplitude of the facial dynamics, 0 … 2; 0 freezes the face. */
  expressiveness: number;
  /** uint32: the same audio, controls and seed give the same motion frames. */
  seed: number;
}

export interface ControlRange {
  min: number;
  max: number;
  default: number;
}

/** Inclusive ranges; `emotion` holds for each weight. */
export const CONTROL_RANGES = {
  'gaze.yawRad': { min: -0.6, max: 0.6, default: 0 },
  'gaze.pitchRad': { min: -0.6, max: 0.6, default: 0 },
  headDistance: { min: 0.6, max: 1.8, default: 1 },
  emotion: { min: 0, max: 1, default: 0 },
  headMotion: { min: 0, max: 2, default: 1 },
  expressiveness: { min: 0, max: 2, default: 1 },
} as const satisfies Record<string, ControlRange>;

export const MAX_SEED = 0xffff_ffff;

/**
 * Checks every given control and fills in the rest; a missing seed is drawn at random.
 *
 * @throws AppError CONTROL_OUT_OF_RANGE naming the control and its range; BAD_USAGE for an unknown emotion.
 */
export function resolveControls(given: Partial<AvatarControls> = {}): AvatarControls {
  const emotion: AvatarControls['emotion'] = {};
  for (const [name, weight] of Object.entries(given.emotion ?? {})) {
    if (!isEmotion(name)) {
      throw new AppError('BAD_USAGE', `There is no emotion "${name}"; choose from ${EMOTIONS.join(', ')}.`);
    }
    emotion[name] = inRange(weight, CONTROL_RANGES.emotion, `emotion ${name}`);
  }
  return {
    gaze: {
      yawRad: inRange(given.gaze?.yawRad, CONTROL_RANGES['gaze.yawRad'], 'gaze yaw', ' rad'),
      pitchRad: inRange(given.gaze?.pitchRad, CONTROL_RANGES['gaze.pitchRad'], 'gaze pitch', ' rad'),
    },
    headDistance: inRange(given.headDistance, CONTROL_RANGES.headDistance, 'headDistance'),
    emotion,
    headMotion: inRange(given.headMotion, CONTROL_RANGES.headMotion, 'headMotion'),
    expressiveness: inRange(given.expressiveness, CONTROL_RANGES.expressiveness, 'expressiveness'),
    seed: checkedSeed(given.seed),
  };
}

function isEmotion(name: string): name is Emotion {
  return (EMOTIONS as readonly string[]).includes(name);
}

function inRange(value: number | undefined, range: ControlRange, control: string, unit = ''): number {
  if (value === undefined) return range.default;
  if (!(value >= range.min && value <= range.max)) {
    throw new AppError(
      'CONTROL_OUT_OF_RANGE',
      `The control ${control} is ${value}; it must lie between ${range.min} and ${range.max}${unit}.`,
    );
  }
  return value;
}

function checkedSeed(seed: number | undefined): number {
  if (seed === undefined) return crypto.getRandomValues(new Uint32Array(1))[0];
  if (!(Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED)) {
    throw new AppError(
      'CONTROL_OUT_OF_RANGE',
      `The control seed is ${seed}; it must be a whole number between 0 and ${MAX_SEED}.`,
    );
  }
  return seed;
}
