/**
 * Which topic a question is about. In: folded words, and the topic spoken of last. Out: the likely topics, best first, each with how sure that
 * is (0 … 1). The search library finds and ranks; how much of the question a topic covers decides whether it is an answer at all.
 */
import MiniSearch, { type SearchResult } from 'minisearch';
import { COMMON_WORDS } from './common-words.ts';
import type { LanguageKnowledge } from './knowledge.ts';
import type { Topic } from './markdown-topics.ts';
import { agreement, isAlike, isFunctionWord, stem, tokens } from './wording.ts';

interface Hit {
  topic: Topic;
  /** Share of the question that the topic covers, or likeness to one of the ways it is asked for. */
  sureness: number;
  rank: number;
}

/** Below this the desk does not know. */
export const SURE = 0.5;
/** As alike as two wordings of one question are. */
const PLAIN = 0.85;
/** … and as two wordings must be that have no word in common that tells the topic. */
const ALIKE = 0.7;
/** No answer. */
const UNSURE = 0.2;
const MAX_QUERY_WORDS = 30;
const MAX_TERMS = 10_000;
/** Words found only in the text or in the topic above say less than those of the title. */
const ELSEWHERE = 0.75;
/** … and so do words of a way to ask of which little else was said. */
const IN_PASSING = 0.65;
/** What a word that is in questions about anything counts. */
const COMMON = 0.25;
const FIELDS = ['title', 'asked', 'above', 'text'];

export class TopicSearch {
  readonly #language: string;
  readonly #topics: readonly Topic[];
  readonly #index: MiniSearch;
  /** The ways to ask, each with the terms that say what is asked for. */
  readonly #asked: readonly { topic: Topic; words: string[]; weight: number; telling: string[] }[];
  /** What was worked out of words before. */
  readonly #terms = new Map<string, string | null>();
  /** Stem → the stem that stands for it and its synonyms. */
  readonly #synonyms = new Map<string, string>();
  readonly #frequency = new Map<string, number>();
  /** Of the ways to ask for a form. */
  readonly #formTerms: ReadonlySet<string>;
  /** Every word of the topics as it is written. */
  readonly #vocabulary: readonly string[];
  /** Stems of words that do not say what is asked for. */
  readonly #common: ReadonlySet<string>;
  /** The ways to ask for each topic, as stems. */
  readonly #ways: ReadonlyMap<Topic, readonly ReadonlySet<string>[]>;

