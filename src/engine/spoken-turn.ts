/**
 * One turn of speech in an engine worker: the sound waits here, at 48 kHz, until it is cut into ticks. In: chunks with their phonemes, or
 * bare sound; out: a tick's sound with its instant in the speech. Bare sound is given out only when its lips are known too, which is later
 * than the sound by the network's look-ahead: so both stay together.
 */
import { Resampler } from '../media/resampler.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { ArticulationFrame } from './motion/articulation-frame.ts';
import { HeardSound } from './motion/heard-sound.ts';

export const ENGINE_RATE_HZ = 48_000;
/** What sums of seconds are off by. */
const ROUNDING_S = 1e-6;

export interface SpokenTick {
  samples: Float32Array;
  /** Seconds from the start of the turn's sound. */
  speechS: number;
  isLast: boolean;
}

export class SpokenTurn {
  readonly id: number;
  private readonly tickSamples: number;
  /** What bare sound tells the face; undefined where phonemes come with the sound. */
  readonly heard: HeardSound | undefined;
  private readonly parts: Float32Array[] = [];
  /** Samples already taken from parts[0]. */
  private offset = 0;
  private queued = 0;
  /** Samples that have been given out. */
  private taken = 0;
  private resampler: { fromHz: number; stream: Resampler } | undefined;
  private isEnded = false;

  constructor(id: number, tickSamples: number, { isBare = false } = {}) {
    this.id = id;
    this.tickSamples = tickSamples;
    if (isBare) this.heard = new HeardSound();
  }

  get hasEnded(): boolean {
    return this.isEnded;
  }

  /** A tick can be cut now. */
  get isReady(): boolean {
    if (this.heard && !this.isEnded) {
      const middleS = (this.taken + this.tickSamples / 2) / ENGINE_RATE_HZ;
      // The frame at a picture's middle and the one before are all that it shows.
      return this.queued >= this.tickSamples && this.heard.knownS >= middleS - ROUNDING_S;
    }
    return this.queued >= this.tickSamples || this.isEnded;
  }

  /** The sound of a chunk whose phonemes are known. */
  push(chunk: SpeechChunk): void {
    if (this.resampler?.fromHz !== chunk.sampleRateHz)
      this.resampler = { fromHz: chunk.sampleRateHz, stream: new Resampler(chunk.sampleRateHz, ENGINE_RATE_HZ, 1) };
    this.enqueue(this.resampler.stream.push(chunk.samples));
  }

  /** Bare sound, 48 kHz mono, with the frames that became known by it. */
  hear(samples: Float32Array, frames: readonly ArticulationFrame[]): void {
    this.enqueue(samples);
    this.heard?.add(samples, ENGINE_RATE_HZ, frames);
  }

  /** Nothing more comes, but for the last frames of bare sound. */
  end(frames: readonly ArticulationFrame[] = []): void {
    if (this.isEnded) return;
    if (this.resampler) this.enqueue(this.resampler.stream.flush());
    this.heard?.complete(frames);
    this.isEnded = true;
  }

  /** The next tick; filled up with silence where the sound ends. Only while `isReady`. */
  take(): SpokenTick {
    const speechS = this.taken / ENGINE_RATE_HZ;
    const samples = new Float32Array(this.tickSamples);
    let filled = 0;
    while (filled < samples.length && this.parts.length > 0) {
      const part = this.parts[0]!;
      const count = Math.min(samples.length - filled, part.length - this.offset);
      samples.set(part.subarray(this.offset, this.offset + count), filled);
      filled += count;
      this.offset += count;
      if (this.offset === part.length) {
        this.parts.shift();
        this.offset = 0;
      }
    }
    this.queued -= filled;
    this.taken += filled;
    return { samples, speechS, isLast: this.isEnded && this.queued === 0 };
  }

  private enqueue(samples: Float32Array): void {
    if (samples.length === 0) return;
    this.parts.push(samples);
    this.queued += samples.length;
  }
}
