/**
 * RoomMedia over mediasoup. In: the session's frames, packed once into RTP and handed to the worker without a socket (DirectTransport).
 * Out: each viewer's WebRtcTransport, fed, paced and repaired by the worker; microphones come back the same way. Exercised with
 * mediasoup 3.8.4; 3.27.1 has the same calls.
 */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { AppError } from '../errors.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import {
  AUDIO_CLOCK_HZ,
  asksForKeyframe,
  ntpTime,
  randomUint32,
  readRtp,
  rtpTimestamp,
  VIDEO_CLOCK_HZ,
  writeSenderReport,
} from '../media/rtp.ts';
import type {
  Consumer,
  DirectProducer,
  DirectTransport,
  ListenIp,
  MediasoupRouter,
  WebRtcTransport,
} from './mediasoup-api.ts';
import { H264_PARAMETERS } from './mediasoup-worker.ts';
import type { PeerEvents } from './peer.ts';
import type { RoomMedia, RoomMediaEvents, SfuPeer, Viewer } from './room-media.ts';
import type {
  DtlsParameters,
  RtpCapabilities,
  RtpParameters,
  SfuIceRestart,
  SfuOffer,
  SfuStream,
  SfuTransport,
} from './sfu-protocol.ts';
import { createPacketizer } from './werift-peer.ts';

const AUDIO_PAYLOAD_TYPE = 100;
const VIDEO_PAYLOAD_TYPE = 101;
const RTP_HEADER_BYTES = 12;
const SENDER_REPORT_INTERVAL_MS = 1000;
const LINK_INTERVAL_MS = 1000;

export interface MediasoupRoomOptions {
  videoCodec: LiveCodec;
  bitrateBps: number;
  /** Addresses to announce besides the machine's own. */
  announcedAddresses: string[];
  useIpv6: boolean;
  events: RoomMediaEvents;
}

export class MediasoupRoom implements RoomMedia {
  readonly videoCodec: LiveCodec;
  private readonly router: MediasoupRouter;
  private readonly options: MediasoupRoomOptions;
  private readonly direct: DirectTransport;
  private readonly streams: { audio: OutgoingStream; video: OutgoingStream };
  private readonly viewers = new Set<MediasoupViewer>();
  private readonly linkTimer: NodeJS.Timeout;
  /** Wall-clock ms of media time 0. */
  private originMs: number | undefined;
  private isClosed = false;

  private constructor(
    router: MediasoupRouter,
    options: MediasoupRoomOptions,
    direct: DirectTransport,
    streams: { audio: OutgoingStream; video: OutgoingStream },
  ) {
    this.router = router;
    this.options = options;
    this.videoCodec = options.videoCodec;
    this.direct = direct;
    this.streams = streams;
    direct.on('rtcp', (packet) => {
      if (!this.isClosed && asksForKeyframe(packet)) options.events.keyframeRequest();
    });
    router.on('workerclose', () => this.fail('the media worker ended'));
    this.linkTimer = setInterval(() => {
      for (const viewer of this.viewers) void viewer.reportLink();
    }, LINK_INTERVAL_MS);
  }

  /** @param router for this room alone; closed with it, also when opening fails. */
  static async open(router: MediasoupRouter, options: MediasoupRoomOptions): Promise<MediasoupRoom> {
    try {
      const direct = await router.createDirectTransport();
      const audio = await OutgoingStream.open(direct, 'opus');
      const video = await OutgoingStream.open(direct, options.videoCodec);
      return new MediasoupRoom(router, options, direct, { audio, video });
    } catch (error) {
      router.close();
      throw error;
    }
  }

  async admit({ events }: Viewer): Promise<SfuPeer> {
    const viewer = new MediasoupViewer({
      events,
      router: this.router,
      direct: this.direct,
      producerIds: [this.streams.audio.producer.id, this.streams.video.producer.id],
      receiving: await this.openTransport(),
      openTransport: () => this.openTransport(),
      closed: () => this.viewers.delete(viewer),
    });
    this.viewers.add(viewer);
    return viewer;
  }

  private openTransport(): Promise<WebRtcTransport> {
    const { announcedAddresses, useIpv6, bitrateBps } = this.options;
    return this.router.createWebRtcTransport({
      listenIps: listenIps(announcedAddresses, useIpv6),
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
      initialAvailableOutgoingBitrate: bitrateBps,
    });
  }

  send(frame: EncodedFrame): void {
    if (this.isClosed) return;
    this.originMs ??= wallMs() - frame.timestampUs / 1000;
    const report = this.streams[frame.kind].send(frame, this.originMs);
    if (report) this.direct.sendRtcp(report);
  }

  private fail(reason: string): void {
    if (this.isClosed) return;
    void this.close();
    this.options.events.closed(reason);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.linkTimer);
    await Promise.all([...this.viewers].map((viewer) => viewer.close()));
    this.router.close();
  }
}

