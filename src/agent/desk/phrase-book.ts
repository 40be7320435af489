/**
 * The common things people say at a desk and what it answers: one YAML file per language (`config/phrases`), single keys replaced by the
 * `phrases.yaml` of a knowledge folder. In: what somebody said. Out: what they mean by it, if it is one of these.
 */
import { z } from 'zod';
import { ownSafetySchema, SafetyRules, safetySchema } from './safety-rules.ts';
import { findPhrase, isAlike, isFunctionWord, tokens } from './wording.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

const sentence = z.string().min(1);
const phrases = z.array(sentence).min(1);

/** What somebody may mean as a whole. */
const intents = {
  hello: phrases,
  howAreYou: phrases,
  whoAreYou: phrases,
  robot: phrases,
  languages: phrases,
  thanks: phrases,
  bye: phrases,
  human: phrases,
  help: phrases,
  repeat: phrases,
  more: phrases,
  yes: phrases,
  no: phrases,
  cancel: phrases,
  slower: phrases,
  louder: phrases,
  time: phrases,
  date: phrases,
  insult: phrases,
  compliment: phrases,
  joke: phrases,
  presence: phrases,
  wait: phrases,
  noted: phrases,
};
/** Words that matter inside another question. */
const cues = {
  opening: phrases,
  closing: phrases,
  when: phrases,
  asks: phrases,
  recall: phrases,
  followUp: phrases,
  correction: phrases,
  wishes: phrases,
  first: phrases,
  second: phrases,
  both: phrases,
  us: phrases,
  that: phrases,
  ellipsis: phrases,
  filler: phrases,
  nameIs: phrases,
};
const spell = z.strictObject({ at: phrases, dot: phrases, dash: phrases, underscore: phrases, plus: phrases });
const heard = z.strictObject({ ...intents, ...cues, spell });

const says = z.strictObject({
  hello: phrases,
  helloAgain: phrases,
  howAreYou: phrases,
  whoAreYou: phrases,
  robot: phrases,
  languages: phrases,
  thanks: phrases,
  bye: phrases,
  human: phrases,
  help: phrases,
  unknown: phrases,
  unknownAgain: phrases,
  unknownAgainAlone: phrases,
  unknownBriefly: phrases,
  pardon: phrases,
  moreOffer: phrases,
  moreAbout: phrases,
  moreNothing: phrases,
  repeatNothing: phrases,
  noMore: phrases,
  yesWhat: phrases,
  which: phrases,
  cancelNothing: phrases,
  slower: phrases,
  louder: phrases,
  time: phrases,
  date: phrases,
  insult: phrases,
  insultAlone: phrases,
  compliment: phrases,
  joke: phrases,
  presence: phrases,
  wait: phrases,
  otherLanguage: phrases,
  perhaps: phrases,
  niceToMeet: phrases,
});
const form = z.strictObject({
  back: sentence,
  unclear: sentence,
  stuck: sentence,
  stuckAlone: sentence,
  cancelled: sentence,
  whatToChange: sentence,
  failed: sentence,
  noted: sentence,
  lost: sentence,
  past: sentence,
  pastTime: sentence,
  tooLate: sentence,
  notYet: sentence,
  closed: sentence,
  range: sentence,
});
const hours = z.strictObject({
  today: sentence,
  tomorrow: sentence,
  onDay: sentence,
  onDate: sentence,
  dayRange: sentence,
  span: sentence,
  week: sentence,
  weekItem: sentence,
  closedDays: sentence,
  open: sentence,
  closed: sentence,
  openHoliday: sentence,
  closedHoliday: sentence,
  openNow: sentence,
  closedNow: sentence,
  opensNext: sentence,
  openThen: sentence,
  closedThen: sentence,
  thatDay: sentence,
  closes: sentence,
});

const complete = z.strictObject({ heard, says, form, hours, safety: safetySchema.optional() });
const replacement = z.strictObject({
  heard: heard.partial().optional(),
  says: says.partial().optional(),
  form: form.partial().optional(),
  hours: hours.partial().optional(),
  safety: ownSafetySchema.optional(),
});

export type Phrases = z.infer<typeof complete>;
export type Intent = keyof typeof intents;
export type Said = keyof Phrases['says'];
export type HoursPhrases = Phrases['hours'];
export type Cue = keyof typeof cues;

/** @throws AppError KNOWLEDGE_INVALID */
export const readPhrases = (source: YamlSource): Phrases => readYaml(complete, source).value;

