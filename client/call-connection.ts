/**
 * What carries a call: the connection to the server and the link for sound and picture. In: who calls and with what switched on. Out: the two ways
 * to mend it that `recovery.ts` tries (join anew, or another way through the network for the same call), and what was lost.
 */
import { isFinalEnd, SHUTDOWN } from '../src/signaling/call-ends.ts';
import type {
  ControlsMessage,
  EndedMessage,
  Failure,
  Joined,
  Render,
  Restarted,
  SfuJoined,
} from '../src/signaling/protocol.ts';
import { isTicket } from './access.ts';
import type { MediasoupLink } from './mediasoup-link.ts';
import type { LinkEvents, PeerLink } from './peer-link.ts';
import { keepsAbandonedConnections, Reach } from './reach.ts';
import type { Attempts, Trouble } from './recovery.ts';
import { type CallSocket, ConnectionLost, fetchTicket, requireReachable, Signaling } from './signaling.ts';
import { SoundWatch } from './sound-watch.ts';
import { words } from './words.ts';

export interface JoinOptions {
  portraitId: string;
  controls: ControlsMessage;
  render: Render;
  /** A face that is shared with everyone who names the same room; without `as`, who opens it speaks and the others watch. */
  room?: { name: string; as?: 'speaker' | 'viewer' };
  /** A key or a signed ticket, where the server asks for one. */
  access?: string;
}

/** The WebRTC half of a call that is negotiated by SDP; tests bring their own. */
export type SdpLink = Pick<PeerLink, keyof PeerLink>;
export type OpenLink = (iceServers: Joined['iceServers'], events: LinkEvents) => SdpLink;
/** A request on a connection, whichever that is. */
export type Send<T extends object> = (socket: CallSocket, reply: (result: T | Failure) => void) => void;

export interface ConnectionParts extends Pick<LinkEvents, 'stream' | 'motion'> {
  serverUrl: string;
  openLink: OpenLink;
  options(): JoinOptions;
  microphone(): MediaStreamTrack | null;
  /** What is switched on, to be said again to a server that does not know. */
  wishes(): Send<object>[];
  /** Takes the server's messages of a new connection. */
  listen(socket: CallSocket): void;
  joined(joined: Joined | SfuJoined): void;
  /** Something does not work as wished; the call goes on. */
  tell(trouble: Trouble): void;
  /** @param afterS the server asks to wait so long. */
  lost(need: 'repair' | 'join', afterS?: number): void;
  /** The call is over, and was meant to be. @param reason as in `call-ends.ts`. */
  over(reason: string): void;
}

/** A connection that is not there by then meets a cut, and another attempt is sooner there than this one … */
const CONNECT_LIMIT_MS = 1500;
/** … unless the network is that slow: so many times as long as it took at best … */
const CONNECT_PATIENCE = 4;
/** … and longer after each so many attempts that nobody answered, for it may be another network now. */
const SILENT_ATTEMPTS = 20;
const MAX_CONNECT_LIMIT_MS = 6000;
/** By plain requests, when one was answered just now. */
const PLAIN_LIMIT_MS = 4000;
/** For the first connection, in a network of which nothing is known. */
const FIRST_CONNECT_LIMIT_MS = 10_000;
/** From the answer to sound and picture. */
const LINK_LIMIT_MS = 15_000;
/** To another way through the network; a new call is there as soon. */
const REPAIR_LIMIT_MS = 4000;
/** For an answer that costs the server nothing. */
const PROBE_LIMIT_MS = 1200;
/** A connection that is opened beside one in doubt says that the network is there; so much longer the old one has to answer. */
const DOUBT_MS = 400;
/** A server that stops may be back sooner than it thinks. */
const MAX_ASKED_S = 2;