/** One of the face's two streams on its way into the worker. */
class OutgoingStream {
  readonly producer: DirectProducer;
  private readonly ssrc: number;
  private readonly clockHz: number;
  private readonly timestampBase = randomUint32();
  private readonly packetize: (data: Uint8Array, timestamp: number) => Buffer[];
  private packets = 0;
  private octets = 0;
  private lastReportMs = Number.NEGATIVE_INFINITY;

  private constructor(producer: DirectProducer, codec: LiveCodec | 'opus', ssrc: number) {
    this.producer = producer;
    this.ssrc = ssrc;
    this.clockHz = codec === 'opus' ? AUDIO_CLOCK_HZ : VIDEO_CLOCK_HZ;
    const payloadType = codec === 'opus' ? AUDIO_PAYLOAD_TYPE : VIDEO_PAYLOAD_TYPE;
    this.packetize = createPacketizer(codec, { ssrc, payloadType });
  }

  static async open(direct: DirectTransport, codec: LiveCodec | 'opus'): Promise<OutgoingStream> {
    const ssrc = randomUint32();
    const kind = codec === 'opus' ? 'audio' : 'video';
    const rtpParameters = codec === 'opus' ? opusParameters(ssrc) : videoParameters(codec, ssrc);
    return new OutgoingStream(await direct.produce({ kind, rtpParameters }), codec, ssrc);
  }

  /** @param originMs wall-clock ms of media time 0. @returns a sender report when one is due. */
  send({ data, timestampUs }: EncodedFrame, originMs: number): Buffer | undefined {
    const timestamp = rtpTimestamp(timestampUs, this.clockHz, this.timestampBase);
    for (const packet of this.packetize(data, timestamp)) {
      this.producer.send(packet);
      this.packets += 1;
      this.octets += packet.length - RTP_HEADER_BYTES;
    }
    const nowMs = performance.now();
    if (nowMs - this.lastReportMs < SENDER_REPORT_INTERVAL_MS) return undefined;
    this.lastReportMs = nowMs;
    const ntp = ntpTime(originMs + timestampUs / 1000);
    const { ssrc, packets, octets } = this;
    return Buffer.from(writeSenderReport({ ssrc, ntp, timestamp, packets, octets }));
  }
}

interface ViewerParts {
  events: PeerEvents;
  router: MediasoupRouter;
  direct: DirectTransport;
  producerIds: string[];
  receiving: WebRtcTransport;
  openTransport(): Promise<WebRtcTransport>;
  closed(): void;
}

class MediasoupViewer implements SfuPeer {
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
      this.consumers = await Promise.all(
        producerIds.map((producerId) => receiving.consume({ producerId, rtpCapabilities, paused: true })),
      );
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

const wallMs = (): number => performance.timeOrigin + performance.now();

const describe = ({ id, iceParameters, iceCandidates, dtlsParameters }: WebRtcTransport): SfuTransport => ({
  id,
  iceParameters,
  iceCandidates,
  dtlsParameters,
});

const opusParameters = (ssrc: number): RtpParameters => ({
  codecs: [
    {
      mimeType: 'audio/opus',
      payloadType: AUDIO_PAYLOAD_TYPE,
      clockRate: AUDIO_CLOCK_HZ,
      channels: 2,
      parameters: { useinbandfec: 1 },
    },
  ],
  encodings: [{ ssrc }],
});

const videoParameters = (codec: LiveCodec, ssrc: number): RtpParameters => ({
  codecs: [
    {
      mimeType: `video/${codec}`,
      payloadType: VIDEO_PAYLOAD_TYPE,
      clockRate: VIDEO_CLOCK_HZ,
      ...(codec === 'H264' ? { parameters: H264_PARAMETERS } : {}),
      // Keyframes are asked of us; lost packets the worker repairs by itself.
      rtcpFeedback: [
        { type: 'nack', parameter: 'pli' },
        { type: 'ccm', parameter: 'fir' },
      ],
    },
  ],
  encodings: [{ ssrc }],
});

/** The machine's own addresses, and the announced ones: those that are not its own stand before it, behind NAT. */
export function listenIps(announced: string[], useIpv6: boolean, interfaces = networkInterfaces()): ListenIp[] {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const own = all.filter(({ family, internal, scopeid }) => !internal && !scopeid && (useIpv6 || family === 'IPv4'));
  const ips: ListenIp[] = own.map(({ address }) => ({ ip: address }));
  for (const address of announced) {
    if (ips.some(({ ip }) => ip === address)) continue;
    if (all.some((known) => known.address === address)) ips.push({ ip: address });
    else ips.push({ ip: isIP(address) === 6 ? '::' : '0.0.0.0', announcedIp: address });
  }
  return ips;
}
