/**
 * Which packets arrived when, from transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01). In: what was sent under
 * which number, and the parts of each feedback message. Out: arrivals, and how many packets did not come. Each packet is told at most
 * once; a message that contradicts itself is ignored whole.
 */
import type { PacketArrival } from '../media/bandwidth-estimator.ts';

/** A message's parts, as werift reads them. Statuses: 0 not received, 1 and 2 received with a delta. */
export interface TransportFeedback {
  baseSequenceNumber: number;
  packetStatusCount: number;
  /** 24 bits, in 64 ms. */
  referenceTime: number;
  packetChunks: readonly object[];
  /** µs since the arrival before. */
  recvDeltas: readonly { delta: number }[];
}

const REFERENCE_US = 64_000;
const REFERENCE_WRAP = 2 ** 24;
/** Five seconds of a full-rate stream. */
const MAX_REMEMBERED = 1024;
/** A packet sent so long before one that has arrived is not only out of order. */
const LOST_AFTER_US = 200_000;
/** Nothing at all for so long is an outage: no bitrate would have got through, so it does not count as loss. */
const OUTAGE_US = 150_000;

export class TransportFeedbackReader {
  private readonly sent = new Map<number, { sentUs: number; bytes: number }>();
  /** Unwrapped, so that arrivals keep growing when 24 bits overflow. */
  private reference: number | undefined;
  /** Packets in a row that did not come. */
  private gap = { last: -1, sinceUs: 0 };

  /** @param sequenceNumber transport-wide, 16 bits. */
  remember(sequenceNumber: number, bytes: number, sentUs: number): void {
    this.sent.delete(sequenceNumber);
    this.sent.set(sequenceNumber, { sentUs, bytes });
    if (this.sent.size > MAX_REMEMBERED) this.sent.delete(this.sent.keys().next().value!);
  }

  read(feedback: TransportFeedback): { arrivals: PacketArrival[]; lost: number } {
    const statuses = feedback.packetChunks.flatMap(statusesOf).slice(0, feedback.packetStatusCount);
    const received = statuses.filter((status) => status === 1 || status === 2).length;
    if (statuses.length < feedback.packetStatusCount || received !== feedback.recvDeltas.length)
      return { arrivals: [], lost: 0 };
    let arrivedUs = this.unwrap(feedback.referenceTime) * REFERENCE_US;
    let deltaIndex = 0;
    const arrivals: PacketArrival[] = [];
    statuses.forEach((status, i) => {
      if (status !== 1 && status !== 2) return;
      arrivedUs += feedback.recvDeltas[deltaIndex++]!.delta;
      const number = (feedback.baseSequenceNumber + i) & 0xffff;
      const packet = this.sent.get(number);
      this.sent.delete(number);
      if (packet) arrivals.push({ ...packet, arrivedUs });
    });
    return { arrivals, lost: this.giveUp(arrivals) };
  }

  private giveUp(arrivals: PacketArrival[]): number {
    const newestUs = arrivals.reduce((newest, { sentUs }) => Math.max(newest, sentUs), Number.NEGATIVE_INFINITY);
    let lost = 0;
    let inGap = 0;
    for (const [number, { sentUs }] of this.sent) {
      if (sentUs > newestUs - LOST_AFTER_US) break;
      this.sent.delete(number);
      if (number !== ((this.gap.last + 1) & 0xffff)) {
        lost += inGap;
        inGap = 0;
        this.gap.sinceUs = sentUs;
      }
      this.gap.last = number;
      if (sentUs - this.gap.sinceUs > OUTAGE_US) inGap = 0;
      else inGap += 1;
    }
    return lost + inGap;
  }

  private unwrap(referenceTime: number): number {
    const before = this.reference ?? referenceTime;
    let distance = (referenceTime - (before % REFERENCE_WRAP) + REFERENCE_WRAP) % REFERENCE_WRAP;
    if (distance >= REFERENCE_WRAP / 2) distance -= REFERENCE_WRAP;
    this.reference = before + distance;
    return this.reference;
  }
}

function statusesOf(chunk: {
  symbolList?: number[];
  symbolSize?: number;
  runLength?: number;
  packetStatus?: number;
}): number[] {
  if (chunk.symbolList) return chunk.symbolList;
  return new Array(chunk.runLength ?? 0).fill(chunk.packetStatus ?? 0);
}