export class CallConnection implements Attempts {
  signaling: Signaling | undefined;
  link: SdpLink | MediasoupLink | undefined;
  /** Why the call is not live: nothing is heard of the server, for long already, or it stops. */
  cause: 'network' | 'unreachable' | 'shutdown' = 'network';
  private readonly parts: ConnectionParts;
  private readonly watchers = new Set<() => void>();
  private returnToken: string | undefined;
  /** At best: what a cut held up says nothing of the network. */
  private connectMs: number | undefined;
  /** Attempts in a row that nobody answered. */
  private silences = 0;
  /** The last attempt to connect was turned away by whoever is there instead of the server. */
  private isRefused = false;
  /** While nobody answers. */
  private reach: Reach | undefined;
  /** Opened beside one that turned out to be dead. */
  private spare: Signaling | undefined;
  /** Of the check that is under way. */
  private checking: AbortController | undefined;
  private readonly soundWatch: SoundWatch;
  /** The call that was joined last is over, or its link has failed. */
  private isSpoiled = false;

  constructor(parts: ConnectionParts) {
    this.parts = parts;
    this.soundWatch = new SoundWatch(
      () => (this.link?.isConnected ? this.link.audioReceiver : undefined),
      () => void this.check(),
    );
  }

  /**
   * Whether the connection still stands is asked on it and, because a cut swallows the question as well as the answer, beside it: where a new one
   * comes through and the old one stays silent, the old one is dead.
   */
  async check(): Promise<void> {
    const { signaling } = this;
    if (this.checking || !signaling?.isOpen) return;
    const checking = new AbortController();
    this.checking = checking;
    const answered = signaling.isAnswering(PROBE_LIMIT_MS + DOUBT_MS);
    const opened = this.open(PROBE_LIMIT_MS, checking.signal).catch(() => undefined);
    // Where nothing comes through at all the old connection may still come to life: its own watch decides.
    const isStanding = await Promise.race([
      answered,
      opened.then((beside) => (beside ? pause(DOUBT_MS).then(() => false) : answered)),
    ]);
    const isDead = !isStanding && signaling.isOpen && !checking.signal.aborted;
    if (!isDead) checking.abort();
    const beside = await opened;
    this.checking = undefined;
    if (isDead && beside) {
      this.spare = beside;
      signaling.drop();
    } else beside?.close();
  }

  isAlive(): boolean {
    return !this.isSpoiled && this.signaling?.isOpen === true && this.link?.isConnected === true;
  }

  async join(signal: AbortSignal): Promise<void> {
    const signaling = await this.connect(signal);
    const joined = await this.ask(signaling, signal);
    signal.throwIfAborted();
    this.isSpoiled = false;
    this.returnToken = joined.returnToken;
    this.parts.joined(joined);
    if ('sfu' in joined) await this.watch(joined, signaling, signal);
    else await this.answer(joined, signaling);
    await Promise.all([this.untilConnected(signal, LINK_LIMIT_MS), this.restore(signaling)]);
  }

  /** @returns the connection that there is, else a new one. */
  private async connect(signal: AbortSignal): Promise<Signaling> {
    if (this.signaling?.isOpen) return this.signaling;
    const { spare } = this;
    this.spare = undefined;
    if (this.isRefused && !spare?.isOpen) {
      const reachable = requireReachable(this.parts.serverUrl, this.connectLimitMs, signal);
      await reachable.catch((error: Trouble) => this.failed(error));
      signal.throwIfAborted();
    }
    const startMs = performance.now();
    const signaling = spare?.isOpen ? spare : await this.openAnew(signal);
    if (signal.aborted) signaling.close();
    signal.throwIfAborted();
    if (signaling !== spare) this.connectMs = Math.min(this.connectMs ?? Infinity, performance.now() - startMs);
    this.signaling = signaling;
    return signaling;
  }

  private get connectLimitMs(): number {
    if (this.connectMs === undefined) return FIRST_CONNECT_LIMIT_MS;
    const usualMs = Math.max(CONNECT_LIMIT_MS, CONNECT_PATIENCE * this.connectMs);
    return Math.min(MAX_CONNECT_LIMIT_MS, usualMs * 2 ** Math.floor(this.silences / SILENT_ATTEMPTS));
  }

