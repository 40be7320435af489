/**
 * One caller at the desk. In: what the caller says, turn by turn. Out: what is answered, and a form when one is finished. Pure but for its memory
 * (`desk-context.ts`); the clock comes with every turn.
 */
import { detectLanguage } from '../language.ts';
import { DeskContext, type DeskReply, type DeskSettings, type OpenQuestion } from './desk-context.ts';
import type { FormSpec } from './form-spec.ts';
import { type FormStep, FormTalk } from './form-talk.ts';
import { hoursReply } from './hours-question.ts';
import type { Knowledge } from './knowledge.ts';
import { readMoment } from './moments.ts';
import type { Intent } from './phrase-book.ts';
import { emergencyReply, matterIn } from './safety-talk.ts';
import { SURE, type TopicSearch } from './topic-search.ts';
import { chosen, goOn, introduction, speak, topicReply } from './topic-talk.ts';
import { fill, findPhrase, isFunctionWord, stem, tokens } from './wording.ts';

const MAX_CHARS = 1000;
const MAX_WORDS = 80;
/** Small talk that a form is not left for. */
const IN_PASSING = ['howAreYou', 'whoAreYou', 'robot', 'joke', 'presence', 'help'] as const;
/** What a last sentence may ask, whatever was said before it: "Haha, you are funny. Are you real?" */
const ASKED_LAST = ['howAreYou', 'whoAreYou', 'robot', 'joke', 'languages', 'time', 'date', 'presence'] as const;
/** What ends what was said before it: "how much is … stop". */
const TAKEN_BACK = ['cancel', 'wait'] as const;

export class DeskDialogue {
  readonly #desk: DeskContext;
  #form: FormTalk | undefined;

  /** @param seed varies the wording, not what is said. */
  constructor(knowledge: Knowledge, searches: ReadonlyMap<string, TopicSearch>, settings: DeskSettings, seed = 0) {
    this.#desk = new DeskContext(knowledge, searches, settings, seed);
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
    this.#desk.beginTurn(instant);
    const clean = text.slice(0, MAX_CHARS).replace(/\[[^\]]*\]/g, ' ');
    // A name or a title in another language does not change that of a form.
    if (!this.#form) this.#desk.speak(this.#languageOf(clean, language));
    const reply = this.#reply(clean, heard);
    if (reply.text !== '' && !reply.finished && !reply.isAside) this.#desk.lastText = reply.text;
    return reply;
  }

