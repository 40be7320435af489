/**
 * The pictures' packets on one werift sender: what leaves is remembered under its transport-wide number, what leaves again is numbered anew and
 * kept within bounds, and feedback is read against both.
 */
import { systemClock } from '../media/clock.ts';
import { TransportFeedbackReader } from './transport-feedback.ts';
import type { RTCRtpSender, TransportWideCC } from './werift.ts';

/** RTP with extensions, SRTP tag, UDP, IP. */
const OVERHEAD_BYTES = 70;
/** Resent bytes in proportion to new ones, and the most at once: a keyframe. */
const RESENT_PART = 0.25;
const MAX_RESENDABLE_BYTES = 50_000;
/** Until the link's round trip is known. */
const FIRST_ROUND_TRIP_MS = 30;
/** A packet is not sent again for so long, whatever the round trip. */
const RESENT_PAUSE_MS = { min: 10, max: 200 };
/** Packets of which werift can be asked again. */
const HISTORY = 128;

export class SentPictures {
  /** Under which the answer has packets numbered across the transport; undefined where it does not. */
  numberId: number | undefined;
  private readonly sender: RTCRtpSender;
  private readonly reader = new TransportFeedbackReader();
  private resendableBytes = MAX_RESENDABLE_BYTES;
  /** When a packet was last sent again, µs, by its first number. */
  private readonly resentUs = new Map<number, number>();

  /** Takes the place of what sends for `sender`. */
  constructor(sender: RTCRtpSender) {
    this.sender = sender;
    this.boundResent(sender);
  }

  /** A packet that werift has just taken, and numbered while it did. */
  remember(payloadBytes: number): void {
    this.resendableBytes = Math.min(MAX_RESENDABLE_BYTES, this.resendableBytes + RESENT_PART * payloadBytes);
    this.note(this.sender.dtlsTransport.transportSequenceNumber, payloadBytes);
  }

  /** What a viewer's feedback says of them. werift's own list of arrivals reads run-length chunks only, and those wrongly. */
  read(feedback: TransportWideCC): ReturnType<TransportFeedbackReader['read']> {
    return this.reader.read(feedback);
  }

  private note(number: number, payloadBytes: number): void {
    this.reader.remember(number, payloadBytes + OVERHEAD_BYTES, systemClock.nowUs());
  }

  /**
   * To the link, a packet that is sent again is one of its own; werift would send it under its first number. And a viewer behind a narrow
   * link asks for everything again and again, which makes it narrower: only a part of what is sent new is sent twice, and nothing again
   * while it may still be under way from the last time.
   */
  private boundResent(sender: RTCRtpSender): void {
    const transport = sender.dtlsTransport;
    const send = transport.sendRtp.bind(transport);
    const sent = new WeakSet<object>();
    transport.sendRtp = (payload, header) => {
      const { rtxPayloadType } = sender as unknown as { rtxPayloadType?: number };
      // Without RTX the very same packet goes out again.
      if (header.payloadType !== rtxPayloadType && !sent.has(header)) {
        sent.add(header);
        return send(payload, header);
      }
      const firstNumber = header.payloadType === rtxPayloadType ? payload.readUInt16BE(0) : header.sequenceNumber;
      if (payload.length > this.resendableBytes || this.isUnderWay(firstNumber)) return Promise.resolve(0);
      this.noteResent(firstNumber);
      this.resendableBytes -= payload.length;
      if (this.numberId !== undefined) {
        const number = (transport.transportSequenceNumber + 1) & 0xffff;
        transport.transportSequenceNumber = number;
        const numbered = { id: this.numberId, payload: Buffer.from([number >> 8, number & 0xff]) };
        header.extensions = header.extensions.map((each) => (each.id === numbered.id ? numbered : each));
        this.note(number, payload.length);
      }
      return send(payload, header);
    };
  }

  private isUnderWay(firstNumber: number): boolean {
    const { min, max } = RESENT_PAUSE_MS;
    const pauseMs = Math.min(Math.max(roundTripMs(this.sender) ?? FIRST_ROUND_TRIP_MS, min), max);
    const lastUs = this.resentUs.get(firstNumber);
    return lastUs !== undefined && systemClock.nowUs() - lastUs < pauseMs * 1000;
  }

  private noteResent(firstNumber: number): void {
    // The oldest come first in a Map.
    this.resentUs.delete(firstNumber);
    this.resentUs.set(firstNumber, systemClock.nowUs());
    if (this.resentUs.size > HISTORY) this.resentUs.delete(this.resentUs.keys().next().value!);
  }
}

/** werift keeps it, smoothed, in a private field. @returns undefined until it is known. */
export function roundTripMs(sender: RTCRtpSender): number | undefined {
  const { rtt } = sender as unknown as { rtt?: number };
  return rtt === undefined ? undefined : Math.max(0, rtt * 1000);
}
