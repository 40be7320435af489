/**
 * MediaPeer over werift: the server offers (fastest first frame), is the DTLS server, sends VP8 or H.264 and Opus, receives the
 * microphone. What werift 0.25 does wrong is corrected here, each where it happens; `test/unit/werift-internals.test.ts` fails when an
 * upgrade changes what the corrections rest on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import { AUDIO_CLOCK_HZ, ntpTime, randomUint32, rtpTimestamp, VIDEO_CLOCK_HZ } from '../media/rtp.ts';
import { type CandidateAddress, CandidateBudget } from './candidates.ts';
import type { IceServer } from './ice-servers.ts';
import { MOTION_CHANNEL, sealMotion } from './motion-channel.ts';
import type { IceCandidate, MediaPath, MediaPeer, PeerEvents } from './peer.ts';
import type { Render } from './protocol.ts';
import { createOpusPacketizer, createVideoPacketizer } from './rtp-packetizer.ts';
import { extensionId, isAnswerTo } from './sdp.ts';
import { roundTripMs, SentPictures } from './sent-pictures.ts';
import {
  GenericNack,
  type H264Packetizer,
  MediaStream,
  MediaStreamTrack,
  PictureLossIndication,
  type RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RTCRtpHeaderExtensionParameters,
  type RTCRtpSender,
  RtcpRrPacket,
  TransportWideCC,
  useH264,
  useOPUS,
  useSdesMid,
  useTransportWideCC,
  useVP8,
  type Vp8Packetizer,
} from './werift.ts';

const PLAYOUT_DELAY_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
/** min = max = 0: show each picture when it is complete. A maximum above 0 makes Chromium aim for it. */
const NO_PLAYOUT_DELAY = Buffer.from([0, 0, 0]);
/** An offer waits no longer for candidates; the others follow it. */
const GATHERING_MS = 150;
/** A viewer that lost one packet asks several times; one keyframe answers them all. */
const KEYFRAME_INTERVAL_MS = 300;
/** A viewer this far behind misses motion rather than getting it late. */
const MAX_MOTION_WAITING_BYTES = 64 * 1024;

export interface WeriftOptions {
  iceServers: IceServer[];
  portRange?: [number, number];
  /** Addresses to announce besides the machine's own, e.g. its public one or 127.0.0.1. */
  announcedAddresses: string[];
  useIpv6: boolean;
  /** Codecs to offer, best first. */
  codecs: LiveCodec[];
  /** `client`: the viewer draws; it gets motion over a data channel and no video track. */
  render?: Render;
  onCandidate(candidate: IceCandidate): void;
  /** Where the viewer may make us send. */
  candidates?: CandidateBudget | undefined;
  events: PeerEvents;
}

/** Of a peer for this process alone. */
const LOCAL_RULES = { allowLoopback: true, denyPrivate: false };

/** What is corrected in werift's `Connection` (ICE). */
interface RestrictedIce {
  addRemoteCandidate(candidate: (CandidateAddress & { type: string }) | undefined): Promise<void>;
  tryPair(protocol: unknown, candidate: CandidateAddress & { type: string }): void;
}

const feedback = [
  { type: 'nack' },
  { type: 'nack', parameter: 'pli' },
  { type: 'ccm', parameter: 'fir' },
  { type: 'transport-cc' },
];

export class WeriftPeer implements MediaPeer {
  videoCodec: LiveCodec | undefined;
  private readonly connection: RTCPeerConnection;
  private readonly video = new MediaStreamTrack({ kind: 'video' });
  private readonly audio = new MediaStreamTrack({ kind: 'audio' });
  private readonly opusPacketizer = createOpusPacketizer();
  private videoPacketizer: Vp8Packetizer | H264Packetizer | undefined;
  private readonly motion: RTCDataChannel | undefined;
  private readonly events: PeerEvents;
  private readonly rtpBase = { audio: randomUint32(), video: randomUint32() };
  private playoutDelayId: number | undefined;
  /** Wall-clock ms of media time 0: the one mapping from which both tracks' sender reports are made. */
  private originNtpMs: number | undefined;
  private readonly lastSentUs = { audio: 0, video: 0 };
  private readonly onCandidate: (candidate: IceCandidate) => void;
  /** Candidates that the viewer does not know yet. */
  private gathered: IceCandidate[] = [];
  private mayTrickle = false;
  private isRestarting = false;
  private readonly sentPictures: SentPictures | undefined;
  private lastKeyframeRequestMs = Number.NEGATIVE_INFINITY;
  private isConnected = false;
  private isClosed = false;

