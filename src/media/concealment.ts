/**
 * Concealment: what is heard in place of a packet of voice that never came. In: decoded sound, or word that there is none; out: the same
 * sound, or a substitute of the same length. The last pitch period goes on and fades within 60 ms, as in ITU-T G.711 Appendix I; the sound
 * that follows is faded in over it, so that neither edge clicks. Pure.
 *
 * Opus carries a coarse copy of each packet in the next one, but FFmpeg's wrapper of libopus offers no way to ask for it.
 */

const RATE_HZ = 48_000;
/** Pitch of voices, 66…400 Hz, in samples. */
const MIN_LAG = RATE_HZ / 400;
const MAX_LAG = Math.round(RATE_HZ / 66);
/** Compared at the end of what was heard. */
const TEMPLATE = 480;
const HISTORY = MAX_LAG * 2 + TEMPLATE;
const STEADY = RATE_HZ * 0.01;
const SILENT_AFTER = RATE_HZ * 0.06;
const FADE_IN = RATE_HZ * 0.005;

export class Concealment {
  /** The last that was heard, oldest first. */
  private history = new Float32Array(HISTORY);
  /** One pitch period that joins its own beginning; while a gap lasts. */
  private period: Float32Array | undefined;
  /** Samples since the gap began. */
  private position = 0;

  /** @param samples 48 kHz mono as decoded. @returns the same, its beginning blended with the substitute before it. */
  heard(samples: Float32Array): Float32Array {
    let played = samples;
    if (this.period) {
      played = samples.slice();
      const substitute = this.substitute(Math.min(FADE_IN, samples.length));
      for (let i = 0; i < substitute.length; i++) {
        const weight = (i + 1) / (substitute.length + 1);
        played[i] = weight * samples[i]! + (1 - weight) * substitute[i]!;
      }
      this.period = undefined;
    }
    const joined = new Float32Array(HISTORY);
    const kept = Math.max(0, HISTORY - played.length);
    joined.set(this.history.subarray(HISTORY - kept), 0);
    joined.set(played.subarray(Math.max(0, played.length - HISTORY)), kept);
    this.history = joined;
    return played;
  }

  /** @returns `count` samples for a packet that is missing. */
  conceal(count: number): Float32Array {
    if (!this.period) {
      this.period = loopOf(this.history);
      this.position = 0;
    }
    return this.substitute(count);
  }

  private substitute(count: number): Float32Array {
    const period = this.period!;
    const samples = new Float32Array(count);
    for (let i = 0; i < count; i++, this.position++) {
      const gain = Math.min(1, (SILENT_AFTER - this.position) / (SILENT_AFTER - STEADY));
      if (gain > 0) samples[i] = gain * period[this.position % period.length]!;
    }
    return samples;
  }
}

/** The last period, its last quarter blended into what came before it, so that its end meets its beginning. */
function loopOf(history: Float32Array): Float32Array {
  const lag = pitchLag(history);
  const start = HISTORY - lag;
  const period = history.slice(start);
  const quarter = lag >> 2;
  for (let i = 0; i < quarter; i++) {
    const at = lag - quarter + i;
    const weight = (i + 1) / quarter;
    period[at] = (1 - weight) * period[at]! + weight * history[start - quarter + i]!;
  }
  return period;
}

/** The shift at which the end of what was heard resembles itself most; coarse first, then to the sample. */
function pitchLag(history: Float32Array): number {
  const coarse = bestLag(history, MIN_LAG, MAX_LAG, 4);
  return bestLag(history, Math.max(MIN_LAG, coarse - 4), Math.min(MAX_LAG, coarse + 4), 1);
}

function bestLag(history: Float32Array, from: number, to: number, step: number): number {
  let best = to;
  let bestLikeness = Number.NEGATIVE_INFINITY;
  const start = HISTORY - TEMPLATE;
  for (let lag = from; lag <= to; lag += step) {
    let product = 0;
    let energy = 1e-9;
    for (let i = start; i < HISTORY; i += step) {
      const earlier = history[i - lag]!;
      product += history[i]! * earlier;
      energy += earlier * earlier;
    }
    const likeness = product / Math.sqrt(energy);
    if (likeness > bestLikeness) {
      best = lag;
      bestLikeness = likeness;
    }
  }
  return best;
}
