/**
 * What the desk has in mind while it speaks with one caller: the language, the topic spoken of last, what the last answer asked, and what it knows.
 * In: knowledge and the time of the turn. Out: its phrases filled in, and the context in which a form's answers are read.
 */
import { type CivilTime, civilTime, dateName, timeName, weekdayName, weekdayOf } from './civil-time.ts';
import type { SlotContext } from './form-slots.ts';
import type { FormSpec } from './form-spec.ts';
import { HoursTalk } from './hours-talk.ts';
import type { Knowledge, LanguageKnowledge } from './knowledge.ts';
import type { Topic } from './markdown-topics.ts';
import type { Moment, NamedDay } from './moments.ts';
import { nextDate } from './opening-hours.ts';
import type { PhraseBook, Said } from './phrase-book.ts';
import { type HoursSubject, inLanguage } from './place.ts';
import type { TopicSearch } from './topic-search.ts';
import { fill, fold, isFunctionWord, listed } from './wording.ts';

export interface DeskSettings {
  /** Name of the face; '' takes the place's. */
  name: string;
  /** Of the face itself: taken where neither names one. */
  faceName?: string;
  /** Until the caller's language is known. */
  language: string;
  timeZone: string;
}

export interface DeskReply {
  text: string;
  /** "Say that again" means what was said before it. */
  isAside?: boolean;
  /** Confirmed by the caller, to be delivered; `done` and `failed` are said afterwards. */
  finished?: {
    form: FormSpec;
    language: string;
    values: Record<string, string | number>;
    done: string;
    kept: string;
    lost: string;
  };
}

/** What the last answer asked. */
export type OpenQuestion =
  | { kind: 'more'; rest: string[] }
  | { kind: 'which'; topics: Topic[] }
  | { kind: 'form'; form: FormSpec }
  | { kind: 'human' }
  | { kind: 'again' };

export interface HoursAsked {
  moment: Moment;
  asks: 'closing' | 'whether';
}

export class DeskContext {
  readonly knowledge: Knowledge;
  readonly settings: DeskSettings;
  readonly #searches: ReadonlyMap<string, TopicSearch>;
  language: string;
  now: CivilTime = { date: { year: 1970, month: 1, day: 1 }, minute: 0 };
  isGreeted = false;
  open: OpenQuestion | undefined;
  topic: Topic | undefined;
  /** Whose opening hours were spoken of. */
  subject: HoursSubject | undefined;
  /** What was asked about opening hours, now and in the turn before. */
  hoursNow: HoursAsked | undefined;
  hoursBefore: HoursAsked | undefined;
  told = new Set<Topic>();
  /** In a row. */
  misses = 0;
  /** What the desk knows was named to this caller. */
  hasListed = false;
  lastText = '';
  #turn: number;

  constructor(knowledge: Knowledge, searches: ReadonlyMap<string, TopicSearch>, settings: DeskSettings, seed: number) {
    this.knowledge = knowledge;
    this.#searches = searches;
    this.settings = settings;
    this.#turn = seed;
    this.language = this.known(settings.language) ?? [...knowledge.languages.keys()][0]!;
  }

  beginTurn(instant: Date): void {
    this.#turn++;
    this.hoursBefore = this.hoursNow;
    this.hoursNow = undefined;
    this.now = civilTime(instant, this.settings.timeZone);
  }

  get here(): LanguageKnowledge {
    return this.knowledge.languages.get(this.language)!;
  }

  get book(): PhraseBook {
    return this.here.phrases;
  }

  get search(): TopicSearch {
    return this.#searches.get(this.language)!;
  }

  /** What the face is called: as configured, as the place says, or as the face is; '' where it has no name. */
  get name(): string {
    return (
      this.settings.name || inLanguage(this.knowledge.place.hosts, this.language) || (this.settings.faceName ?? '')
    );
  }