  constructor(options: WeriftOptions) {
    this.events = options.events;
    this.onCandidate = options.onCandidate;
    this.connection = new RTCPeerConnection({
      codecs: {
        audio: [useOPUS()],
        video: [
          ...options.codecs.map((codec) =>
            codec === 'VP8' ? useVP8({ rtcpFeedback: feedback }) : useH264({ rtcpFeedback: feedback }),
          ),
          new RTCRtpCodecParameters({ mimeType: 'video/rtx', clockRate: VIDEO_CLOCK_HZ }),
        ],
      },
      headerExtensions: {
        audio: [useSdesMid()],
        // No abs-send-time: werift derives it from the malformed NTP time corrected below.
        video: [useSdesMid(), useTransportWideCC(), new RTCRtpHeaderExtensionParameters({ uri: PLAYOUT_DELAY_URI })],
      },
      iceServers: options.iceServers,
      ...(options.portRange ? { icePortRange: options.portRange } : {}),
      iceAdditionalHostAddresses: options.announcedAddresses,
      iceUseIpv6: options.useIpv6,
      bundlePolicy: 'max-bundle',
    });
    const stream = new MediaStream({ id: 'avatar' });
    const audio = this.connection.addTransceiver(this.audio, { direction: 'sendrecv' });
    const video =
      options.render === 'client' ? undefined : this.connection.addTransceiver(this.video, { direction: 'sendonly' });
    if (!video) this.motion = this.connection.createDataChannel(MOTION_CHANNEL, { ordered: false, maxRetransmits: 0 });
    // One stream for both tracks, so that the viewer's browser keeps lips and sound together.
    for (const { sender, kind } of video ? [audio, video] : [audio]) {
      sender.setStreams([stream]);
      this.correctSenderReportTime(sender, kind === 'audio' ? 'audio' : 'video');
    }
    // werift looks a PLI up by its *sender's* SSRC first, which in Chromium is the microphone's, and hands it to the wrong
    // object. This listener sees every RTCP packet before that.
    video?.sender.dtlsTransport?.onRtcp.subscribe((packet) => this.onRtcp(packet, video.sender));
    if (video) this.sentPictures = new SentPictures(video.sender);
    this.connection.onTrack.subscribe((track) => {
      if (track.kind !== 'audio') return;
      track.onReceiveRtp.subscribe((rtp) =>
        this.events.microphone({
          sequenceNumber: rtp.header.sequenceNumber,
          rtpTimestamp: rtp.header.timestamp,
          opus: rtp.payload,
        }),
      );
    });
    // Without a STUN server of ours, werift would ask a public one of its own choice.
    if (!options.iceServers.some(({ urls }) => urls.startsWith('stun')))
      for (const { connection } of this.connection.iceTransports) delete connection.stunServer;
    for (const { connection } of this.connection.iceTransports)
      this.restrictCandidates(
        connection as unknown as RestrictedIce,
        options.candidates ?? new CandidateBudget(LOCAL_RULES),
      );
    this.connection.onIceCandidate.subscribe((candidate) => {
      if (!candidate?.candidate) return;
      const { candidate: line, sdpMid, sdpMLineIndex } = candidate;
      this.gathered.push({ candidate: line, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null });
      this.trickle();
    });
    this.connection.connectionStateChange.subscribe((state) => {
      if (state === 'connected' && !this.isConnected) {
        this.isConnected = true;
        this.events.connected(this.path);
      } else if (state === 'failed' || state === 'closed') this.announceClosed(state);
    });
  }

