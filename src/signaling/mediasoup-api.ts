/**
 * The part of mediasoup that is used, as it is in 3.8.4 and in 3.27.1. The package is optional, so its own types may be absent; these
 * name what is called and nothing else. `listenIps` and the worker's port range are deprecated in 3.27 and still honoured.
 */
import type {
  DtlsParameters,
  RtpCapabilities,
  RtpParameters,
  SfuIceParameters,
  SfuStream,
  SfuTransport,
} from './sfu-protocol.ts';

export interface MediasoupModule {
  version: string;
  createWorker(settings: {
    logLevel: 'warn' | 'error';
    rtcMinPort?: number;
    rtcMaxPort?: number;
  }): Promise<MediasoupWorker>;
}

export interface MediasoupWorker {
  readonly closed: boolean;
  createRouter(options: { mediaCodecs: RtpCapabilities['codecs'] }): Promise<MediasoupRouter>;
  on(event: 'died', listener: (error: Error) => void): unknown;
  close(): void;
}

export interface ListenIp {
  ip: string;
  announcedIp?: string;
}

export interface MediasoupRouter {
  readonly rtpCapabilities: RtpCapabilities;
  createDirectTransport(): Promise<DirectTransport>;
  createWebRtcTransport(options: {
    listenIps: ListenIp[];
    enableUdp: boolean;
    enableTcp: boolean;
    preferUdp: boolean;
    initialAvailableOutgoingBitrate: number;
  }): Promise<WebRtcTransport>;
  canConsume(options: { producerId: string; rtpCapabilities: RtpCapabilities }): boolean;
  on(event: 'workerclose', listener: () => void): unknown;
  close(): void;
}

interface ConsumeOptions {
  producerId: string;
  rtpCapabilities: RtpCapabilities;
  paused: boolean;
}

interface ProduceOptions {
  kind: 'audio' | 'video';
  rtpParameters: RtpParameters;
}

export interface DirectTransport {
  produce(options: ProduceOptions): Promise<DirectProducer>;
  consume(options: ConsumeOptions): Promise<DirectConsumer>;
  on(event: 'rtcp', listener: (packet: Buffer) => void): unknown;
  sendRtcp(packet: Buffer): void;
}

export interface DirectProducer {
  readonly id: string;
  send(rtpPacket: Buffer): void;
}

export interface DirectConsumer {
  on(event: 'rtp', listener: (packet: Buffer) => void): unknown;
}

export interface WebRtcTransport extends SfuTransport {
  connect(options: { dtlsParameters: DtlsParameters }): Promise<void>;
  restartIce(): Promise<SfuIceParameters>;
  consume(options: ConsumeOptions): Promise<Consumer>;
  produce(options: ProduceOptions): Promise<{ readonly id: string; close(): void }>;
  /** Everything that came in, ICE's checks included. */
  getStats(): Promise<{ bytesReceived: number }[]>;
  on(
    event: 'dtlsstatechange',
    listener: (state: 'new' | 'connecting' | 'connected' | 'failed' | 'closed') => void,
  ): unknown;
  close(): void;
}

export interface Consumer extends SfuStream {
  resume(): Promise<void>;
  close(): void;
  /** Of the viewer's reports `fractionLost` counts in 256ths and `roundTripTime` in ms. */
  getStats(): Promise<{ type: string; fractionLost?: number; roundTripTime?: number }[]>;
}
