// mediasoup in memory, for the part of it that src/signaling/mediasoup-api.ts names: parameters are judged as the real one does, RTP goes
// from producers to the consumers that are awake, keyframe requests go back. `FakeViewer` is the browser at the other end.
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { PictureLossIndication, RtcpPayloadSpecificFeedback, RtpHeader, RtpPacket } from 'werift';
import type {
  MediasoupModule,
  MediasoupRouter,
  MediasoupWorker,
  WebRtcTransport,
} from '../../src/signaling/mediasoup-api.ts';
import type { SfuPeer } from '../../src/signaling/room-media.ts';
import type { DtlsParameters, RtpCapabilities, RtpParameters } from '../../src/signaling/sfu-protocol.ts';

type Kind = 'audio' | 'video';

/** What the tests look at, besides the module itself. */
export class FakeMediasoup {
  readonly workers: FakeWorker[] = [];
  /** How `createWorker` is to fail. */
  failure: Error | undefined;
  readonly module: MediasoupModule = {
    version: '0.0.0-fake',
    createWorker: async () => {
      if (this.failure) throw this.failure;
      const worker = new FakeWorker();
      this.workers.push(worker);
      return worker;
    },
  };

  private get routers(): FakeRouter[] {
    return this.workers.flatMap((worker) => [...worker.routers]);
  }

  get openTransports(): number {
    return this.routers.flatMap((router) => [...router.transports]).filter(({ closed }) => !closed).length;
  }

  /** Streams that come from viewers. */
  get openMicrophones(): number {
    const producers = this.routers.flatMap((router) => [...router.producers.values()]);
    return producers.filter(({ transport, isClosed }) => !transport.isDirect && !transport.closed && !isClosed).length;
  }
}

export class FakeWorker extends EventEmitter implements MediasoupWorker {
  closed = false;
  readonly routers = new Set<FakeRouter>();

  async createRouter({ mediaCodecs }: { mediaCodecs: RtpCapabilities['codecs'] }): Promise<MediasoupRouter> {
    if (this.closed) throw new Error('Worker closed');
    const router = new FakeRouter(mediaCodecs);
    this.routers.add(router);
    return router;
  }

  /** The process is killed. */
  die(): void {
    this.close();
    this.emit('died', new Error('killed'));
    for (const router of this.routers) router.workerClosed();
  }

  close(): void {
    this.closed = true;
  }
}

class FakeRouter extends EventEmitter implements MediasoupRouter {
  readonly rtpCapabilities: RtpCapabilities;
  readonly transports = new Set<FakeTransport>();
  readonly producers = new Map<string, FakeProducer>();

  constructor(codecs: RtpCapabilities['codecs']) {
    super();
    this.rtpCapabilities = {
      codecs: codecs.map((codec, i) => ({ ...codec, preferredPayloadType: 100 + i, rtcpFeedback: [] })),
      headerExtensions: [],
    };
  }

  async createDirectTransport(): Promise<FakeTransport> {
    return this.add(new FakeTransport(this, true));
  }

  async createWebRtcTransport({ listenIps }: { listenIps: { ip: string }[] }): Promise<WebRtcTransport> {
    if (listenIps.length === 0) throw new TypeError('missing listenIps');
    return this.add(new FakeTransport(this, false));
  }

  private add(transport: FakeTransport): FakeTransport {
    this.transports.add(transport);
    return transport;
  }

  canConsume({ producerId, rtpCapabilities }: { producerId: string; rtpCapabilities: RtpCapabilities }): boolean {
    const sent = this.producers.get(producerId)?.rtpParameters.codecs[0]?.mimeType.toLowerCase();
    return rtpCapabilities.codecs.some(({ mimeType }) => mimeType.toLowerCase() === sent);
  }

  workerClosed(): void {
    this.closeTransports();
    this.emit('workerclose');
  }

  close(): void {
    this.closeTransports();
  }

  private closeTransports(): void {
    for (const transport of this.transports) transport.close();
  }
}

