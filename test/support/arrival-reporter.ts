/**
 * Transport-wide feedback as browsers send it: which packets arrived when, every 50 ms, gaps told as gaps (werift's own receiver leaves
 * lost packets out, which shifts all that follow).
 */
import {
  RecvDelta,
  type RTCDtlsTransport,
  type RTCRtpReceiver,
  RTP_EXTENSION_URI,
  RtcpTransportLayerFeedback,
  RunLengthChunk,
  TransportWideCC,
} from 'werift';

const REFERENCE_US = 64_000;
const TICK_US = 250;
const NOT_RECEIVED = 0;
const SMALL_DELTA = 1;
const LARGE_DELTA = 2;

export class ArrivalReporter implements Disposable {
  private readonly transport: RTCDtlsTransport;
  /** Our clock in 250 µs, by extended transport-wide number. */
  private readonly arrived = new Map<number, number>();
  private newest: number | undefined;
  private reported = -1;
  private count = 0;
  private readonly timer: NodeJS.Timeout;

  /**
   * Takes the place of werift's own feedback; create it before packets come.
   * @param sdp of the answer: under which id the numbers come.
   */
  constructor(transport: RTCDtlsTransport, receiver: RTCRtpReceiver, sdp: string) {
    this.transport = transport;
    receiver.setupTWCC = () => {};
    Object.assign(receiver, { receiverTWCC: undefined });
    const id = Number(sdp.match(new RegExp(`a=extmap:(\\d+)\\S* ${RTP_EXTENSION_URI.transportWideCC}`))?.[1]);
    transport.onRtp.subscribe(({ header }) => {
      const extension = header.extensions.find((each) => each.id === id);
      if (extension) this.arrive(extension.payload.readUInt16BE());
    });
    this.timer = setInterval(() => this.report(), 50);
  }

  private arrive(number: number): void {
    const distance = this.newest === undefined ? 0 : ((number - this.newest + 0x8000) & 0xffff) - 0x8000;
    const place = (this.newest ?? number) + distance;
    this.newest = Math.max(this.newest ?? place, place);
    if (!this.arrived.has(place)) this.arrived.set(place, Math.round((performance.now() * 1000) / TICK_US));
  }

  private report(): void {
    const places = [...this.arrived.keys()].filter((place) => place > this.reported).sort((a, b) => a - b);
    const [first, last] = [places[0], places.at(-1)];
    if (first === undefined || last === undefined) return;
    this.reported = last;
    const referenceTime = Math.floor((this.arrived.get(first)! * TICK_US) / REFERENCE_US);
    let before = (referenceTime * REFERENCE_US) / TICK_US;
    const packetChunks: RunLengthChunk[] = [];
    const recvDeltas: RecvDelta[] = [];
    for (let place = first; place <= last; place++) {
      const at = this.arrived.get(place);
      this.arrived.delete(place);
      if (at === undefined) {
        packetChunks.push(new RunLengthChunk({ packetStatus: NOT_RECEIVED, runLength: 1 }));
        continue;
      }
      const ticks = at - before;
      before = at;
      const packetStatus = ticks >= 0 && ticks < 256 ? SMALL_DELTA : LARGE_DELTA;
      packetChunks.push(new RunLengthChunk({ packetStatus, runLength: 1 }));
      recvDeltas.push(new RecvDelta({ type: packetStatus, delta: ticks * TICK_US }));
    }
    const feedback = new TransportWideCC({
      senderSsrc: 1,
      mediaSourceSsrc: 1,
      baseSequenceNumber: first & 0xffff,
      packetStatusCount: last - first + 1,
      referenceTime: referenceTime & 0xffffff,
      fbPktCount: this.count++ & 0xff,
      packetChunks,
      recvDeltas,
    });
    // Whole words only; werift pads where the flag says so, and spoils the rest when it says so for nothing.
    feedback.header.padding = feedback.serialize().length % 4 !== 0;
    this.transport.sendRtcp([new RtcpTransportLayerFeedback({ feedback })]).catch(() => {});
  }

  [Symbol.dispose](): void {
    clearInterval(this.timer);
  }
}
