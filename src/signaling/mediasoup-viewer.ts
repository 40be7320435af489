/**
 * A viewer's door at mediasoup. In: what its browser says, step by step; out: the transport that brings it the face, its microphone's packets,
 * reports on its link, its end, once.
 */
import { AppError } from '../errors.ts';
import { readRtp } from '../media/rtp.ts';
import type { Consumer, DirectTransport, MediasoupRouter, WebRtcTransport } from './mediasoup-api.ts';
import type { PeerEvents } from './peer.ts';
import type { SfuPeer } from './room-media.ts';
import type {
  DtlsParameters,
  RtpCapabilities,
  RtpParameters,
  SfuIceRestart,
  SfuOffer,
  SfuStream,
  SfuTransport,
} from './sfu-protocol.ts';

interface ViewerParts {
  events: PeerEvents;
  router: MediasoupRouter;
  direct: DirectTransport;
  producerIds: string[];
  receiving: WebRtcTransport;
  openTransport(): Promise<WebRtcTransport>;
  closed(): void;
}

export class MediasoupViewer implements SfuPeer {
  readonly offer: SfuOffer;
  private readonly parts: ViewerParts;
  private sending: WebRtcTransport | undefined;
  private consumers: Consumer[] = [];
  private microphone: { close(): void } | undefined;
  private bytesReceived = 0;
  /** One step after the other: a viewer in a hurry would leave streams behind that nobody closes. */
  private negotiation: Promise<unknown> = Promise.resolve();
  private isConnected = false;
  private isClosed = false;

  constructor(parts: ViewerParts) {
    this.parts = parts;
    const { receiving, router, events } = parts;
    this.offer = { rtpCapabilities: router.rtpCapabilities, transport: describe(receiving) };
    receiving.on('dtlsstatechange', (state) => {
      if (state === 'connected' && !this.isConnected) {
        this.isConnected = true;
        events.connected();
      } else if (state === 'failed' || state === 'closed') void this.close(state);
    });
  }

  /** What the worker refuses is the viewer's doing: it was checked for form only. */
  private negotiate<T>(what: string, step: () => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      if (this.isClosed) throw new AppError('SESSION_GONE', 'This viewer has left the room; join again.');
      try {
        return await step();
      } catch (cause) {
        if (cause instanceof AppError) throw cause;
        throw new AppError('SIGNALING_INVALID', `The media server cannot use this viewer's ${what}; join again.`, {
          cause,
        });
      }
    };
    const result = this.negotiation.then(run);
    this.negotiation = result.catch(() => {});
    return result;
  }

  receive(rtpCapabilities: RtpCapabilities): Promise<SfuStream[]> {
    return this.negotiate('capabilities', async () => {
      const { producerIds, receiving } = this.parts;
      if (this.consumers.length > 0) throw new AppError('SIGNALING_INVALID', 'This viewer receives the face already.');
      const settled = await Promise.allSettled(
        producerIds.map((producerId) => receiving.consume({ producerId, rtpCapabilities, paused: true })),
      );
      const made = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const refused = settled.find((one) => one.status === 'rejected');
      if (refused) {
        for (const consumer of made) consumer.close();
        throw refused.reason;
      }
      this.consumers = made;
      return this.consumers.map(({ id, producerId, kind, rtpParameters }) => ({ id, producerId, kind, rtpParameters }));
    });
  }

  connect(transportId: string, dtlsParameters: DtlsParameters): Promise<void> {
    return this.negotiate('DTLS parameters', async () => {
      const transport = this.transports().find(({ id }) => id === transportId);
      if (!transport) throw new AppError('SIGNALING_INVALID', 'This viewer has no such transport; join again.');
      await transport.connect({ dtlsParameters });
    });
  }

  async ready(): Promise<void> {
    await this.negotiate('order of messages', () => Promise.all(this.consumers.map((consumer) => consumer.resume())));
  }

  openMicrophone(): Promise<SfuTransport> {
    return this.negotiate('microphone', async () => {
      this.sending ??= await this.parts.openTransport();
      if (this.isClosed) this.sending.close();
      return describe(this.sending);
    });
  }

  produce(rtpParameters: RtpParameters): Promise<string> {
    return this.negotiate('microphone', () => this.replaceMicrophone(rtpParameters));
  }

  private async replaceMicrophone(rtpParameters: RtpParameters): Promise<string> {
    const { sending } = this;
    if (!sending) throw new AppError('SIGNALING_INVALID', 'Ask for a transport for the microphone first.');
    this.microphone?.close();
    this.microphone = undefined;
    const producer = await sending.produce({ kind: 'audio', rtpParameters });
    this.microphone = producer;
    const { direct, router, events } = this.parts;
    const tap = await direct.consume({
      producerId: producer.id,
      rtpCapabilities: router.rtpCapabilities,
      paused: false,
    });
    tap.on('rtp', (bytes) => {
      const packet = this.isClosed ? undefined : readRtp(bytes);
      if (!packet || packet.payload.length === 0) return;
      const { sequenceNumber, timestamp, payload } = packet;
      events.microphone({ sequenceNumber, rtpTimestamp: timestamp, opus: payload });
    });
    return producer.id;
  }

  restartIce(): Promise<SfuIceRestart[]> {
    return this.negotiate('restart', () =>
      Promise.all(
        this.transports().map(async (transport) => ({
          transportId: transport.id,
          iceParameters: await transport.restartIce(),
        })),
      ),
    );
  }

  /** Passes on what the viewer's browser reported of its picture. */
  async reportLink(): Promise<void> {
    const video = this.consumers.find(({ kind }) => kind === 'video');
    if (!video || !this.isConnected || this.isClosed) return;
    // The transport may close while the worker counts.
    const [transport, streams] = await Promise.all([this.parts.receiving.getStats(), video.getStats()]).catch(() => []);
    const bytesReceived = transport?.[0]?.bytesReceived;
    // The worker keeps what it heard last: a report is new only where something came in.
    if (bytesReceived === undefined || bytesReceived === this.bytesReceived || this.isClosed) return;
    this.bytesReceived = bytesReceived;
    const { fractionLost, roundTripTime } = streams?.find(({ type }) => type === 'outbound-rtp') ?? {};
    this.parts.events.link({
      ...(fractionLost === undefined ? {} : { fractionLost: fractionLost / 256 }),
      ...(roundTripTime ? { rttMs: roundTripTime } : {}),
    });
  }

  private transports(): WebRtcTransport[] {
    return [this.parts.receiving, ...(this.sending ? [this.sending] : [])];
  }

  async close(reason = 'closed'): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.parts.closed();
    for (const transport of this.transports()) transport.close();
    this.parts.events.closed(reason);
  }
}

const describe = ({ id, iceParameters, iceCandidates, dtlsParameters }: WebRtcTransport): SfuTransport => ({
  id,
  iceParameters,
  iceCandidates,
  dtlsParameters,
});
