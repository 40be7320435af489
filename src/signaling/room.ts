/**
 * A room: one face, many viewers. In: members who come and go, each with the right to speak or only to watch. Out: for each a call of its
 * own that is really the shared one. At most one member has the floor, and only that one's microphone is heard. The room is over when
 * the last member has left, or when its call or its media ends.
 */
import { randomUUID } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { CallAudience, HostedCall } from './hosting.ts';
import type { LiveCalls } from './live-calls.ts';
import type { MediaOutlet } from './peer.ts';
import type { HeardMessage, RoomState } from './protocol.ts';
import type { RoomMedia, RoomMediaEvents } from './room-media.ts';
import { type Newcomer, RoomMember } from './room-member.ts';

/** Several viewers that ask for a whole picture within this time get one. */
const KEYFRAME_INTERVAL_MS = 300;
const LINK_INTERVAL_MS = 1000;

export interface RoomParts {
  name: string;
  portraitId: string;
  maxViewers: number;
  /** @throws AppError SERVER_BUSY. */
  openCall(peer: () => MediaOutlet, audience: CallAudience, sessionId: string): Promise<HostedCall>;
  openMedia(events: RoomMediaEvents): Promise<RoomMedia>;
  calls: LiveCalls;
  /** The room is over: called once, before anything of it is closed. */
  over(): void;
}

export class Room {
  /** Programs find the shared call by it. */
  readonly id = randomUUID();
  readonly name: string;
  readonly portraitId: string;
  /** The call that the members share; programs speak through it. */
  call!: HostedCall;
  isOver = false;
  private readonly parts: RoomParts;
  private media: RoomMedia | undefined;
  private readonly members = new Set<RoomMember>();
  private speaker: RoomMember | undefined;
  /** Who has or last had the floor. */
  private lastSpeaker: RoomMember | undefined;
  private hasStarted = false;
  private lastKeyframeMs = Number.NEGATIVE_INFINITY;
  private keyframeTimer: ReturnType<typeof setTimeout> | undefined;
  private lastLinkMs = Number.NEGATIVE_INFINITY;

  private constructor(parts: RoomParts) {
    this.parts = parts;
    this.name = parts.name;
    this.portraitId = parts.portraitId;
  }

  /** @throws AppError SERVER_BUSY when the face has no room on this machine. */
  static async open(parts: RoomParts): Promise<Room> {
    const room = new Room(parts);
    // The call is opened first: a busy server answers before any port is taken.
    room.call = await parts.openCall(() => room.openMedia, room.audience(), room.id);
    try {
      if (room.isOver) throw new AppError('SESSION_GONE', `Room "${room.name}" ended while it was opened; join again.`);
      parts.calls.add(room.id, room.call);
      room.media = await parts.openMedia({
        keyframeRequest: () => room.requestKeyframe(),
        closed: (reason) => room.end(reason),
      });
      // The face may have failed meanwhile.
      if (room.isOver) throw new AppError('SESSION_GONE', `Room "${room.name}" ended while it was opened; join again.`);
    } catch (error) {
      await room.close('the room could not be opened');
      // Where the room was over before, nobody has closed these.
      await Promise.allSettled([room.call.close('the room could not be opened'), room.media?.close()]);
      throw error;
    }
    return room;
  }

  private get openMedia(): RoomMedia {
    if (!this.media || this.isOver) throw new AppError('SESSION_GONE', `Room "${this.name}" is over; join again.`);
    return this.media;
  }

  /** @throws AppError SERVER_BUSY when the room is full. */
  async enter(newcomer: Newcomer): Promise<RoomMember> {
    if (this.members.size >= this.parts.maxViewers)
      throw new AppError('SERVER_BUSY', `Room "${this.name}" is full; try again when somebody has left.`);
    const member = new RoomMember(this, newcomer);
    this.members.add(member);
    try {
      const events = newcomer.listening(member.events);
      member.peer = await this.openMedia.admit({ ...newcomer, events });
      // Its transport may be gone already, or the room over.
      if (!this.members.has(member)) {
        await member.peer.close();
        throw new AppError('SESSION_GONE', `Room "${this.name}" was left while it was entered; join again.`);
      }
    } catch (error) {
      await this.leave(member, 'could not enter');
      throw error;
    }
    this.announce();
    return member;
  }

  async leave(member: RoomMember, reason: string): Promise<void> {
    if (!this.members.delete(member)) return;
    this.release(member);
    if (this.members.size === 0) await this.close(reason);
    else this.announce();
  }

  /** @throws AppError NOT_ALLOWED for a member who only watches, FLOOR_TAKEN while someone else speaks. */
  requireWord(member: RoomMember): void {
    if (!member.maySpeak)
      throw new AppError('NOT_ALLOWED', 'You are here to watch; join with a speaker’s ticket to speak in this room.');
    if (this.speaker && this.speaker !== member)
      throw new AppError('FLOOR_TAKEN', 'Someone else in this room is speaking; try again when they have finished.');
  }

