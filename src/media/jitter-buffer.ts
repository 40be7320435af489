/**
 * Jitter buffer: RTP packets of 20 ms, as the network brings them, in; one packet or gap per 20 ms out, in order. It starts once it holds
 * its depth, tells gaps apart from silence at the end, and keeps as much in hand as the network's jitter asks for: it gives up a packet when
 * there were always some to spare (the sender's clock runs faster), and waits where it ran dry (slower). Pure: it is asked every 20 ms and
 * knows no clock.
 */

export type JitterOutput =
  | { kind: 'packet'; data: Uint8Array }
  /** The packet of this place has not come: conceal it. `next` is the one after it, where it is here already. */
  | { kind: 'lost'; next?: Uint8Array }
  /** Nothing to play: not begun, or the sender has stopped. */
  | { kind: 'empty' };

/** After this many places in a row without a packet the sender counts as gone, and the next packet begins anew. */
const MAX_LOST_IN_A_ROW = 5;
/** Packets that were never needed for so many pulls are one too many: 3 s, so that a clock 0.1 % fast is followed within a second's worth. */
const SPARE = 2;
const SPARE_PULLS = 150;
/** A packet this far from what is expected belongs to a new stream. */
const MAX_DISTANCE = 500;

export class JitterBuffer {
  private readonly depth: number;
  private readonly maxDepth: number;
  /** By extended sequence number. */
  private readonly packets = new Map<number, Uint8Array>();
  /** Place that is given out next; undefined while it fills. */
  private next: number | undefined;
  /** Highest extended sequence number seen. */
  private highest: number | undefined;
  private lostInARow = 0;
  /** Fewest packets left in hand after a pull, since counting began. */
  private fewest = Number.POSITIVE_INFINITY;
  private pulls = 0;
  late = 0;

  /**
   * @param depth packets to hold before the first is given out: the reordering and jitter that is absorbed, in 20 ms.
   * @param maxDepth above this the oldest are dropped, so that delay cannot grow.
   */
  constructor({ depth = 3, maxDepth = 10 } = {}) {
    this.depth = depth;
    this.maxDepth = maxDepth;
  }

  /** @param sequenceNumber 16 bits, as in RTP; wraps. */
  push(sequenceNumber: number, data: Uint8Array): void {
    let place = this.extended(sequenceNumber);
    if (this.highest !== undefined && Math.abs(place - this.highest) > MAX_DISTANCE) {
      this.restart();
      place = sequenceNumber;
    }
    if (this.next !== undefined && place < this.next) {
      this.late += 1;
      return;
    }
    this.highest = Math.max(this.highest ?? place, place);
    if (!this.packets.has(place)) this.packets.set(place, data);
    if (this.packets.size > this.maxDepth) this.thin();
  }

  /** What sounds in the next 20 ms. */
  pull(): JitterOutput {
    if (this.next === undefined) {
      if (this.packets.size < this.depth) return { kind: 'empty' };
      this.next = Math.min(...this.packets.keys());
    }
    const place = this.next;
    const data = this.packets.get(place);
    if (data) {
      this.packets.delete(place);
      this.next = place + 1;
      this.lostInARow = 0;
      this.giveUpSpare();
      return { kind: 'packet', data };
    }
    this.lostInARow += 1;
    this.fewest = 0;
    if (this.packets.size === 0) {
      if (this.lostInARow > MAX_LOST_IN_A_ROW) {
        this.restart();
        return { kind: 'empty' };
      }
      // Late rather than lost, for all that is known: its place stays open.
      return { kind: 'lost' };
    }
    // A long gap is not concealed to its end.
    this.next = this.lostInARow > MAX_LOST_IN_A_ROW ? Math.min(...this.packets.keys()) : place + 1;
    const following = this.packets.get(place + 1);
    return following ? { kind: 'lost', next: following } : { kind: 'lost' };
  }

  /** Delay that was never needed goes, one packet at a time. */
  private giveUpSpare(): void {
    this.fewest = Math.min(this.fewest, this.packets.size);
    if (++this.pulls < SPARE_PULLS) return;
    if (this.fewest >= SPARE) {
      this.packets.delete(this.next!);
      this.next! += 1;
    }
    this.pulls = 0;
    this.fewest = Number.POSITIVE_INFINITY;
  }

  /** The number nearest to the highest one seen that ends in these 16 bits. */
  private extended(sequenceNumber: number): number {
    if (this.highest === undefined) return sequenceNumber;
    const distance = (sequenceNumber - this.highest) & 0xffff;
    return this.highest + (distance < 0x8000 ? distance : distance - 0x10000);
  }

  private thin(): void {
    const oldest = [...this.packets.keys()].sort((a, b) => a - b);
    for (const place of oldest.slice(0, oldest.length - this.depth)) this.packets.delete(place);
    if (this.next !== undefined) this.next = oldest[oldest.length - this.depth]!;
  }

  private restart(): void {
    this.packets.clear();
    this.next = undefined;
    this.highest = undefined;
    this.lostInARow = 0;
    this.pulls = 0;
    this.fewest = Number.POSITIVE_INFINITY;
  }
}
