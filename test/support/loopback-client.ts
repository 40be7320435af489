/** A caller without a browser: socket.io for signaling, a werift peer for media. Counts what arrives and keeps what it needs. */
import { io, type Socket } from 'socket.io-client';
import {
  MediaStreamTrack,
  OpusPacketizer,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtcpSrPacket,
  useH264,
  useOPUS,
  useSdesMid,
  useTransportWideCC,
  useVP8,
} from 'werift';
import { OpusDecoder, OpusEncoder } from '../../src/media/opus.ts';
import type {
  CandidateMessage,
  CaptionMessage,
  ClientToServerEvents,
  Failure,
  Joined,
  ServerToClientEvents,
  StatsMessage,
  TurnMessage,
} from '../../src/signaling/protocol.ts';

import { ArrivalReporter } from './arrival-reporter.ts';
import { PictureAssembler } from './picture-assembler.ts';
import { UdpFaultProxy } from './udp-fault-proxy.ts';

/** How the caller's media goes to the server and back. */
/** werift asks for a lost packet every 5 ms and gives up after 10 times, which is over before a busy machine answers; browsers go on for longer. */
const LOST_REQUESTS = 80;

export interface Way {
  /** Through a bad network. */
  through?: UdpFaultProxy;
  /** Only over the TURN servers that the server named. */
  isRelayed?: boolean;
  /** Only from this address of ours. */
  address?: string;
}

const rtcpFeedback = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }];

type Request = Exclude<keyof ClientToServerEvents, 'candidate'>;

export class LoopbackClient implements AsyncDisposable {
  readonly url: string;
  readonly socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  readonly turns: TurnMessage[] = [];
  readonly captions: CaptionMessage[] = [];
  readonly stats: StatsMessage[] = [];
  readonly failures: Failure['error'][] = [];
  /** Why the server ended the call. */
  readonly ends: string[] = [];
  /** RTP timestamps (90 kHz) of the pictures received, one each. */
  readonly pictures: number[] = [];
  /** Whole pictures, as a browser would show them; VP8 only. */
  readonly screen = new PictureAssembler(() => this.askForKeyframe());
  audioPackets = 0;
  /** When each picture's first packet came, our clock, and the newest sound then. */
  readonly arrivals: { timestamp: number; atMs: number; soundTimestamp: number | undefined }[] = [];
  /** What the server says about its tracks' clocks: wall clock, s, of an RTP timestamp. */
  readonly clockReports: Record<'audio' | 'video', { wallS: number; timestamp: number }[]> = { audio: [], video: [] };
  /** Packets of sound: 48 kHz timestamp, our clock. */
  readonly sounds: { timestamp: number; atMs: number }[] = [];
  /** Root mean square of each 20 ms packet. */
  readonly levels: number[] = [];
  private connection: RTCPeerConnection | undefined;
  private reporter: ArrivalReporter | undefined;
  private readonly decoder = new OpusDecoder();
  private readonly microphone = new MediaStreamTrack({ kind: 'audio' });

  constructor(url: string) {
    this.url = url;
    this.socket = io(url, { transports: ['websocket'], forceNew: true });
    this.socket.on('turn', (m) => void this.turns.push(m));
    this.socket.on('caption', (m) => void this.captions.push(m));
    this.socket.on('stats', (m) => void this.stats.push(m));
    this.socket.on('ended', ({ reason }) => void this.ends.push(reason));
    this.socket.on('failed', (m) => void this.failures.push(m.error));
  }

  /** @throws Error beginning with the code of the refusal. */
  async ticket(): Promise<string> {
    const response = await fetch(new URL('api/tickets', this.url), { method: 'POST' });
    const reply = (await response.json()) as { ticket: string } | Failure;
    if ('error' in reply) throw new Error(`${reply.error.code}: ${reply.error.message}`);
    return reply.ticket;
  }

  /** Sends a request and gives back its answer, error or not. */
  request<T = object>(name: Request, message: unknown): Promise<T | Failure> {
    return new Promise((resolve) =>
      (this.socket.emit as (...args: unknown[]) => void).call(this.socket, name, message, resolve),
    );
  }

