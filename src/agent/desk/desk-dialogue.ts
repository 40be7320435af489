/**
 * One caller at the desk. In: what the caller says, turn by turn. Out: what is answered, and a form when one is finished. Pure but for its memory:
 * what is being asked for, the topic spoken of last, what was said. The clock comes with every turn.
 */
import { detectLanguage } from '../language.ts';
import { withoutStageDirections } from '../stage-directions.ts';
import { type CivilTime, civilTime, dateName, timeName, weekdayName, weekdayOf } from './civil-time.ts';
import { readSlot, type SlotContext } from './form-slots.ts';
import type { FormSpec } from './form-spec.ts';
import { FormTalk } from './form-talk.ts';
import { HoursTalk } from './hours-talk.ts';
import type { Knowledge, LanguageKnowledge } from './knowledge.ts';
import type { Topic } from './markdown-topics.ts';
import { type NamedDay, readMoment } from './moments.ts';
import { nextDate } from './opening-hours.ts';
import type { Intent, PhraseBook, Said } from './phrase-book.ts';
import { type HoursSubject, inLanguage } from './place.ts';
import { type Hit, SURE, type TopicSearch } from './topic-search.ts';
import { agreement, fill, findPhrase, fold, isFunctionWord, listed, stem, tokens } from './wording.ts';

export interface DeskSettings {
  /** Name of the face; '' takes the place's. */
  name: string;
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
type Open =
  | { kind: 'more'; rest: string[] }
  | { kind: 'which'; topics: Topic[] }
  | { kind: 'form'; form: FormSpec }
  | { kind: 'human' }
  | { kind: 'again' };

const MAX_CHARS = 1000;
/** What is said in one go before asking whether to go on. */
const BREATH_CHARS = 340;
/** From here on it is worth a try, said as one. */
const PERHAPS = 0.38;
const CLOSE_CALL = 0.08;
/** What it takes for a question with "open" in it not to be about opening hours. */
const SURE_OF_ANOTHER = 0.8;

export class DeskDialogue {
  readonly #knowledge: Knowledge;
  readonly #searches: ReadonlyMap<string, TopicSearch>;
  readonly #settings: DeskSettings;
  #language: string;
  #turn: number;
  #isGreeted = false;
  #open: Open | undefined;
  #form: FormTalk | undefined;
  #topic: Topic | undefined;
  #subject: HoursSubject | undefined;
  #told = new Set<Topic>();
  #misses = 0;
  #lastText = '';
  #now: CivilTime = { date: { year: 1970, month: 1, day: 1 }, minute: 0 };

  /** @param seed varies the wording, not what is said. */
  constructor(knowledge: Knowledge, searches: ReadonlyMap<string, TopicSearch>, settings: DeskSettings, seed = 0) {
    this.#knowledge = knowledge;
    this.#searches = searches;
    this.#settings = settings;
    this.#turn = seed;
    this.#language = this.#known(settings.language) ?? [...knowledge.languages.keys()][0]!;
  }

  get language(): string {
    return this.#language;
  }

  /**
   * @param heard what the caller heard of the last answer, when it was cut short.
   * @param language BCP 47, where a recogniser tells.
   */
  answer(
    text: string,
    instant: Date,
    { heard, language }: { heard?: string; language?: string | undefined } = {},
  ): DeskReply {
    this.#turn++;
    this.#now = civilTime(instant, this.#settings.timeZone);
    const clean = text.slice(0, MAX_CHARS).replace(/\[[^\]]*\]/g, ' ');
    const before = this.#language;
    if (!this.#form) this.#language = this.#languageOf(clean, language);
    if (before !== this.#language) this.#changeLanguage();
    const reply = this.#reply(clean, heard);
    if (reply.text !== '' && !reply.finished && !reply.isAside) this.#lastText = reply.text;
    return reply;
  }

  #reply(text: string, heard: string | undefined): DeskReply {
    const said = tokens(text);
    if (said.length === 0) return this.#isGreeted || text.trim() !== '' ? this.#say('pardon') : this.#greet();
    if (this.#form) return this.#inForm(this.#form, text, said);
    const open = this.#open;
    this.#open = undefined;
    const intent = this.#book.intentOf(said);
    return (
      (open && this.#answered(open, intent, said, text)) ??
      (intent && this.#smallTalk(intent, heard)) ??
      this.#question(text, said)
    );
  }

  // ——— who speaks which language ———

  get #here(): LanguageKnowledge {
    return this.#knowledge.languages.get(this.#language)!;
  }

  get #book(): PhraseBook {
    return this.#here.phrases;
  }

  #known(tag: string): string | undefined {
    const base = tag.toLowerCase().split(/[-_]/)[0]!;
    return this.#knowledge.languages.has(base) ? base : undefined;
  }

