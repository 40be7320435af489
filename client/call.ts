/**
 * One call, without any looks: ticket, socket, link, reconnect. In: what the user wants. Out: a MediaStream and events. What was
 * switched on (microphone, talking, mirror, controls) is switched on again after a reconnect. A lost network is answered with an
 * ICE restart, a lost server with a new join.
 */
import { io, type Socket } from 'socket.io-client';
import { isFinalEnd } from '../src/signaling/call-ends.ts';
import type {
  ActivityMessage,
  CaptionMessage,
  ClientToServerEvents,
  ControlsMessage,
  Failure,
  HeardMessage,
  HintMessage,
  Invitation,
  Joined,
  Render,
  Reply,
  RoomState,
  ServerToClientEvents,
  SfuJoined,
  StatsMessage,
  TurnMessage,
} from '../src/signaling/protocol.ts';
import type { MediasoupLink } from './mediasoup-link.ts';
import { type LinkEvents, PeerLink } from './peer-link.ts';
import { words } from './words.ts';

export interface CallEvents {
  /** The face's sound and picture; a new one after every reconnect. */
  stream(stream: MediaStream): void;
  /** Where we draw: one message of the motion channel. */
  motion(message: ArrayBuffer): void;
  state(state: CallState): void;
  caption(message: CaptionMessage): void;
  turn(message: TurnMessage): void;
  heard(message: HeardMessage): void;
  activity(message: ActivityMessage): void;
  handoff(): void;
  hint(message: HintMessage): void;
  stats(message: StatsMessage): void;
  /** Who shares the face, and who may speak; only in a room. */
  room(message: RoomState): void;
  failed(failure: Failure['error']): void;
}

export type CallState = 'idle' | 'joining' | 'live' | 'reconnecting' | 'ended';

export interface JoinOptions {
  portraitId: string;
  controls: ControlsMessage;
  render: Render;
  /** A face that is shared with everyone who names the same room. */
  room?: { name: string; as: 'speaker' | 'viewer' };
}

const RECONNECT_DELAYS_MS = [500, 1000, 2000, 4000, 8000];
/** A face that was never used before is analysed while its first caller joins. */
const REPLY_TIMEOUT_MS = 45_000;
const REFUSED_WAIT_S = 5;

type CallSocket = Socket<ServerToClientEvents, ClientToServerEvents>;

export class Call {
  private readonly serverUrl: string;
  private readonly events: CallEvents;
  private socket: CallSocket | undefined;
  private link: PeerLink | MediasoupLink | undefined;
  private options: JoinOptions = { portraitId: '', controls: {}, render: 'server' };
  private microphone: MediaStreamTrack | null = null;
  private isMirror = false;
  private isTalking = false;
  private voice = '';
  private attempt = 0;
  state: CallState = 'idle';
  /** Who draws, as the server has it. */
  render: Render = 'server';

  /** @param serverUrl where the Visavis server is, e.g. `https://face.example/`. */
  constructor(serverUrl: string, events: CallEvents) {
    this.serverUrl = serverUrl;
    this.events = events;
    globalThis.addEventListener?.('online', this.onOnline);
  }

  async join(options: JoinOptions): Promise<void> {
    this.options = options;
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
    const { room, ...options } = this.options;
    const query = room ? `?${new URLSearchParams({ room: room.name, as: room.as })}` : '';
    const response = await fetch(new URL(`api/tickets${query}`, this.serverUrl), { method: 'POST' }).catch(
      () => undefined,
    );
    if (!response)
      throw new Error(words('The server cannot be reached: check the network, and whether it is running.'));
    if (!response.ok) {
      const { error } = (await response.json().catch(() => ({}))) as Partial<Failure>;
      throw Object.assign(new Error(error?.message ?? `The server answered ${response.status}; is it Visavis?`), error);
    }
    const { ticket } = (await response.json()) as { ticket: string };
    if (this.state === 'ended') throw new Error(words('The call was ended before it had begun.'));
    this.openSocket();
    const joined = await this.request<Joined | SfuJoined>((reply) =>
      this.socket!.emit('join', { ticket, ...options }, reply),
    );
    this.render = joined.render;
    if (joined.room) this.events.room(joined.room);
    if ('sfu' in joined) await this.watch(joined);
    else await this.answer(joined);
    if (this.isMirror) await this.setMirror(true);
    if (this.isTalking) await this.setTalk(true);
  }

