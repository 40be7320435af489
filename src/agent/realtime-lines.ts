/**
 * What both sides of a live conversation have said, by item, in order: for the listener as it comes, and for a new connection, which knows
 * nothing of the old one. Bounded.
 */
import { heardWords } from './heard-words.ts';
import type { RememberedLine } from './realtime-session.ts';
import type { LiveModelListener } from './speech-to-speech.ts';

/** Lines that a new connection is told. */
const MAX_LINES = 40;

export class RealtimeLines {
  readonly #listener: Pick<LiveModelListener, 'transcript'>;
  readonly #lines = new Map<string, RememberedLine>();
  #nextTypedId = 1;

  constructor(listener: Pick<LiveModelListener, 'transcript'>) {
    this.#listener = listener;
  }

  typed(text: string): void {
    this.#keep(`typed-${this.#nextTypedId++}`, { role: 'user', text });
  }

  /** @param text a piece where the line is not final, all of it where it is. */
  write(id: string, role: 'user' | 'assistant', text: unknown, isFinal: boolean): void {
    const before = this.#lines.get(id)?.text ?? '';
    const line = { role, text: isFinal ? String(text ?? before) : before + String(text ?? '') };
    this.#keep(id, line);
    this.#listener.transcript({ id, role, text: role === 'user' ? heardWords(line.text) : line.text, isFinal });
  }

  /** Only about that share of a line was heard. */
  cut(id: string, heardShare: number): void {
    const line = this.#lines.get(id);
    if (!line || heardShare >= 1) return;
    const heard = line.text.slice(0, Math.floor(line.text.length * heardShare));
    line.text = heard.slice(0, Math.max(0, heard.lastIndexOf(' ')));
  }

  remembered(): RememberedLine[] {
    return [...this.#lines.values()]
      .map(({ role, text }) => ({ role, text: role === 'user' ? heardWords(text) : text }))
      .filter(({ text }) => text.trim() !== '');
  }

  #keep(id: string, line: RememberedLine): void {
    this.#lines.set(id, line);
    if (this.#lines.size > MAX_LINES) this.#lines.delete(this.#lines.keys().next().value!);
  }
}
