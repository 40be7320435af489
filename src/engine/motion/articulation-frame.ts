/** What the articulation network hears in 20 ms of sound. Free of the network, for threads that only use its frames. */
import type { MouthState } from './coarticulation.ts';

/** Frames per second. */
export const ARTICULATION_HZ = 50;

/**
 * The network's classes in its own order: that of the file `phonemes.json`. It is written out because a JavaScript object puts the key
 * "3" before all others.
 */
export const ARTICULATION_CLASSES: readonly string[] =
  'sil h p b m f v T D t d k g N S tS s z n l r rr R j w i I e E ae a A V @ 3 O o u U y oe M'.split(' ');

export interface ArticulationFrame extends MouthState {
  /** Middle of the judged 20 ms, from the start of the stream. */
  timestampUs: number;
  /** Probability of each of `ARTICULATION_CLASSES`. */
  classes: Float32Array;
}