  private openSocket(): void {
    if (this.socket) return;
    const { origin, pathname } = new URL(this.serverUrl);
    const socket: CallSocket = io(origin, {
      path: `${pathname.replace(/\/$/, '')}/socket.io`,
      transports: ['websocket', 'polling'],
    });
    this.socket = socket;
    const { events } = this;
    socket.on('candidate', (candidate) => this.link?.addCandidate(candidate));
    socket.on('caption', (m) => events.caption(m));
    socket.on('turn', (m) => events.turn(m));
    socket.on('heard', (m) => events.heard(m));
    socket.on('activity', (m) => events.activity(m));
    socket.on('handoff', () => events.handoff());
    socket.on('hint', (m) => events.hint(m));
    socket.on('stats', (m) => events.stats(m));
    socket.on('room', (m) => events.room(m));
    socket.on('failed', (m) => events.failed(m.error));
    // An end that somebody wanted is the end; whatever else ends a session is a fault to recover from.
    socket.on('ended', ({ reason }) => (isFinalEnd(reason) ? this.end() : this.recover()));
    socket.on('connect', () => {
      if (this.state === 'reconnecting') this.recover();
    });
    socket.on('disconnect', () => {
      if (this.state === 'live') this.setState('reconnecting');
    });
    // A server that says why it refuses is asked again when it wants; otherwise socket.io tries by itself.
    socket.on('connect_error', (error: Error & { data?: Failure['error'] }) => {
      if (!error.data) return;
      events.failed(error.data);
      setTimeout(() => socket === this.socket && socket.connect(), (error.data.retryAfterS ?? REFUSED_WAIT_S) * 1000);
    });
  }

  private async answer(joined: Joined): Promise<void> {
    this.link?.close();
    const link: PeerLink = new PeerLink(
      joined.iceServers,
      this.linkEvents(() => link),
    );
    this.link = link;
    await this.accept(link, joined.offerSdp);
  }

  /** As `answer`, in a room that an SFU serves. */
  private async watch(joined: SfuJoined): Promise<void> {
    this.link?.close();
    this.link = undefined;
    const { MediasoupLink } = await import('./mediasoup-link.ts');
    const events = this.linkEvents(() => link);
    const link: MediasoupLink = await MediasoupLink.open(joined, events, (send) =>
      this.request((reply) => send(this.requireSocket(), reply)),
    );
    if (!this.socket) return link.close(); // the call was ended meanwhile
    this.link = link;
    await link.start(this.microphone);
  }

  /** @param link a link that was replaced says nothing any more. */
  private linkEvents(link: () => PeerLink | MediasoupLink): LinkEvents {
    const { events } = this;
    return {
      stream: (stream) => events.stream(stream),
      motion: (message) => events.motion(message),
      candidate: (candidate) => void this.socket?.emit('candidate', candidate),
      state: (state) => {
        if (link() !== this.link) return;
        if (state === 'connected') {
          this.attempt = 0;
          this.setState('live');
        } else if (state === 'lost') this.restartIce();
        else this.recover();
      },
    };
  }

  private async accept(link: PeerLink, offerSdp: string): Promise<void> {
    const sdp = await link.answer(offerSdp, this.microphone);
    await this.request((reply) => this.socket!.emit('answer', { sdp }, reply));
  }

  /** The machine is in a network again, perhaps another one. */
  private readonly onOnline = (): void => {
    if (this.state === 'live' || this.state === 'reconnecting') this.restartIce();
  };

