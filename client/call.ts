/**
 * One call, without any looks. In: what the user wants. Out: a MediaStream and events. What was switched on (microphone, talking, mirror, controls,
 * voice, room) is switched on again after a cut, and what was typed meanwhile is sent. What carries the call is in `call-connection.ts`, when to
 * try again in `recovery.ts`.
 */
import {
  fitsMessage,
  MAX_SAY_CHARACTERS,
  MAX_SPEAK_BYTES,
  MAX_SPEAK_CHARACTERS,
} from '../src/signaling/message-limits.ts';
import type {
  ActivityMessage,
  CaptionMessage,
  ControlsMessage,
  Failure,
  HeardMessage,
  HintMessage,
  Invitation,
  Render,
  RoomState,
  StatsMessage,
  TurnMessage,
} from '../src/signaling/protocol.ts';
import { BufferReports } from './buffer-reports.ts';
import { CallConnection, type JoinOptions, type OpenLink, type Send } from './call-connection.ts';
import { PeerLink } from './peer-link.ts';
import { Recovery, type Trouble } from './recovery.ts';
import { type CallSocket, ConnectionLost, type Signaling } from './signaling.ts';
import { onWakeUp } from './wake-up.ts';
import { type English, words, wordsWith } from './words.ts';

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

/** Of the ends that a visitor did not see coming. */
const WHY_OVER: Readonly<Record<string, English>> = {
  expired: 'The time for this call is over; join again for another one.',
  revoked: 'Your link or key is not valid any more: ask whoever runs this page for another.',
};

/** @throws Error as the server would answer; the text is not sent. */
function requireShort(text: string, maxCharacters: number): void {
  if (text.length <= maxCharacters && fitsMessage(text)) return;
  const most = [String(maxCharacters), String(MAX_SPEAK_BYTES / 1000)];
  const message = wordsWith(
    'The text is too long: at most {} characters and {} kB are taken at once; send it in parts.',
    ...most,
  );
  throw Object.assign(new Error(message), { code: 'TEXT_TOO_LONG' });
}

export class Call {
  private readonly events: CallEvents;
  private readonly connection: CallConnection;
  private readonly recovery: Recovery;
  private readonly forgetWakeUps: () => void;
  /** Told at the next change of state. */
  private readonly waiting = new Set<() => void>();
  private options: JoinOptions = { portraitId: '', controls: {}, render: 'server' };
  private microphone: MediaStreamTrack | null = null;
  private isMirror = false;
  private isTalking = false;
  /** The visitor hears the face, who has greeted then. */
  private isHeard = false;
  private voice = '';
  private readonly buffers = new BufferReports(
    () => this.getStats(),
    (message) => void this.connection.signaling?.socket.emit('buffers', message),
  );
  state: CallState = 'idle';
  /** Who draws, as the server has it. */
  render: Render = 'server';

  /** @param serverUrl where the Visavis server is, e.g. `https://face.example/`. */
  constructor(
    serverUrl: string,
    events: CallEvents,
    openLink: OpenLink = (iceServers, linkEvents) => new PeerLink(iceServers, linkEvents),
  ) {
    this.events = events;
    this.connection = new CallConnection({
      serverUrl,
      openLink,
      options: () => this.options,
      microphone: () => this.microphone,
      wishes: () => this.wishes,
      listen: (socket) => this.listen(socket),
      stream: (stream) => events.stream(stream),
      motion: (message) => events.motion(message),
      joined: (joined) => {
        this.render = joined.render;
        if (joined.room) events.room(joined.room);
      },
      tell: (trouble) => this.tell(trouble),
      lost: (need, afterS) => {
        if (this.state === 'live' || this.recovery.isRunning) this.recovery.begin(need, afterS);
      },
      over: (reason) => {
        this.end();
        const why = WHY_OVER[reason];
        if (why) this.tell(Object.assign(new Error(words(why)), { code: reason.toUpperCase() }));
      },
    });
    this.recovery = new Recovery(this.connection, {
      state: (state) => this.setState(state),
      trouble: (trouble) => {
        if (trouble.code !== undefined) this.tell(trouble);
        else if (this.connection.cause === 'network') {
          this.connection.cause = 'unreachable';
          events.state(this.state); // the same, for another cause
        }
      },
      over: (trouble) => {
        this.end();
        this.tell(trouble);
      },
    });
    this.forgetWakeUps = onWakeUp(() => void this.wake());
  }

  /** @throws Error that says what to do; the call is over then. */
  async join(options: JoinOptions): Promise<void> {
    this.options = options;
    this.setState('joining');
    try {
      await this.recovery.start();
    } catch (error) {
      const wasEnded = this.state === 'ended';
      this.end();
      throw wasEnded ? new Error(words('The call was ended before it had begun.')) : error;
    }
  }

  private listen(socket: CallSocket): void {
    const { events } = this;
    socket.on('caption', (m) => events.caption(m));
    socket.on('turn', (m) => events.turn(m));
    socket.on('heard', (m) => events.heard(m));
    socket.on('activity', (m) => events.activity(m));
    socket.on('handoff', () => events.handoff());
    socket.on('hint', (m) => events.hint(m));
    socket.on('stats', (m) => events.stats(m));
    socket.on('room', (m) => events.room(m));
    socket.on('failed', (m) => events.failed(m.error));
    socket.on('draining', () =>
      events.hint({ text: words('The server is about to restart; this call comes back by itself.') }),
    );
  }

