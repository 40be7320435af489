/**
 * Which topic a question is about. In: folded words, and the topic spoken of last. Out: the likely topics, best first, each with how sure that
 * is (0 … 1). The search library finds and ranks; how much of the question a topic covers decides whether it is an answer at all.
 */
import MiniSearch, { type SearchResult } from 'minisearch';
import { editDistance } from '../../media/edit-distance.ts';
import type { LanguageKnowledge } from './knowledge.ts';
import type { Topic } from './markdown-topics.ts';
import { agreement, isFunctionWord, stem, tokens } from './wording.ts';

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
/** No answer. */
const UNSURE = 0.2;
const MAX_QUERY_WORDS = 30;
/** Words found only in the text or in the topic above say less than those of the title. */
const ELSEWHERE = 0.75;
const FIELDS = ['title', 'asked', 'above', 'text'];

export class TopicSearch {
  readonly #language: string;
  readonly #topics: readonly Topic[];
  readonly #index: MiniSearch;
  readonly #asked: readonly { topic: Topic; words: string[] }[];
  /** Stem → the stem that stands for it and its synonyms. */
  readonly #synonyms = new Map<string, string>();
  readonly #frequency = new Map<string, number>();

  constructor({ language, topics, synonyms }: LanguageKnowledge) {
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
        fuzzy: (term) => (term.length >= 5 ? 0.2 : false),
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
    for (const document of documents)
      for (const term of new Set(
        FIELDS.flatMap((field) =>
          tokens(String(document[field as keyof typeof document])).map((word) => this.#term(word)),
        ),
      ))
        if (term) this.#frequency.set(term, (this.#frequency.get(term) ?? 0) + 1);
    this.#asked = topics.flatMap((topic) =>
      [topic.title, ...topic.asked].map((phrase) => ({ topic, words: tokens(phrase) })),
    );
  }

  #term(word: string): string | null {
    if (isFunctionWord(word, this.#language)) return null;
    const stemmed = stem(word, this.#language);
    return this.#synonyms.get(stemmed) ?? stemmed;
  }

  /**
   * @param about the topic of the conversation: its family is preferred, a little or, for a question that only makes sense after it, much.
   */
  find(said: readonly string[], about?: Topic, isFollowUp = false): Hit[] {
    const words = said.slice(0, MAX_QUERY_WORDS);
    const terms = [...new Set(words.flatMap((word) => this.#term(word) ?? []))];
    const results = terms.length === 0 ? [] : this.#index.search(terms.join(' '));
    const best = results[0]?.score ?? 1;
    // "Who is the president of France": most of it is about something else, whatever a word may remind of.
    const known = new Set(terms.filter((term) => this.#isKnown(term)));
    const isFound = (term: string) => known.has(term) || results.some((result) => result.queryTerms.includes(term));
    const strange = terms.filter((term) => !isFound(term) && !/^\p{N}+$/u.test(term));
    const isElsewhere = strange.length > known.size;
    const hits = new Map<Topic, Hit>();
    for (const result of results.slice(0, 20)) {
      const topic = this.#topics[Number(result.id)]!;
      hits.set(topic, { topic, sureness: this.#coverage(terms, result), rank: result.score / best });
    }
    for (const { topic, words: phrase } of this.#asked) {
      const likeness = agreement(words, phrase, this.#language);
      if (likeness < SURE) continue;
      const hit = hits.get(topic) ?? { topic, sureness: 0, rank: 0 };
      // A phrase in so many words is surer than any coverage.
      hit.sureness = Math.max(hit.sureness, likeness >= PLAIN ? likeness + 0.1 : likeness);
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

  /** @returns the topic that is asked for in so many words. */
  askedAs(said: readonly string[]): Topic | undefined {
    let best: { topic: Topic; likeness: number } | undefined;
    for (const { topic, words } of this.#asked) {
      const likeness = agreement(said, words, this.#language);
      if (likeness >= PLAIN && likeness > (best?.likeness ?? 0)) best = { topic, likeness };
    }
    return best?.topic;
  }

  /** @returns the sentences of the topic that speak of all that is asked; undefined where none does, or too many do. */
  sentencesIn(topic: Topic, said: readonly string[]): string | undefined {
    const wanted = [...new Set(said.flatMap((word) => this.#term(word) ?? []))];
    if (wanted.length === 0) return undefined;
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

  /** As it is, with another ending, or with one slip behind its first letter. */
  #isKnown(term: string): boolean {
    if (this.#frequency.has(term)) return true;
    return [...this.#frequency.keys()].some(
      (known) =>
        known[0] === term[0] &&
        ((known.length >= 4 && term.startsWith(known)) || (term.length >= 5 && editDistance(known, term) <= 1)),
    );
  }

  /** Words that no topic knows weigh most: a question about motorcycles is not answered because it also says "sell". */
  #coverage(terms: readonly string[], result: SearchResult): number {
    let covered = 0;
    let total = 0;
    for (const term of terms) {
      // A number that no topic knows is somebody's age or a count.
      const isNumber = /^\p{N}+$/u.test(term) && !this.#frequency.has(term);
      const weight = isNumber ? 0.3 : Math.log(1 + (this.#topics.length + 1) / ((this.#frequency.get(term) ?? 0) + 1));
      total += weight;
      if (!result.queryTerms.includes(term)) continue;
      const fields = result.terms
        .filter((found) => isFoundBy(found, term))
        .flatMap((found) => result.match[found] ?? []);
      covered += weight * (fields.some((field) => field === 'title' || field === 'asked') ? 1 : ELSEWHERE);
    }
    return total === 0 ? 0 : covered / total;
  }
}

/** Whether the index's term can have been found by the query's: by its beginning or a slip. */
const isFoundBy = (found: string, term: string): boolean =>
  found === term || found.startsWith(term) || Math.abs(found.length - term.length) <= 2;

function ancestors(topic: Topic): Topic[] {
  return topic.parent ? [topic.parent, ...ancestors(topic.parent)] : [];
}

/** The topic, what stands around it and below it: what a follow-up question is most likely about. */
function familyOf(topic: Topic): ReadonlySet<Topic> {
  const top = topic.parent ?? topic;
  return new Set([topic, top, ...top.children, ...topic.children]);
}
