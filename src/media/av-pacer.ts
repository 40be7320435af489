/**
 * AvPacer: decides what leaves a session and when. In: the engine's ticks (a picture's worth of sound, and later the picture
 * itself). Out, per poll: 20 ms audio packets, pictures to encode, pictures to throw away, and what was really played.
 *
 * Invariants: audio is the master and leaves without a gap, as silence where there is none; a picture never leaves before its
 * own sound; one that is late is shown late only if no newer one is due, else dropped; each turn is reported exactly once.
 * Pure: time arrives in `poll`.
 */

/** A picture's worth of sound, announced by the engine before its picture is drawn. */
export interface Tick {
  index: number;
  /** 48 kHz mono, exactly one picture long. */
  samples: Float32Array;
  /** The turn that speaks in this tick, absent while idle. */
  turnId?: number;
  /** True on the last tick of its turn. */
  isLast: boolean;
}

export interface PlayoutReport {
  turnId: number;
  playedUs: number;
  interrupted: boolean;
}

export type PacerAction =
  | { kind: 'audio'; samples: Float32Array; timestampUs: number }
  | { kind: 'picture'; slot: number; timestampUs: number }
  | { kind: 'drop'; slot: number }
  | { kind: 'hold' }
  | { kind: 'underrun' }
  | { kind: 'report'; report: PlayoutReport };

export const AUDIO_RATE_HZ = 48_000;
const PACKET_SAMPLES = 960;
const PACKET_US = 20_000;
const FADE_SAMPLES = 480;
/** A stall longer than this is not caught up with a burst of packets: the timeline jumps over it. */
const MAX_CATCH_UP_US = 200_000;
/** A picture this late after it should have left is given up; the one before stays on screen. */
const MAX_PICTURE_LATE_US = 50_000;
/** Of turns that are over: what is still in flight of older ones has arrived long ago. */
const MAX_SETTLED = 64;

interface Entry extends Tick {
  /** Media time at which this tick's sound starts to play; set when it does. */
  startUs?: number;
}

interface WaitingPicture {
  slot: number;
  /** Media time of the picture's sound, at which it is due. */
  startUs: number;
}

export class AvPacer {
  /** How much later than its sound a picture is to leave (`PictureDelay`): one that is drawn in this time is not late. */
  private pictureDelayUs: number;
  private readonly queue: Entry[] = [];
  /** Ticks that have begun to play but whose picture has not left yet, by index. */
  private readonly started = new Map<number, number>();
  /** Pictures that came before their sound, by tick. */
  private readonly early = new Map<number, number>();
  private readonly due: WaitingPicture[] = [];
  private originUs: number | undefined;
  private mediaUs = 0;
  /** Samples already taken from queue[0]. */
  private offset = 0;
  private lastSample = 0;
  private newestShownUs = -1;
  private readonly played = new Map<number, number>();
  private readonly settled = new Set<number>();
  private fadeTail: Float32Array | undefined;
  private reports: PlayoutReport[] = [];
  private discarded: number[] = [];

  constructor(options: { pictureDelayUs?: number } = {}) {
    this.pictureDelayUs = options.pictureDelayUs ?? 0;
  }

  setPictureDelay(us: number): void {
    this.pictureDelayUs = us;
  }

  /** The media time of an instant; that of the first poll before it. */
  mediaUsAt(nowUs: number): number {
    return nowUs - (this.originUs ?? nowUs);
  }

  /** The instant of a media time; the past before the first poll. */
  clockUsAt(mediaUs: number): number {
    return this.originUs === undefined ? Number.NEGATIVE_INFINITY : this.originUs + mediaUs;
  }

  /** Sound that is queued and not yet sent, µs. */
  get queuedUs(): number {
    const samples = this.queue.reduce((sum, entry) => sum + entry.samples.length, -this.offset);
    return Math.round((Math.max(0, samples) / AUDIO_RATE_HZ) * 1e6);
  }

  /** How much of a turn has been sent, µs; 0 once it has been reported. */
  playedUs(turnId: number): number {
    return Math.round(((this.played.get(turnId) ?? 0) / AUDIO_RATE_HZ) * 1e6);
  }

  pushTick(tick: Tick): void {
    if (tick.turnId !== undefined && this.settled.has(tick.turnId)) return; // still in flight when its turn ended
    // Speech waits for no idle tick, nor for the rest of the one that plays (whose picture has begun and is shown all the same).
    if (tick.turnId !== undefined) this.dropQueued(undefined);
    this.queue.push(tick);
    if (tick.turnId !== undefined && !this.played.has(tick.turnId)) this.played.set(tick.turnId, 0);
  }

  /** The picture of a tick is drawn and waits in `slot`. */
  pushPicture(index: number, slot: number): void {
    const startUs = this.started.get(index);
    if (startUs !== undefined) {
      this.started.delete(index);
      this.due.push({ slot, startUs });
    } else if (this.queue.some((entry) => entry.index === index)) this.early.set(index, slot);
    else this.discarded.push(slot);
  }

  /**
   * Ends a turn now: its queued sound and pictures go, the last 10 ms of what sounds fade out. Reports once; a second call, or
   * one for a turn that has ended, does nothing.
   */
  interrupt(turnId: number): void {
    if (this.settled.has(turnId) || !this.played.has(turnId)) {
      if (!this.settled.has(turnId)) this.settle(turnId, true);
      return;
    }
    if (this.played.get(turnId)! > 0) this.fadeTail = this.tailOf(turnId);
    this.dropQueued(turnId);
    this.settle(turnId, true);
  }