  #languageOf(text: string, told: string | undefined): string {
    return (told && this.#known(told)) ?? this.#known(detectLanguage(text, this.#language)) ?? this.#language;
  }

  /** What was spoken of stays in mind only within a language. */
  #changeLanguage(): void {
    this.#open = undefined;
    this.#topic = undefined;
    this.#told.clear();
  }

  // ——— small talk ———

  #greet(): DeskReply {
    const key: Said = this.#isGreeted ? 'helloAgain' : 'hello';
    this.#isGreeted = true;
    return this.#say(key);
  }

  #smallTalk(intent: Intent, heard: string | undefined): DeskReply | undefined {
    switch (intent) {
      case 'hello':
        return this.#greet();
      case 'yes': {
        // "Yes please", a few questions after the offer.
        const form = this.#here.forms.find((each) => each.offer && this.#topic?.forms.includes(each.id));
        return form ? this.#startForm(form, '') : this.#say('yesWhat');
      }
      case 'no':
        return this.#say('noMore');
      case 'cancel':
        return this.#say('cancelNothing');
      case 'repeat':
        return this.#lastText === '' ? this.#say('repeatNothing') : { text: this.#lastText };
      case 'slower':
        return this.#lastText === ''
          ? this.#say('repeatNothing')
          : { text: `${this.#line('slower')} [pause 300] ${this.#lastText.replace(/(?<=[.!?]) /g, ' [pause 500] ')}` };
      case 'louder':
        this.#open = { kind: 'again' };
        return { ...this.#say('louder'), isAside: true };
      case 'more':
        return this.#goOn(heard);
      case 'insult':
        this.#open = { kind: 'human' };
        return this.#say('insult');
      default:
        return this.#say(intent);
    }
  }

  /** From where the caller stopped hearing; else further about the topic. */
  #goOn(heard: string | undefined): DeskReply {
    const last = withoutStageDirections(this.#lastText);
    const part = heard?.trim() ?? '';
    if (part !== '' && part.length < last.length - 2 && last.startsWith(part)) {
      const cut = part.lastIndexOf('. ') + 1;
      return { text: last.slice(cut).trim() };
    }
    const child =
      this.#topic &&
      [...this.#topic.children, ...(this.#topic.parent?.children ?? [])].find((each) => !this.#told.has(each));
    return child ? this.#tell(child) : this.#say('moreNothing');
  }

  // ——— answers to what was asked back ———

  #answered(open: Open, intent: Intent | undefined, said: readonly string[], text: string): DeskReply | undefined {
    if (open.kind === 'which') return this.#chosen(open.topics, said, intent);
    const isYes =
      intent === 'yes' || (intent === 'more' && open.kind === 'more') || (intent === 'repeat' && open.kind === 'again');
    if (intent === 'no') return this.#say('noMore');
    if (!isYes) return undefined;
    switch (open.kind) {
      case 'more':
        return this.#speak(open.rest);
      case 'form':
        return this.#startForm(open.form, text);
      case 'human':
        return this.#say('human');
      case 'again':
        return { text: this.#lastText };
    }
  }

  #chosen(topics: readonly Topic[], said: readonly string[], intent: Intent | undefined): DeskReply | undefined {
    if (intent === 'no') return this.#say('noMore');
    const [first, second] = topics;
    if (this.#book.has('both', said)) return { text: topics.map((topic) => this.#tell(topic).text).join(' ') };
    if (this.#book.has('second', said) && second) return this.#tell(second);
    if ((this.#book.has('first', said) || intent === 'yes') && first) return this.#tell(first);
    const likeness = topics.map((topic) =>
      Math.max(...[topic.title, ...topic.asked].map((name) => agreement(said, tokens(name), this.#language))),
    );
    const best = Math.max(...likeness);
    return best >= 0.55 ? this.#tell(topics[likeness.indexOf(best)]!) : undefined;
  }

  // ——— questions ———

  #question(text: string, said: readonly string[]): DeskReply {
    const asked = this.#book.withoutPoliteness(said);
    const moment = readMoment(text, this.#language, this.#now, this.#namedDays());
    const form = this.#formFor(asked);
    if (form) return this.#startForm(form, text);
    const words = tokens(moment.rest).filter((word) => asked.includes(word) || !said.includes(word));
    const reply = this.#hoursReply(asked, words, moment) ?? this.#topicReply(asked, words, text);
    const opening = !this.#isGreeted && !this.#book.begins('followUp', said) && said.length > asked.length;
    this.#isGreeted = true;
    return opening ? { ...reply, text: `[happy 0.5] ${reply.text}` } : reply;
  }

  #formFor(asked: readonly string[]): FormSpec | undefined {
    const have = new Set(asked.map((word) => stem(word, this.#language)));
    const content = (phrase: readonly string[]) =>
      phrase.filter((word) => !isFunctionWord(word, this.#language)).map((word) => stem(word, this.#language));
    const spoken = content(asked).length;
    let best: { form: FormSpec; length: number } | undefined;
    for (const form of this.#here.forms)
      for (const phrase of form.asked) {
        const wanted = content(tokens(phrase));
        if (wanted.length <= (best?.length ?? 0) || !wanted.every((word) => have.has(word))) continue;
        // One word alone must be nearly all that was said.
        if (wanted.length >= 2 || spoken <= 2) best = { form, length: wanted.length };
      }
    return best?.form;
  }

  #namedDays(): NamedDay[] {
    return this.#knowledge.place.subjects.flatMap(({ hours }) =>
      hours.special.flatMap((day) => {
        const date = nextDate(day, this.#now.date);
        const names = day.names[this.#language] ?? [];
        return date
          ? names.map((name) => ({ name: fold(name).replace(/^(der|die|das|il|la|el|le) |^l'/, ''), date }))
          : [];
      }),
    );
  }

  #hoursReply(
    asked: readonly string[],
    words: readonly string[],
    moment: ReturnType<typeof readMoment>,
  ): DeskReply | undefined {
    const { subjects } = this.#knowledge.place;
    const named = subjects.find((subject) => this.#isNamed(subject, asked));
    const isOpening = this.#book.has('opening', asked);
    const isClosing = this.#book.has('closing', asked);
    const isWhen = this.#book.has('when', asked);
    const hasMoment = moment.days.length > 0 || moment.minute !== undefined || moment.isNow;
    const others = words.filter(
      (word) =>
        !isFunctionWord(word, this.#language) &&
        !this.#isHoursWord(word) &&
        !(named && this.#isNamed(named, [word], true)),
    );
    const isAsked = isOpening || isClosing;
    if (!isAsked && !(hasMoment && others.length === 0) && !(isWhen && named && others.length === 0)) return undefined;
    if (
      isAsked &&
      others.length > 0 &&
      this.#find(others).some((hit) => hit.sureness >= SURE_OF_ANOTHER && !this.#isAboutHours(hit.topic))
    )
      return undefined;
    // "And on Sunday?" after something that has no hours of its own is about that.
    if (
      !isAsked &&
      !named &&
      this.#topic &&
      !this.#subject &&
      others.length === 0 &&
      moment.minute === undefined &&
      !moment.isNow
    ) {
      const relevant = this.#search.sentencesIn(this.#topic, asked);
      if (relevant) return { text: relevant };
    }
    // "When are you open?" is about the house, whatever was spoken of before; "and on Sunday?" is not.
    const isHouse = isAsked && this.#book.has('us', asked) && !this.#book.begins('followUp', asked);
    const subject = named ?? (isHouse ? undefined : this.#subject) ?? subjects[0];
    if (!subject) return undefined;
    this.#subject = subject;
    this.#misses = 0;
    const talk = new HoursTalk(this.#book.phrases.hours, this.#language, this.#now);
    const name = subject.names[this.#language]?.[0] ?? Object.values(subject.names)[0]?.[0] ?? '';
    const asks =
      isClosing && !isOpening && (isWhen || !hasMoment) ? 'closing' : isOpening && isWhen ? 'opening' : 'whether';
    return { text: talk.answer({ hours: subject.hours, subject: name, moment, asks }) };
  }

  #isHoursWord(word: string): boolean {
    return (['opening', 'closing', 'when', 'followUp', 'filler', 'us'] as const).some((cue) =>
      this.#book.isPartOf(cue, word),
    );
  }

  /** A topic about the opening hours themselves is answered from the calendar. */
  #isAboutHours(topic: Topic): boolean {
    return this.#book.has('opening', tokens(topic.title));
  }

  #isNamed(subject: HoursSubject, said: readonly string[], isPart = false): boolean {
    return (subject.names[this.#language] ?? []).some((name) => {
      const words = tokens(name).filter((word) => !isFunctionWord(word, this.#language));
      return (
        words.length > 0 &&
        (isPart ? words.some((word) => findPhrase(said, [word])) : findPhrase(said, words) !== undefined)
      );
    });
  }

  get #search(): TopicSearch {
    return this.#searches.get(this.#language)!;
  }

  #find(words: readonly string[]): Hit[] {
    return this.#search.find(words, this.#topic);
  }

  #topicReply(asked: readonly string[], words: readonly string[], text: string): DeskReply {
    const isFollowUp = this.#topic !== undefined && this.#book.refersBack(asked);
    // "And for children?" may be answered by what was spoken of already.
    const relevant = isFollowUp && this.#topic ? this.#search.sentencesIn(this.#topic, words) : undefined;
    if (relevant) return { text: relevant };
    const hits = this.#search.find(words.length > 0 ? words : asked, this.#topic, isFollowUp);
    const [first, second] = hits;
    if (!first || first.sureness < PERHAPS) return this.#unknown(asked, text);
    this.#misses = 0;
    if (first.sureness < SURE) return { text: `${this.#line('perhaps')} ${this.#tell(first.topic).text}` };
    if (first.topic === this.#topic && this.#told.has(first.topic)) {
      const relevant = this.#search.sentencesIn(first.topic, asked);
      if (relevant) return { text: relevant };
    }
    const isClose =
      second && second.sureness >= SURE && first.sureness < 0.9 && first.sureness - second.sureness < CLOSE_CALL;
    if (
      isClose &&
      !isFollowUp &&
      first.topic.parent !== second.topic &&
      second.topic.parent !== first.topic &&
      first.topic !== second.topic
    ) {
      const topics = [first.topic, second.topic];
      this.#open = { kind: 'which', topics };
      return this.#say('which', { choices: listed(this.#titles(topics), this.#language, 'disjunction') });
    }
    return this.#tell(first.topic);
  }

  /** With the topic above, where that tells them apart. */
  #titles(topics: readonly Topic[]): string[] {
    const areSiblings = topics.every((topic) => topic.parent === topics[0]?.parent);
    return topics.map((topic) =>
      topic.parent && !areSiblings ? `${topic.parent.title}: ${topic.title}` : topic.title,
    );
  }

  #tell(topic: Topic): DeskReply {
    this.#topic = topic;
    this.#subject = this.#knowledge.place.subjects.find((subject) => this.#isNamed(subject, tokens(topic.title)));
    this.#told.add(topic);
    const children = topic.children.filter((child) => !this.#told.has(child));
    if (topic.paragraphs.length === 0 && children.length > 0) {
      this.#open = { kind: 'which', topics: children };
      return this.#say('which', {
        choices: listed(
          children.map((child) => child.title),
          this.#language,
          'disjunction',
        ),
      });
    }
    return this.#speak(topic.paragraphs, topic);
  }

  /** As much as one listens to in one go; then asks whether to go on, or offers what belongs to it. */
  #speak(paragraphs: readonly string[], topic = this.#topic): DeskReply {
    const text: string[] = [];
    const rest = [...paragraphs];
    do text.push(rest.shift() ?? '');
    while (rest.length > 0 && text.join(' ').length + rest[0]!.length <= BREATH_CHARS);
    if (rest.length > 0) {
      this.#open = { kind: 'more', rest };
      return { text: `${text.join(' ')} ${this.#line('moreOffer')}` };
    }
    const form = topic && this.#here.forms.find((each) => topic.forms.includes(each.id));
    if (form?.offer) {
      this.#open = { kind: 'form', form };
      return { text: `${text.join(' ')} ${form.offer}` };
    }
    const children = topic?.children.filter((child) => !this.#told.has(child)) ?? [];
    if (children.length > 0) {
      this.#open = { kind: 'which', topics: children };
      const topics = listed(
        children.slice(0, 4).map((child) => child.title),
        this.#language,
      );
      text.push(this.#line('moreAbout', { topics }));
    }
    return { text: text.join(' ') };
  }

  #unknown(asked: readonly string[], text: string): DeskReply {
    const spoken = detectLanguage(asked.join(' '), this.#language);
    if (this.#known(spoken) === undefined && (asked.length >= 3 || !/\p{Script=Latin}/u.test(asked.join(''))))
      return this.#say('otherLanguage');
    const introduced = readSlot({ kind: 'name', id: 'who', ask: '', called: [] }, text, false, this.#slotContext());
    if (introduced && 'given' in introduced) return this.#say('niceToMeet', { who: introduced.given.said });
    this.#misses++;
    if (this.#misses % 2 === 0) {
      this.#open = { kind: 'human' };
      return this.#say('unknownAgain');
    }
    return this.#say('unknown');
  }

  // ——— forms ———

  #startForm(form: FormSpec, text: string): DeskReply {
    this.#isGreeted = true;
    this.#misses = 0;
    this.#subject = undefined;
    this.#topic = this.#here.topics.find((topic) => topic.forms.includes(form.id)) ?? this.#topic;
    this.#form = new FormTalk(form);
    return { text: this.#form.start(text, this.#slotContext()) };
  }

  #inForm(form: FormTalk, text: string, said: readonly string[]): DeskReply {
    const { phrases } = this.#book;
    const context = this.#slotContext();
    const intent = this.#book.intentOf(said);
    if (intent === 'human' || intent === 'bye') {
      this.#form = undefined;
      return this.#say(intent);
    }
    let step = form.turn(text, context);
    if (step.kind === 'astray') {
      const aside = this.#aside(text, said);
      if (aside) return { text: `${aside} [pause 300] ${phrases.form.back} ${form.prompt}` };
      step = form.missed(context);
    }
    if (step.kind === 'ask') return { text: step.say };
    this.#form = undefined;
    if (step.kind === 'cancelled') return { text: phrases.form.cancelled };
    if (step.kind === 'stuck') {
      this.#open = { kind: 'human' };
      return { text: phrases.form.stuck };
    }
    const values = form.said;
    this.#lastText = fill(form.spec.done, values);
    return {
      text: '',
      finished: {
        form: form.spec,
        language: this.#language,
        values: form.values,
        done: this.#lastText,
        kept: phrases.form.failed,
        lost: phrases.form.lost,
      },
    };
  }

  /** A question in the middle of a form, if it is one that can be answered. */
  #aside(text: string, said: readonly string[]): string | undefined {
    const moment = readMoment(text, this.#language, this.#now, this.#namedDays());
    const asked = this.#book.withoutPoliteness(said);
    if (asked.length < 2) return undefined;
    const hours =
      this.#book.has('opening', asked) || this.#book.has('closing', asked)
        ? this.#hoursReply(asked, tokens(moment.rest), moment)
        : undefined;
    if (hours) return hours.text;
    const relevant = this.#topic && this.#search.sentencesIn(this.#topic, asked);
    if (relevant) return relevant;
    const [hit] = this.#find(asked);
    return hit && hit.sureness >= SURE + 0.1
      ? (this.#search.sentencesIn(hit.topic, asked) ?? hit.topic.paragraphs[0])
      : undefined;
  }

  #slotContext(): SlotContext {
    const [subject] = this.#knowledge.place.subjects;
    return {
      language: this.#language,
      now: this.#now,
      namedDays: this.#namedDays(),
      book: this.#book,
      talk: new HoursTalk(this.#book.phrases.hours, this.#language, this.#now),
      hours: subject?.hours,
      subject: subject?.names[this.#language]?.[0] ?? '',
    };
  }

  // ——— words ———

  #say(key: Said, values: Record<string, string> = {}): DeskReply {
    return { text: this.#line(key, values) };
  }

  #line(key: Said, values: Record<string, string> = {}): string {
    const { place, languages } = this.#knowledge;
    const main = this.#here.topics.filter((topic) => !topic.parent).map((topic) => topic.title);
    const { date, minute } = this.#now;
    const languageNames = new Intl.DisplayNames(this.#language, { type: 'language' });
    return fill(this.#book.variant(key, this.#turn), {
      name: this.#settings.name || (inLanguage(place.hosts, this.#language) ?? 'Visavis'),
      place: inLanguage(place.names, this.#language) ?? '',
      topics: listed(turned(main, this.#turn).slice(0, 4), this.#language),
      languages: listed(
        [...languages.keys()].map((tag) => languageNames.of(tag) ?? tag),
        this.#language,
      ),
      time: timeName(minute, this.#language),
      weekday: weekdayName(weekdayOf(date), this.#language),
      date: dateName(date, this.#language, date),
      ...values,
    });
  }
}

/** The list from another beginning each time, in its order. */
const turned = <T>(list: readonly T[], by: number): T[] => list.map((_, i) => list[(i + by) % list.length]!);
