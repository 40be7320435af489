/** One reply's work, from the question to the last word heard. A reply that is cut off and resumed keeps all but its number. */
import type { TurnTrace } from '../media/turn-trace.ts';
import type { Script } from './script.ts';

export class Reply {
  /** Of turn-taking; another one once it is resumed. */
  id: number;
  /** Of the face; -1 until it is known. */
  turnId = -1;
  /** Undefined for a guest, whose words are not ours. */
  script: Script | undefined;
  /** How far into the script it was played; known when it has settled. */
  reachedUs = 0;
  readonly trace: TurnTrace = {};
  private readonly life = new AbortController();
  /** Takes the words that were heard. */
  readonly heard: (text: string) => void;

  constructor(id: number, heard: (text: string) => void = () => {}) {
    this.id = id;
    this.heard = heard;
  }

  /** Aborts when the rest is not to be said. */
  get signal(): AbortSignal {
    return this.life.signal;
  }

  /** Ends all work for what is not to be said. */
  drop(): void {
    this.life.abort();
    this.script?.close();
  }
}
