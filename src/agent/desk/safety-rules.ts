/**
 * What must not be answered by likeness: somebody in danger, and whether a person is speaking. In: rules over words, one set per language
 * (`safety` in `config/phrases`), and what was said. Out: what is the matter, if anything is. Pure.
 *
 * A rule is a line of words: `a|b` either, `two_words` together, `begin*` any ending, `(a|b)?` perhaps, `<class>` a list of the file, `~` up to
 * four small words, `..` up to three words of any kind, `...` up to eight, `^` and `$` where it begins and ends.
 */
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { isAlike, isFunctionWord, tokens } from './wording.ts';

/** What may be the matter. */
export const MATTERS = [
  'identity',
  'exit',
  'assist',
  'fire',
  'gas',
  'bomb',
  'medical',
  'hurt',
  'danger',
  'missing',
  'selfHarm',
  'trapped',
  'call',
  'help',
] as const;
export type Matter = (typeof MATTERS)[number];
export type Emergency = Exclude<Matter, 'identity'>;

/** What a place's Markdown may tell for an emergency. */
export const EMERGENCY_TOPICS = [
  'exit',
  'assembly',
  'assist',
  'firstAid',
  'defibrillator',
  'staff',
  'missing',
] as const;
export type EmergencyTopic = (typeof EMERGENCY_TOPICS)[number];

const rule = z.string().min(1);
const says = z.strictObject({
  /** Who takes over, where nobody can be called from here. */
  alone: rule,
  exitUnknown: rule,
  ...(Object.fromEntries(MATTERS.filter((matter) => matter !== 'identity').map((matter) => [matter, rule])) as Record<
    Emergency,
    typeof rule
  >),
});
const topics = z.strictObject(
  Object.fromEntries(EMERGENCY_TOPICS.map((topic) => [topic, z.array(rule).min(1)])) as Record<
    EmergencyTopic,
    z.ZodArray<typeof rule>
  >,
);

export const safetySchema = z.strictObject({
  classes: z.record(z.string(), z.array(rule)),
  /** Wordings that are passed over. */
  harmless: z.array(rule),
  /** The first that holds is meant. */
  rules: z.array(z.strictObject({ means: z.enum(MATTERS), heard: z.array(rule) })),
  /** Ways to name the topics that are told in an emergency. */
  topics,
  says,
});
/** What a place may change: its own words, and what is harmless there. The rules stay. */
export const ownSafetySchema = z.strictObject({
  harmless: z.array(rule).optional(),
  topics: topics.partial().optional(),
  says: says.partial().optional(),
});
export type Safety = z.infer<typeof safetySchema>;

interface Wording {
  words: readonly string[];
  /** The last word may go on. */
  isBegun: boolean;
}

interface Words {
  kind: 'words';
  single: ReadonlySet<string>;
  /** Of several words, or with any ending. */
  others: readonly Wording[];
  isOptional: boolean;
}
type Part = Words | { kind: 'gap'; most: number; isSmall: boolean } | { kind: 'start' } | { kind: 'end' };

const GAPS: Readonly<Record<string, Part>> = {
  '~': { kind: 'gap', most: 4, isSmall: true },
  '..': { kind: 'gap', most: 3, isSmall: false },
  '...': { kind: 'gap', most: 8, isSmall: false },
  '^': { kind: 'start' },
  $: { kind: 'end' },
};
/** Stands for words that were passed over; no rule has it. */
const PASSED = '_';
/** Shorter words are taken as they are written. */
const SLIP_LETTERS = 8;
/** A word that begins as one of the rules does is that word with an ending. */
const SHORTEST_BEGINNING = 4;

export class SafetyRules {
  readonly #language: string;
  readonly #small: ReadonlySet<string>;
  readonly #harmless: RuleIndex;
  readonly #rules: RuleIndex;
  /** Of each rule. */
  readonly #means: readonly Matter[];
  readonly #known = new Set<string>();

  /** @throws AppError KNOWLEDGE_INVALID for a rule with an unknown class. */
  constructor({ classes, harmless, rules }: Safety, language: string) {
    this.#language = language;
    this.#small = new Set((classes.small ?? []).flatMap(tokens));
    const read = (line: string): Part[] => this.#read(line, classes);
    this.#harmless = new RuleIndex(harmless.map(read));
    this.#rules = new RuleIndex(rules.flatMap(({ heard }) => heard.map(read)));
    this.#means = rules.flatMap(({ means, heard }) => heard.map(() => means));
  }

