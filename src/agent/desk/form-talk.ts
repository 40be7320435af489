/**
 * One form being filled in. In: what the caller says, turn by turn. Out: the next question, the read-back, and in the end the values. Everything
 * may come in any order and be put right at any time; nothing is finished without a yes to the read-back.
 */

import { daysBetween } from './civil-time.ts';
import { type Given, readSlot, type SlotContext } from './form-slots.ts';
import type { FormSpec, Slot } from './form-spec.ts';
import { fill, findPhrase, listed, sentenceCase, tokens } from './wording.ts';

export type FormStep =
  | { kind: 'ask'; say: string }
  /** Not an answer to the form; the prompt brings back to it. */
  | { kind: 'astray' }
  /** Not understood several times. */
  | { kind: 'stuck' }
  | { kind: 'cancelled' }
  | { kind: 'finished' };

/** What was taken from the caller's words, and what was wrong with some of it. */
interface Taken {
  given: Given[];
  problem: string;
}

const MAX_MISSES = 3;

export class FormTalk {
  readonly spec: FormSpec;
  readonly #given = new Map<string, Given>();
  #asking: Slot | undefined;
  #stage: 'asking' | 'confirming' | 'changing' = 'asking';
  #misses = 0;

  constructor(spec: FormSpec) {
    this.spec = spec;
  }