/** @returns the phrases with those keys replaced that the source has. @throws AppError KNOWLEDGE_INVALID */
export function replacePhrases(phrases: Phrases, source: YamlSource): Phrases {
  const { value } = readYaml(replacement, source);
  return {
    heard: { ...phrases.heard, ...value.heard },
    says: { ...phrases.says, ...value.says },
    form: { ...phrases.form, ...value.form },
    hours: { ...phrases.hours, ...value.hours },
    ...(phrases.safety
      ? {
          safety: {
            ...phrases.safety,
            harmless: [...phrases.safety.harmless, ...(value.safety?.harmless ?? [])],
            topics: { ...phrases.safety.topics, ...value.safety?.topics },
            says: { ...phrases.safety.says, ...value.safety?.says },
          },
        }
      : {}),
  } as Phrases;
}

const ROOMY: ReadonlySet<Intent> = new Set(['human', 'robot', 'bye', 'thanks']);
/** A call for a person and a goodbye are heard within so many words. */
const SHORT_WORDS = 16;
/** "I want to see the manager": a wish of up to three words, and two more before who is wished for. */
const WISH_REACH = 5;
/** What a person begins with who is only named. */
const DETERMINERS = new Set(
  'a an the your my ein eine einen einem den dem der die un una uno el la lo il l une le les'.split(' '),
);

export class PhraseBook {
  readonly phrases: Phrases;
  readonly language: string;
  #intents: { intent: Intent; words: string[] }[];
  #cues: ReadonlyMap<Cue, string[][]>;
  /** Undefined in a language whose phrases have no such rules. */
  readonly safety: SafetyRules | undefined;