  #read(line: string, classes: Safety['classes']): Part[] {
    return line.split(/\s+/).map((written) => {
      const gap = GAPS[written];
      if (gap) return gap;
      const all = written.replace(/[()?]/g, '').split('|');
      const wordings = all.flatMap((word) => wordsOf(word, classes, line));
      for (const { words } of wordings) for (const word of words) this.#known.add(word);
      return {
        kind: 'words',
        single: new Set(
          wordings.filter(({ words, isBegun }) => words.length === 1 && !isBegun).flatMap(({ words }) => words),
        ),
        others: wordings.filter(({ words, isBegun }) => words.length > 1 || isBegun),
        isOptional: written.endsWith('?'),
      };
    });
  }

  /**
   * @param forgivesSlips long words count that are nearly those of the rules: in another language than the caller's they would be other words.
   * @returns what is the matter; undefined where nothing is.
   */
  matterOf(said: readonly string[], forgivesSlips = true): Matter | undefined {
    const words = said.map((heard) => {
      const word = this.#withoutEs(heard) ?? heard;
      return forgivesSlips ? this.#written(word) : word;
    });
    for (let from = 0; from < words.length; from++)
      for (const { parts } of this.#harmless.beginningWith(words[from]!)) {
        const to = this.#end(parts, 0, words, from);
        if (to !== undefined) words.fill(PASSED, from, to);
      }
    let first = this.#means.length;
    for (let from = 0; from < words.length; from++)
      for (const { parts, index } of this.#rules.beginningWith(words[from]!))
        if (index < first && this.#end(parts, 0, words, from) !== undefined) first = index;
    return this.#means[first];
  }

  /** A long word with a slip in it as the rules have it. */
  #written(word: string): string {
    if (word.length < SLIP_LETTERS) return word;
    let near: string | undefined;
    for (const known of this.#known) {
      if (known.length >= SHORTEST_BEGINNING && word.startsWith(known)) return word;
      if (Math.abs(known.length - word.length) <= 1 && isAlike(word, known)) near ??= known;
    }
    return near ?? word;
  }

  /** German runs "es" into its verb: "hier brennts". */
  #withoutEs(word: string): string | undefined {
    if (this.#language !== 'de' || !word.endsWith('ts') || this.#known.has(word)) return undefined;
    const verb = word.slice(0, -1);
    return this.#known.has(verb) ? verb : undefined;
  }

  /** @returns where the parts from `at` on end in the words, begun at `from`. */
  #end(parts: readonly Part[], at: number, words: readonly string[], from: number): number | undefined {
    const part = parts[at];
    if (!part) return from;
    const next = (to: number): number | undefined => this.#end(parts, at + 1, words, to);
    if (part.kind === 'start') return from === 0 ? next(from) : undefined;
    if (part.kind === 'end') return from === words.length ? next(from) : undefined;
    if (part.kind === 'gap') return this.#endAfterGap(part, words, from, next);
    for (const to of endsOf(part, words, from)) {
      const end = next(to);
      if (end !== undefined) return end;
    }
    return part.isOptional ? next(from) : undefined;
  }

  #endAfterGap(
    { most, isSmall }: { most: number; isSmall: boolean },
    words: readonly string[],
    from: number,
    next: (to: number) => number | undefined,
  ): number | undefined {
    for (let to = from; to <= Math.min(words.length, from + most); to++) {
      const end = next(to);
      if (end !== undefined) return end;
      const word = words[to];
      if (word === undefined || word === PASSED || (isSmall && !this.#isSmall(word))) return undefined;
    }
    return undefined;
  }

  #isSmall(word: string): boolean {
    return this.#small.has(word) || isFunctionWord(word, this.#language);
  }
}

interface IndexedRule {
  parts: readonly Part[];
  index: number;
}

/** The rules by the word that they may begin with: only few have to be tried. */
class RuleIndex {
  readonly #byWord = new Map<string, IndexedRule[]>();
  readonly #byBeginning: { beginning: string; rule: IndexedRule }[] = [];

  constructor(rules: readonly (readonly Part[])[]) {
    rules.forEach((parts, index) => {
      for (const part of parts) {
        if (part.kind !== 'words') continue;
        this.#add(part, { parts, index });
        if (!part.isOptional) break;
      }
    });
  }

  #add({ single, others }: Words, rule: IndexedRule): void {
    const words = new Set([
      ...single,
      ...others.flatMap(({ words, isBegun }) => (isBegun && words.length === 1 ? [] : words[0]!)),
    ]);
    for (const word of words) this.#byWord.set(word, [...(this.#byWord.get(word) ?? []), rule]);
    for (const { words, isBegun } of others)
      if (isBegun && words.length === 1) this.#byBeginning.push({ beginning: words[0]!, rule });
  }

  *beginningWith(word: string): Generator<IndexedRule> {
    yield* this.#byWord.get(word) ?? [];
    for (const { beginning, rule } of this.#byBeginning) if (word.startsWith(beginning)) yield rule;
  }
}

/** The words of an alternative, or all those of the class that it names. */
function wordsOf(word: string, classes: Safety['classes'], line: string): Wording[] {
  const name = /^<(\w+)>$/.exec(word)?.[1];
  if (name === undefined) return [{ words: tokens(word.replaceAll('_', ' ')), isBegun: word.endsWith('*') }];
  const members = classes[name];
  if (!members)
    throw new AppError('KNOWLEDGE_INVALID', `The rule "${line}" names a class "${name}" that is not there.`);
  return members.flatMap((member) => wordsOf(member, classes, line));
}

const begins = ({ words, isBegun }: Wording, said: readonly string[], from: number): boolean =>
  words.every((word, i) => {
    const heard = said[from + i];
    return heard === word || (isBegun && i === words.length - 1 && heard?.startsWith(word) === true);
  });

/** Where one part may end that begins at `from`. */
function* endsOf({ single, others }: Words, said: readonly string[], from: number): Generator<number> {
  const word = said[from];
  if (word === undefined) return;
  for (const wording of others) if (begins(wording, said, from)) yield from + wording.words.length;
  if (single.has(word)) yield from + 1;
}
