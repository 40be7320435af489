/** Flag values as typed → checked numbers and controls. Every error names the flag and what it wants. */
import type { Command } from 'commander';
import { type AvatarControls, EMOTIONS, type Emotion, resolveControls } from '../engine/controls.ts';
import { PERFORMANCE_KINDS, type PerformanceKind } from '../engine/motion/performance-source.ts';
import { AppError } from '../errors.ts';

export interface ControlFlags {
  gaze?: string;
  headDistance?: string;
  emotion?: string;
  headMotion?: string;
  expressiveness?: string;
  seed?: string;
}

export function addControlFlags(command: Command): Command {
  return command
    .option('--gaze <yaw,pitch>', 'where the eyes look, radians: right and up positive, ±0.6')
    .option('--head-distance <d>', 'camera distance relative to the photo, 0.6 … 1.8')
    .option('--emotion <list>', `offset such as happy=0.6,surprised=0.2 of ${EMOTIONS.join(', ')}; 0 … 1 each`)
    .option('--head-motion <a>', 'amplitude of head motion, 0 … 2; 0 freezes the head')
    .option('--expressiveness <a>', 'amplitude of facial motion, 0 … 2; 0 freezes the face')
    .option('--seed <n>', 'whole number: the same input and seed give the same motion');
}

/** @throws AppError BAD_USAGE. */
export function parsePerformanceKind(text: string): PerformanceKind {
  const kind = PERFORMANCE_KINDS.find((known) => known === text);
  if (kind) return kind;
  throw new AppError('BAD_USAGE', `--performance is ${text}; it must be ${PERFORMANCE_KINDS.join(' or ')}.`);
}

/** @throws AppError BAD_USAGE, CONTROL_OUT_OF_RANGE. */
export function parseControls(flags: ControlFlags): AvatarControls {
  const given: Partial<AvatarControls> = {};
  if (flags.gaze !== undefined) given.gaze = parseGaze(flags.gaze);
  if (flags.headDistance !== undefined) given.headDistance = parseNumber('--head-distance', flags.headDistance);
  if (flags.emotion !== undefined) given.emotion = parseEmotion(flags.emotion);
  if (flags.headMotion !== undefined) given.headMotion = parseNumber('--head-motion', flags.headMotion);
  if (flags.expressiveness !== undefined) given.expressiveness = parseNumber('--expressiveness', flags.expressiveness);
  if (flags.seed !== undefined) given.seed = parseNumber('--seed', flags.seed);
  return resolveControls(given);
}

/** True when a flag asks for something other than the default; the seed alone does not. */
export function hasControls(flags: ControlFlags): boolean {
  return Object.entries(flags).some(([name, value]) => name !== 'seed' && value !== undefined);
}

function parseNumber(flag: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new AppError('BAD_USAGE', `${flag} needs a number, not "${text}".`);
  return value;
}

/** @throws AppError BAD_USAGE outside [min, max]. */
export function parseNumberIn(flag: string, text: string, min: number, max: number): number {
  const value = parseNumber(flag, text);
  if (value < min || value > max)
    throw new AppError('BAD_USAGE', `${flag} is ${text}; it must lie between ${min} and ${max}.`);
  return value;
}

function parseGaze(text: string): AvatarControls['gaze'] {
  const parts = text.split(',');
  if (parts.length !== 2) {
    throw new AppError('BAD_USAGE', `--gaze needs two numbers YAW,PITCH in radians, such as 0.2,-0.1, not "${text}".`);
  }
  return { yawRad: parseNumber('--gaze', parts[0]), pitchRad: parseNumber('--gaze', parts[1]) };
}

function parseEmotion(text: string): AvatarControls['emotion'] {
  const emotion: AvatarControls['emotion'] = {};
  for (const part of text.split(',')) {
    const [name, weight = '1', ...rest] = part.trim().split('=');
    if (name === '' || rest.length > 0) {
      throw new AppError('BAD_USAGE', `--emotion needs a list such as happy=0.6,surprised=0.2, not "${text}".`);
    }
    emotion[name as Emotion] = parseNumber('--emotion', weight);
  }
  return emotion;
}

/** What is to be behind the person: the photo's own background, nothing, or a colour. */
export type Background = 'keep' | 'none' | readonly [red: number, green: number, blue: number];

const COLOR_NAMES: Readonly<Record<string, string>> = {
  ...{ white: 'ffffff', black: '000000', grey: '808080', gray: '808080', green: '00b140', blue: '0047bb' },
};

/** @throws AppError BAD_USAGE. */
export function parseBackground(text: string): Background {
  const word = text.trim().toLowerCase();
  if (word === 'keep' || word === 'none') return word;
  const given = COLOR_NAMES[word] ?? word.replace(/^#/, '');
  const hex = /^[0-9a-f]{3}$/.test(given) ? [...given].map((digit) => digit + digit).join('') : given;
  if (!/^[0-9a-f]{6}$/.test(hex))
    throw new AppError(
      'BAD_USAGE',
      `--background is "${text}"; give a colour such as #1d2b3a or white, none for transparency, or keep.`,
    );
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}
