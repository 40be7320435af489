/**
 * BandwidthEstimator: what a link carries, judged by when packets arrive and how many do not. In: arrivals (transport-wide feedback), loss
 * and round trip (receiver reports). Out: is a queue standing in the network, and how much gets through. Delay is judged by its least, not
 * its mean: jitter and a keyframe's burst come and go, a standing queue delays even the luckiest packet. Pure; the receiver's clock needs
 * no relation to ours.
 */

/** One packet that arrived. */
export interface PacketArrival {
  /** Our clock. */
  sentUs: number;
  /** The receiver's clock. */
  arrivedUs: number;
  bytes: number;
}

/** What the network says, a few times a second; each part only where it is known. */
export interface LinkReport {
  arrivals?: readonly PacketArrival[];
  /** With `arrivals`: packets that did not come; those of an outage, when nothing came, left out. */
  lost?: number;
  /** 0…1 of the packets since the receiver's last report; what is late counts as well, so that jitter alone can make a tenth. */
  fractionLost?: number;
  rttMs?: number;
}

/** The luckiest packet of this long tells the queue. */
const QUEUE_WINDOW_US = 300_000;
const MIN_PACKETS = 3;
/** Throughput is measured over this long. */
const RATE_WINDOW_US = 600_000;
/** The path's own delay is the least of so many seconds: long enough to have seen an empty queue, short enough for clocks to drift. */
const BASE_SECONDS = 30;
const STANDING_QUEUE_US = 80_000;
/** One report says little: a single lost packet of a quiet second is 3 %. */
const LOSS_SMOOTHING = 0.3;
/** What one report may say at most: one outage is not a narrow link. */
const MAX_REPORTED_LOSS = 0.3;
/** Packets to count before their losses say something. */
const LOSS_PACKETS = 100;
const RTT_SMOOTHING = 0.3;

export class BandwidthEstimator {
  private recent: PacketArrival[] = [];
  /** Least one-way delay by second of our clock, newest last. */
  private base: { second: number; delayUs: number }[] = [];
  private counted = { packets: 0, lost: 0 };
  private smoothedLoss = 0;
  private smoothedRttMs: number | undefined;

  push({ arrivals = [], lost = 0, fractionLost, rttMs }: LinkReport): void {
    for (const arrival of arrivals) this.arrive(arrival);
    this.count(arrivals.length, lost);
    if (fractionLost !== undefined && this.recent.length === 0) this.lose(fractionLost);
    if (rttMs !== undefined) this.smoothedRttMs = mix(this.smoothedRttMs ?? rttMs, rttMs, RTT_SMOOTHING);
  }

  private arrive(arrival: PacketArrival): void {
    this.recent.push(arrival);
    const newestUs = this.newestUs;
    if (newestUs - this.recent[0]!.arrivedUs > 2 * RATE_WINDOW_US)
      this.recent = this.recent.filter(({ arrivedUs }) => newestUs - arrivedUs <= RATE_WINDOW_US);
    const second = Math.floor(arrival.sentUs / 1e6);
    const delayUs = arrival.arrivedUs - arrival.sentUs;
    const last = this.base.at(-1);
    if (last?.second === second) last.delayUs = Math.min(last.delayUs, delayUs);
    else this.base.push({ second, delayUs });
    while (second - this.base[0]!.second > BASE_SECONDS) this.base.shift();
  }

  private count(arrived: number, lost: number): void {
    this.counted.packets += arrived + lost;
    this.counted.lost += lost;
    if (this.counted.packets < LOSS_PACKETS) return;
    this.lose(this.counted.lost / this.counted.packets);
    this.counted = { packets: 0, lost: 0 };
  }

  private lose(fraction: number): void {
    this.smoothedLoss = mix(this.smoothedLoss, Math.min(fraction, MAX_REPORTED_LOSS), LOSS_SMOOTHING);
  }

  private get newestUs(): number {
    return this.recent.reduce((newest, { arrivedUs }) => Math.max(newest, arrivedUs), Number.NEGATIVE_INFINITY);
  }

  private within(windowUs: number): PacketArrival[] {
    const fromUs = this.newestUs - windowUs;
    return this.recent.filter(({ arrivedUs }) => arrivedUs > fromUs);
  }

  /** How long packets wait in the network's queues, µs; 0 while too little is known. */
  get queueUs(): number {
    const last = this.within(QUEUE_WINDOW_US);
    if (last.length < MIN_PACKETS) return 0;
    const leastUs = Math.min(...last.map(({ arrivedUs, sentUs }) => arrivedUs - sentUs));
    return leastUs - Math.min(...this.base.map(({ delayUs }) => delayUs));
  }

  get isQueueing(): boolean {
    return this.queueUs > STANDING_QUEUE_US;
  }

  /** What arrived lately, bit/s; undefined while too little is known. */
  get throughputBps(): number | undefined {
    // Through a standing queue packets come at the link's own pace, and what was before it stood says nothing.
    const windowUs = this.isQueueing ? QUEUE_WINDOW_US : RATE_WINDOW_US;
    const last = this.within(windowUs);
    if (last.length < MIN_PACKETS) return undefined;
    const fromUs = Math.min(...last.map(({ arrivedUs }) => arrivedUs));
    const spanUs = this.newestUs - fromUs;
    if (spanUs < windowUs / 3) return undefined;
    // The first packet's bytes arrived before the span began.
    const bytes = last.reduce((sum, arrival) => sum + (arrival.arrivedUs > fromUs ? arrival.bytes : 0), 0);
    return (bytes * 8 * 1e6) / spanUs;
  }

  /**
   * How much longer packets took to arrive than to be sent, as a factor. Above 1 the link is full, and what gets through is what it carries;
   * otherwise it carries at least that.
   */
  get stretch(): number {
    const last = this.within(RATE_WINDOW_US);
    const span = (times: number[]): number => Math.max(...times) - Math.min(...times);
    return last.length < MIN_PACKETS
      ? 1
      : span(last.map(({ arrivedUs }) => arrivedUs)) / Math.max(1, span(last.map(({ sentUs }) => sentUs)));
  }

  /** How long the link needs for what was sent at `sentBps` and has not arrived by `nowUs`, µs. */
  backlogUs(sentBps: number, nowUs: number): number {
    const { throughputBps } = this;
    if (!throughputBps) return 0;
    const lastSentUs = this.recent.reduce((newest, { sentUs }) => Math.max(newest, sentUs), 0);
    return Math.max(0, ((nowUs - lastSentUs) * sentBps) / throughputBps);
  }

  /** 0…1, smoothed. */
  get loss(): number {
    return this.smoothedLoss;
  }

  /** 0…1, of the newest packets alone where they are enough to say so. */
  get lossNow(): number {
    const { packets, lost } = this.counted;
    return packets < LOSS_PACKETS / 2 ? this.smoothedLoss : lost / packets;
  }

  /** Smoothed; undefined before the first measurement. */
  get rttMs(): number | undefined {
    return this.smoothedRttMs;
  }

  /** Less is sent from now on: what was lost before says nothing about that. */
  forgetLoss(): void {
    this.smoothedLoss = 0;
    this.counted = { packets: 0, lost: 0 };
  }

  /** The delay of now is the path's own: it did not fall when less was sent. */
  rebase(): void {
    const last = this.within(QUEUE_WINDOW_US);
    const delayUs = Math.min(...last.map(({ arrivedUs, sentUs }) => arrivedUs - sentUs));
    if (last.length > 0) this.base = [{ second: this.base.at(-1)!.second, delayUs }];
  }
}

const mix = (before: number, now: number, weight: number): number => before + weight * (now - before);
