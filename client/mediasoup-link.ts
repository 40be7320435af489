/**
 * The WebRTC half of a call in a room that an SFU serves, over mediasoup-client; loaded only where a server offers that. In: the server's
 * capabilities and transports, and our microphone. Out: the face's sound and picture as one stream. The microphone's transport is opened with the
 * first microphone.
 */
import { Device } from 'mediasoup-client';
import type { Consumer, Producer, Transport } from 'mediasoup-client/types';
import type { Socket } from 'socket.io-client';
import type { ClientToServerEvents, Reply, ServerToClientEvents, SfuJoined } from '../src/signaling/protocol.ts';
import type { SfuIceRestart, SfuStream, SfuTransport } from '../src/signaling/sfu-protocol.ts';
import type { LinkEvents } from './peer-link.ts';

type CallSocket = Socket<ServerToClientEvents, ClientToServerEvents>;
/** Sends one request and resolves with its answer. @throws Error with a `code` as the server told it. */
export type Ask = <T extends object>(send: (socket: CallSocket, reply: Reply<T>) => void) => Promise<T>;

export class MediasoupLink {
  private readonly joined: SfuJoined;
  private readonly events: LinkEvents;
  private readonly ask: Ask;
  private readonly device: Device;
  private readonly receiving: Transport;
  private consumers: Consumer[] = [];
  private sending: Transport | undefined;
  private producer: Producer | undefined;
  private microphone: Promise<void> = Promise.resolve();
  audioReceiver: RTCRtpReceiver | undefined;

  private constructor(joined: SfuJoined, events: LinkEvents, ask: Ask, device: Device) {
    this.joined = joined;
    this.events = events;
    this.ask = ask;
    this.device = device;
    this.receiving = this.connectable(device.createRecvTransport(this.sideOf(joined.sfu.transport)));
    this.receiving.on('connectionstatechange', (state) => {
      if (state === 'connected') events.state('connected');
      else if (state === 'disconnected') events.state('lost');
      else if (state === 'failed') events.state('failed');
    });
  }

  static async open(joined: SfuJoined, events: LinkEvents, ask: Ask): Promise<MediasoupLink> {
    const device = await Device.factory();
    await device.load({ routerRtpCapabilities: joined.sfu.rtpCapabilities as never });
    return new MediasoupLink(joined, events, ask, device);
  }

  private sideOf(transport: SfuTransport): never {
    return { ...transport, iceServers: this.joined.iceServers } as never;
  }

  private connectable(transport: Transport): Transport {
    transport.on('connect', ({ dtlsParameters }, done, fail) => {
      this.ask((socket, reply) => socket.emit('sfuConnect', { transportId: transport.id, dtlsParameters }, reply)).then(
        done,
        fail,
      );
    });
    return transport;
  }

  /** Receives the face, and sends the microphone if there is one. */
  async start(microphone: MediaStreamTrack | null): Promise<void> {
    const rtpCapabilities = this.device.recvRtpCapabilities as never;
    const { streams } = await this.ask<{ streams: SfuStream[] }>((socket, reply) =>
      socket.emit('sfuReceive', { rtpCapabilities }, reply),
    );
    this.consumers = await Promise.all(streams.map((stream) => this.receiving.consume(stream as never)));
    const stream = new MediaStream();
    for (const { track, rtpReceiver } of this.consumers) {
      stream.addTrack(track);
      if (track.kind === 'audio') this.audioReceiver = rtpReceiver;
      else if (rtpReceiver && 'jitterBufferTarget' in rtpReceiver) rtpReceiver.jitterBufferTarget = 0;
    }
    this.events.stream(stream);
    await this.ask((socket, reply) => socket.emit('sfuReady', {}, reply));
    await this.setMicrophone(microphone);
  }

  get isConnected(): boolean {
    return this.receiving.connectionState === 'connected';
  }

  addCandidate(): void {} // the SFU's are in its offer

  /** One change after the other: the first one opens the transport. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    const change = this.microphone.then(() => this.replaceMicrophone(track));
    this.microphone = change.catch(() => {});
    return change;
  }

  private async replaceMicrophone(track: MediaStreamTrack | null): Promise<void> {
    if (this.producer) await this.producer.replaceTrack({ track });
    else if (track && this.joined.room.maySpeak) {
      const sending = await this.openSending();
      this.producer = await sending.produce({
        track,
        stopTracks: false,
        codecOptions: { opusStereo: false, opusFec: true, opusDtx: false },
      });
    }
  }

  private async openSending(): Promise<Transport> {
    const transport = await this.ask<SfuTransport>((socket, reply) => socket.emit('sfuMicrophone', {}, reply));
    const sending = this.connectable(this.device.createSendTransport(this.sideOf(transport)));
    sending.on('produce', ({ rtpParameters }, done, fail) => {
      this.ask<{ id: string }>((socket, reply) =>
        socket.emit('sfuProduce', { rtpParameters: rtpParameters as never }, reply),
      ).then(done, fail);
    });
    this.sending = sending;
    return sending;
  }

  /** The same call over another way through the network. */
  async restartIce(): Promise<void> {
    const { transports, iceServers } = await this.ask<{
      transports: SfuIceRestart[];
      iceServers: SfuJoined['iceServers'];
    }>((socket, reply) => socket.emit('sfuRestart', {}, reply));
    for (const { transportId, iceParameters } of transports) {
      const transport = [this.receiving, this.sending].find((candidate) => candidate?.id === transportId);
      await transport?.updateIceServers({ iceServers });
      await transport?.restartIce({ iceParameters: iceParameters as never });
    }
  }

  /** Of the face's streams only: mediasoup-client receives one more, which probes the bandwidth. */
  async getStats(): Promise<RTCStatsReport> {
    const reports = await Promise.all(this.consumers.map((consumer) => consumer.getStats()));
    return new Map(reports.flatMap((report) => [...report.entries()])) as RTCStatsReport;
  }

  close(): void {
    this.producer?.close();
    this.sending?.close();
    this.receiving.close();
  }
}