  /** @param house what the place itself is called: everything here is about it. */
  constructor({ language, topics, synonyms, forms }: LanguageKnowledge, house: readonly string[] = []) {
    this.#language = language;
    this.#topics = topics;
    for (const [first, ...others] of synonyms) {
      const [main] = tokens(first!).map((word) => stem(word, language));
      for (const other of others) for (const word of tokens(other)) this.#synonyms.set(stem(word, language), main!);
    }
    this.#index = new MiniSearch({
      fields: FIELDS,
      tokenize: (text) => tokens(text),
      processTerm: (word) => this.#term(word),
      searchOptions: {
        boost: { title: 3, asked: 3, above: 1.2 },
        prefix: (term) => term.length >= 4,
        tokenize: (text) => text.split(' '),
        processTerm: (term) => term,
      },
    });
    const documents = topics.map((topic) => ({
      id: topic.id,
      title: topic.title,
      asked: topic.asked.join(' '),
      above: ancestors(topic)
        .map((each) => `${each.title} ${each.asked.join(' ')}`)
        .join(' '),
      text: topic.paragraphs.join(' '),
    }));
    this.#index.addAll(documents);
    this.#vocabulary = [
      ...new Set(documents.flatMap(({ title, asked, text }) => tokens(`${title} ${asked} ${text}`))),
    ].filter((word) => !isFunctionWord(word, language));
    for (const document of documents)
      for (const term of new Set(
        FIELDS.flatMap((field) =>
          tokens(String(document[field as keyof typeof document])).map((word) => this.#term(word)),
        ),
      ))
        if (term) this.#frequency.set(term, (this.#frequency.get(term) ?? 0) + 1);
    this.#common = new Set(
      [...(COMMON_WORDS[language] ?? []), ...house].flatMap((word) =>
        tokens(word)
          .map((token) => stem(token, language))
          .filter((stemmed) => !this.#synonyms.has(stemmed)),
      ),
    );
    this.#ways = new Map(
      topics.map((topic) => [
        topic,
        [topic.title, ...topic.asked].map((way) => new Set(tokens(way).flatMap((word) => this.#term(word) ?? []))),
      ]),
    );
    this.#formTerms = new Set(
      forms.flatMap((form) => form.asked.flatMap((way) => tokens(way).flatMap((word) => this.#term(word) ?? []))),
    );
    this.#asked = topics.flatMap((topic) =>
      [topic.title, ...topic.asked].map(tokens).map((words) => {
        const telling = words.filter((word) => this.#telling(word) === 1).flatMap((word) => this.#term(word) ?? []);
        return { topic, words, weight: this.#weightOf(words), telling };
      }),
    );
  }

  #term(word: string): string | null {
    const before = this.#terms.get(word);
    if (before !== undefined) return before;
    const stemmed = isFunctionWord(word, this.#language) ? null : stem(word, this.#language);
    const term = stemmed === null ? null : (this.#synonyms.get(stemmed) ?? stemmed);
    // Callers' words are endless, those of the knowledge come first.
    if (this.#terms.size < MAX_TERMS) this.#terms.set(word, term);
    return term;
  }

  /**
   * @param about the topic of the conversation: its family is preferred, a little or, for a question that only makes sense after it, much.
   */
  find(said: readonly string[], about?: Topic, isFollowUp = false): Hit[] {
    const words = said.slice(0, MAX_QUERY_WORDS);
    const terms = [
      ...new Set(words.flatMap((word) => this.#parts(this.#written(word)).flatMap((part) => this.#term(part) ?? []))),
    ];
    const results = terms.length === 0 ? [] : this.#index.search(terms.join(' '));
    const best = results[0]?.score ?? 1;
    // "Who is the president of France": most of it is about something else, whatever a word may remind of.
    const known = new Set(terms.filter((term) => this.#isKnown(term)));
    const isFound = (term: string) => known.has(term) || results.some((result) => result.queryTerms.includes(term));
    const strange = terms.filter((term) => !isFound(term) && !this.#common.has(term) && !isNumber(term));
    const isElsewhere = strange.length > known.size;
    const hits = new Map<Topic, Hit>();
    for (const result of results.slice(0, 20)) {
      const topic = this.#topics[Number(result.id)]!;
      hits.set(topic, { topic, sureness: this.#coverage(terms, result, topic), rank: result.score / best });
    }
    for (const { topic, likeness, telling } of this.#likeAsked(words, SURE)) {
      // "Where do I find it" and "how do I find you" are alike in nothing that says what; "I lost my keys" is not about a lost child.
      const said = telling.filter((term) => terms.includes(term));
      if (likeness < (said.length > 0 && said.length > 0.6 * telling.length ? SURE : ALIKE)) continue;
      const hit = hits.get(topic) ?? { topic, sureness: 0, rank: 0 };
      // A phrase in so many words is surer than any coverage.
      hit.sureness = Math.max(hit.sureness, likeness >= PLAIN ? likeness + 0.3 : likeness);
      hits.set(topic, hit);
    }
    if (isElsewhere) for (const hit of hits.values()) hit.sureness = Math.min(hit.sureness, UNSURE);
    const family = about ? familyOf(about) : undefined;
    const score = (hit: Hit) =>
      hit.sureness +
      0.25 * hit.rank +
      // Of a topic and one below it the larger is meant, unless more is said.
      (hit.topic.parent ? 0 : 0.15) +
      (family?.has(hit.topic) && hit.rank > 0 ? (isFollowUp ? 0.6 : 0.2) : 0);
    return [...hits.values()].sort((a, b) => score(b) - score(a) || a.topic.id - b.topic.id).slice(0, 6);
  }

  /** The ways to ask that are at least so much like what was said. */
  *#likeAsked(
    said: readonly string[],
    least: number,
  ): Generator<{ topic: Topic; likeness: number; telling: string[] }> {
    const weight = this.#weightOf(said);
    for (const { topic, words, telling, ...way } of this.#asked) {
      // More than all of the lighter one cannot be shared.
      if ((2 * Math.min(weight, way.weight)) / (weight + way.weight) < least) continue;
      const likeness = agreement(said, words, this.#language, (word) => this.#telling(word));
      if (likeness >= least) yield { topic, likeness, telling };
    }
  }

  #weightOf(words: readonly string[]): number {
    return words.reduce((sum, word) => sum + this.#telling(word), 0);
  }

  /** @returns the topic that is asked for in so many words. */
  askedAs(said: readonly string[]): Topic | undefined {
    let best: { topic: Topic; likeness: number } | undefined;
    for (const { topic, likeness } of this.#likeAsked(said, PLAIN))
      if (likeness > (best?.likeness ?? 0)) best = { topic, likeness };
    return best?.topic;
  }

  /** @returns the sentences of the topic that speak of all that is asked; undefined where none does, or too many do. */
  sentencesIn(topic: Topic, said: readonly string[]): string | undefined {
    const terms = [...new Set(said.flatMap((word) => this.#term(this.#written(word)) ?? []))];
    // "Does it cost extra": what no topic knows cannot be looked for.
    const wanted = terms.filter((term) => this.#frequency.has(term));
    if (wanted.length === 0 || wanted.every((term) => this.#common.has(term))) return undefined;
    const sentences = topic.paragraphs.flatMap((paragraph) => paragraph.split(/(?<=[.!?])\s+(?=\p{Lu}|\d|¿|¡)/u));
    const found = sentences.filter((sentence) => {
      const terms = new Set(tokens(sentence).map((word) => this.#term(word)));
      return wanted.every((term) => terms.has(term));
    });
    return found.length > 0 && (found.length < sentences.length || found.length <= 2)
      ? found.slice(0, 2).join(' ')
      : undefined;
  }

  /** @returns the sentences of the topic with one of the seldom words that are asked for. */
  sentencesNear(topic: Topic, said: readonly string[]): string | undefined {
    const seldom = said.filter((word) => {
      const term = this.#term(word);
      const frequency = term === null ? 0 : (this.#frequency.get(term) ?? 0);
      return frequency > 0 && frequency <= 2;
    });
    for (const word of seldom) {
      const sentences = this.sentencesIn(topic, [word]);
      if (sentences) return sentences;
    }
    return undefined;
  }

  /** Whether the word tells something here: what language somebody speaks, too. */
  knows(word: string): boolean {
    const term = this.#term(word);
    return term !== null && !isNumber(term) && (this.#frequency.has(term) || this.#formTerms.has(term));
  }

  /** A word that does not say by itself what is asked for. */
  saysLittle(word: string): boolean {
    return this.#telling(word) < 1;
  }

  /** How much a word says about what is asked for. */
  #telling(word: string): number {
    const term = this.#term(word);
    return term === null ? 0.25 : this.#common.has(term) || isNumber(term) ? 0.5 : 1;
  }

  /** "Giuded" → "guided": a word that no topic knows, as one that is written nearly so. */
  #written(word: string): string {
    const term = this.#term(word);
    if (term === null || word.length < 5 || this.#common.has(term) || this.#frequency.has(term)) return word;
    // A "president" is no "present".
    return this.#vocabulary.find((each) => Math.abs(each.length - word.length) <= 1 && isAlike(each, word)) ?? word;
  }

  #isNamed(word: string): boolean {
    const term = this.#term(word);
    return term === null || [...this.#ways.values()].some((ways) => ways.some((way) => way.has(term)));
  }

  /** "Brückenausstellung" → "Brücken", "Ausstellung": a long word that no topic is named by, as two that are known. */
  #parts(word: string): string[] {
    const isKnown = (part: string) => this.#frequency.has(this.#term(part) ?? '');
    if (word.length < 9 || this.#isNamed(word)) return [word];
    for (let at = word.length - 4; at >= 4; at--) {
      const [first, second] = [word.slice(0, at), word.slice(at)];
      if (isKnown(second) && (isKnown(first) || isKnown(first.replace(/s$/, ''))))
        return [first.replace(/s$/, ''), second];
    }
    return [word];
  }

  /** As it is, or with another ending. */
  #isKnown(term: string): boolean {
    return (
      this.#frequency.has(term) ||
      (term.length >= 4 && [...this.#frequency.keys()].some((known) => known.length >= 4 && term.startsWith(known)))
    );
  }

  /** Words that no topic knows weigh most: a question about motorcycles is not answered because it also says "sell". */
  #weight(term: string): number {
    const frequency = this.#frequency.get(term) ?? 0;
    // A number is somebody's age or a count, more often than what is asked for.
    if (isNumber(term)) return 0.3;
    return Math.log(1 + (this.#topics.length + 1) / (frequency + 1)) * (this.#common.has(term) ? COMMON : 1);
  }

  #coverage(terms: readonly string[], result: SearchResult, topic: Topic): number {
    const covered = terms.filter((term) => result.queryTerms.includes(term));
    if (covered.every((term) => this.#common.has(term) || isNumber(term))) return 0;
    const found = new Map(covered.map((term) => [term, result.terms.filter((each) => isFoundBy(each, term))]));
    const allFound = new Set([...found.values()].flat());
    let share = 0;
    for (const [term, by] of found) {
      const fields = by.flatMap((each) => result.match[each] ?? []);
      const named = Math.max(0, ...by.map((each) => this.#isMeant(each, topic, allFound)));
      share +=
        this.#weight(term) *
        Math.max(named, fields.some((field) => field === 'text' || field === 'above') ? ELSEWHERE : 0);
    }
    const total = terms.reduce((sum, term) => sum + this.#weight(term), 0);
    return total === 0 ? 0 : share / total;
  }

  /** "Umbrella" alone does not mean what "I have lost my umbrella" asks for. */
  #isMeant(term: string, topic: Topic, said: ReadonlySet<string>): number {
    let best = 0;
    for (const way of this.#ways.get(topic) ?? []) {
      if (!way.has(term)) continue;
      const weigh = (words: Iterable<string>) => [...words].reduce((sum, word) => sum + this.#weight(word), 0);
      const share = weigh([...way].filter((word) => said.has(word))) / weigh(way);
      best = Math.max(best, share > 0.6 ? 1 : IN_PASSING);
    }
    return best;
  }
}

const isNumber = (term: string): boolean => /^\p{N}+$/u.test(term);

/** Whether the index's term can have been found by the query's: by its beginning. */
const isFoundBy = (found: string, term: string): boolean => found.startsWith(term);

function ancestors(topic: Topic): Topic[] {
  return topic.parent ? [topic.parent, ...ancestors(topic.parent)] : [];
}

/** The topic, what stands around it and below it: what a follow-up question is most likely about. */
function familyOf(topic: Topic): ReadonlySet<Topic> {
  const top = topic.parent ?? topic;
  return new Set([topic, top, ...top.children, ...topic.children]);
}