  #reply(text: string, heard: string | undefined): DeskReply {
    const said = this.#withoutName(tokens(text).slice(0, MAX_WORDS));
    if (said.length === 0) return this.#desk.isGreeted || text.trim() !== '' ? this.#desk.say('pardon') : this.#greet();
    const urgent = this.#urgent(said);
    if (urgent) return urgent;
    if (this.#form) return this.#inForm(this.#form, text, said);
    const open = this.#desk.open;
    this.#desk.open = undefined;
    const intent =
      this.#last(text, TAKEN_BACK) ??
      this.#desk.book.meaningOf(said, text.includes('?')) ??
      this.#last(text, ASKED_LAST);
    if (!intent && said.every((word) => this.#desk.book.isPartOf('filler', word))) return this.#desk.say('yesWhat');
    return (
      (open && this.#answered(open, intent, said, text)) ??
      (intent && this.#smallTalk(intent, heard)) ??
      this.#question(text, said)
    );
  }

  /** Danger comes before whatever was spoken of; and whether a person is speaking is answered truly, however it is asked. */
  #urgent(said: readonly string[]): DeskReply | undefined {
    const found = matterIn(this.#desk, said);
    if (!found) return undefined;
    const { matter, language } = found;
    // A form goes on after it.
    if (matter === 'identity' && this.#form) return undefined;
    this.#form = undefined;
    this.#desk.speak(language);
    this.#desk.isGreeted = true;
    this.#desk.misses = 0;
    this.#desk.open = matter === 'identity' && this.#desk.canCall ? { kind: 'human' } : undefined;
    return matter === 'identity' ? this.#desk.say('robot') : emergencyReply(this.#desk, matter);
  }

  /** "Hey Vera", "Vera, where are the toilets?": called by its name, which asks nothing. */
  #withoutName(said: readonly string[]): readonly string[] {
    const name = tokens(this.#desk.name);
    if (name.length === 0 || said.length <= name.length) return said;
    const isAt = (from: number) => name.every((word, i) => said[from + i] === word);
    if (isAt(0)) return said.slice(name.length);
    return isAt(1) && this.#desk.book.intentOf([said[0]!]) === 'hello'
      ? [said[0]!, ...said.slice(1 + name.length)]
      : said;
  }

  /** What the last of several sentences means, if it is one of these: it may take back what was asked and not answered yet. */
  #last(text: string, among: readonly Intent[]): Intent | undefined {
    const sentences = text.split(/(?<=[.!?])\s+/).filter((sentence) => tokens(sentence).length > 0);
    const last = sentences.length > 1 ? this.#desk.book.intentOf(tokens(sentences.at(-1)!)) : undefined;
    return among.find((each) => each === last);
  }

  #languageOf(text: string, told: string | undefined): string {
    const desk = this.#desk;
    const guess = (told && desk.known(told)) ?? desk.known(detectLanguage(text, desk.language)) ?? desk.language;
    return desk.languageOfWords(tokens(text).slice(0, MAX_WORDS), guess);
  }

  #greet(): DeskReply {
    const key = this.#desk.isGreeted ? 'helloAgain' : 'hello';
    this.#desk.isGreeted = true;
    return this.#desk.say(key);
  }

  #smallTalk(intent: Intent, heard: string | undefined): DeskReply | undefined {
    switch (intent) {
      case 'hello':
        return this.#greet();
      case 'yes': {
        // "Yes please", a few questions after the offer.
        const form = this.#desk.here.forms.find((each) => each.offer && this.#desk.topic?.forms.includes(each.id));
        return form ? this.#startForm(form, '') : this.#desk.say('yesWhat');
      }
      case 'no':
        return this.#desk.say('noMore');
      case 'noted':
        return this.#desk.say('noMore');
      case 'cancel':
        return this.#desk.say('cancelNothing');
      case 'repeat':
        return this.#desk.lastText === '' ? this.#desk.say('repeatNothing') : { text: this.#desk.lastText };
      case 'slower':
        return this.#desk.lastText === ''
          ? this.#desk.say('repeatNothing')
          : {
              text: `${this.#desk.line('slower')} [pause 300] ${this.#desk.lastText.replace(/(?<=[.!?]) /g, ' [pause 500] ')}`,
            };
      case 'wait':
        return { ...this.#desk.say('wait'), isAside: true };
      case 'louder':
        this.#desk.open = { kind: 'again' };
        return { ...this.#desk.say('louder'), isAside: true };
      case 'more':
        return goOn(this.#desk, heard);
      case 'insult':
        return this.#desk.offerPerson('insult');
      default:
        return this.#desk.say(intent);
    }
  }

  #answered(
    open: OpenQuestion,
    intent: Intent | undefined,
    said: readonly string[],
    text: string,
  ): DeskReply | undefined {
    if (open.kind === 'which') return chosen(this.#desk, open.topics, said, intent, this.#formFor(said) !== undefined);
    const isYes =
      intent === 'yes' || (intent === 'more' && open.kind === 'more') || (intent === 'repeat' && open.kind === 'again');
    if (intent === 'no') return this.#desk.say('noMore');
    if (!isYes) return open.kind === 'form' && !text.includes('?') ? this.#takenUp(open.form, text, said) : undefined;
    switch (open.kind) {
      case 'more':
        return speak(this.#desk, open.rest);
      case 'form':
        return this.#startForm(open.form, text);
      case 'human':
        return this.#desk.say('human');
      case 'again':
        return { text: this.#desk.lastText };
    }
  }

  #question(text: string, said: readonly string[]): DeskReply {
    if (this.#desk.book.isBareChoice(said)) return this.#desk.say('pardon');
    const asked = this.#desk.book.withoutPoliteness(said);
    const moment = readMoment(text, this.#desk.language, this.#desk.now, this.#desk.namedDays());
    const form = this.#formFor(asked);
    const plain = form && this.#desk.search.askedAs(asked);
    // "How long can I keep the books" asks for no more weeks.
    const asksFact = plain !== undefined && this.#desk.book.begins('ellipsis', asked);
    if (form && !asksFact && (!plain || plain.forms.includes(form.id))) return this.#startForm(form, text);
    const introduced = introduction(this.#desk, asked, text);
    if (introduced) return introduced;
    const words = tokens(moment.rest)
      .slice(0, MAX_WORDS)
      .filter((word) => asked.includes(word) || !said.includes(word));
    const reply = hoursReply(this.#desk, asked, words, moment) ?? topicReply(this.#desk, asked, words, text);
    const opening = !this.#desk.isGreeted && !this.#desk.book.begins('followUp', said) && said.length > asked.length;
    this.#desk.isGreeted = true;
    return opening ? { ...reply, text: `[happy 0.5] ${reply.text}` } : reply;
  }

  #formFor(asked: readonly string[]): FormSpec | undefined {
    const have = new Set(asked.map((word) => stem(word, this.#desk.language)));
    const content = (phrase: readonly string[]) =>
      phrase
        .filter((word) => !isFunctionWord(word, this.#desk.language))
        .map((word) => stem(word, this.#desk.language));
    const spoken = content(asked).length;
    const asks = this.#desk.book.begins('asks', asked);
    let best: { form: FormSpec; length: number } | undefined;
    for (const form of this.#desk.here.forms)
      for (const phrase of form.asked) {
        const wanted = content(tokens(phrase));
        if (wanted.length <= (best?.length ?? 0) || !wanted.every((word) => have.has(word))) continue;
        // One word alone must be nearly all that was said, or stand in just these words: "I lost my …".
        const isVerbatim = tokens(phrase).length >= 2 && findPhrase(asked, tokens(phrase)) !== undefined;
        if (wanted.length >= 2 || (spoken <= 2 && !asks) || isVerbatim) best = { form, length: wanted.length };
      }
    return best?.form ?? this.#formMeant(asked);
  }

  /** "Can you book it for me": what "it" is was spoken of just before. */
  #formMeant(asked: readonly string[]): FormSpec | undefined {
    const { topic, book, here } = this.#desk;
    if (!topic || !book.has('that', asked) || book.has('ellipsis', asked)) return undefined;
    return here.forms.find((form) => topic.forms.includes(form.id) && this.#doesIt(form, asked));
  }

  /** Whether a word says what the form does, not only what it is about: "book", not "tour". */
  #doesIt(form: FormSpec, said: readonly string[]): boolean {
    const { topic, search, language } = this.#desk;
    const stems = (words: readonly string[]) => new Set(words.map((word) => stem(word, language)));
    const named = stems(tokens(topic?.title ?? ''));
    const have = stems(said);
    const does = stems(form.asked.flatMap(tokens).filter((word) => !search.saysLittle(word)));
    return [...does].some((word) => have.has(word) && !named.has(word));
  }

  /** "For two adults", "tomorrow at three" takes up the offer without a yes, and so does what it offered to write down: "a black one, of wood". */
  #takenUp(form: FormSpec, text: string, said: readonly string[]): DeskReply | undefined {
    const context = this.#desk.slotContext();
    const given = new FormTalk(form);
    given.start(text, context);
    const { book, search } = this.#desk;
    const isCounted = form.slots.some((slot) => slot.kind === 'number' && slot.id in given.values);
    const isMuch =
      Object.keys(given.values).length >= 2 && !book.begins('followUp', said) && !book.begins('asks', said);
    const doesIt = !book.begins('asks', said) && this.#doesIt(form, said);
    if (isCounted || isMuch || doesIt) return this.#startForm(form, text);
    const isOther =
      book.meaningOf(said, false) !== undefined ||
      book.begins('asks', said) ||
      (search.find(said)[0]?.sureness ?? 0) >= SURE;
    if (form.slots[0]?.kind !== 'text' || isOther || said.length < 2) return undefined;
    this.#startForm(form, '');
    return this.#inForm(this.#form!, text, said);
  }

  #startForm(form: FormSpec, text: string): DeskReply {
    this.#desk.isGreeted = true;
    this.#desk.misses = 0;
    this.#desk.subject = undefined;
    this.#desk.topic = this.#desk.here.topics.find((topic) => topic.forms.includes(form.id)) ?? this.#desk.topic;
    this.#form = new FormTalk(form);
    return { text: this.#form.start(text, this.#desk.slotContext()) };
  }

  #inForm(form: FormTalk, text: string, said: readonly string[]): DeskReply {
    const { phrases } = this.#desk.book;
    const context = this.#desk.slotContext();
    // "The long goodbye" may be the title of a book.
    const isDoubted = matterIn(this.#desk, said)?.matter === 'identity';
    const intent = isDoubted
      ? 'robot'
      : form.isFreeText
        ? this.#desk.book.intentOf(said)
        : (this.#desk.book.meaningOf(said, text.includes('?')) ?? this.#last(text, ASKED_LAST));
    if (intent === 'human' || intent === 'bye') {
      this.#form = undefined;
      return this.#desk.say(intent);
    }
    const called = this.#desk.calledForPersonIn(said);
    if (called) {
      this.#form = undefined;
      this.#desk.speak(called);
      return this.#desk.say('human');
    }
    if (intent === 'wait') return this.#desk.say('wait');
    // "Forget it, I would rather renew a book."
    const other = form.isFreeText ? undefined : this.#formFor(this.#desk.book.withoutPoliteness(said));
    if (other && other.id !== form.spec.id) return this.#startForm(other, text);
    const chat = IN_PASSING.find((each) => each === intent);
    let step: FormStep = chat && (form.isFreeText || isDoubted) ? { kind: 'astray' } : form.turn(text, context);
    if (step.kind === 'astray') {
      const aside = chat ? this.#desk.say(chat).text : this.#aside(text, said);
      if (aside) return { text: `${aside} [pause 300] ${phrases.form.back} ${form.prompt}` };
      step = form.missed(context);
    }
    if (step.kind === 'ask') return { text: step.say };
    this.#form = undefined;
    if (step.kind === 'cancelled') return { text: phrases.form.cancelled };
    if (step.kind === 'stuck') {
      if (!this.#desk.canCall) return { text: phrases.form.stuckAlone };
      this.#desk.open = { kind: 'human' };
      return { text: phrases.form.stuck };
    }
    const values = form.said;
    this.#desk.lastText = fill(form.spec.done, values);
    return {
      text: '',
      finished: {
        form: form.spec,
        language: this.#desk.language,
        values: form.values,
        done: this.#desk.lastText,
        kept: phrases.form.failed,
        lost: phrases.form.lost,
      },
    };
  }

  /** A question in the middle of a form, if it is one that can be answered. */
  #aside(text: string, said: readonly string[]): string | undefined {
    const moment = readMoment(text, this.#desk.language, this.#desk.now, this.#desk.namedDays());
    const asked = this.#desk.book.withoutPoliteness(said);
    if (asked.length < 2) return undefined;
    const hours =
      this.#desk.book.has('opening', asked) || this.#desk.book.has('closing', asked)
        ? hoursReply(this.#desk, asked, tokens(moment.rest), moment)
        : undefined;
    if (hours) return hours.text;
    const relevant = this.#desk.topic && this.#desk.search.sentencesIn(this.#desk.topic, asked);
    if (relevant) return relevant;
    const [hit] = this.#desk.search.find(asked, this.#desk.topic);
    return hit && hit.sureness >= SURE + 0.1
      ? (this.#desk.search.sentencesIn(hit.topic, asked) ?? hit.topic.paragraphs[0])
      : undefined;
  }
}
