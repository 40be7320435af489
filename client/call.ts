/**
 * One call, without any looks: ticket, socket, WebRTC, reconnect. In: what the user wants. Out: a MediaStream and events.
 * The server offers; we answer. A lost network is answered with an ICE restart, a lost server with a new join.
 */
import { io, type Socket } from 'socket.io-client';
import type {
  CaptionMessage,
  ClientToServerEvents,
  ControlsMessage,
  Failure,
  Invitation,
  Joined,
  ServerToClientEvents,
  StatsMessage,
  TurnMessage,
} from '../src/signaling/protocol.ts';

export interface CallEvents {
  /** The face's sound and picture; the same object for the life of the call. */
  stream(stream: MediaStream): void;
  state(state: CallState): void;
  caption(message: CaptionMessage): void;
  turn(message: TurnMessage): void;
  stats(message: StatsMessage): void;
  failed(failure: Failure['error']): void;
}

export type CallState = 'idle' | 'joining' | 'live' | 'reconnecting' | 'ended';

const RECONNECT_DELAYS_MS = [500, 1000, 2000, 4000, 8000];
/** A face that was never used before is analysed while its first caller joins. */
const REPLY_TIMEOUT_MS = 45_000;

export class Call {
  private readonly serverUrl: string;
  private readonly events: CallEvents;
  private socket: Socket<ServerToClientEvents, ClientToServerEvents> | undefined;
  private connection: RTCPeerConnection | undefined;
  private portraitId = '';
  private controls: ControlsMessage = {};
  private microphone: MediaStreamTrack | null = null;
  private isMirror = false;
  private attempt = 0;
  state: CallState = 'idle';

  /** @param serverUrl origin of the Visavis server, e.g. `https://face.example`. */
  constructor(serverUrl: string, events: CallEvents) {
    this.serverUrl = serverUrl;
    this.events = events;
  }

  async join(portraitId: string, controls: ControlsMessage): Promise<void> {
    this.portraitId = portraitId;
    this.controls = controls;
    this.attempt = 0;
    this.setState('joining');
    try {
      await this.connect();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  private async connect(): Promise<void> {
    const response = await fetch(new URL('api/tickets', this.serverUrl), { method: 'POST' });
    if (!response.ok) throw new Error('The server did not answer; is it still running?');
    const { ticket } = (await response.json()) as { ticket: string };
    this.openSocket();
    const joined = await this.request<Joined>((reply) =>
      this.socket!.emit('join', { ticket, portraitId: this.portraitId, controls: this.controls }, reply),
    );
    await this.answer(joined);
    if (this.isMirror) await this.setMirror(true);
  }

  private openSocket(): void {
    if (this.socket) return;
    const { origin, pathname } = new URL(this.serverUrl);
    const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(origin, {
      path: `${pathname.replace(/\/$/, '')}/socket.io`,
      transports: ['websocket', 'polling'],
    });
    this.socket = socket;
    socket.on('candidate', (candidate) => {
      // A candidate that comes before the offer is inside the offer too.
      this.connection?.addIceCandidate(candidate as RTCIceCandidateInit).catch(() => {});
    });
    socket.on('caption', (m) => this.events.caption(m));
    socket.on('turn', (m) => this.events.turn(m));
    socket.on('stats', (m) => this.events.stats(m));
    socket.on('failed', (m) => this.events.failed(m.error));
    socket.on('ended', () => this.recover());
    socket.on('connect', () => {
      if (this.state === 'reconnecting') this.recover();
    });
    socket.on('disconnect', () => {
      if (this.state === 'live') this.setState('reconnecting');
    });
  }

  private async answer(joined: Joined): Promise<void> {
    this.connection?.close();
    const connection = new RTCPeerConnection({ iceServers: joined.iceServers });
    this.connection = connection;
    const stream = new MediaStream();
    connection.ontrack = ({ track, receiver }) => {
      stream.addTrack(track);
      if ('jitterBufferTarget' in receiver && track.kind === 'video') receiver.jitterBufferTarget = 0;
      this.events.stream(stream);
    };
    connection.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate) this.socket?.emit('candidate', candidate.toJSON() as { candidate: string });
    };
    connection.onconnectionstatechange = () => this.onConnectionState(connection);
    await connection.setRemoteDescription({ type: 'offer', sdp: joined.offerSdp });
    const audio = connection.getTransceivers().find(({ receiver }) => receiver.track.kind === 'audio');
    if (audio) {
      audio.direction = 'sendrecv';
      await audio.sender.replaceTrack(this.microphone);
    }
    await connection.setLocalDescription(await connection.createAnswer());
    await this.request((reply) => this.socket!.emit('answer', { sdp: connection.localDescription!.sdp }, reply));
  }