  private async openAnew(signal: AbortSignal): Promise<Signaling> {
    const isPlain = this.silences > 0 && keepsAbandonedConnections();
    if (isPlain) {
      this.reach ??= new Reach(this.parts.serverUrl);
      await this.reach.wait(signal).catch((error: Trouble) => this.failed(error));
    }
    // Whatever comes of it: what was answered once says nothing of the next silence.
    this.endReach();
    // Two plain requests to connect; the second one may have to wait for the end of the first.
    return await this.open(isPlain ? PLAIN_LIMIT_MS : this.connectLimitMs, signal, isPlain);
  }

  private endReach(): void {
    this.reach?.[Symbol.dispose]();
    this.reach = undefined;
  }

  private async open(limitMs: number, signal: AbortSignal, isPlain = false): Promise<Signaling> {
    const signaling: Signaling = await Signaling.open({
      serverUrl: this.parts.serverUrl,
      returnToken: this.returnToken,
      isPlain,
      limitMs,
      signal,
      listen: (socket) => this.listen(socket),
      lost: () => {
        if (signaling === this.signaling) this.lose('join');
      },
    }).catch((error: Trouble) => this.failed(error));
    this.isRefused = false;
    this.silences = 0;
    return signaling;
  }

  /** A silence is no refusal: what a plain request would be sent over may be dead, and a new connection is not. */
  private failed(error: Trouble): never {
    const isSilence = error instanceof ConnectionLost;
    this.silences = isSilence ? this.silences + 1 : 0;
    this.isRefused = error.code === undefined && !isSilence;
    throw error;
  }

  private listen(socket: CallSocket): void {
    this.parts.listen(socket);
    socket.on('candidate', (candidate) => this.link?.addCandidate(candidate));
    socket.on('returnToken', ({ returnToken }) => {
      this.returnToken = returnToken;
    });
    socket.on('ended', (message) => this.ended(message));
  }

  /** Asks to be let in, as the caller who was here before if the server still knows. */
  private async ask(signaling: Signaling, signal: AbortSignal): Promise<Joined | SfuJoined> {
    const { room, access = '', ...options } = this.parts.options();
    const join = (ticket: string): Promise<Joined | SfuJoined> =>
      signaling
        .request<Joined | SfuJoined>((reply) => signaling.socket.emit('join', { ticket, ...options }, reply))
        .catch((error: Trouble) => {
          throw error.code === 'SERVER_DRAINING' ? this.leaveStopping(signaling, error) : error;
        });
    if (this.returnToken !== undefined) {
      try {
        return await join(this.returnToken);
      } catch (error) {
        if ((error as Trouble).code !== 'TICKET_INVALID') throw error;
        this.returnToken = undefined; // expired, or from before a restart
      }
    }
    if (isTicket(access)) return await join(access);
    const ticket = await fetchTicket(this.parts.serverUrl, access, room, FIRST_CONNECT_LIMIT_MS, signal);
    signal.throwIfAborted();
    return await join(ticket);
  }

  /** A server that stops is away already: whoever answers there next is another one, and may do so sooner than this one thinks. */
  private leaveStopping(signaling: Signaling, { message }: Error): Trouble {
    this.cause = 'shutdown';
    signaling.close();
    return new Error(message);
  }

  /** An end that somebody wanted is the end; whatever else ends a session is a fault to recover from. */
  private ended({ reason, retryAfterS }: EndedMessage): void {
    if (isFinalEnd(reason)) {
      this.parts.over(reason);
      return;
    }
    if (reason === SHUTDOWN) {
      this.cause = 'shutdown';
      this.signaling?.close();
    }
    this.lose('join', retryAfterS === undefined ? undefined : Math.min(retryAfterS, MAX_ASKED_S));
  }

  private lose(need: 'repair' | 'join', afterS?: number): void {
    if (need === 'join') this.isSpoiled = true;
    for (const watcher of [...this.watchers]) watcher();
    this.parts.lost(need, afterS);
  }

  private async answer(joined: Joined, signaling: Signaling): Promise<void> {
    this.link?.close();
    const link: SdpLink = this.parts.openLink(
      joined.iceServers,
      this.linkEvents(() => link),
    );
    this.link = link;
    await this.accept(link, joined.offerSdp, signaling);
  }