  /** What a turn that sounds would say next, 10 ms of it; where less has come, the last sample goes on. */
  private tailOf(turnId: number): Float32Array {
    const tail = new Float32Array(FADE_SAMPLES);
    let filled = 0;
    let { offset } = this;
    for (const entry of this.queue) {
      if (entry.turnId !== turnId || filled === FADE_SAMPLES) break;
      const samples = entry.samples.subarray(offset, offset + FADE_SAMPLES - filled);
      tail.set(samples, filled);
      filled += samples.length;
      offset = 0;
    }
    return tail.fill(filled > 0 ? tail[filled - 1]! : this.lastSample, filled);
  }

  /** Takes what is queued of a turn, or of no turn, away, its pictures included. */
  private dropQueued(turnId: number | undefined): void {
    for (let i = this.queue.length - 1; i >= 0; i--) {
      const entry = this.queue[i]!;
      if (entry.turnId !== turnId) continue;
      if (i === 0) this.offset = 0;
      this.queue.splice(i, 1);
      const slot = this.early.get(entry.index);
      if (slot !== undefined) {
        this.early.delete(entry.index);
        this.discarded.push(slot);
      }
    }
  }

  /** The slots handed out so far no longer exist (their worker died): the pictures in them are not coming. */
  forgetPictures(): void {
    this.early.clear();
    this.due.length = 0;
    this.discarded.length = 0;
  }

  private settle(turnId: number, interrupted: boolean): void {
    const playedUs = this.playedUs(turnId);
    this.played.delete(turnId);
    this.settled.add(turnId);
    if (this.settled.size > MAX_SETTLED) this.settled.delete(this.settled.values().next().value!);
    this.reports.push({ turnId, playedUs, interrupted });
  }

  /** When `poll` has something to do next, in its time; the past when at once. What is pushed or interrupted may bring it forward. */
  get nextDueUs(): number {
    if (this.originUs === undefined || this.discarded.length > 0 || this.reports.length > 0)
      return Number.NEGATIVE_INFINITY;
    const pictureUs = Math.min(...this.due.map(({ startUs }) => startUs));
    return this.originUs + Math.min(this.mediaUs, pictureUs);
  }

  /** Everything that is due at `nowUs`. */
  poll(nowUs: number): PacerAction[] {
    const actions: PacerAction[] = [];
    this.originUs ??= nowUs;
    if (nowUs - this.originUs - this.mediaUs > MAX_CATCH_UP_US) this.originUs = nowUs - this.mediaUs;
    while (this.originUs + this.mediaUs <= nowUs) {
      actions.push({ kind: 'audio', samples: this.nextPacket(actions), timestampUs: this.mediaUs });
      this.mediaUs += PACKET_US;
    }
    this.releasePictures(nowUs - this.originUs, actions);
    for (const slot of this.discarded.splice(0)) actions.push({ kind: 'drop', slot });
    for (const report of this.reports.splice(0)) actions.push({ kind: 'report', report });
    return actions;
  }

  private nextPacket(actions: PacerAction[]): Float32Array {
    const packet = new Float32Array(PACKET_SAMPLES);
    let filled = 0;
    if (this.fadeTail) {
      const tail = this.fadeTail;
      for (let i = 0; i < tail.length; i++) packet[i] = tail[i]! * (1 - (i + 1) / tail.length);
      filled = tail.length;
      this.fadeTail = undefined;
    }
    while (filled < PACKET_SAMPLES) {
      const entry = this.queue[0];
      if (!entry) {
        actions.push({ kind: 'underrun' });
        break;
      }
      if (this.offset === 0) this.begin(entry, this.mediaUs + Math.round((filled / AUDIO_RATE_HZ) * 1e6));
      const count = Math.min(PACKET_SAMPLES - filled, entry.samples.length - this.offset);
      packet.set(entry.samples.subarray(this.offset, this.offset + count), filled);
      filled += count;
      this.offset += count;
      if (entry.turnId !== undefined) this.played.set(entry.turnId, (this.played.get(entry.turnId) ?? 0) + count);
      if (this.offset === entry.samples.length) {
        this.queue.shift();
        this.offset = 0;
        if (entry.isLast && entry.turnId !== undefined) {
          this.settle(entry.turnId, false);
          this.dropQueued(entry.turnId); // nothing may follow a last tick
        }
      }
    }
    this.lastSample = packet[PACKET_SAMPLES - 1]!;
    return packet;
  }

  /** A tick's sound starts: its picture, if drawn, becomes due; if not, it is remembered as owed. */
  private begin(entry: Entry, startUs: number): void {
    const slot = this.early.get(entry.index);
    if (slot === undefined) {
      this.started.set(entry.index, startUs);
      return;
    }
    this.early.delete(entry.index);
    this.due.push({ slot, startUs });
  }

  private releasePictures(mediaNowUs: number, actions: PacerAction[]): void {
    const ripe = this.due.filter(({ startUs }) => startUs <= mediaNowUs).sort((a, b) => a.startUs - b.startUs);
    for (const picture of ripe) {
      this.due.splice(this.due.indexOf(picture), 1);
      const { slot, startUs } = picture;
      const isLate = mediaNowUs > startUs + this.pictureDelayUs;
      if (startUs <= this.newestShownUs || (isLate && picture !== ripe.at(-1))) {
        actions.push({ kind: 'drop', slot });
        continue;
      }
      this.newestShownUs = startUs;
      actions.push({ kind: 'picture', slot, timestampUs: startUs });
    }
    for (const [index, startUs] of this.started) {
      if (mediaNowUs - startUs - this.pictureDelayUs < MAX_PICTURE_LATE_US) continue;
      this.started.delete(index);
      actions.push({ kind: 'hold' });
    }
  }
}