  /** The language of the knowledge that a tag means. */
  known(tag: string): string | undefined {
    const base = tag.toLowerCase().split(/[-_]/)[0]!;
    return this.knowledge.languages.has(base) ? base : undefined;
  }

  /** "Prenota una visita guidata" looks Spanish; what is asked for here has these names in one language only. */
  languageOfWords(said: readonly string[], guess: string): string {
    const count = (language: string): number =>
      said.filter(
        (word) => isFunctionWord(word, language) || (word.length >= 4 && this.#searches.get(language)?.knows(word)),
      ).length;
    const counts = [...this.#searches.keys()].map((language) => ({ language, known: count(language) }));
    const [first, second] = counts.sort((a, b) => b.known - a.known);
    const guessed = count(guess);
    if (!first || first.known === 0 || first.known === second?.known || first.known <= guessed) return guess;
    // One word may be a name, unless it is all that was said.
    return first.known >= 2 || said.length === 1 ? first.language : guess;
  }

  /** What was spoken of stays in mind only within a language. */
  speak(language: string): void {
    if (language === this.language) return;
    this.language = language;
    this.open = undefined;
    this.topic = undefined;
    this.told.clear();
  }

  /** A form is filled in in one language; a person may be called for in any. @returns the language of the call. */
  calledForPersonIn(said: readonly string[]): string | undefined {
    const others = [...this.knowledge.languages].filter(([language]) => language !== this.language);
    return others.find(([, { phrases }]) => phrases.callsForPerson(said))?.[0];
  }

  namedDays(): NamedDay[] {
    return this.knowledge.place.subjects.flatMap(({ hours }) =>
      hours.special.flatMap((day) => {
        const date = nextDate(day, this.now.date);
        const names = day.names[this.language] ?? [];
        return date
          ? names.map((name) => ({ name: fold(name).replace(/^(der|die|das|il|la|el|le) |^l'/, ''), date }))
          : [];
      }),
    );
  }

  slotContext(): SlotContext {
    const [subject] = this.knowledge.place.subjects;
    return {
      language: this.language,
      now: this.now,
      namedDays: this.namedDays(),
      book: this.book,
      talk: new HoursTalk(this.book.phrases.hours, this.language, this.now),
      hours: subject?.hours,
      subject: subject?.names[this.language]?.[0] ?? '',
    };
  }

  /** A person is offered where one can be called; else it is said where to find one. */
  offerPerson(key: 'unknownAgain' | 'insult'): DeskReply {
    if (!this.canCall) return this.say(`${key}Alone`);
    this.open = { kind: 'human' };
    return this.say(key);
  }

  get canCall(): boolean {
    return Object.keys(this.knowledge.place.handOff).length > 0;
  }

  say(key: Said, values: Record<string, string> = {}): DeskReply {
    return { text: this.line(key, values) };
  }

  line(key: Said, values: Record<string, string> = {}): string {
    const { place, languages } = this.knowledge;
    const { date, minute } = this.now;
    const languageNames = new Intl.DisplayNames(this.language, { type: 'language' });
    // Where somebody is there to be called, the place says how.
    const told = key === 'human' ? (place.handOff[this.language] ?? place.handOff['']) : undefined;
    const said = told ?? this.book.variant(key, this.#turn);
    return fill(this.name === '' ? withoutNaming(said) : said, {
      name: this.name,
      place: inLanguage(place.names, this.language) ?? '',
      topics: listed(this.here.offered, this.language),
      languages: listed(
        [...languages.keys()].map((tag) => languageNames.of(tag) ?? tag),
        this.language,
      ),
      time: timeName(minute, this.language),
      weekday: weekdayName(weekdayOf(date), this.language),
      date: dateName(date, this.language, date),
      ...values,
    });
  }
}

/** A face without a name does not introduce itself by one: sentences that would are left out. */
const withoutNaming = (text: string): string =>
  text
    .split(/(?<=[.!?]) /)
    .filter((sentence) => !sentence.includes('{name}'))
    .join(' ');
