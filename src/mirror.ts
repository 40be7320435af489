/**
 * Mirror mode: the caller's own voice, spoken by the face. In: the microphone's packets as the network brings them; out: 20 ms of sound at a
 * time, in the pacer's own rhythm, so that two clocks cannot drift apart. A text that is spoken in between has the floor until its end.
 */
import { JitterBuffer } from './media/jitter-buffer.ts';
import { OPUS_PACKET_SAMPLES, OpusDecoder } from './media/opus.ts';
import type { SoundIntake } from './signaling/hosting.ts';
import type { MicrophonePacket } from './signaling/peer.ts';

/** A lost packet sounds like the one before, fading. */
const CONCEALMENT_GAIN = 0.6;
/** After so many times 20 ms without a packet the voice is over. */
const MAX_EMPTY = 25;
const MAX_BEHIND = 10;

export class Mirror implements Disposable {
  private readonly openSound: () => SoundIntake | undefined;
  private readonly jitter = new JitterBuffer();
  private readonly decoder = new OpusDecoder();
  private intake: SoundIntake | undefined;
  private lastSound: Float32Array = new Float32Array(OPUS_PACKET_SAMPLES);
  private empty = 0;
  /** Packets that the engine has not made room for yet. */
  private behind = 0;

  /** @param openSound undefined while someone else has the floor. */
  constructor(openSound: () => SoundIntake | undefined) {
    this.openSound = openSound;
  }

  receive({ sequenceNumber, opus }: MicrophonePacket): void {
    this.jitter.push(sequenceNumber, opus);
  }

  /** The next 20 ms: call once for every packet that is sent to the caller. */
  tick(): void {
    const given = this.jitter.pull();
    if (given.kind === 'empty') {
      this.empty += 1;
      if (this.empty === MAX_EMPTY) this.rest();
      return;
    }
    this.empty = 0;
    const samples =
      given.kind === 'packet'
        ? this.decoder.decode(given.data)
        : this.lastSound.map((sample) => sample * CONCEALMENT_GAIN);
    if (samples.length === 0) return;
    this.lastSound = samples;
    if (!this.intake || this.intake.isOver) this.intake = this.openSound();
    // An engine that cannot follow is not given more: what was said meanwhile is lost rather than late.
    if (!this.intake || this.behind >= MAX_BEHIND) return;
    this.behind += 1;
    void this.intake.push(samples).finally(() => {
      this.behind -= 1;
    });
  }

  /** The voice pauses; the next packet begins a new turn. */
  private rest(): void {
    this.intake?.end();
    this.intake = undefined;
  }

  [Symbol.dispose](): void {
    this.rest();
    this.decoder[Symbol.dispose]();
  }
}
