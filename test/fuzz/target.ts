/** What a fuzz target is: a kind of input from outside, sound samples of it, and the code that must not fall over it. */
export interface FuzzTarget {
  name: string;
  /** Parts of paths: sources whose coverage guides the search. */
  covers: readonly string[];
  /** Inputs to begin with, good and odd ones. */
  seeds(): readonly (string | Uint8Array)[] | Promise<readonly (string | Uint8Array)[]>;
  /** Words of the format, inserted now and then. */
  words?: readonly string[];
  /** Longest input, bytes. */
  maxBytes?: number;
  /**
   * Runs one input. An `AppError` is the right answer to bad input; whatever else is thrown, or comes as an unhandled rejection, is a finding.
   * The same input must take the same way.
   */
  run(input: Uint8Array): void | Promise<void>;
}

/** @throws Error, a finding, unless `condition` holds. */
export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`does not hold: ${what}`);
}

export const textOf = (input: Uint8Array): string => new TextDecoder().decode(input);
