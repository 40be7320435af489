/**
 * Who hears the caller: the conversation, or mirror mode, or nobody. In: packets as the network brings them; out: 20 ms for every 20 ms that
 * are sent, to the one that wants it. The two never hear at the same time.
 */
import type { Conversation } from './agent/conversation.ts';
import { Ear } from './agent/ear.ts';
import { Mirror } from './mirror.ts';
import type { SoundIntake } from './signaling/hosting.ts';

export class Microphone implements Disposable {
  private readonly conversation: Conversation;
  /** Undefined while someone else has the floor. */
  private readonly openSound: () => SoundIntake | undefined;
  private readonly ear = new Ear();
  private mirror: Mirror | undefined;

  constructor(conversation: Conversation, openSound: () => SoundIntake | undefined) {
    this.conversation = conversation;
    this.openSound = openSound;
  }

  receive(packet: { sequenceNumber: number; opus: Uint8Array }): void {
    this.ear.receive(packet);
  }

  /** @param sent 48 kHz mono, the 20 ms that the caller is sent. */
  tick(sent: Float32Array): void {
    const heard = this.ear.tick();
    this.mirror?.hear(heard);
    this.conversation.tick(heard, sent);
  }

  setTalk(isOn: boolean): void {
    if (isOn) this.endMirror();
    this.conversation.setTalk(isOn);
  }

  /** The face says what the caller says. */
  setMirror(isOn: boolean): void {
    if (!isOn) {
      this.endMirror();
      return;
    }
    this.conversation.setTalk(false);
    this.mirror ??= new Mirror(this.openSound);
  }

  private endMirror(): void {
    this.mirror?.rest();
    this.mirror = undefined;
  }

  [Symbol.dispose](): void {
    this.endMirror();
    this.ear[Symbol.dispose]();
  }
}