  async join(portraitId: string, codec: 'VP8' | 'H264' = 'VP8', way: Way = {}): Promise<void> {
    // Candidates may come in the same breath as the answer, before anything that waits for that goes on.
    const early: CandidateMessage[] = [];
    let receive = (message: CandidateMessage): void => void early.push(message);
    this.socket.on('candidate', (message) => receive(message));
    const joined = await this.request<Joined>('join', { ticket: await this.ticket(), portraitId });
    if ('error' in joined) throw new Error(`${joined.error.code}: ${joined.error.message}`);
    const connection = new RTCPeerConnection({
      codecs: {
        audio: [useOPUS()],
        video: [
          codec === 'VP8' ? useVP8({ rtcpFeedback }) : useH264({ rtcpFeedback }),
          new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: 90_000 }),
        ],
      },
      headerExtensions: { audio: [useSdesMid()], video: [useSdesMid(), useTransportWideCC()] },
      iceServers: way.isRelayed ? joined.iceServers : [],
      iceTransportPolicy: way.isRelayed ? 'relay' : 'all',
      iceAdditionalHostAddresses: [way.address ?? '127.0.0.1'],
      iceUseIpv6: way.address?.includes(':') ?? false,
      iceUseIpv4: !way.address?.includes(':'),
    });
    this.connection = connection;
    const described = new Promise<void>((resolve) => {
      connection.signalingStateChange.subscribe((state) => state === 'have-remote-offer' && resolve());
    });
    receive = (message) => {
      const candidate = way.through ? way.through.rewriteCandidate(message.candidate) : message.candidate;
      if (candidate !== undefined)
        void described.then(() => connection.addIceCandidate({ ...message, candidate } as never)).catch(() => {});
    };
    for (const message of early) receive(message);
    connection.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((rtp) => {
        if (track.kind === 'video') {
          if (codec === 'VP8') this.screen.push(rtp);
          if (this.pictures.at(-1) !== rtp.header.timestamp) {
            const { timestamp } = rtp.header;
            this.pictures.push(timestamp);
            const soundTimestamp = this.sounds.at(-1)?.timestamp;
            this.arrivals.push({ timestamp, atMs: performance.now(), soundTimestamp });
          }
          return;
        }
        this.audioPackets += 1;
        this.sounds.push({ timestamp: rtp.header.timestamp, atMs: performance.now() });
        const samples = this.decoder.decode(rtp.payload);
        let energy = 0;
        for (const sample of samples) energy += sample * sample;
        this.levels.push(Math.sqrt(energy / Math.max(1, samples.length)));
      });
    });
    await connection.setRemoteDescription({
      type: 'offer',
      sdp: way.through?.rewriteOffer(joined.offerSdp) ?? joined.offerSdp,
    });
    connection.dtlsTransports[0]!.onRtcp.subscribe((packet) => this.noteClocks(connection, packet));
    const audio = connection.getTransceivers().find(({ kind }) => kind === 'audio')!;
    audio.setDirection('sendrecv');
    await audio.sender.replaceTrack(this.microphone);
    await this.answer(connection, way);
  }

  private async answer(connection: RTCPeerConnection, { through }: Way): Promise<void> {
    await connection.setLocalDescription(await connection.createAnswer());
    const { sdp } = connection.localDescription!;
    const answered = await this.request('answer', { sdp: through ? UdpFaultProxy.hideAddresses(sdp) : sdp });
    if ('error' in answered) throw new Error(answered.error.message);
    const video = connection.getTransceivers().find(({ kind }) => kind === 'video');
    if (!video) return;
    (video.receiver as unknown as { nack: { retryCount: number } }).nack.retryCount = LOST_REQUESTS;
    this.reporter ??= new ArrivalReporter(connection.dtlsTransports[0]!, video.receiver, sdp);
  }

  /** Where the server's media comes from. */
  get serverAddress(): { address: string; port: number } {
    const pair = this.connection!.iceTransports[0]!.connection.nominated!;
    return { address: pair.remoteAddr[0], port: pair.remoteAddr[1] };
  }

  /** How far the connection came, for messages of failure. */
  get progress(): string {
    const { connectionState, iceConnectionState, dtlsTransports } = this.connection ?? {};
    return `${connectionState}, ICE ${iceConnectionState}, DTLS ${dtlsTransports?.[0]?.state}`;
  }

  private noteClocks(connection: RTCPeerConnection, packet: unknown): void {
    if (!(packet instanceof RtcpSrPacket)) return;
    const from = connection.getTransceivers().find(({ receiver }) => receiver.track?.ssrc === packet.ssrc);
    if (from?.kind !== 'audio' && from?.kind !== 'video') return;
    const { ntpTimestamp, rtpTimestamp } = packet.senderInfo;
    this.clockReports[from.kind].push({ wallS: Number(ntpTimestamp) / 2 ** 32, timestamp: rtpTimestamp });
  }

  private askForKeyframe(): void {
    const video = this.connection?.getTransceivers().find(({ kind }) => kind === 'video');
    const ssrc = video?.receiver.track.ssrc;
    if (ssrc !== undefined) void video!.receiver.sendRtcpPLI(ssrc).catch(() => {});
  }

  /** As a page does when its network has changed. */
  async restartIce(way: Way = {}): Promise<void> {
    const offer = await this.request<{ offerSdp: string }>('restart', {});
    if ('error' in offer) throw new Error(offer.error.message);
    const connection = this.connection!;
    const sdp = way.through?.rewriteOffer(offer.offerSdp) ?? offer.offerSdp;
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await this.answer(connection, way);
    // werift alone would wait for DTLS, which has long been there.
    for (const { iceTransport } of connection.dtlsTransports) iceTransport.start().catch(() => {});
  }

  /** Speaks into the microphone in real time. @param samples 48 kHz mono. @param isLost says which packets the network swallows. */
  async say(samples: Float32Array, isLost: (packet: number) => boolean = () => false): Promise<void> {
    using encoder = new OpusEncoder();
    const packetizer = new OpusPacketizer();
    const startMs = performance.now();
    for (let i = 0; (i + 1) * 960 <= samples.length; i++) {
      const packets = packetizer.packetize(Buffer.from(encoder.encode(samples.slice(i * 960, (i + 1) * 960))), i * 960);
      if (!isLost(i)) for (const packet of packets) this.microphone.writeRtp(packet);
      const waitMs = startMs + (i + 1) * 20 - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Resolves when `condition` holds; fails with what was awaited after `timeoutMs`. */
  async until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.disconnect();
    this.reporter?.[Symbol.dispose]();
    await this.connection?.close();
    this.decoder[Symbol.dispose]();
  }
}
