/**
 * Phonemes with times → nine lip, jaw and tongue channels at any instant: Cohen–Massaro dominance blending with hard
 * constraints (JALI). Pure functions of time, so any frame rate and any chunking give the same curves.
 * Invariant: in every m, b, p there is an instant of full closure that lasts at least one frame at 24 fps, at any speaking rate.
 */
import type { TimedPhoneme } from '../../media/speech.ts';
import { CHANNEL_INDEX, CHANNELS, isVowel, type PhoneClass, phonemeParts, SILENCE } from './phonemes.ts';

/** One class for a while. */
export interface Segment {
  phone: PhoneClass;
  startS: number;
  endS: number;
  /** From when until when a hard constraint holds: to the burst of a stop, else to the end. */
  holdStartS: number;
  holdEndS: number;
  /** How long a hard constraint takes to come and to go. */
  rampInS: number;
  rampOutS: number;
  stress: 0 | 1 | 2;
}

/** How far a segment reaches beyond its ends. */
export const REACH_S = 0.35;
const RAMP_S = 0.05;
/** One frame at 24 fps and a little more: shorter closures would fall between two pictures. */
const MIN_HOLD_S = 0.044;
/** Shortest way between two closures with a vowel in it: a frame at 25 fps and both ramps. */
const MIN_OPENING_S = 0.09;
/** Shorter gaps between sounds are not pauses. */
const MIN_PAUSE_S = 0.045;
/** How far a closure reaches into a pause beside it. */
const JOINED_S = 0.2;
/** From the last sound until silence rules the mouth, and from then until the first. */
const CLOSING_S = 0.12;
const PARTING_S = 0.07;
/** Lips start early for rounding and let go late: the decay of these channels before the segment is slower. */
const ANTICIPATION = 0.7;

/** Dominance of a resting mouth where no segment reaches. */
const NOTHING = 1e-4;

/** Classes of the phonemes in order, with silence in the gaps. `endS`: how far the speech is known. */
export function segmentsOf(phonemes: readonly TimedPhoneme[], fromS: number, endS: number): Segment[] {
  const segments: Segment[] = [];
  let atS = fromS;
  for (const [i, phoneme] of phonemes.entries()) {
    const startS = phoneme.startUs / 1e6;
    let phonemeEndS = phoneme.endUs / 1e6;
    const nextS = i + 1 < phonemes.length ? phonemes[i + 1].startUs / 1e6 : endS;
    if (nextS > phonemeEndS && nextS - phonemeEndS < MIN_PAUSE_S) phonemeEndS = nextS;
    if (startS - atS >= MIN_PAUSE_S) segments.push(silence(atS, startS));
    pushParts(segments, phoneme, startS, phonemeEndS);
    atS = Math.max(atS, phonemeEndS);
  }
  if (endS > atS) segments.push(silence(atS, endS));
  fitHoldsToNeighbours(segments);
  openBetweenClosures(segments);
  return segments;
}

/**
 * Lips that are shut in a pause stay shut for the m, b, p beside it: nothing opens in between. Beside a short sound the lips move
 * faster, or a brisk "my puppy" would never open.
 */
function fitHoldsToNeighbours(segments: Segment[]): void {
  for (const [i, segment] of segments.entries()) {
    const [before, after] = [segments[i - 1], segments[i + 1]];
    const isClosure = segment.phone.hard[CHANNEL_INDEX.close] > 0;
    if (before?.phone === SILENCE && isClosure) segment.holdStartS -= Math.min(JOINED_S, lengthOf(before) / 2);
    else if (before) segment.rampInS = rampBeside(before);
    if (after?.phone === SILENCE && isClosure)
      segment.holdEndS = segment.endS + Math.min(JOINED_S, lengthOf(after) / 2);
    else if (after) segment.rampOutS = rampBeside(after);
  }
}

/** A vowel between two closures is seen at least in one picture: where it is too short, the closures give way. */
function openBetweenClosures(segments: readonly Segment[]): void {
  let closure: Segment | undefined;
  let hasVowel = false;
  for (const segment of segments) {
    if (segment.phone.hard[CHANNEL_INDEX.close] === 0) {
      hasVowel = segment.phone !== SILENCE && (hasVowel || isVowel(segment.phone));
      if (segment.phone === SILENCE) closure = undefined;
      continue;
    }
    const missingS = closure && hasVowel ? MIN_OPENING_S - (segment.holdStartS - closure.holdEndS) : 0;
    if (closure && missingS > 0) {
      closure.holdEndS -= Math.max(0, Math.min(missingS / 2, closure.holdEndS - closure.holdStartS - MIN_HOLD_S));
      segment.holdStartS += Math.max(0, Math.min(missingS / 2, segment.holdEndS - segment.holdStartS - MIN_HOLD_S));
    }
    closure = segment;
    hasVowel = false;
  }
}

const lengthOf = ({ startS, endS }: Segment): number => endS - startS;
const rampBeside = (neighbour: Segment): number => Math.min(RAMP_S, Math.max(0.3 * lengthOf(neighbour), 0.02));