  /** The same call over another way through the network. */
  restartIce(): void {
    const { link, socket } = this;
    if (!link || !socket?.connected) return;
    this.setState('reconnecting');
    this.renew(link, socket)
      .then(() => {
        if (link.isConnected && link === this.link) this.setState('live');
      })
      .catch(() => this.recover());
  }

  private async renew(link: PeerLink | MediasoupLink, socket: CallSocket): Promise<void> {
    if (!(link instanceof PeerLink)) return await link.restartIce();
    const { offerSdp } = await this.request<{ offerSdp: string }>((reply) => socket.emit('restart', {}, reply));
    await this.accept(link, offerSdp);
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
        if (this.state === 'ended') return;
        this.events.failed({ ...error, code: error.code ?? 'NETWORK', message: error.message });
        this.recover();
      });
    }, delayMs);
  }

  private request<T extends object>(send: (reply: Reply<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(words('The server did not answer in time.'))), REPLY_TIMEOUT_MS);
      send((result) => {
        clearTimeout(timer);
        if ('error' in result) reject(Object.assign(new Error(result.error.message), result.error));
        else resolve(result);
      });
    });
  }

  /** A typed turn of ours, which the face answers. */
  async say(text: string): Promise<void> {
    await this.request((reply) => this.requireSocket().emit('say', { text, ...this.voicePart }, reply));
  }

  /** The face says exactly this. @returns the turn's number. */
  async speak(text: string): Promise<number> {
    const { turnId } = await this.request<{ turnId: number }>((reply) =>
      this.requireSocket().emit('speak', { text, ...this.voicePart }, reply),
    );
    return turnId;
  }

  async stop(): Promise<void> {
    await this.request((reply) => this.requireSocket().emit('stop', {}, reply));
  }

  async setControls(controls: ControlsMessage): Promise<void> {
    this.options.controls = { ...this.options.controls, ...controls };
    if (this.state === 'live') await this.request((reply) => this.requireSocket().emit('controls', controls, reply));
  }

  /** Gives the face our microphone, or takes it away with null. */
  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.microphone = track;
    await this.link?.setMicrophone(track);
  }

  /** The conversation hears our microphone, or no longer. */
  async setTalk(isOn: boolean): Promise<void> {
    this.isTalking = isOn;
    if (this.socket) await this.request((reply) => this.socket!.emit('talk', { isOn, ...this.voicePart }, reply));
  }

  /** The voice of everything that is said from now on; empty: the server's own. */
  async setVoice(voice: string): Promise<void> {
    this.voice = voice;
    if (this.isTalking) await this.setTalk(true);
  }

  private get voicePart(): { voice?: string } {
    return this.voice ? { voice: this.voice } : {};
  }

  /** Push-to-talk: the turn is ours while the key is down. */
  async hold(isDown: boolean): Promise<void> {
    await this.request((reply) => this.requireSocket().emit('hold', { isDown }, reply));
  }

  /** The face says what our microphone hears. */
  async setMirror(isOn: boolean): Promise<void> {
    this.isMirror = isOn;
    if (this.socket) await this.request((reply) => this.socket!.emit('mirror', { isOn }, reply));
  }

  /** A ticket for a program that is to speak through this face. */
  async invite(): Promise<Invitation> {
    return this.request<Invitation>((reply) => this.requireSocket().emit('invite', {}, reply));
  }

  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.link?.getStats();
  }

  /** The receiver of the face's sound. */
  get audioReceiver(): RTCRtpReceiver | undefined {
    return this.link?.audioReceiver;
  }

  private requireSocket(): CallSocket {
    if (!this.socket || this.state === 'ended' || this.state === 'idle')
      throw new Error(words('There is no call; join first.'));
    return this.socket;
  }

  end(): void {
    this.setState('ended');
    globalThis.removeEventListener?.('online', this.onOnline);
    this.socket?.emit('leave', {}, () => {});
    this.socket?.disconnect();
    this.socket = undefined;
    this.link?.close();
    this.link = undefined;
  }

  private setState(state: CallState): void {
    if (state === this.state) return;
    this.state = state;
    this.events.state(state);
  }
}