  /** @param text what the caller wants it for; whatever of the form is in it need not be asked. */
  start(text: string, context: SlotContext): string {
    const { problem } = this.#takeAll(text, context, undefined);
    const past = this.#pastTime(context);
    return [problem, past, this.#next()].filter((part) => part !== '').join(' ');
  }

  /** The question that stands open. */
  get prompt(): string {
    if (this.#stage === 'confirming') return this.#confirmation();
    return this.#asking?.ask ?? this.#confirmation();
  }

  /** Whether anything may be the answer to the question that stands open. */
  get isFreeText(): boolean {
    return this.#stage === 'asking' && this.#asking?.kind === 'text';
  }

  /** Values for the record, by slot. */
  get values(): Record<string, string | number> {
    return Object.fromEntries([...this.#given].map(([id, { value }]) => [id, value]));
  }

  get said(): Record<string, string> {
    return Object.fromEntries([...this.#given].map(([id, { said }]) => [id, said]));
  }

  turn(text: string, context: SlotContext): FormStep {
    const recalled = this.#recalled(text, context);
    if (recalled) return { kind: 'ask', say: `${recalled} ${this.prompt}` };
    const intent = context.book.intentOf(tokens(text));
    if (intent === 'cancel') return { kind: 'cancelled' };
    if (intent === 'repeat') return { kind: 'ask', say: this.prompt };
    const step = this.#stage === 'asking' ? this.#answered(text, context) : this.#judged(text, context);
    if (step.kind !== 'astray') this.#misses = 0;
    return step;
  }

  /** What to say when nobody could make anything of it. */
  missed(context: SlotContext): FormStep {
    this.#misses++;
    if (this.#misses >= MAX_MISSES) return { kind: 'stuck' };
    const again = this.#stage === 'asking' ? this.#asking?.again : undefined;
    return { kind: 'ask', say: again ?? `${context.book.phrases.form.unclear} ${this.prompt}` };
  }

  #answered(text: string, context: SlotContext): FormStep {
    const slot = this.#asking;
    if (!slot) return this.#ask(NOTHING, context);
    const said = tokens(text);
    // "Are you open on Sunday?" chooses no day.
    const asksHours = context.book.has('opening', said) || context.book.has('closing', said);
    if (asksHours && isQuestion(text, context)) return { kind: 'astray' };
    // "No, sorry, make it Tuesday" while the name is asked for; "no mail, my number is …" answers what was asked.
    const own = readSlot(slot, text, false, this.#withDay(context));
    if (context.book.corrects(said) && !(own && 'given' in own && slot.kind !== 'number')) {
      const changed = this.#change(text, context, slot);
      if (isSomething(changed)) {
        // "Make that five people, and Saturday instead" answers the question, too.
        if (own && 'given' in own) this.#given.set(slot.id, own.given);
        return this.#ask(changed, context);
      }
    }
    if (looksLikeQuestion(text) && (slot.kind === 'name' || slot.kind === 'text')) return { kind: 'astray' };
    // "Five people" is nobody's name.
    const isCount =
      slot.kind === 'name' &&
      this.spec.slots.some((each) => each.kind === 'number' && readSlot(each, text, false, context) !== undefined);
    // "Is there one nearby?" counts nobody.
    const isAnswer = slot.kind !== 'number' || !isQuestion(text, context);
    const reading = isCount ? undefined : readSlot(slot, text, isAnswer, this.#withDay(context));
    if (!reading) return this.#besides(text, context, slot);
    if ('problem' in reading) {
      // "My number is 0170 1234567" is no number of people.
      const taken = this.#takeAll(text, context, slot);
      return taken.given.length > 0
        ? this.#ask(taken, context)
        : { kind: 'ask', say: `${reading.problem} ${slot.ask}` };
    }
    this.#given.set(slot.id, reading.given);
    const problem = slot.kind === 'text' || slot.kind === 'name' ? '' : this.#takeAll(text, context, slot).problem;
    return this.#ask({ given: [], problem }, context);
  }

  /** No answer to the question, but perhaps to another: "my name is John Smith" while the time is asked for. */
  #besides(text: string, context: SlotContext, slot: Slot): FormStep {
    if (isQuestion(text, context)) return { kind: 'astray' };
    const changed = this.#change(text, context, slot);
    const taken = this.#takeAll(text, context, slot);
    const all = { given: [...changed.given, ...taken.given], problem: changed.problem || taken.problem };
    return isSomething(all) ? this.#ask(all, context) : { kind: 'astray' };
  }

  /** "What was the date again?" */
  #recalled(text: string, context: SlotContext): string | undefined {
    const said = tokens(text);
    if (!isQuestion(text, context) || !context.book.has('recall', said)) return undefined;
    const slot = this.spec.slots.find(
      (each) => this.#given.has(each.id) && each.called.some((name) => findPhrase(said, tokens(name))),
    );
    const given = slot && this.#given.get(slot.id);
    return given && `${sentenceCase(given.said)}.`;
  }

  /** The caller has heard everything read back. */
  #judged(text: string, context: SlotContext): FormStep {
    const said = tokens(text);
    const intent = context.book.intentOf(said);
    const changed = this.#change(text, context, undefined);
    if (isSomething(changed)) return this.#ask(changed, context);
    const isYes = intent === 'yes' || (intent === undefined && context.book.beginsWithIntent('yes', said));
    if (isYes && this.#stage === 'confirming') return { kind: 'finished' };
    const named = this.spec.slots.find((slot) => slot.called.some((name) => findPhrase(said, tokens(name))));
    if (named && !looksLikeQuestion(text)) {
      this.#stage = 'asking';
      this.#asking = named;
      return { kind: 'ask', say: named.ask };
    }
    if (intent === 'no' || (this.#stage === 'confirming' && context.book.begins('correction', said))) {
      this.#stage = 'changing';
      const names = this.spec.slots.flatMap((slot) => slot.called[0] ?? []);
      const slots = listed(names, context.language, 'disjunction');
      return { kind: 'ask', say: fill(context.book.phrases.form.whatToChange, { slots }) };
    }
    return { kind: 'astray' };
  }

  /** Takes what was given already and is now said anew. */
  #change(text: string, context: SlotContext, besides: Slot | undefined): Taken {
    const said = tokens(text);
    const result: Taken = { given: [], problem: '' };
    for (const slot of this.spec.slots) {
      if (slot === besides || !this.#given.has(slot.id)) continue;
      const isNamed = slot.called.some((name) => findPhrase(said, tokens(name)));
      const isLone =
        slot.kind === 'number' && this.spec.slots.filter((each) => each.kind === 'number').length === 1 && !besides;
      const day = this.#withDay(context);
      const isOpen = isLone && !hasMoment(text, this.spec, context);
      // "Five people at 11" has its number before the name of what it counts.
      const isPlain = slot.kind === 'number' || slot.kind === 'name';
      const reading =
        (isPlain ? readSlot(slot, text, false, day) : undefined) ??
        (isNamed ? readSlot(slot, afterName(text, slot), slot.kind !== 'text', day) : undefined) ??
        readSlot(slot, text, isOpen, day);
      if (!reading) continue;
      if ('problem' in reading) {
        result.problem = reading.problem;
        continue;
      }
      if (this.#given.get(slot.id)?.value === reading.given.value) continue;
      this.#given.set(slot.id, reading.given);
      result.given.push(reading.given);
    }
    return result;
  }

  /** Takes whatever is in the text for slots that are still open. */
  #takeAll(text: string, context: SlotContext, besides: Slot | undefined): Taken {
    const result: Taken = { given: [], problem: '' };
    for (const slot of this.spec.slots) {
      if (slot === besides || this.#given.has(slot.id)) continue;
      const reading = readSlot(slot, text, false, this.#withDay(context));
      if (!reading) continue;
      if ('problem' in reading) result.problem ||= reading.problem;
      else {
        this.#given.set(slot.id, reading.given);
        result.given.push(reading.given);
      }
    }
    return result;
  }

  #withDay(context: SlotContext): SlotContext {
    const date = this.spec.slots.find((slot) => slot.kind === 'date');
    const value = date ? this.#given.get(date.id)?.value : undefined;
    if (typeof value !== 'string') return context;
    const [year = 0, month = 1, day = 1] = value.split('-').map(Number);
    return { ...context, day: { year, month, day } };
  }

  /** @param taken out of turn: read back at once, where not everything is read back anyway. */
  #ask({ given, problem }: Taken, context: SlotContext): FormStep {
    const past = this.#pastTime(context);
    const next = this.#next();
    const values = given.map(({ said }) => said).join(', ');
    const noted = given.length > 0 && this.#stage === 'asking' ? fill(context.book.phrases.form.noted, { values }) : '';
    return { kind: 'ask', say: [problem, past || noted, next].filter((part) => part !== '').join(' ') };
  }

  /** A time that is over today is asked for again, or another day. @returns what to say about it. */
  #pastTime(context: SlotContext): string {
    const { date, minute } = context.now;
    const { day } = this.#withDay(context);
    const isPast = (value: string | number | undefined) => {
      const [, hours, minutes] = /^(\d{2}):(\d{2})$/.exec(String(value)) ?? [];
      return hours !== undefined && Number(hours) * 60 + Number(minutes) < minute;
    };
    const isAhead = this.spec.slots.some((slot) => slot.kind === 'date' && slot.when === 'future');
    if (!day || !isAhead || daysBetween(date, day) !== 0) return '';
    // Of a day on which nothing is left to choose, another one is asked for.
    const isOver = this.spec.slots.some(
      (slot) => slot.kind === 'choice' && Object.keys(slot.options).every((value) => isPast(value)),
    );
    if (isOver) {
      for (const slot of this.spec.slots) if (slot.kind === 'date') this.#given.delete(slot.id);
      return context.book.phrases.form.tooLate;
    }
    const late = this.spec.slots.find(
      (slot) => (slot.kind === 'time' || slot.kind === 'choice') && isPast(this.#given.get(slot.id)?.value),
    );
    return late && this.#given.delete(late.id) ? context.book.phrases.form.pastTime : '';
  }

  #next(): string {
    this.#asking = this.spec.slots.find((slot) => !this.#given.has(slot.id));
    this.#stage = this.#asking ? 'asking' : 'confirming';
    return this.prompt;
  }

  #confirmation(): string {
    return fill(this.spec.confirm, this.said);
  }
}

/** "Change the date to Tuesday": what stands behind the slot's name. */
function afterName(text: string, slot: Slot): string {
  for (const name of slot.called) {
    const at = text.toLowerCase().indexOf(name.toLowerCase());
    if (at >= 0)
      return text
        .slice(at + name.length)
        .replace(/^\s*(is|to|should be|ist|auf|soll|è|a|es|est|sur|sera|:|=)\s+/iu, '');
  }
  return text;
}

/** Whether the number in the words may be that of a date or a time. */
function hasMoment(text: string, spec: FormSpec, context: SlotContext): boolean {
  return spec.slots.some(
    (slot) => (slot.kind === 'date' || slot.kind === 'time') && readSlot(slot, text, false, context) !== undefined,
  );
}

const NOTHING: Taken = { given: [], problem: '' };
const isSomething = ({ given, problem }: Taken): boolean => given.length > 0 || problem !== '';

/** By its mark, or by how it begins: a recogniser writes no marks. */
const isQuestion = (text: string, { book }: SlotContext): boolean =>
  looksLikeQuestion(text) || book.begins('asks', book.withoutPoliteness(tokens(text)));

const looksLikeQuestion = (text: string): boolean => /\?\s*$/.test(text);