  /** Why the call is not live: nothing is heard of the server, for long already, or it stops. */
  get cause(): CallConnection['cause'] {
    return this.connection.cause;
  }

  /** The machine is awake again, or in another network: whether the call still stands is asked, not believed. */
  private async wake(): Promise<void> {
    this.recovery.hasten();
    if (this.state !== 'live') return;
    await this.connection.check();
    if (this.connection.signaling?.isOpen && !this.connection.link?.isConnected) this.restartIce();
  }

  /** The same call over another way through the network. */
  restartIce(): void {
    if (this.state === 'live') this.recovery.begin('repair');
  }

  /** What the server is told again after a cut; the controls are part of joining. */
  private get wishes(): Send<object>[] {
    const hears = { isOn: this.isHeard, wasGreeted: this.isHeard, ...this.voicePart };
    const wishes: Send<object>[] = [(socket, reply) => socket.emit('hears', hears, reply)];
    if (this.isMirror) wishes.push((socket, reply) => socket.emit('mirror', { isOn: true }, reply));
    if (this.isTalking) wishes.push((socket, reply) => socket.emit('talk', { isOn: true, ...this.voicePart }, reply));
    return wishes;
  }

  /** Sends what goes without saying after a cut, or has lost its meaning by then. */
  private async wish(send: Send<object>): Promise<void> {
    const { signaling } = this.connection;
    if (!signaling || this.state !== 'live') return;
    try {
      await signaling.request((reply) => send(signaling.socket, reply));
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  /** Sends what must not get lost: while the call is cut off it waits, and if it is cut off meanwhile it is sent again. */
  private async deliver<T extends object>(send: Send<T>): Promise<T> {
    for (;;) {
      const signaling = await this.untilLive();
      try {
        return await signaling.request<T>((reply) => send(signaling.socket, reply));
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        signaling.drop();
      }
    }
  }

  /** @throws Error when there is no call. */
  private async untilLive(): Promise<Signaling> {
    while (this.state === 'reconnecting' || this.state === 'joining')
      await new Promise<void>((resolve) => void this.waiting.add(resolve));
    const { signaling } = this.connection;
    if (this.state !== 'live' || !signaling) throw new Error(words('There is no call; join first.'));
    return signaling;
  }

  /** A typed turn of ours, which the face answers. */
  async say(text: string): Promise<void> {
    requireShort(text, MAX_SAY_CHARACTERS);
    await this.deliver((socket, reply) => socket.emit('say', { text, ...this.voicePart }, reply));
  }

  /** The face says exactly this. @returns the turn's number. */
  async speak(text: string): Promise<number> {
    requireShort(text, MAX_SPEAK_CHARACTERS);
    const { turnId } = await this.deliver<{ turnId: number }>((socket, reply) =>
      socket.emit('speak', { text, ...this.voicePart }, reply),
    );
    return turnId;
  }

  async stop(): Promise<void> {
    await this.wish((socket, reply) => socket.emit('stop', {}, reply));
  }

  async setControls(controls: ControlsMessage): Promise<void> {
    this.options.controls = { ...this.options.controls, ...controls };
    await this.wish((socket, reply) => socket.emit('controls', controls, reply));
  }

  /** Gives the face our microphone, or takes it away with null. */
  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.microphone = track;
    await this.connection.link?.setMicrophone(track);
  }

  /** The conversation hears our microphone, or no longer. */
  async setTalk(isOn: boolean): Promise<void> {
    this.isTalking = isOn;
    await this.wish((socket, reply) => socket.emit('talk', { isOn, ...this.voicePart }, reply));
  }

  /** The visitor hears the face from now on: it greets. */
  async setHears(): Promise<void> {
    if (this.isHeard || this.state !== 'live') return;
    this.isHeard = true;
    await this.wish((socket, reply) => socket.emit('hears', { isOn: true, ...this.voicePart }, reply));
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
    await this.wish((socket, reply) => socket.emit('hold', { isDown }, reply));
  }

  /** The face says what our microphone hears. */
  async setMirror(isOn: boolean): Promise<void> {
    this.isMirror = isOn;
    await this.wish((socket, reply) => socket.emit('mirror', { isOn }, reply));
  }

  /** A ticket for a program that is to speak through this face. */
  async invite(): Promise<Invitation> {
    return await this.deliver<Invitation>((socket, reply) => socket.emit('invite', {}, reply));
  }

  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.connection.link?.getStats();
  }

  /** The receiver of the face's sound. */
  get audioReceiver(): RTCRtpReceiver | undefined {
    return this.connection.link?.audioReceiver;
  }

  end(): void {
    this.recovery.end();
    this.forgetWakeUps();
    this.connection.close();
    this.setState('ended');
  }

  private tell({ message, code, retryAfterS }: Trouble): void {
    this.events.failed({ code: code ?? 'NETWORK', message, ...(retryAfterS === undefined ? {} : { retryAfterS }) });
  }

  private setState(state: CallState): void {
    if (state === this.state || this.state === 'ended') return;
    this.state = state;
    if (state === 'live') this.connection.cause = 'network';
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
    // A page that draws waits for the sound by itself.
    if (state === 'live' && this.render === 'server') this.buffers.start();
    else this.buffers.stop();
    this.events.state(state);
  }
}
