/** What was said in a conversation so far, as a brain is told it: of the face's words only those that were heard. Bounded. */
import type { Utterance } from './brain.ts';

const MAX_UTTERANCES = 80;

export class History {
  private utterances: Utterance[] = [];

  /**
   * What the caller said; two turns without a heard answer in between are one.
   *
   * @param goesOn what was heard of the answer in between does not count.
   */
  user(text: string, goesOn = false): void {
    if (goesOn && this.utterances.at(-1)?.role === 'assistant' && this.utterances.at(-2)?.role === 'user')
      this.utterances.pop();
    const last = this.utterances.at(-1);
    if (last?.role === 'user') last.text += ` ${text}`;
    else this.utterances.push({ role: 'user', text });
    if (this.utterances.length > MAX_UTTERANCES) this.utterances.splice(0, 2);
  }

  /** @returns what takes the words of a reply as far as they were heard; it may be told again when more was. */
  assistant(): (heard: string) => void {
    let entry: Utterance | undefined;
    return (heard) => {
      if (heard === '') return;
      if (entry) entry.text = heard;
      else {
        entry = { role: 'assistant', text: heard };
        this.utterances.push(entry);
      }
    };
  }

  /** A copy: it does not change while a brain reads it. */
  soFar(): Utterance[] {
    return this.utterances.map((utterance) => ({ ...utterance }));
  }
}
