/**
 * Which packets arrived when, from transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01). In: what was sent under
 * which number, and the parts of each feedback message. Out: arrivals. Each packet is told at most once; a message that contradicts
 * itself is ignored whole.
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

export class TransportFeedbackReader {
  private readonly sent = new Map<number, { sentUs: number; bytes: number }>();
  /** Unwrapped, so that arrivals keep growing when 24 bits overflow. */
  private reference: number | undefined;

  /** @param sequenceNumber transport-wide, 16 bits. */
  remember(sequenceNumber: number, bytes: number, sentUs: number): void {
    this.sent.delete(sequenceNumber);
    this.sent.set(sequenceNumber, { sentUs, bytes });
    if (this.sent.size > MAX_REMEMBERED) this.sent.delete(this.sent.keys().next().value!);
  }

  read(feedback: TransportFeedback): PacketArrival[] {
    const statuses = feedback.packetChunks.flatMap(statusesOf).slice(0, feedback.packetStatusCount);
    const received = statuses.filter((status) => status === 1 || status === 2).length;
    if (statuses.length < feedback.packetStatusCount || received !== feedback.recvDeltas.length) return [];
    let arrivedUs = this.unwrap(feedback.referenceTime) * REFERENCE_US;
    let deltaIndex = 0;
    const arrivals: PacketArrival[] = [];
    statuses.forEach((status, i) => {
      if (status !== 1 && status !== 2) return;
      arrivedUs += feedback.recvDeltas[deltaIndex++]!.delta;
      const number = (feedback.baseSequenceNumber + i) & 0xffff;
      const packet = this.sent.get(number);
      // A packet sent again carries its first number: only the first arrival says something.
      this.sent.delete(number);
      if (packet) arrivals.push({ ...packet, arrivedUs });
    });
    return arrivals;
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
