/**
 * The learned head as a source of head angles: plans of a second made by a flow network from the fitted model's own, renewed every 0.4 s
 * and blended into what was planned before. In: how loud the own voice is; a planner, which may take its time or fail: until a plan comes the old one goes on, and
 * after it the fitted model. Invariant: with a planner that is waited for (`pending`), the same seed gives the same head.
 */

import {
  type HeadPlanner,
  type HeadPlanRequest,
  PAST_FRAMES,
  PLAN_FRAMES,
  PLAN_UNIT_DEG,
  VOICE_VALUES,
} from './head-plan.ts';
import { type HeadAngles, type HeadPrior, HeadProcess } from './head-prior.ts';
import type { HeadDrive, HeadSource } from './noise-head.ts';
import { PERFORMANCE_HZ } from './performance-source.ts';

const DEG = Math.PI / 180;
/** A new plan is asked for every so many frames, and takes over from the old one within so many. */
const HOP_FRAMES = 10;
const FADE_FRAMES = 5;
/** From asking until a plan takes over, if it is there: long enough for a busy machine, and the same however ticks are bundled into pictures. */
const DELAY_FRAMES = 4;
/** How much faster time passes for the head in loud stretches than in quiet ones, and the loudness at which it passes as planned. */
const PACE_GATE = 1.4;
const SLOWEST = 0.3;
/** Gives back what interpolation between frames and blending of plans take. */
const GAIN = 1.25;
const MEAN_ENERGY = 0.45;
/** A plan that strays further from the fitted model's is none. */
const LIMIT_DEG = 40;

interface Plan {
  /** Frame of `angles[0]`. */
  start: number;
  angles: readonly HeadAngles[];
}

export class LearnedHead implements HeadSource {
  readonly #process: HeadProcess;
  readonly #planner: HeadPlanner;
  readonly #framesPerTick: number;
  /** Shown and about to be, the last PAST_FRAMES; `#count` is the number of the next. */
  readonly #frames: HeadAngles[];
  readonly #voice = new Float32Array(PAST_FRAMES * VOICE_VALUES);
  #count = 0;
  #position = 0;
  #plan: Plan = { start: 0, angles: [] };
  /** The plan before, as long as it fades; from the frame at which the new one came. */
  #fading: { plan: Plan; from: number } | undefined;
  #coming: Plan | undefined;
  #asked = -HOP_FRAMES;
  #pending: Promise<void> | undefined;
  #level = -3;

  constructor(prior: HeadPrior, seed: number, planner: HeadPlanner) {
    this.#planner = planner;
    this.#process = new HeadProcess(prior, seed);
    this.#framesPerTick = prior.fps / PERFORMANCE_HZ;
    this.#frames = Array.from({ length: PAST_FRAMES }, () => this.#process.next(1));
  }