  private get path(): MediaPath | undefined {
    const pair = this.connection.iceTransports[0]?.connection.nominated;
    if (!pair) return undefined;
    return [pair.localCandidate, pair.remoteCandidate].some(({ type }) => type === 'relay') ? 'relay' : 'direct';
  }

  /**
   * Whatever way a candidate of the viewer's takes (answer, trickle, after a restart), it comes by here before anything is sent to it; by the second
   * door come names that werift has resolved. A viewer whose candidate was not taken is found by its own checks.
   */
  private restrictCandidates(ice: RestrictedIce, budget: CandidateBudget): void {
    const add = ice.addRemoteCandidate.bind(ice);
    ice.addRemoteCandidate = async (candidate) => {
      if (!candidate || budget.take(candidate) === 'taken') await add(candidate);
    };
    const pair = ice.tryPair.bind(ice);
    ice.tryPair = (protocol, candidate) => {
      if (candidate.type === 'prflx' || budget.mayReach(candidate.host)) pair(protocol, candidate);
    };
  }

  private onRtcp(packet: { type: number; feedback?: unknown; reports?: unknown }, sender: RTCRtpSender): void {
    const request = packet.feedback;
    const isFullIntraRequest = typeof request === 'object' && request !== null && 'fir' in request;
    const asksForKeyframe =
      isFullIntraRequest || (request instanceof PictureLossIndication && request.mediaSsrc === sender.ssrc);
    if (asksForKeyframe) {
      const nowMs = performance.now();
      if (nowMs - this.lastKeyframeRequestMs < KEYFRAME_INTERVAL_MS) return;
      this.lastKeyframeRequestMs = nowMs;
      this.events.keyframeRequest();
    }
    if (request instanceof GenericNack && request.mediaSourceSsrc === sender.ssrc)
      this.events.resendRequest?.(request.lost.length);
    if (request instanceof TransportWideCC && this.sentPictures) {
      const { arrivals, lost } = this.sentPictures.read(request);
      if (arrivals.length > 0) this.events.link({ arrivals, lost });
    }
    if (packet instanceof RtcpRrPacket) {
      const rttMs = roundTripMs(sender);
      for (const report of packet.reports)
        if (report.ssrc === sender.ssrc)
          this.events.link({ fractionLost: report.fractionLost / 256, ...(rttMs === undefined ? {} : { rttMs }) });
    }
  }

  async createOffer(options: { iceRestart?: boolean } = {}): Promise<string> {
    const offer = await this.connection.createOffer({ iceRestart: options.iceRestart ?? false });
    this.isRestarting = this.isConnected && (options.iceRestart ?? false);
    this.gathered = [];
    this.mayTrickle = false;
    // The machine's own addresses are there at once; STUN and TURN servers may take seconds, or never answer.
    const described = this.connection.setLocalDescription(offer).then(() => true);
    described.catch(() => {}); // reported by the race, unless it comes after its end: then by the connection's state
    const isComplete = await Promise.race([described, delay(GATHERING_MS, false)]);
    const { sdp } = this.connection.localDescription!;
    if (isComplete) {
      this.gathered = [];
      if (!sdp.includes('a=candidate:'))
        throw new AppError('SERVER_BUSY', 'No UDP port is free for another call; widen webrtc.portRange.');
    }
    // What was found since follows the offer, never precedes it.
    setImmediate(() => {
      this.mayTrickle = true;
      this.trickle();
    });
    return sdp;
  }

  private trickle(): void {
    if (!this.mayTrickle || this.isClosed) return;
    for (const candidate of this.gathered.splice(0)) this.onCandidate(candidate);
  }

