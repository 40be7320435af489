/**
 * Is it the caller, or the face's own voice coming back from the caller's loudspeaker? In: 20 ms of what was sent and of what the microphone
 * brought in the same tick; out: whether what is heard is no more than the echo. Band by band it learns how much of the sent sound returns
 * and after which delay (a search over one second), and believes in a caller only where more is heard than that. Pure; no sound is kept,
 * only powers in bands.
 */

/** Centres of the bands, Hz: where voices and small loudspeakers both are. */
const BANDS_HZ = [350, 700, 1200, 2000, 3200];
const BAND_Q = 1.4;
const HOP_S = 0.01;
/** The longest way there and back: network, the browser's buffers, the room. */
const MAX_LAG_HOPS = 100;
/** Sound that is compared with what was sent. */
const WINDOW_HOPS = 120;
const HISTORY_HOPS = MAX_LAG_HOPS + WINDOW_HOPS + 8;
const SEARCH_EVERY_HOPS = 10;
/** From here on an echo counts as noticed. Without one (browsers cancel it) nobody has to speak louder than it. */
const MIN_LIKENESS = 0.5;
const LOST_LIKENESS = 0.25;
/** In a longer pause of the face nothing is compared. */
const PAUSE_HOPS = 30;
/** Sent sound below this power is silence. */
const SILENCE = 1e-7;
/** Rooms fade: share of the echo's power that is left after a hop. */
const TAIL = 0.87;
/** Ratios of heard to sent from which the coupling is taken: about 3 s of the face's voice. */
const RATIOS = 300;
/** Until so much of the face's voice was sent, a coupling of −6 dB is reckoned with. */
const UNKNOWN_HOPS = 180;
const UNKNOWN_COUPLING = 0.25;
/** … or until nothing has come back for so long: not in more than a few hops, but for the last ones, where a caller may have begun. */
const UNRETURNED_HOPS = 85;
const FEW_HOPS = 5;
const LAST_HOPS = 15;
/** Heard power that may be an echo, of the loudest sent. */
const RETURNED = 0.003;
const COUPLING_QUANTILE = 0.5;
/** Heard power must exceed the expected echo by this factor to be the caller's. */
const MARGIN = 5;
/** Where the echo explains at least this share of what is heard, nobody else is speaking. */
const MIN_EXPLAINED = 0.55;

/** Power in each band, 10 ms at a time. */
class BandPowers {
  private readonly filters: { b0: number; a1: number; a2: number; x1: number; x2: number; y1: number; y2: number }[];
  private readonly sums = new Float64Array(BANDS_HZ.length);
  private readonly hopSamples: number;
  private count = 0;

  constructor(sampleRateHz: number) {
    this.hopSamples = Math.round(HOP_S * sampleRateHz);
    this.filters = BANDS_HZ.map((hz) => {
      const w = (2 * Math.PI * hz) / sampleRateHz;
      const alpha = Math.sin(w) / (2 * BAND_Q);
      const a0 = 1 + alpha;
      return { b0: alpha / a0, a1: (-2 * Math.cos(w)) / a0, a2: (1 - alpha) / a0, x1: 0, x2: 0, y1: 0, y2: 0 };
    });
  }

  /** @returns the powers of each hop that has become complete. */
  push(samples: Float32Array): Float64Array[] {
    const hops: Float64Array[] = [];
    for (const x of samples) {
      for (const [band, f] of this.filters.entries()) {
        const y = f.b0 * (x - f.x2) - f.a1 * f.y1 - f.a2 * f.y2;
        f.x2 = f.x1;
        f.x1 = x;
        f.y2 = f.y1;
        f.y1 = y;
        this.sums[band]! += y * y;
      }
      if (++this.count === this.hopSamples) {
        hops.push(this.sums.map((sum) => sum / this.hopSamples));
        this.sums.fill(0);
        this.count = 0;
      }
    }
    return hops;
  }
}

const levelDb = (power: number): number => 10 * Math.log10(power + SILENCE);