/** Direct and WebRTC transport in one: the room uses of each what it has. */
class FakeTransport extends EventEmitter {
  readonly id = randomUUID();
  iceParameters = { usernameFragment: 'u0', password: 'p', iceLite: true };
  readonly iceCandidates = [
    { foundation: 'f', priority: 1, ip: '127.0.0.1', protocol: 'udp' as const, port: 40_000, type: 'host' as const },
  ];
  readonly dtlsParameters: DtlsParameters = { role: 'auto', fingerprints: [FINGERPRINT] };
  readonly isDirect: boolean;
  closed = false;
  bytesReceived = 0;
  readonly senderReports: Buffer[] = [];
  readonly consumers = new Set<FakeConsumer>();
  private readonly router: FakeRouter;
  private isConnected = false;

  constructor(router: FakeRouter, isDirect: boolean) {
    super();
    this.router = router;
    this.isDirect = isDirect;
  }

  private requireOpen(): void {
    if (this.closed) throw new Error('Channel request handler with this id not found');
  }

  async connect({ dtlsParameters }: { dtlsParameters: DtlsParameters }): Promise<void> {
    this.requireOpen();
    if (this.isConnected) throw new Error('connect() already called');
    if (dtlsParameters.fingerprints.length === 0) throw new TypeError('missing dtlsParameters.fingerprints');
    this.isConnected = true;
    this.emit('dtlsstatechange', 'connecting');
    queueMicrotask(() => this.emit('dtlsstatechange', 'connected'));
  }

  async restartIce(): Promise<typeof this.iceParameters> {
    this.requireOpen();
    this.iceParameters = {
      ...this.iceParameters,
      usernameFragment: `u${Number(this.iceParameters.usernameFragment.slice(1)) + 1}`,
    };
    return this.iceParameters;
  }

  async produce({ kind, rtpParameters }: { kind: Kind; rtpParameters: RtpParameters }): Promise<FakeProducer> {
    this.requireOpen();
    const { mimeType } = rtpParameters.codecs[0]!;
    const isKnown = this.router.rtpCapabilities.codecs.some(
      (codec) => codec.kind === kind && codec.mimeType.toLowerCase() === mimeType.toLowerCase(),
    );
    if (!isKnown) throw new Error(`unsupported codec ${mimeType}`);
    const producer = new FakeProducer(kind, rtpParameters, this);
    this.router.producers.set(producer.id, producer);
    return producer;
  }

  async consume(options: {
    producerId: string;
    rtpCapabilities: RtpCapabilities;
    paused: boolean;
  }): Promise<FakeConsumer> {
    this.requireOpen();
    if (!this.router.canConsume(options)) throw new Error('cannot consume this Producer');
    const consumer = new FakeConsumer(this.router.producers.get(options.producerId)!, options.paused, this);
    this.consumers.add(consumer);
    return consumer;
  }

  async getStats(): Promise<{ bytesReceived: number }[]> {
    this.requireOpen();
    return [{ bytesReceived: this.bytesReceived }];
  }

  sendRtcp(packet: Buffer): void {
    this.senderReports.push(packet);
  }

  close(): void {
    this.closed = true;
    for (const consumer of this.consumers) consumer.producer.consumers.delete(consumer);
  }
}

const FINGERPRINT = { algorithm: 'sha-256' as const, value: Array.from({ length: 32 }, () => 'AB').join(':') };

class FakeProducer {
  readonly id = randomUUID();
  readonly kind: Kind;
  readonly rtpParameters: RtpParameters;
  readonly consumers = new Set<FakeConsumer>();
  readonly transport: FakeTransport;
  isClosed = false;

  constructor(kind: Kind, rtpParameters: RtpParameters, transport: FakeTransport) {
    this.kind = kind;
    this.rtpParameters = rtpParameters;
    this.transport = transport;
  }

  send(packet: Buffer): void {
    for (const consumer of this.consumers) consumer.deliver(packet);
  }

  close(): void {
    this.isClosed = true;
    this.consumers.clear();
  }
}

class FakeConsumer extends EventEmitter {
  readonly id = randomUUID();
  readonly producer: FakeProducer;
  readonly rtpParameters: RtpParameters;
  fractionLost = 0;
  private isPaused: boolean;
  private readonly transport: FakeTransport;

