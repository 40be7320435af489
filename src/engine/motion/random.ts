/**
 * Counter-based random numbers: a value depends only on (seed, channel, counter), never on what was drawn before, so
 * that a performance is the same however it is cut into chunks or frames. Pure.
 */

/** What a number is for; every use has its own stream. */
export type RandomChannel =
  | 'yaw'
  | 'pitch'
  | 'roll'
  | 'shift'
  | 'style'
  | 'blink-interval'
  | 'blink-kind'
  | 'blink-phrase'
  | 'gaze-length'
  | 'gaze-side'
  | 'gaze-yaw'
  | 'gaze-pitch'
  | 'head-run'
  | 'brow-run'
  | 'nod'
  | 'attention';

const channelKeys = new Map<RandomChannel, number>();

function keyOf(channel: RandomChannel): number {
  let key = channelKeys.get(channel);
  if (key === undefined) {
    // FNV-1a of the name.
    key = 0x811c9dc5;
    for (let i = 0; i < channel.length; i++) key = Math.imul(key ^ channel.charCodeAt(i), 0x01000193);
    channelKeys.set(channel, key);
  }
  return key;
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Uniform in [0, 1). */
export function uniform(seed: number, channel: RandomChannel, counter: number): number {
  return (mix(mix(mix(seed ^ keyOf(channel)) + counter) ^ 0x9e3779b9) >>> 0) / 2 ** 32;
}

/** Standard normal (Box–Muller on two counters of its own). */
export function normal(seed: number, channel: RandomChannel, counter: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, channel, 2 * counter)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, channel, 2 * counter + 1));
}

/**
 * Smooth stationary noise of unit variance whose power lies below about `bandHz`: a cubic B-spline through normal
 * knots. A function of time alone.
 */
export function smoothNoise(
  seed: number,
  channel: RandomChannel,
  octave: number,
  bandHz: number,
  timeS: number,
): number {
  const position = timeS * 2 * bandHz;
  const knot = Math.floor(position);
  const u = position - knot;
  const v = 1 - u;
  const value = (k: number): number => normal(seed + Math.imul(octave + 1, 0x632be5ab), channel, knot + k);
  const sum =
    v * v * v * value(-1) +
    (3 * u * u * u - 6 * u * u + 4) * value(0) +
    (3 * v * v * v - 6 * v * v + 4) * value(1) +
    u * u * u * value(2);
  // A B-spline's basis values squared sum to 0.479 on average.
  return sum / 6 / Math.sqrt(0.4794);
}
