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
  stress: 0 | 1 | 2;
}

/** How far a segment reaches beyond its ends. */
export const REACH_S = 0.35;
const RAMP_S = 0.05;
/** One frame at 24 fps and a little more: shorter closures would fall between two pictures. */
const MIN_HOLD_S = 0.044;
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
  joinClosuresToPauses(segments);
  return segments;
}

/** Lips that are shut in a pause stay shut for the m, b, p beside it: nothing opens in between. */
function joinClosuresToPauses(segments: Segment[]): void {
  for (const [i, segment] of segments.entries()) {
    if (segment.phone.hard[CHANNEL_INDEX.close] === 0) continue;
    const [before, after] = [segments[i - 1], segments[i + 1]];
    if (before?.phone === SILENCE) segment.holdStartS -= Math.min(JOINED_S, (before.endS - before.startS) / 2);
    if (after?.phone === SILENCE) segment.holdEndS = segment.endS + Math.min(JOINED_S, (after.endS - after.startS) / 2);
  }
}

function silence(startS: number, endS: number): Segment {
  return { phone: SILENCE, startS, endS, holdStartS: startS, holdEndS: endS, stress: 0 };
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
      segments.push({ phone, startS: atS, endS: partEndS, holdStartS: atS, holdEndS, stress: phoneme.stress });
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

/** 1 from the closure to the burst, with smooth ramps of 50 ms outside. */
function holdAt(segment: Segment, timeS: number, minHoldS: number): number {
  const centerS = (segment.holdStartS + segment.holdEndS) / 2;
  const halfS = Math.max((segment.holdEndS - segment.holdStartS) / 2, minHoldS / 2);
  const outsideS = Math.max(Math.abs(timeS - centerS) - halfS, 0);
  const ramp = Math.max(1 - outsideS / RAMP_S, 0);
  return ramp * ramp * (3 - 2 * ramp);
}