  private async accept(link: SdpLink, offerSdp: string, signaling: Signaling): Promise<void> {
    const sdp = await link.answer(offerSdp, this.parts.microphone());
    await signaling.request((reply) => signaling.socket.emit('answer', { sdp }, reply));
  }

  /** As `answer`, in a room that an SFU serves. */
  private async watch(joined: SfuJoined, signaling: Signaling, signal: AbortSignal): Promise<void> {
    this.link?.close();
    this.link = undefined;
    const { MediasoupLink } = await import('./mediasoup-link.ts');
    const events = this.linkEvents(() => link);
    const link: MediasoupLink = await MediasoupLink.open(joined, events, (send) =>
      signaling.request((reply) => send(signaling.socket, reply)),
    );
    if (signal.aborted) {
      link.close();
      return;
    }
    this.link = link;
    await link.start(this.parts.microphone());
  }

  /** @param link a link that was replaced says nothing any more. */
  private linkEvents(link: () => SdpLink | MediasoupLink): LinkEvents {
    const { parts } = this;
    return {
      stream: (stream) => parts.stream(stream),
      motion: (message) => parts.motion(message),
      candidate: (candidate) => void this.signaling?.socket.emit('candidate', candidate),
      state: (state) => {
        if (link() !== this.link) return;
        if (state === 'failed') this.lose('join');
        else if (state === 'lost') this.lose('repair');
        else for (const watcher of [...this.watchers]) watcher();
      },
    };
  }

  /** What was on before is on again. What the server does not allow now is told, and does not keep the call from coming back. */
  private async restore(signaling: Signaling): Promise<void> {
    for (const wish of this.parts.wishes())
      try {
        await signaling.request((reply) => wish(signaling.socket, reply));
      } catch (error) {
        if (error instanceof ConnectionLost) throw error;
        this.parts.tell(error as Trouble);
      }
  }

  async repair(signal: AbortSignal): Promise<void> {
    const { link, signaling } = this;
    if (!link || !signaling?.isOpen) throw new ConnectionLost('nothing to repair');
    try {
      if ('restartIce' in link) await link.restartIce();
      else {
        const { offerSdp, iceServers } = await signaling.request<Restarted>(
          (reply) => signaling.socket.emit('restart', {}, reply),
          PROBE_LIMIT_MS,
        );
        link.renewIceServers(iceServers);
        await this.accept(link, offerSdp, signaling);
      }
    } catch (error) {
      // Nobody answers: another connection is needed, too.
      if (error instanceof ConnectionLost) signaling.drop();
      throw error;
    }
    await this.untilConnected(signal, REPAIR_LIMIT_MS);
  }

  /** @throws Trouble after the limit, when the call is over, or when aborted. */
  private untilConnected(signal: AbortSignal, limitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        this.watchers.delete(watch);
        signal.removeEventListener('abort', abort);
        if (error) reject(error);
        else resolve();
      };
      const watch = (): void => {
        if (this.isSpoiled) settle(new ConnectionLost('the call is over'));
        else if (this.link?.isConnected) settle();
      };
      const abort = (): void => settle(new ConnectionLost('given up'));
      const timer = setTimeout(() => settle(mediaBlocked()), limitMs);
      this.watchers.add(watch);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      else watch();
    });
  }

  close(): void {
    this.soundWatch[Symbol.dispose]();
    this.checking?.abort();
    this.endReach();
    this.spare?.close();
    const { signaling, link } = this;
    this.signaling = undefined;
    this.link = undefined;
    if (signaling?.isOpen) signaling.socket.emit('leave', {}, () => {});
    signaling?.close();
    link?.close();
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

const mediaBlocked = (): Trouble =>
  Object.assign(
    new Error(
      words(
        'Sound and picture cannot get through: this network seems to block them. Use another network, or ask the operator for a TURN server.',
      ),
    ),
    { code: 'MEDIA_BLOCKED' },
  );