  /** The member's microphone is heard from now on, and nobody else may speak. @throws as `requireWord`. */
  take(member: RoomMember): void {
    this.requireWord(member);
    if (this.speaker === member) return;
    this.speaker = member;
    this.lastSpeaker = member;
    this.announce();
  }

  release(member: RoomMember): void {
    if (this.speaker !== member) return;
    this.speaker = undefined;
    member.silence();
    this.announce();
  }

  hears(member: RoomMember): boolean {
    return this.speaker === member;
  }

  stateFor(member: RoomMember): RoomState {
    const floor = this.speaker === undefined ? 'free' : this.speaker === member ? 'mine' : 'taken';
    const { name, portraitId, members } = this;
    return { name, portraitId, viewers: members.size, floor, maySpeak: member.maySpeak };
  }

  /** The first viewer starts the face; a later one needs a whole picture to begin with. */
  connected(): void {
    if (this.hasStarted) this.requestKeyframe();
    else this.call.events.connected();
    this.hasStarted = true;
  }

  /** One picture serves everyone who asked; whoever asks just after one gets the next. */
  requestKeyframe(): void {
    if (this.isOver || this.keyframeTimer) return;
    const waitMs = this.lastKeyframeMs + KEYFRAME_INTERVAL_MS - performance.now();
    const pass = (): void => {
      this.keyframeTimer = undefined;
      this.lastKeyframeMs = performance.now();
      this.call.events.keyframeRequest();
    };
    if (waitMs <= 0) pass();
    else this.keyframeTimer = setTimeout(pass, waitMs);
  }

  /** The face is encoded once for all: the bitrate follows the viewer in the middle, so that one bad link does not spoil it for everyone. */
  reportLinks(): void {
    if (this.isOver || performance.now() - this.lastLinkMs < LINK_INTERVAL_MS) return;
    this.lastLinkMs = performance.now();
    const links = [...this.members].flatMap(({ link }) => link ?? []);
    const fractionLost = lowerMedian(links.flatMap((link) => link.fractionLost ?? []));
    const rttMs = lowerMedian(links.flatMap((link) => link.rttMs ?? []));
    this.call.events.link({
      ...(fractionLost === undefined ? {} : { fractionLost }),
      ...(rttMs === undefined ? {} : { rttMs }),
    });
  }

  /** The face is sent once for all: its pictures follow the viewer in the middle, as its bitrate does. */
  reportBuffers({ buffers }: RoomMember): void {
    if (this.isOver || !buffers) return;
    const all = [...this.members].flatMap((member) => member.buffers ?? []);
    const soundMs = lowerMedian(all.map((report) => Math.max(0, report.soundMs - report.pictureMs)));
    if (soundMs !== undefined) this.call.followBuffers({ ...buffers, soundMs, pictureMs: 0 });
  }

  private announce(): void {
    if (this.isOver) return;
    for (const member of this.members) member.audience.room(this.stateFor(member));
  }

  /** What a member asked the face in writing, for the others: its own page shows what was typed there. */
  typed(member: RoomMember, text: string): void {
    for (const other of this.members)
      if (other !== member) other.audience.heard({ text, isFinal: true, isOthers: true });
  }

  private tellHeard(speaker: RoomMember | undefined, message: HeardMessage): void {
    for (const member of this.members)
      member.audience.heard(member === speaker ? message : { ...message, isOthers: true });
  }

  /** What the call tells, told to everyone. */
  private audience(): CallAudience {
    const all = (tell: (audience: CallAudience) => void): void => {
      for (const { audience } of this.members) tell(audience);
    };
    return {
      caption: (m) => all((audience) => audience.caption(m)),
      turn: (m) => {
        all((audience) => audience.turn(m));
        this.parts.calls.tell(this.id, (watcher) => watcher.turn(m));
      },
      // Whoever just gave the floor back is still the one whose last words are told.
      heard: (m) => this.tellHeard(this.lastSpeaker, m),
      activity: (m) => all((audience) => audience.activity(m)),
      handoff: () => all((audience) => audience.handoff()),
      hint: (m) => all((audience) => audience.hint(m)),
      stats: (m) => all((audience) => audience.stats(m)),
      failed: (m) => {
        all((audience) => audience.failed(m));
        this.parts.calls.tell(this.id, (watcher) => watcher.failed(m));
      },
      ended: (reason) => this.end(reason),
    };
  }

  /** The face or its media is gone: everyone is told, and may join anew. */
  private end(reason: string): void {
    if (this.isOver) return;
    const audiences = [...this.members].map(({ audience }) => audience);
    void this.close(reason);
    for (const audience of audiences) audience.ended(reason);
  }

  private async close(reason: string): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.keyframeTimer);
    this.parts.over();
    this.parts.calls.remove(this.id, reason);
    this.members.clear();
    // The call may end while it is still being opened.
    await Promise.allSettled([(this.call as HostedCall | undefined)?.close(reason), this.media?.close()]);
  }
}

function lowerMedian(values: number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1];
}