function silence(startS: number, endS: number): Segment {
  return {
    phone: SILENCE,
    startS,
    endS,
    holdStartS: startS,
    holdEndS: endS,
    rampInS: RAMP_S,
    rampOutS: RAMP_S,
    stress: 0,
  };
}

function pushParts(segments: Segment[], phoneme: TimedPhoneme, startS: number, endS: number): void {
  const { parts } = phonemeParts(phoneme.ipa);
  let atS = startS;
  for (const { phone, share } of parts) {
    const partEndS = atS + share * (endS - startS);
    const previous = segments.at(-1);
    if (previous?.phone === phone && Math.abs(previous.endS - atS) < 1e-6 && !isVowel(phone)) {
      // A geminate is one long closure, not two.
      previous.endS = partEndS;
      previous.holdEndS = phoneme.releaseUs === undefined ? partEndS : phoneme.releaseUs / 1e6;
    } else {
      const holdEndS = phoneme.releaseUs === undefined || parts.length > 1 ? partEndS : phoneme.releaseUs / 1e6;
      const hold = { holdStartS: atS, holdEndS, rampInS: RAMP_S, rampOutS: RAMP_S };
      segments.push({ phone, startS: atS, endS: partEndS, ...hold, stress: phoneme.stress });
    }
    atS = partEndS;
  }
}

/** What the mouth should do at one instant. */
export interface MouthState {
  /** 9, in the order of `CHANNELS`, 0…1. */
  channels: Float32Array;
  /** 0…1: how far the mouth is at rest (silence). */
  rest: number;
}

/**
 * The channels at `timeS`.
 *
 * @param segments in order; those more than `REACH_S` away do not matter.
 * @param minHoldS shortest closure shown: the frame interval where that is longer than a 24 fps frame.
 */
export function mouthAt(segments: readonly Segment[], timeS: number, minHoldS = MIN_HOLD_S): MouthState {
  const count = CHANNELS.length;
  const weighted = new Float32Array(count);
  const total = new Float32Array(count).fill(NOTHING);
  const required = new Float32Array(count);
  let silent = NOTHING;
  for (const segment of segments) {
    if (segment.endS < timeS - REACH_S || segment.startS > timeS + REACH_S) continue;
    const { phone } = segment;
    const before = dominance(segment, timeS, ANTICIPATION);
    const plain = dominance(segment, timeS, 1);
    for (let c = 0; c < count; c++) {
      const isRounding = c === CHANNEL_INDEX.round || c === CHANNEL_INDEX.pucker;
      const strength = (isRounding && phone.target[c] > 0 ? before : plain) * phone.alpha[c];
      weighted[c] += strength * phone.target[c];
      total[c] += strength;
      if (phone.hard[c] > 0)
        required[c] = Math.max(required[c], phone.hard[c] * holdAt(segment, timeS, Math.max(minHoldS, MIN_HOLD_S)));
    }
    if (phone === SILENCE) silent += plain * phone.alpha[CHANNEL_INDEX.jaw];
  }
  const channels = new Float32Array(count);
  for (let c = 0; c < count; c++) channels[c] = Math.min(1, Math.max(weighted[c] / total[c], required[c]));
  const closed = required[CHANNEL_INDEX.close];
  // Approaching lips narrow the mouth a little; only a due closure shuts it.
  channels[CHANNEL_INDEX.close] = Math.max(closed, Math.min(channels[CHANNEL_INDEX.close], 0.35));
  for (const opener of ['lower', 'upper', 'roll'] as const) channels[CHANNEL_INDEX[opener]] *= 1 - closed;
  return { channels, rest: Math.min(1, silent / total[CHANNEL_INDEX.jaw]) };
}

/** 1 on a plateau in the middle of the segment, decaying exponentially with the distance from it. */
function dominance(segment: Segment, timeS: number, anticipation: number): number {
  const centerS = (segment.startS + segment.endS) / 2;
  const halfS = (segment.endS - segment.startS) / 2;
  // Sounds rule their middle half; silence all of a pause but its edges: lips part early and close at leisure.
  let plateauS = halfS / 2;
  if (segment.phone === SILENCE) plateauS = Math.max(plateauS, halfS - (timeS < centerS ? CLOSING_S : PARTING_S));
  const distanceS = Math.max(Math.abs(timeS - centerS) - plateauS, 0);
  const theta = segment.phone.thetaPerS * (timeS < centerS ? anticipation : 1);
  return Math.exp(-theta * distanceS);
}

/** 1 from the closure to the burst, with smooth ramps outside. */
function holdAt(segment: Segment, timeS: number, minHoldS: number): number {
  const centerS = (segment.holdStartS + segment.holdEndS) / 2;
  const halfS = Math.max((segment.holdEndS - segment.holdStartS) / 2, minHoldS / 2);
  const outsideS = Math.max(Math.abs(timeS - centerS) - halfS, 0);
  const ramp = Math.max(1 - outsideS / (timeS < centerS ? segment.rampInS : segment.rampOutS), 0);
  return ramp * ramp * (3 - 2 * ramp);
}