  async accept(answerSdp: string): Promise<void> {
    // werift takes an answer to nothing, and then waits for ever.
    if (!isAnswerTo(this.connection.localDescription?.sdp ?? '', answerSdp))
      throw new AppError('SIGNALING_INVALID', 'The answer is not one to our offer; join again.');
    try {
      await this.connection.setRemoteDescription({ type: 'answer', sdp: answerSdp });
    } catch (cause) {
      throw new AppError('SIGNALING_INVALID', 'The answer is not a usable SDP answer to our offer; join again.', {
        cause,
      });
    }
    if (this.isRestarting) {
      this.isRestarting = false;
      this.resumeIce();
      return;
    }
    if (this.motion) return;
    const video = this.connection.getTransceivers().find((transceiver) => transceiver.kind === 'video');
    const chosen = video?.codecs.find((codec) => /VP8|H264/i.test(codec.mimeType));
    if (!chosen)
      throw new AppError('SIGNALING_INVALID', 'The answer accepts none of the offered video codecs (VP8, H.264).');
    this.videoCodec = /VP8/i.test(chosen.mimeType) ? 'VP8' : 'H264';
    this.videoPacketizer = createVideoPacketizer(this.videoCodec);
    this.playoutDelayId = extensionId(answerSdp, 'playout-delay');
    if (this.sentPictures) this.sentPictures.numberId = extensionId(answerSdp, 'transport-wide-cc');
  }

  /** werift begins its checks only together with DTLS, which outlives a restart of ICE: without this, nothing would flow again. */
  private resumeIce(): void {
    for (const { iceTransport } of this.connection.dtlsTransports)
      iceTransport.start().then(
        () => this.events.keyframeRequest(), // what was sent meanwhile is lost
        () => this.announceClosed('failed'),
      );
  }

  async addCandidate(candidate: IceCandidate): Promise<void> {
    await this.connection.addIceCandidate(candidate as never);
  }

  send(frame: EncodedFrame): void {
    if (!this.isConnected || this.isClosed) return;
    this.originNtpMs ??= performance.timeOrigin + performance.now() - frame.timestampUs / 1000;
    this.lastSentUs[frame.kind] = frame.timestampUs;
    if (frame.kind === 'audio') {
      const timestamp = rtpTimestamp(frame.timestampUs, AUDIO_CLOCK_HZ, this.rtpBase.audio);
      for (const packet of this.opusPacketizer.packetize(Buffer.from(frame.data), timestamp))
        this.audio.writeRtp(packet);
      return;
    }
    if (this.motion) {
      this.sendMotion(this.motion, frame);
      return;
    }
    const timestamp = this.videoTimestamp(frame.timestampUs);
    for (const packet of this.videoPacketizer?.packetize(Buffer.from(frame.data), timestamp) ?? []) {
      if (this.playoutDelayId !== undefined) {
        packet.header.extension = true;
        packet.header.extensions.push({ id: this.playoutDelayId, payload: NO_PLAYOUT_DELAY });
      }
      this.video.writeRtp(packet);
      this.sentPictures?.remember(packet.payload.length);
    }
  }

  /** Under which RTP timestamp the picture of a media time leaves: by it a viewer's browser names what it shows. */
  videoTimestamp(timestampUs: number): number {
    return rtpTimestamp(timestampUs, VIDEO_CLOCK_HZ, this.rtpBase.video);
  }

  private sendMotion(channel: RTCDataChannel, { data, timestampUs }: EncodedFrame): void {
    if (channel.readyState !== 'open' || channel.bufferedAmount > MAX_MOTION_WAITING_BYTES) return;
    const audioTimestamp = rtpTimestamp(timestampUs, AUDIO_CLOCK_HZ, this.rtpBase.audio);
    channel.send(Buffer.from(sealMotion(audioTimestamp, data)));
  }

  async close(): Promise<void> {
    await this.connection.close();
    this.announceClosed('closed');
  }

  /**
   * werift writes the decimal digits of the second as the 32-bit fraction, so its sender reports wander by up to a second and the
   * browser moves lips against sound. Its private field is replaced by the time that belongs to the last packet's media time.
   */
  private correctSenderReportTime(sender: RTCRtpSender, kind: 'audio' | 'video'): void {
    Object.defineProperty(sender, 'ntpTimestamp', {
      configurable: true,
      enumerable: true,
      get: () =>
        ntpTime((this.originNtpMs ?? performance.timeOrigin + performance.now()) + this.lastSentUs[kind] / 1000),
      set: () => {},
    });
  }

  private announceClosed(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.events.closed(reason);
  }
}