  constructor(producer: FakeProducer, paused: boolean, transport: FakeTransport) {
    super();
    this.producer = producer;
    this.isPaused = paused;
    this.transport = transport;
    this.rtpParameters = { codecs: producer.rtpParameters.codecs, encodings: [{ ssrc: 99 }], mid: '0' };
    producer.consumers.add(this);
  }

  get producerId(): string {
    return this.producer.id;
  }

  get kind(): Kind {
    return this.producer.kind;
  }

  deliver(packet: Buffer): void {
    if (!this.isPaused && !this.transport.closed) this.emit('rtp', packet);
  }

  async resume(): Promise<void> {
    this.isPaused = false;
    if (this.kind === 'video') this.requestKeyframe();
  }

  close(): void {
    this.producer.consumers.delete(this);
    this.transport.consumers.delete(this);
  }

  requestKeyframe(): void {
    const feedback = new PictureLossIndication({ senderSsrc: 1, mediaSsrc: 2 });
    this.producer.transport.emit('rtcp', new RtcpPayloadSpecificFeedback({ feedback }).serialize());
  }

  async getStats(): Promise<{ type: string; fractionLost?: number; roundTripTime?: number }[]> {
    return [{ type: 'inbound-rtp' }, { type: 'outbound-rtp', fractionLost: this.fractionLost, roundTripTime: 12 }];
  }
}

/** A browser with mediasoup-client, as far as the fake worker can tell. */
export class FakeViewer {
  /** RTP timestamps of the pictures, each once. */
  readonly pictures: number[] = [];
  sounds = 0;
  readonly peer: SfuPeer;
  private readonly router: FakeRouter;
  private readonly receiving: FakeTransport;
  private readonly capabilities: RtpCapabilities;
  private microphone: FakeProducer | undefined;
  private sequenceNumber = 65_534;

  constructor(peer: SfuPeer, sfu: FakeMediasoup) {
    this.peer = peer;
    const hasOurs = ({ id }: FakeTransport): boolean => id === peer.offer.transport.id;
    const routers = sfu.workers.flatMap((worker) => [...worker.routers]);
    this.router = routers.find(({ transports }) => [...transports].some(hasOurs))!;
    this.receiving = [...this.router.transports].find(hasOurs)!;
    this.capabilities = structuredClone(peer.offer.rtpCapabilities);
  }

  async connect(): Promise<void> {
    await this.peer.receive(this.capabilities);
    await this.peer.connect(this.peer.offer.transport.id, { role: 'client', fingerprints: [FINGERPRINT] });
    for (const consumer of this.receiving.consumers)
      consumer.on('rtp', (bytes: Buffer) => {
        this.receiving.bytesReceived += 100; // it answers with reports
        const { header } = RtpPacket.deSerialize(bytes);
        if (consumer.kind === 'audio') this.sounds += 1;
        else if (this.pictures.at(-1) !== header.timestamp) this.pictures.push(header.timestamp);
      });
    await this.peer.ready();
  }

  requestKeyframe(): void {
    for (const consumer of this.receiving.consumers) if (consumer.kind === 'video') consumer.requestKeyframe();
  }

  async openMicrophone(): Promise<void> {
    const { id } = await this.peer.openMicrophone();
    await this.peer.connect(id, { role: 'client', fingerprints: [FINGERPRINT] });
    const producerId = await this.peer.produce({
      codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
      encodings: [{ ssrc: 5 }],
    });
    this.microphone = this.router.producers.get(producerId);
  }

  say(opus: Uint8Array, timestamp: number): void {
    const { sequenceNumber } = this;
    this.sequenceNumber = (sequenceNumber + 1) & 0xffff;
    const header = new RtpHeader({ payloadType: 111, sequenceNumber, timestamp, ssrc: 5 });
    this.microphone!.send(new RtpPacket(header, Buffer.from(opus)).serialize());
  }

  /** Its browser, its machine or its network is gone: nothing more comes from it, DTLS says so. */
  vanish(): void {
    this.receiving.emit('dtlsstatechange', 'closed');
  }
}
