/**
 * The caller's side of a conversation: 20 ms of what is heard and of what was sent in; out, in order: where voice begins and ends, the sound
 * for a recogniser (with what came just before the voice was noticed), and how the caller sounds, for the face. At most a second of
 * sound waits; what comes beyond that is lost rather than late.
 */
import { Resampler } from '../media/resampler.ts';
import type { CallerProsody } from './conversation.ts';
import { EchoGuard } from './echo-guard.ts';
import { RECOGNIZER_RATE_HZ } from './recognizer.ts';
import { VAD_RATE_HZ, type VoiceDetector, type VoiceNews } from './vad.ts';

const TICK_SAMPLES = 960;
const DOWN = 3;
/** Sound before the voice was noticed that goes to the recogniser: what the detector needed, and 0.2 s of quiet; more confuses some. */
const PRE_ROLL_TICKS = 17;
const MAX_WAITING = 50;
const PROSODY_EVERY_TICKS = 5;
const LOUDNESS_FLOOR = 0.005;

export interface ListenerEvents {
  voice(news: VoiceNews): void;
  /** 16 kHz mono, 20 ms at a time, also while nobody speaks, or only the face's own echo is heard. */
  sound(samples: Float32Array, isEcho: boolean): void;
  prosody(caller: CallerProsody): void;
  /** 20 ms could not be heard, because the detector cannot follow. */
  dropped(): void;
  failed(error: Error): void;
}

export class Listener {
  private readonly vad: Promise<VoiceDetector>;
  private readonly events: ListenerEvents;
  private readonly guard = new EchoGuard(VAD_RATE_HZ);
  private readonly resampler = new Resampler(48_000, RECOGNIZER_RATE_HZ, 1);
  private readonly past: Float32Array[] = [];
  private order: Promise<void> = Promise.resolve();
  private waiting = 0;
  private isClosed = false;
  private ticks = 0;
  private loudest = 0;
  private usual = LOUDNESS_FLOOR;

  constructor(vad: Promise<VoiceDetector>, events: ListenerEvents) {
    this.vad = vad;
    this.vad.catch(() => {}); // told with the first sound
    this.events = events;
  }

  /** @param heard 48 kHz mono, 20 ms. @param sent the same, what was sent in this tick. */
  push(heard: Float32Array | undefined, sent: Float32Array, nowUs: number): void {
    const samples = this.resampler.push(heard ?? new Float32Array(TICK_SAMPLES));
    const isEcho = this.guard.push(thinned(sent), heard ? thinned(heard) : new Float32Array(TICK_SAMPLES / DOWN));
    if (this.waiting >= MAX_WAITING) {
      this.events.dropped();
      return;
    }
    this.waiting += 1;
    this.order = this.order.then(async () => {
      try {
        if (!this.isClosed) await this.listen(samples, nowUs, isEcho);
      } catch (error) {
        this.isClosed = true;
        this.events.failed(error as Error);
      } finally {
        this.waiting -= 1;
      }
    });
  }

  private async listen(samples: Float32Array, nowUs: number, isEcho: boolean): Promise<void> {
    const vad = await this.vad;
    const news = await vad.push(samples, nowUs, isEcho);
    if (this.isClosed) return;
    this.past.push(samples);
    if (this.past.length > PRE_ROLL_TICKS) this.past.shift();
    this.events.sound(samples, isEcho);
    for (const one of news) this.events.voice(one);
    this.tellProsody(samples, vad.isVoiced);
  }

  /** The sound from just before now, oldest first, for a recogniser that begins to listen. */
  preRoll(): Float32Array[] {
    return [...this.past];
  }

  private tellProsody(samples: Float32Array, isVoiced: boolean): void {
    let energy = 0;
    for (const sample of samples) energy += sample * sample;
    const level = Math.sqrt(energy / Math.max(1, samples.length));
    this.loudest = Math.max(this.loudest, level);
    if (isVoiced) this.usual += 0.02 * (Math.max(level, LOUDNESS_FLOOR) - this.usual);
    if (++this.ticks % PROSODY_EVERY_TICKS !== 0) return;
    this.events.prosody({ isVoiced, loudness: Math.min(1, this.loudest / (4 * this.usual)) });
    this.loudest = 0;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A third of the rate, good enough to compare powers below 4 kHz. */
function thinned(samples: Float32Array): Float32Array {
  return Float32Array.from(
    { length: Math.floor(samples.length / DOWN) },
    (_, i) => (samples[DOWN * i]! + samples[DOWN * i + 1]! + samples[DOWN * i + 2]!) / DOWN,
  );
}
