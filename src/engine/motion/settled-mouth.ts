/**
 * What the network answers → what a mouth does. In: answers, in order. Out: the frame: curves with their full spread, lips
 * that nearly meet shut, and how far the mouth rests. One for each voice.
 */

import { smoothstep } from '../smoothstep.ts';
import { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
import type { Heard } from './articulation-model.ts';
import { CHANNEL_INDEX, CHANNELS } from './phonemes.ts';

/** The network's for 20 ms: the probability of each class, then the channels. */
export type Answer = Float32Array;

const CLASS_COUNT = ARTICULATION_CLASSES.length;
export const ANSWER_VALUES = CLASS_COUNT + CHANNELS.length;

const STEP_US = 1e6 / ARTICULATION_HZ;
const SILENCE_CLASS = ARTICULATION_CLASSES.indexOf('sil');
const indicesOf = (names: string): number[] => [...names].map((name) => ARTICULATION_CLASSES.indexOf(name));
const BILABIAL_CLASSES = indicesOf('pbm');
const LABIODENTAL_CLASSES = indicesOf('fv');
/**
 * A network that is not sure answers with the mean, so its curves are flatter than what they were taught: by so much, in training speech. What
 * lies off a channel's mean in speech is moved further off accordingly.
 */
const RELIEF: readonly { index: number; mean: number; gain: number }[] = (
  [
    ['jaw', 0.34, 1.2],
    ['round', 0.165, 1.6],
    ['pucker', 0.155, 1.45],
    ['stretch', 0.21, 1.2],
    ['tongue', 0.35, 1.35],
  ] as const
).map(([channel, mean, gain]) => ({ index: CHANNEL_INDEX[channel], mean, gain }));
/** Evidence at which the lips begin to close, and are shut; half-way lies the best trade of missed against false closures. */
const CLOSURE_FROM = 0.44;
const CLOSURE_FULL = 0.66;
/** Probability of silence at which the mouth begins to rest, and rests: breath and the room's own noise leave the network in some doubt. */
const SILENCE_FROM = 0.3;
const SILENCE_FULL = 0.7;
/** A pause closes the mouth within about 100 ms; a sound opens it at once. */
const REST_RISE = 0.3;
const REST_FALL = 0.75;

/** Lips that nearly meet, meet, and so do teeth and lip: the curve and the heard class decide together. Openers give way. */
function settleClosure(channels: Float32Array, classes: Float32Array): void {
  const heard = (indices: readonly number[]): number => indices.reduce((sum, index) => sum + classes[index], 0);
  const settled = (curve: number, indices: readonly number[]): number =>
    smoothstep(CLOSURE_FROM, CLOSURE_FULL, (curve + heard(indices)) / 2);
  const curve = channels[CHANNEL_INDEX.close];
  const closed = settled(curve, BILABIAL_CLASSES);
  const { roll } = CHANNEL_INDEX;
  channels[roll] = Math.max(channels[roll], settled(channels[roll], LABIODENTAL_CLASSES));
  channels[CHANNEL_INDEX.close] = Math.max(Math.min(curve, 0.35), closed);
  for (const opener of ['lower', 'upper', 'roll'] as const) channels[CHANNEL_INDEX[opener]] *= 1 - closed;
}

/** One for each step. */
export function answersOf({ classes, curves }: Heard): Answer[] {
  return Array.from({ length: classes.length / CLASS_COUNT }, (_, step) => {
    const answer = new Float32Array(ANSWER_VALUES);
    answer.set(classes.subarray(step * CLASS_COUNT, (step + 1) * CLASS_COUNT));
    answer.set(curves.subarray(step * CHANNELS.length, (step + 1) * CHANNELS.length), CLASS_COUNT);
    return answer;
  });
}

export class SettledMouth {
  #rest = 1;

  frame(index: number, answer: Answer): ArticulationFrame {
    const classes = answer.slice(0, CLASS_COUNT);
    const channels = answer.slice(CLASS_COUNT);
    for (const { index, mean, gain } of RELIEF)
      channels[index] = Math.min(1, Math.max(0, mean + gain * (channels[index] - mean)));
    settleClosure(channels, classes);
    const silence = smoothstep(SILENCE_FROM, SILENCE_FULL, classes[SILENCE_CLASS]);
    this.#rest += (silence - this.#rest) * (silence > this.#rest ? REST_RISE : REST_FALL);
    return { timestampUs: Math.round((index + 0.5) * STEP_US), channels, rest: this.#rest, classes };
  }
}
