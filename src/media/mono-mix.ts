/**
 * Several channels → one that is heard as they are. In: interleaved samples in chunks of any size, and the plain mix where it is more than their
 * mean; out: the mix, or the loudest channel alone wherever the channels cancel each other (one is the other turned over) or one of two
 * is silent. The result does not depend on the chunks.
 */

/** Levels are taken over so long. */
const LEVEL_S = 0.05;
/** From mix to channel and back. */
const FADE_S = 0.01;
/** Of the loudest channel's power: below this the mix has lost something; above, it is whole again. Two unlike channels leave half. */
const LOST = 0.3;
const WHOLE = 0.42;
/** Of the power that unlike channels would have together: less than this, at a level that is heard, for so long, is worth telling. */
const CANCELLED = 0.1;
const HEARD = 1e-6;
const TOLD_S = 0.1;

export class MonoMix {
  private readonly channels: number;
  private readonly rateHz: number;
  /** Mean squares. */
  private readonly power: Float64Array;
  private mixPower = 0;
  private sumPower = 0;
  /** The channel that stands in, and how far it does, 0…1. */
  private chosen = 0;
  private share = 0;
  private standsIn = false;
  private cancelledSamples = 0;

  constructor(channels: number, rateHz: number) {
    this.channels = channels;
    this.rateHz = rateHz;
    this.power = new Float64Array(channels);
  }

  /** Whether channels have cancelled each other so far. */
  get hasCancelled(): boolean {
    return this.cancelledSamples > TOLD_S * this.rateHz;
  }

  push(interleaved: Float32Array, mixed?: Float32Array): Float32Array {
    const { channels, power } = this;
    if (channels === 1) return interleaved;
    const mono = new Float32Array(interleaved.length / channels);
    const keep = Math.exp(-1 / (LEVEL_S * this.rateHz));
    const step = 1 / (FADE_S * this.rateHz);
    for (let i = 0, at = 0; i < mono.length; i++, at += channels) {
      let sum = 0;
      let loudest = 0;
      let apart = 0;
      for (let channel = 0; channel < channels; channel++) {
        const sample = interleaved[at + channel]!;
        sum += sample;
        power[channel] = sample * sample + keep * (power[channel]! - sample * sample);
        apart += power[channel]!;
        if (power[channel]! > power[loudest]!) loudest = channel;
      }
      const mix = mixed ? mixed[i]! : sum / channels;
      this.mixPower = mix * mix + keep * (this.mixPower - mix * mix);
      this.sumPower = sum * sum + keep * (this.sumPower - sum * sum);
      const most = power[loudest]!;
      if (this.sumPower < CANCELLED * apart && most > HEARD) this.cancelledSamples += 1;
      if (this.mixPower > WHOLE * most) this.standsIn = false;
      else if (this.mixPower < LOST * most) this.standsIn = true;
      // Another channel takes over through the mix, never with a jump.
      const wanted = this.standsIn && (this.share === 0 || power[this.chosen]! * 4 > most);
      if (wanted && this.share === 0) this.chosen = loudest;
      this.share = wanted ? Math.min(1, this.share + step) : Math.max(0, this.share - step);
      mono[i] = mix + this.share * (interleaved[at + this.chosen]! - mix);
    }
    return mono;
  }
}