export class EchoGuard {
  private readonly sentBands: BandPowers;
  private readonly heardBands: BandPowers;
  /** Newest last, at most HISTORY_HOPS. */
  private readonly sent: Float64Array[] = [];
  private readonly heard: Float64Array[] = [];
  private readonly noise = new Float64Array(BANDS_HZ.length).fill(1e-5);
  /** Expected powers, fading like a room. */
  private readonly expected = new Float64Array(BANDS_HZ.length);
  /** Heard ÷ sent of the last hops in which something was sent, by band. */
  private readonly ratios: number[][] = BANDS_HZ.map(() => []);
  private readonly coupling = new Float64Array(BANDS_HZ.length);
  private readonly likeness = new Float64Array(MAX_LAG_HOPS + 1);
  private lagHops: number | undefined;
  private hops = 0;
  private activeHops = 0;
  /** Of the first active hops: was something heard that may be an echo? */
  private readonly returned: boolean[] = [];
  private isUnreturned = false;
  private quietHops = HISTORY_HOPS;
  private explained = 0;

  /** @param sampleRateHz of both sounds. */
  constructor(sampleRateHz: number) {
    this.sentBands = new BandPowers(sampleRateHz);
    this.heardBands = new BandPowers(sampleRateHz);
  }

  /** How long the way there and back is, µs; undefined while no echo was noticed. */
  get delayUs(): number | undefined {
    return this.lagHops === undefined ? undefined : this.lagHops * HOP_S * 1e6;
  }

  /**
   * @param sent mono, what left in this tick.
   * @param heard as long, what came in the same tick.
   * @returns whether what is heard is nothing but echo.
   */
  push(sent: Float32Array, heard: Float32Array): boolean {
    const sentHops = this.sentBands.push(sent);
    for (const [i, powers] of this.heardBands.push(heard).entries()) this.hop(sentHops[i]!, powers);
    return this.quietHops < MAX_LAG_HOPS && this.explained > MIN_EXPLAINED;
  }

  private hop(sent: Float64Array, heard: Float64Array): void {
    this.hops += 1;
    this.sent.push(sent);
    this.heard.push(heard);
    if (this.sent.length > HISTORY_HOPS) {
      this.sent.shift();
      this.heard.shift();
    }
    const isActive = sent.some((power) => power > 10 * SILENCE);
    this.quietHops = isActive ? 0 : this.quietHops + 1;
    if (isActive) this.activeHops += 1;
    if (this.quietHops < MAX_LAG_HOPS) {
      if (this.hops % SEARCH_EVERY_HOPS === 0 && this.quietHops < PAUSE_HOPS) this.search();
      this.judge(heard);
    } else this.explained = 0;
    for (const [band, power] of heard.entries())
      this.noise[band]! += (power < this.noise[band]! ? 0.2 : 0.0003) * (power - this.noise[band]!);
  }

  /** How much of what is sent returns. */
  private couplingOf(band: number): number {
    if (this.lagHops !== undefined) return this.coupling[band]!;
    if (this.activeHops >= UNKNOWN_HOPS || this.isUnreturned) return 0;
    return UNKNOWN_COUPLING;
  }

  /** What was sent and may be heard now: at the delay where it is known, else the loudest of the last second. */
  private sentFor(band: number): number {
    const last = this.sent.length - 1;
    const [from, to] =
      this.lagHops === undefined ? [last - MAX_LAG_HOPS, last] : [last - this.lagHops - 3, last - this.lagHops + 2];
    let loudest = 0;
    for (let i = Math.max(0, from); i <= Math.min(last, to); i++) loudest = Math.max(loudest, this.sent[i]![band]!);
    return loudest;
  }

