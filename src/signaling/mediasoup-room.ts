/**
 * RoomMedia over mediasoup. In: the session's frames, packed once into RTP and handed to the worker without a socket (DirectTransport).
 * Out: each viewer's WebRtcTransport, fed, paced and repaired by the worker; microphones come back the same way. Exercised with
 * mediasoup 3.8.4; 3.27.1 has the same calls.
 */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import { asksForKeyframe } from '../media/rtp.ts';
import type { DirectTransport, ListenIp, MediasoupRouter, WebRtcTransport } from './mediasoup-api.ts';
import { OutgoingStream } from './mediasoup-stream.ts';
import { MediasoupViewer } from './mediasoup-viewer.ts';
import type { RoomMedia, RoomMediaEvents, SfuPeer, Viewer } from './room-media.ts';

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

const wallMs = (): number => performance.timeOrigin + performance.now();

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