  constructor(phrases: Phrases, language: string) {
    this.phrases = phrases;
    this.language = language;
    const wordsOf = (list: readonly string[]) => list.map(tokens).sort((a, b) => b.length - a.length);
    this.#intents = (Object.keys(intents) as Intent[]).flatMap((intent) =>
      wordsOf(phrases.heard[intent]).map((words) => ({ intent, words })),
    );
    this.safety = phrases.safety && new SafetyRules(phrases.safety, language);
    this.#cues = new Map((Object.keys(cues) as Cue[]).map((cue) => [cue, wordsOf(phrases.heard[cue])]));
  }

  /**
   * @returns what the whole of the words means. Politeness around it does not matter; another matter beside it does ("hello, where is …" is
   * no greeting). Of several the longest phrase counts.
   */
  intentOf(said: readonly string[]): Intent | undefined {
    let best: { intent: Intent; length: number } | undefined;
    const asks = this.begins('asks', said);
    for (const { intent, words } of this.#intents) {
      // "Wer ist der Papst" sounds like "passt", but answers nothing.
      if (asks && (intent === 'yes' || intent === 'no')) continue;
      // "Thank you, goodbye" is a goodbye.
      const length = words.length + (intent === 'bye' ? 2 : 0);
      if (best && length <= best.length) continue;
      const found = findPhrase(said, words);
      if (!found) continue;
      const others = [...said.slice(0, found.from), ...said.slice(found.to)];
      // "What?" and "I see" are said alone; "what about it" and "what can I see" ask something.
      const isAlone = intent === 'noted' || (words.length === 1 && isFunctionWord(words[0]!, this.language));
      if (isAlone && !others.every((word) => this.isPartOf('filler', word))) continue;
      const content = others.filter((word) => !isFunctionWord(word, this.language) && !this.isPartOf('filler', word));
      // One more word does not turn a call for a person into something else; "tell me more about the café" is no "tell me more".
      const allowed = (words.length >= 2 && ROOMY.has(intent)) || intent === 'slower' || intent === 'louder' ? 1 : 0;
      if (content.length <= allowed && others.length <= 3 + 2 * words.length) best = { intent, length };
    }
    return best?.intent;
  }

  /**
   * @returns what the words mean with all that is said around it: a person is called for anywhere in a short sentence ("I am angry, let me talk to
   * a human"), goodbye is said at its end or its beginning; then what the words mean as a whole, greeting and politeness apart.
   */
  meaningOf(said: readonly string[], isQuestion: boolean): Intent | undefined {
    const asks = isQuestion || this.begins('asks', this.withoutPoliteness(said));
    if (this.callsForPerson(said)) return 'human';
    return (
      (this.#isGoodbye(said, asks) ? 'bye' : undefined) ??
      this.intentOf(said) ??
      this.intentOf(this.withoutPoliteness(said))
    );
  }

  /** "Talk to a colleague" is a wish wherever it stands; "a colleague" may be spoken of, unless a wish stands before it. */
  callsForPerson(said: readonly string[]): boolean {
    if (said.length > SHORT_WORDS) return false;
    return this.#intents.some(({ intent, words }) => {
      if (intent !== 'human' || words.length < 2) return false;
      const found = findPhrase(said, words);
      if (!found) return false;
      return words.length >= 3 && !DETERMINERS.has(words[0]!)
        ? true
        : this.has('wishes', said.slice(Math.max(0, found.from - WISH_REACH), found.from));
    });
  }

  #isGoodbye(said: readonly string[], asks: boolean): boolean {
    if (asks || said.length > SHORT_WORDS) return false;
    return this.#intents.some(({ intent, words }) => {
      if (intent !== 'bye') return false;
      const ends = findPhrase(said.slice(-words.length), words) !== undefined;
      return ends || (words.length === 1 && said.length > 1 && findPhrase(said.slice(0, 1), words) !== undefined);
    });
  }

  /** Whether the word stands in one of the cue's phrases. */
  isPartOf(cue: Cue, word: string): boolean {
    return (this.#cues.get(cue) ?? []).some((phrase) => phrase.some((each) => isAlike(each, word)));
  }

  /** @returns where the first phrase of the cue stands in the words. */
  find(cue: Cue, said: readonly string[]): { from: number; to: number } | undefined {
    for (const words of this.#cues.get(cue) ?? []) {
      const found = findPhrase(said, words);
      if (found) return found;
    }
    return undefined;
  }

  begins(cue: Cue, said: readonly string[]): boolean {
    return (this.#cues.get(cue) ?? []).some((words) => findPhrase(said.slice(0, words.length), words) !== undefined);
  }

  /** "The first one": an answer to nothing, where nothing was asked. */
  isBareChoice(said: readonly string[]): boolean {
    const isChoice = (['first', 'second', 'both'] as const).some((cue) => this.has(cue, said));
    return isChoice && said.every((word) => isFunctionWord(word, this.language) || this.#isChoiceWord(word));
  }

  #isChoiceWord(word: string): boolean {
    return (['first', 'second', 'both'] as const).some((cue) => this.isPartOf(cue, word));
  }

  beginsWithIntent(intent: Intent, said: readonly string[]): boolean {
    return this.#intents.some(
      (each) => each.intent === intent && findPhrase(said.slice(0, each.words.length), each.words) !== undefined,
    );
  }

  /** "And for children?", "how much is that?", "how long?": only what went before says about what. */
  refersBack(said: readonly string[]): boolean {
    const isElliptic = (this.#cues.get('ellipsis') ?? []).some(
      (words) => findPhrase(said.slice(-words.length), words) !== undefined,
    );
    return isElliptic || this.begins('followUp', said) || this.has('that', said);
  }

  has(cue: Cue, said: readonly string[]): boolean {
    return this.find(cue, said) !== undefined;
  }

  /** "No, Tuesday", "can we make it eleven instead": a "no" or a "not" further on denies something else. */
  corrects(said: readonly string[]): boolean {
    if (this.begins('correction', said)) return true;
    return (this.#cues.get('correction') ?? []).some(
      (words) => words.some((word) => !isFunctionWord(word, this.language)) && findPhrase(said, words) !== undefined,
    );
  }

  /** Whether a phrase of the cue is said that is none of the other cue. */
  hasBesides(cue: Cue, other: Cue, said: readonly string[]): boolean {
    const others = new Set((this.#cues.get(other) ?? []).map((words) => words.join(' ')));
    return (this.#cues.get(cue) ?? []).some((words) => !others.has(words.join(' ')) && findPhrase(said, words));
  }

  /** @returns the words without greeting and politeness before and after what is meant. */
  withoutPoliteness(said: readonly string[]): string[] {
    let words = [...said];
    const polite = [
      ...(this.#cues.get('filler') ?? []),
      ...this.#intents.flatMap(({ intent, words: phrase }) =>
        intent === 'hello' || intent === 'thanks' ? [phrase] : [],
      ),
    ].sort((a, b) => b.length - a.length);
    for (let again = true; again; ) {
      again = false;
      for (const phrase of polite) {
        const found = findPhrase(words, phrase);
        if (!found || (found.from !== 0 && found.to !== words.length) || phrase.length >= words.length) continue;
        words = [...words.slice(0, found.from), ...words.slice(found.to)];
        again = true;
      }
    }
    return words;
  }

  /** The variant for a turn, so that the same is not said twice in the same words. */
  variant(key: Said, turn: number): string {
    const all = this.phrases.says[key];
    return all[turn % all.length] ?? '';
  }
}
