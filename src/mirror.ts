/**
 * Mirror mode: the caller's own voice, spoken by the face. In: what the ear hears, 20 ms at a time in the pacer's own rhythm; out: the same
 * as turns of bare sound. A text that is spoken in between has the floor until its end.
 */
import type { SoundIntake } from './signaling/hosting.ts';

/** After so many times 20 ms without sound the voice is over. */
const MAX_EMPTY = 25;
const MAX_BEHIND = 10;

export class Mirror {
  private readonly openSound: () => SoundIntake | undefined;
  private intake: SoundIntake | undefined;
  private empty = 0;
  /** Sounds that the engine has not made room for yet. */
  private behind = 0;

  /** @param openSound undefined while someone else has the floor. */
  constructor(openSound: () => SoundIntake | undefined) {
    this.openSound = openSound;
  }

  /** The next 20 ms, 48 kHz mono; undefined while nothing comes. */
  hear(samples: Float32Array | undefined): void {
    if (!samples) {
      this.empty += 1;
      if (this.empty === MAX_EMPTY) this.rest();
      return;
    }
    this.empty = 0;
    if (!this.intake || this.intake.isOver) this.intake = this.openSound();
    // An engine that cannot follow is not given more: what was said meanwhile is lost rather than late.
    if (!this.intake || this.behind >= MAX_BEHIND) return;
    this.behind += 1;
    void this.intake.push(samples).finally(() => {
      this.behind -= 1;
    });
  }

  /** The voice pauses; the next sound begins a new turn. */
  rest(): void {
    this.intake?.end();
    this.intake = undefined;
  }
}