  private onConnectionState(connection: RTCPeerConnection): void {
    if (connection !== this.connection) return;
    if (connection.connectionState === 'connected') {
      this.attempt = 0;
      this.setState('live');
    } else if (connection.connectionState === 'disconnected') this.restartIce(connection);
    else if (connection.connectionState === 'failed') this.recover();
  }

  private restartIce(connection: RTCPeerConnection): void {
    this.setState('reconnecting');
    this.request<{ offerSdp: string }>((reply) => this.socket!.emit('restart', {}, reply))
      .then(async ({ offerSdp }) => {
        if (connection.connectionState === 'connected') return;
        await connection.setRemoteDescription({ type: 'offer', sdp: offerSdp });
        await connection.setLocalDescription(await connection.createAnswer());
        await this.request((reply) => this.socket!.emit('answer', { sdp: connection.localDescription!.sdp }, reply));
      })
      .catch(() => this.recover());
  }

  /** The session is lost: join anew, patiently. */
  private recover(): void {
    if (this.state === 'ended' || this.state === 'idle') return;
    this.setState('reconnecting');
    const delayMs = RECONNECT_DELAYS_MS[Math.min(this.attempt, RECONNECT_DELAYS_MS.length - 1)]!;
    this.attempt += 1;
    setTimeout(() => {
      if (this.state !== 'reconnecting') return;
      this.connect().catch((error: Error & { code?: string }) => {
        this.events.failed({ code: error.code ?? 'NETWORK', message: error.message });
        this.recover();
      });
    }, delayMs);
  }

  private request<T extends object>(send: (reply: (result: T | Failure) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('The server did not answer in time.')), REPLY_TIMEOUT_MS);
      send((result) => {
        clearTimeout(timer);
        if ('error' in result) reject(Object.assign(new Error(result.error.message), { code: result.error.code }));
        else resolve(result);
      });
    });
  }

  async speak(text: string, voice?: string): Promise<number> {
    const { turnId } = await this.request<{ turnId: number }>((reply) =>
      this.requireSocket().emit('speak', { text, ...(voice ? { voice } : {}) }, reply),
    );
    return turnId;
  }

  async stop(): Promise<void> {
    await this.request((reply) => this.requireSocket().emit('stop', {}, reply));
  }

  async setControls(controls: ControlsMessage): Promise<void> {
    this.controls = { ...this.controls, ...controls };
    if (this.state === 'live') await this.request((reply) => this.requireSocket().emit('controls', controls, reply));
  }

  /** Gives the face our microphone, or takes it away with null. */
  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.microphone = track;
    const audio = this.connection?.getTransceivers().find(({ receiver }) => receiver.track.kind === 'audio');
    await audio?.sender.replaceTrack(track);
  }

  /** The face says what our microphone hears; also after a reconnect. */
  async setMirror(isOn: boolean): Promise<void> {
    this.isMirror = isOn;
    if (this.socket) await this.request((reply) => this.socket!.emit('mirror', { isOn }, reply));
  }

  /** A ticket for a program that is to speak through this face. */
  async invite(): Promise<Invitation> {
    return this.request<Invitation>((reply) => this.requireSocket().emit('invite', {}, reply));
  }

  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.connection?.getStats();
  }

  private requireSocket(): Socket<ServerToClientEvents, ClientToServerEvents> {
    if (!this.socket || this.state === 'ended' || this.state === 'idle')
      throw new Error('There is no call; join first.');
    return this.socket;
  }

  end(): void {
    this.setState('ended');
    this.socket?.emit('leave', {}, () => {});
    this.socket?.disconnect();
    this.socket = undefined;
    this.connection?.close();
    this.connection = undefined;
  }

  private setState(state: CallState): void {
    if (state === this.state) return;
    this.state = state;
    this.events.state(state);
  }
}
