/**
 * Sound → lips, jaw and tongue: the learned articulation network, live. In: mono PCM of any rate in chunks of any size, and how far of it has been
 * played. Out: one frame every 20 ms with the nine channels of `phonemes.ts`, how far the mouth rests, and what was heard.
 *
 * What is due soon is heard with the shortest look-ahead; where more of the sound is known, as a voice that is synthesised faster than it speaks
 * makes it, a frame is judged by what comes after it too, which is right more often. Invariants: a stream's state is its own, so that many share one
 * model and one batch; where no more is known the frames do not depend on chunking; no jump between one way of hearing and the other.
 */

import { InOrder } from '../../media/in-order.ts';
import { ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
import { type ArticulationModel, LIVE_LOOK_AHEAD, STEPS_PER_HOP, WHOLE_STEPS } from './articulation-model.ts';
import { FeatureQueue } from './feature-queue.ts';
import { type Answer, answersOf, SettledMouth } from './settled-mouth.ts';

export { ARTICULATION_CLASSES, ARTICULATION_HZ, type ArticulationFrame } from './articulation-frame.ts';
export { ArticulationModel } from './articulation-model.ts';

/** What is known ahead is heard in windows so long. */
const WINDOW_STEPS = 100;
/** Nobody is asked about what lies so near to a window's ends. */
const MARGIN_STEPS = 20;
/** Sound after the last frame that a window answers for. */
const AHEAD_STEPS = MARGIN_STEPS + WHOLE_STEPS;
/** For fewer frames a window does not pay. */
const LEAST_STEPS = 25;
/** From here on backwards the network listens again when it goes over from windows to hops: more than its ear looks back on. */
const REHEARD_STEPS = 64;
/** Frames that are needed within so long cannot wait for more sound; more than so far ahead of what is played nothing is heard yet. */
const DUE_STEPS = 0.2 * ARTICULATION_HZ;
const FAR_STEPS = 0.6 * ARTICULATION_HZ;
/** Where one way of hearing follows the other, what they differ by fades within so many frames. */
const FADE_STEPS = 5;

/** One voice. Calls take effect in the order in which they are made. */
export class ArticulationStream {
  readonly #model: ArticulationModel;
  /** From REHEARD_STEPS before the next frame on. */
  readonly #features = new FeatureQueue();
  readonly #mouth = new SettledMouth();
  readonly #tasks = new InOrder();
  /** Of the hops; it has heard LIVE_LOOK_AHEAD steps more than there are frames. None after a window. */
  #past: Float32Array | undefined;
  #frames = 0;
  #endStep = Number.POSITIVE_INFINITY;
  #playedSteps = Number.POSITIVE_INFINITY;
  #last: Answer | undefined;
  /** By how much the last answer differed from what it would have been with the way of hearing that followed. */
  #jump: { by: Answer; frame: number } | undefined;

  constructor(model: ArticulationModel) {
    this.#model = model;
    this.#features.pad(REHEARD_STEPS);
  }

  /** All frames of a sound that has ended are out. */
  get isDone(): boolean {
    return this.#frames >= this.#endStep;
  }

  /**
   * @param samples mono in [-1, 1]. A change of rate begins a new filter without a gap in the frames.
   * @returns the frames that are due by now.
   */
  push(samples: Float32Array, sampleRateHz: number): Promise<ArticulationFrame[]> {
    return this.#tasks.run(() => {
      this.#features.push(samples, sampleRateHz);
      return this.#advance();
    });
  }

  /**
   * The sound has been played up to there, seconds from its start: not much more than what comes next is due. Without a word of it everything is
   * due at once.
   */
  playTo(timeS: number): Promise<ArticulationFrame[]> {
    return this.#tasks.run(() => {
      this.#playedSteps = timeS * ARTICULATION_HZ;
      return this.#advance();
    });
  }

  /** No more sound comes, silence follows. */
  end(): Promise<ArticulationFrame[]> {
    return this.#tasks.run(() => {
      this.#features.finish();
      this.#endStep = this.#frames + Math.ceil(this.#features.steps) - REHEARD_STEPS;
      this.#features.pad(WINDOW_STEPS + WHOLE_STEPS);
      return this.#advance();
    });
  }

  async #advance(): Promise<ArticulationFrame[]> {
    const frames: ArticulationFrame[] = [];
    while (!this.isDone && this.#frames < this.#playedSteps + FAR_STEPS) {
      const unheard = Math.floor(this.#features.steps) - REHEARD_STEPS;
      let answers: Answer[];
      if (unheard >= LEAST_STEPS + AHEAD_STEPS) answers = await this.#hearWindow(unheard);
      else if (unheard >= STEPS_PER_HOP + LIVE_LOOK_AHEAD && this.#frames < this.#playedSteps + DUE_STEPS)
        answers = await this.#hearHop();
      else break;
      this.#features.drop(answers.length);
      for (const answer of answers.slice(0, this.#endStep - this.#frames)) frames.push(this.#frame(answer));
    }
    return frames;
  }

  async #hearWindow(unheard: number): Promise<Answer[]> {
    // As much of what went before as there is room for.
    const before = Math.max(MARGIN_STEPS, WINDOW_STEPS + WHOLE_STEPS - unheard);
    const mel = this.#features.peek(REHEARD_STEPS - before, WINDOW_STEPS + WHOLE_STEPS);
    const past = this.#model.freshState('whole');
    const answers = answersOf(await this.#model.hear({ mel, lookAhead: 'whole', past })).slice(WHOLE_STEPS);
    this.#turnFrom(answers[before - 1]);
    this.#past = undefined;
    return answers.slice(before, WINDOW_STEPS - MARGIN_STEPS);
  }

  async #hearHop(): Promise<Answer[]> {
    if (!this.#past) {
      const steps = this.#frames === 0 ? LIVE_LOOK_AHEAD : REHEARD_STEPS;
      const mel = this.#features.peek(REHEARD_STEPS + LIVE_LOOK_AHEAD - steps, steps);
      const heard = await this.#model.hear({
        mel,
        lookAhead: LIVE_LOOK_AHEAD,
        past: this.#model.freshState(LIVE_LOOK_AHEAD),
      });
      this.#past = heard.next;
      this.#turnFrom(answersOf(heard).at(-1)!);
    }
    const mel = this.#features.peek(REHEARD_STEPS + LIVE_LOOK_AHEAD, STEPS_PER_HOP);
    const heard = await this.#model.hear({ mel, lookAhead: LIVE_LOOK_AHEAD, past: this.#past, liveStream: this });
    this.#past = heard.next;
    return answersOf(heard);
  }

  /** @param answer for the last frame, of the way of hearing that follows. */
  #turnFrom(answer: Answer): void {
    const last = this.#last;
    this.#jump = last && { by: last.map((value, i) => value - answer[i]), frame: this.#frames };
  }

  #frame(answer: Answer): ArticulationFrame {
    const share = this.#jump ? 1 - (this.#frames - this.#jump.frame + 1) / (FADE_STEPS + 1) : 0;
    const { by } = this.#jump ?? {};
    const shown = by && share > 0 ? answer.map((value, i) => Math.min(1, Math.max(0, value + share * by[i]))) : answer;
    this.#last = shown;
    return this.#mouth.frame(this.#frames++, shown);
  }
}
