/**
 * Which track the face hears. In: whether talking or mirroring needs the microphone, which device, or a track of the site's own. Out: the
 * track, and a word when it changes. The microphone is open only while something needs it.
 */
import { Microphone } from './microphone.ts';

export interface EarEvents {
  level(level: number): void;
  /** Another track, or none. */
  track(track: MediaStreamTrack | null): Promise<void>;
  /** The device went away. */
  lost(message: string): void;
}

export class Ears {
  private readonly events: EarEvents;
  private microphone: Microphone | undefined;
  private given: MediaStreamTrack | null = null;
  deviceId = '';

  constructor(events: EarEvents) {
    this.events = events;
  }

  get track(): MediaStreamTrack | null {
    return this.given ?? this.microphone?.track ?? null;
  }

  /** @throws Error that says what to do. */
  async open(): Promise<void> {
    if (this.track) return;
    this.microphone = await Microphone.open(
      this.deviceId,
      (level) => this.events.level(level),
      (message) => this.events.lost(message),
    );
    await this.events.track(this.track);
  }

  async close(): Promise<void> {
    this.microphone?.close();
    this.microphone = undefined;
    await this.events.track(this.track);
  }

  /** @throws Error that says what to do, with the microphone closed. */
  async use(deviceId: string): Promise<void> {
    this.deviceId = deviceId;
    if (!this.microphone) return;
    await this.close();
    await this.open();
  }

  /** A track of the site's own in the microphone's place; null gives it back. */
  async give(track: MediaStreamTrack | null): Promise<void> {
    this.given = track;
    await this.events.track(this.track);
  }
}