  /** Settles when the plan that was asked for has come, or will not. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  next({ talk, energy }: HeadDrive): { yawRad: number; pitchRad: number; rollRad: number } {
    const loud = Math.min(energy, 1);
    // Three frames are kept between what is shown and what has been made, for interpolation.
    while (this.#count - 3 < Math.floor(this.#position)) this.#makeFrame(talk, loud);
    const frame = Math.floor(this.#position);
    const u = this.#position - frame;
    const at = this.#frames.length - (this.#count - frame);
    const [a, b, c, d] = [at - 1, at, at + 1, at + 2].map((i) => this.#frames[i]!) as [
      HeadAngles,
      HeadAngles,
      HeadAngles,
      HeadAngles,
    ];
    this.#position += this.#framesPerTick * Math.max(SLOWEST, 1 + talk * PACE_GATE * (loud - MEAN_ENERGY));
    const angle = (key: keyof HeadAngles): number => GAIN * DEG * cubic(a[key], b[key], c[key], d[key], u);
    return { yawRad: angle('yawDeg'), pitchRad: angle('pitchDeg'), rollRad: angle('rollDeg') };
  }

  #makeFrame(talk: number, loud: number): void {
    const frame = this.#planned();
    this.#process.accept(frame);
    this.#frames.shift();
    this.#frames.push(frame);
    this.#count += 1;
    this.#hear(talk, loud);
    if (!this.#pending && this.#count - this.#asked >= HOP_FRAMES) this.#ask();
  }

  #planned(): HeadAngles {
    if (this.#coming && this.#count >= this.#coming.start + DELAY_FRAMES) {
      this.#fading = { plan: this.#plan, from: this.#count };
      this.#plan = this.#coming;
      this.#coming = undefined;
    }
    if (this.#count >= this.#plan.start + this.#plan.angles.length) {
      // No plan has come for long: the fitted model makes one.
      this.#plan = { start: this.#count, angles: this.#process.foresee(this.#frames, PLAN_FRAMES) };
      this.#fading = undefined;
    }
    const planned = this.#plan.angles[this.#count - this.#plan.start]!;
    const before = this.#fading?.plan.angles[this.#count - this.#fading.plan.start];
    const share = this.#fading ? (this.#count - this.#fading.from + 1) / (FADE_FRAMES + 1) : 1;
    if (!before || share >= 1) return planned;
    const mixed = (key: keyof HeadAngles): number => before[key] + share * (planned[key] - before[key]);
    return { yawDeg: mixed('yawDeg'), pitchDeg: mixed('pitchDeg'), rollDeg: mixed('rollDeg') };
  }

  /** The features of train_head_flow.py, of this frame's loudness. */
  #hear(talk: number, loud: number): void {
    const level = Math.min(2, Math.max(-3, 2 * Math.log10(Math.max(loud, 0.01) / 0.4)));
    const rise = Math.min(3, 1.29 * Math.max(level - this.#level, 0) + 0.066);
    this.#level = level;
    this.#voice.copyWithin(0, VOICE_VALUES);
    this.#voice.set(talk > 0.5 ? [level, rise, 0.294 * level, 1] : [0, 0, 0, 0], (PAST_FRAMES - 1) * VOICE_VALUES);
  }

  #ask(): void {
    const start = this.#count;
    const now = this.#frames.at(-1)!;
    const foreseen = this.#process.foresee(this.#frames, PLAN_FRAMES);
    const request: HeadPlanRequest = {
      start: relative(foreseen, now),
      past: relative(this.#frames, now),
      voice: new Float32Array((PAST_FRAMES + PLAN_FRAMES) * VOICE_VALUES),
      logPace: Math.log(this.#process.paceDeg),
    };
    request.voice.set(this.#voice);
    this.#asked = start;
    this.#pending = this.#planner(request)
      .then((plan) => this.#take(start, absolute(plan, now), foreseen))
      .catch(() => undefined)
      .finally(() => {
        this.#pending = undefined;
      });
  }

  #take(start: number, angles: HeadAngles[], foreseen: readonly HeadAngles[]): void {
    const isSane = angles.every((angle, i) =>
      (['yawDeg', 'pitchDeg', 'rollDeg'] as const).every((key) => Math.abs(angle[key] - foreseen[i]![key]) < LIMIT_DEG),
    );
    if (isSane && this.#count < start + PLAN_FRAMES - FADE_FRAMES) this.#coming = { start, angles };
  }
}

function relative(frames: readonly HeadAngles[], now: HeadAngles): Float32Array {
  return Float32Array.from(
    frames.flatMap(({ yawDeg, pitchDeg, rollDeg }) => [
      yawDeg - now.yawDeg,
      pitchDeg - now.pitchDeg,
      rollDeg - now.rollDeg,
    ]),
    (deg) => deg / PLAN_UNIT_DEG,
  );
}

function absolute(plan: Float32Array, now: HeadAngles): HeadAngles[] {
  return Array.from({ length: plan.length / 3 }, (_, i) => ({
    yawDeg: now.yawDeg + PLAN_UNIT_DEG * plan[3 * i]!,
    pitchDeg: now.pitchDeg + PLAN_UNIT_DEG * plan[3 * i + 1]!,
    rollDeg: now.rollDeg + PLAN_UNIT_DEG * plan[3 * i + 2]!,
  }));
}

/** Catmull–Rom between b and c. */
export function cubic(a: number, b: number, c: number, d: number, u: number): number {
  return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)));
}
