/**
 * One member of a room: the shared call as this one may use it. In: what its socket and its peer say; out: to the call what its right and the floor
 * allow, to its audience what happens in the room.
 */
import type { LinkReport } from '../media/bandwidth-estimator.ts';
import type { BufferReport } from '../media/picture-delay.ts';
import type { CallAudience, HostedCall, SoundIntake } from './hosting.ts';
import type { MediaPeer, PeerEvents } from './peer.ts';
import type { ControlsMessage, RoomState } from './protocol.ts';
import type { Room } from './room.ts';
import type { SfuPeer, Viewer } from './room-media.ts';

export interface RoomAudience extends CallAudience {
  /** Who is here and who may speak, whenever that changes. */
  room(state: RoomState): void;
}

export interface Newcomer extends Pick<Viewer, 'onCandidate' | 'candidates'> {
  /** The right to speak; without it a member only watches. */
  maySpeak: boolean;
  audience: RoomAudience;
  /** Wraps what the member's peer tells. */
  listening(events: PeerEvents): PeerEvents;
}

export class RoomMember implements HostedCall {
  readonly maySpeak: boolean;
  readonly audience: RoomAudience;
  readonly events: PeerEvents;
  peer!: MediaPeer | SfuPeer;
  /** What this member's network said last. */
  link: LinkReport | undefined;
  /** What this member's browser said last of its buffers. */
  buffers: BufferReport | undefined;
  private readonly room: Room;
  /** What hears this member's microphone; while anything does, the member has the floor. */
  private readonly listeners = new Set<'setMirror' | 'setTalk'>();

  constructor(room: Room, { maySpeak, audience }: Newcomer) {
    this.room = room;
    this.maySpeak = maySpeak;
    this.audience = audience;
    this.events = {
      connected: () => room.connected(),
      keyframeRequest: () => room.requestKeyframe(),
      microphone: (packet) => {
        if (room.hears(this)) room.call.events.microphone(packet);
      },
      link: (report) => {
        // Arrivals come often and alone; the room follows what receivers report.
        if (report.fractionLost === undefined) return;
        this.link = report;
        room.reportLinks();
      },
      closed: (reason) => {
        if (room.isOver) return;
        this.audience.ended(reason);
        void room.leave(this, reason);
      },
    };
  }

  get isOver(): boolean {
    return this.room.isOver;
  }

  /** Of the room's call. */
  get sessionId(): string {
    return this.room.id;
  }

  get state(): RoomState {
    return this.room.stateFor(this);
  }

  speak(message: { text: string; voice?: string | undefined }): number {
    this.room.requireWord(this);
    return this.room.call.speak(message);
  }

  openSound(): SoundIntake {
    this.room.requireWord(this);
    return this.room.call.openSound();
  }

  setMirror(isOn: boolean): void {
    this.listen('setMirror', isOn);
  }

  say(text: string, voice?: string): void {
    this.room.requireWord(this);
    this.room.call.say(text, voice);
    this.room.typed(this, text);
  }

  setTalk(isOn: boolean, voice?: string): void {
    this.listen('setTalk', isOn, voice);
  }

  private listen(listener: 'setMirror' | 'setTalk', isOn: boolean, voice?: string): void {
    if (isOn) {
      this.room.take(this);
      this.listeners.add(listener);
    } else if (!this.listeners.delete(listener)) return;
    this.room.call[listener](isOn, voice);
    if (this.listeners.size === 0) this.room.release(this);
  }

  /** Whoever may only watch is not greeted. */
  setHears(isOn: boolean, wasGreeted: boolean, voice?: string): void {
    if (this.maySpeak) this.room.call.setHears(isOn, wasGreeted, voice);
  }

  hold(isDown: boolean): void {
    this.room.requireWord(this);
    this.room.call.hold(isDown);
  }

  /** Whatever listened to this member's microphone stops doing so. */
  silence(): void {
    for (const listener of this.listeners) this.room.call[listener](false);
    this.listeners.clear();
  }

  stop(turnId?: number): void {
    this.room.requireWord(this);
    this.room.call.stop(turnId);
  }

  setControls(controls: ControlsMessage): void {
    this.room.requireWord(this);
    this.room.call.setControls(controls);
  }

  followBuffers(report: BufferReport): void {
    this.buffers = report;
    this.room.reportBuffers(this);
  }

  async close(reason: string): Promise<void> {
    await this.room.leave(this, reason);
  }
}