  private judge(heard: Float64Array): void {
    let explained = 0;
    let all = 0;
    let loudest = 0;
    for (const [band, power] of heard.entries()) {
      const sent = this.sentFor(band);
      loudest += sent;
      const ratios = this.ratios[band]!;
      // What the caller says teaches nothing about the echo.
      if (sent > 10 * SILENCE && this.lagHops !== undefined && this.explained > MIN_EXPLAINED) {
        ratios.push(Math.max(0, power - this.noise[band]!) / sent);
        if (ratios.length > RATIOS) ratios.shift();
      }
      this.expected[band] = Math.max(this.couplingOf(band) * sent, TAIL * this.expected[band]!);
      explained += Math.min(power, MARGIN * this.expected[band]!);
      all += power;
    }
    if (this.quietHops === 0 && this.returned.length < UNRETURNED_HOPS) this.watchReturn(all > RETURNED * loudest);
    this.explained += 0.4 * ((all > 0 ? explained / all : 0) - this.explained);
  }

  private watchReturn(mayBeEcho: boolean): void {
    this.returned.push(mayBeEcho);
    if (this.returned.length === UNRETURNED_HOPS)
      this.isUnreturned = this.returned.slice(0, -LAST_HOPS).filter(Boolean).length < FEW_HOPS;
  }

  /** Compares the last of what was heard with everything that was sent up to a second before. */
  private search(): void {
    for (const [band, ratios] of this.ratios.entries()) {
      if (ratios.length === 0) continue;
      const sorted = ratios.toSorted((a, b) => a - b);
      this.coupling[band] = sorted[Math.floor(COUPLING_QUANTILE * (sorted.length - 1))]!;
    }
    if (this.sent.length < HISTORY_HOPS) return;
    const start = this.sent.length - WINDOW_HOPS;
    const heard = BANDS_HZ.map((_, band) =>
      centred(this.heard.slice(start).map((powers) => levelDb(Math.max(powers[band]!, 4 * this.noise[band]!)))),
    );
    const sent = BANDS_HZ.map((_, band) => Float64Array.from(this.sent, (powers) => levelDb(powers[band]!)));
    let best = 0;
    for (let lag = 0; lag <= MAX_LAG_HOPS; lag++) {
      this.likeness[lag]! += 0.3 * (correlation(heard, sent, start - lag) - this.likeness[lag]!);
      if (this.likeness[lag]! > this.likeness[best]!) best = lag;
    }
    if (this.likeness[best]! > MIN_LIKENESS) {
      if (this.lagHops !== undefined && Math.abs(best - this.lagHops) <= 2) return;
      // Ratios at another delay tell nothing about this one.
      for (const ratios of this.ratios) ratios.length = 0;
      this.lagHops = best;
      this.learnFromHistory();
    } else if (this.likeness[best]! < LOST_LIKENESS) this.lagHops = undefined;
  }

  /** The ratios at a delay that was just found. */
  private learnFromHistory(): void {
    const last = this.sent.length - 1;
    for (let i = last - WINDOW_HOPS; i <= last; i++)
      for (const [band, ratios] of this.ratios.entries()) {
        let sent = 0;
        for (let k = -2; k <= 3; k++) sent = Math.max(sent, this.sent[i - this.lagHops! - k]?.[band] ?? 0);
        if (sent > 10 * SILENCE) ratios.push(Math.max(0, this.heard[i]![band]! - this.noise[band]!) / sent);
      }
  }
}

function centred(values: number[]): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Float64Array.from(values, (value) => value - mean);
}

/**
 * Of all bands together, so that those with nothing in them do not count.
 *
 * @param a centred, by band.
 * @param b by band, of which as many values as in `a` count, from `start` on.
 */
function correlation(a: readonly Float64Array[], b: readonly Float64Array[], start: number): number {
  let ab = 0;
  let aa = 1e-9;
  let bb = 1e-9;
  for (let band = 0; band < a.length; band++) {
    const [x, y] = [a[band]!, b[band]!];
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < x.length; i++) {
      const value = y[start + i]!;
      ab += x[i]! * value;
      aa += x[i]! * x[i]!;
      sum += value;
      squares += value * value;
    }
    bb += squares - (sum * sum) / x.length;
  }
  return ab / Math.sqrt(aa * bb);
}
