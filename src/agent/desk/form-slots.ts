/**
 * What somebody answers to a form's question. In: the words, the slot and what is known of time and place. Out: the value for the record and how
 * it is said back; or what is wrong with it; or nothing where the words hold no such value.
 */
import { addDays, type CivilDate, type CivilTime, daysBetween, timeName } from './civil-time.ts';
import { COMMON_WORDS } from './common-words.ts';
import type { Slot } from './form-spec.ts';
import { type HoursTalk, likelyMinute } from './hours-talk.ts';
import { type NamedDay, readMoment } from './moments.ts';
import { hoursOn, type OpeningHours } from './opening-hours.ts';
import type { PhraseBook } from './phrase-book.ts';
import { withDigits } from './spoken-numbers.ts';
import { fill, findPhrase, fold, isFunctionWord, sentenceCase, tokens } from './wording.ts';

export interface Given {
  /** For the record: a date as 2026-11-29, a time as 19:30, digits without spaces. */
  value: string | number;
  /** As it is read back. */
  said: string;
}

type SlotReading = { given: Given } | { problem: string } | undefined;

export interface SlotContext {
  language: string;
  now: CivilTime;
  namedDays: readonly NamedDay[];
  book: PhraseBook;
  talk: HoursTalk;
  /** Of the place itself. */
  hours: OpeningHours | undefined;
  subject: string;
  /** The day already given, for a time. */
  day?: CivilDate;
}

const MAX_TEXT_CHARS = 300;
const MAX_NAME_CHARS = 100;

/** @param isAnswer the words answer the slot's question; otherwise only what cannot be anything else counts. */
export function readSlot(slot: Slot, text: string, isAnswer: boolean, context: SlotContext): SlotReading {
  const moment = () => readMoment(text, context.language, context.now, context.namedDays);
  switch (slot.kind) {
    case 'date': {
      const [date] = moment().days;
      return date ? checkedDate(slot, date, context) : undefined;
    }
    case 'time': {
      const { minute, isVague } = moment();
      // A bare number is a time only where a time was asked for.
      const bare =
        minute === undefined && isAnswer
          ? /^\D*(\d{1,2})(?:[ :.](\d{2}))?\D*$/.exec(withDigits(fold(text), context.language))
          : null;
      const found = minute ?? (bare && Number(bare[1]) < 24 ? Number(bare[1]) * 60 + Number(bare[2] ?? 0) : undefined);
      if (found === undefined) return undefined;
      const at =
        likelyMinute(
          context.hours,
          context.day ?? context.now.date,
          found,
          isVague || (bare !== null && found <= 720),
        ) % 1440;
      return { given: { value: clock(at), said: timeName(at, context.language) } };
    }
    case 'number': {
      // "At three" is no count; "about three" may be.
      const at = AT_SO_MUCH[context.language]?.exec(withDigits(fold(text), context.language));
      if (at) return readSlot(slot, withDigits(fold(text), context.language).replace(at[0], ' '), isAnswer, context);
      const { rest, days, minute, isVague } = moment();
      // "At 3 pm" is no count, even where one was asked for; "about four" is.
      const hasMoment = days.length > 0 || (minute !== undefined && !isVague);
      return (
        // "Four of us": with its unit it is nothing else.
        readNumber(slot, text, false, context) ??
        readNumber(slot, isAnswer && !hasMoment ? text : rest, isAnswer, context) ??
        readParty(slot, text, rest, context)
      );
    }
    case 'name':
      return readName(text, isAnswer, context);
    case 'code':
      return isAnswer ? readCode(slot, text, context.language) : undefined;
    case 'email':
      return readEmail(text, context);
    case 'phone':
      return readPhone(text, context);
    case 'contact':
      return readEmail(text, context) ?? readPhone(text, context);
    case 'choice': {
      const { minute, isVague, days, rest } = moment();
      // "The first of December" is no "the first one"; "on Saturday afternoon" is the afternoon's.
      const left = tokens(rest);
      const isOrdinal = (word: string) => context.book.isPartOf('first', word) || context.book.isPartOf('second', word);
      const said = tokens(text).filter((word) => days.length === 0 || left.includes(word) || !isOrdinal(word));
      // A time of day is one of the options' times, or none of them.
      const isThen = (phrase: string) => {
        const at = readMoment(phrase, context.language, context.now).minute;
        return at !== undefined && minute !== undefined && (at === minute || (isVague && at === minute + 720));
      };
      // "For three people" is no answer to a question about three o'clock that nobody has asked yet.
      const counts = (phrase: string) =>
        (isAnswer && minute === undefined) || !/\d/.test(withDigits(fold(phrase), context.language));
      const options = Object.entries(slot.options);
      const found =
        options.find(([value, phrases]) => [value, ...phrases].some(isThen)) ??
        options.find(([, phrases]) => phrases.some((phrase) => counts(phrase) && findPhrase(said, tokens(phrase))));
      return found ? { given: { value: found[0], said: found[1][0] ?? found[0] } } : undefined;
    }
    case 'text': {
      const plain = harmless(text).slice(0, MAX_TEXT_CHARS);
      return isAnswer && /\p{L}|\p{N}/u.test(plain) ? { given: { value: plain, said: plain } } : undefined;
    }
  }
}

/** Nothing that could be read as a stage direction, as markup or as a placeholder. */
const harmless = (text: string): string =>
  text
    .replace(/[[\]<>{}\p{Cc}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

function checkedDate(slot: Extract<Slot, { kind: 'date' }>, said: CivilDate, context: SlotContext): SlotReading {
  const { form } = context.book.phrases;
  const ahead = daysBetween(context.now.date, said);
  // A weekday is the last one where something has happened.
  const date = slot.when === 'past' && ahead > 0 && ahead < 7 ? addDays(said, -7) : said;
  if (slot.when === 'future' && ahead < 0) return { problem: form.past };
  if (slot.when === 'past' && ahead >= 7) return { problem: form.notYet };
  if (slot.open && context.hours && hoursOn(context.hours, date).spans.length === 0)
    return { problem: sentenceCase(fill(form.closed, { day: context.talk.date(date), subject: context.subject })) };
  const value = `${date.year}-${String(date.month).padStart(2, '0')}-${String(date.day).padStart(2, '0')}`;
  return { given: { value, said: context.talk.date(date) } };
}

/** A number that is the time of something. */
const AT_SO_MUCH: Readonly<Record<string, RegExp>> = {
  en: /\bat \d{1,2}\b|\b\d{1,2} o'? ?clock\b/,
  de: /\b(?:um|gegen|ab) \d{1,2}\b|\b\d{1,2} uhr\b/,
  it: /\b(?:alle|ore) \d{1,2}\b/,
  es: /\ba las? \d{1,2}\b|\b\d{1,2} horas\b/,
  fr: /\b\d{1,2} ?(?:h|heures?)\b/,
};

const ONE = new Set(['one', 'ein', 'eine', 'einen', 'einer', 'eins', 'un', 'uno', 'una', 'une']);

/** Several with a unit are added up: "two adults and three children". */
function readNumber(
  slot: Extract<Slot, { kind: 'number' }>,
  text: string,
  isAnswer: boolean,
  context: SlotContext,
): SlotReading {
  const said = tokens(withDigits(fold(text), context.language));
  const units = slot.unit.map((unit) => tokens(unit).join(' '));
  let sum: number | undefined;
  let first: number | undefined;
  for (const [i, word] of said.entries()) {
    const number = /^\d{1,6}$/.test(word) ? Number(word) : isAnswer && ONE.has(word) ? 1 : undefined;
    if (number === undefined) continue;
    first ??= number;
    if (
      units.some((unit) =>
        said
          .slice(i + 1, i + 4)
          .join(' ')
          .startsWith(unit),
      )
    )
      sum = (sum ?? 0) + number;
  }
  const value = sum ?? (isAnswer ? first : undefined);
  if (value === undefined) return undefined;
  if (value < slot.min || value > slot.max)
    return { problem: fill(context.book.phrases.form.range, { min: String(slot.min), max: String(slot.max) }) };
  return {
    given: {
      value,
      said: fill((value === 1 ? slot.said?.one : slot.said?.other) ?? '{number}', { number: String(value) }),
    },
  };
}

const FOR_SO_MANY =
  /\b(?:for|we are|fur|wir sind|zu|per|siamo(?: in)?|para|somos|pour|nous sommes|on est) (\d{1,3})\b(?! ?(?:euros?|hours?|minutes?|days?|stunden?|minuten|tage?|or[ae]|minuti|giorni|horas?|minutos|dias|heures?|jours?)\b)/;

/** "A tour for three": a count that has no unit and is no date and no time. */
function readParty(
  slot: Extract<Slot, { kind: 'number' }>,
  text: string,
  rest: string,
  context: SlotContext,
): SlotReading {
  const count = FOR_SO_MANY.exec(withDigits(fold(text), context.language))?.[1];
  if (slot.unit.length === 0 || count === undefined || !tokens(rest).includes(count)) return undefined;
  return readNumber(slot, count, true, context);
}

const PARTICLES = new Set([
  'von',
  'van',
  'der',
  'den',
  'de',
  'del',
  'di',
  'da',
  'la',
  'le',
  'zu',
  'zur',
  'du',
  'dos',
  'y',
  'e',
]);

function readName(text: string, isAnswer: boolean, context: SlotContext): SlotReading {
  const { book, language } = context;
  const plain = harmless(text).replace(/[‘’]/g, "'");
  // In "for four people, my name is Tom", "for" introduces nobody: the longest counts.
  const introduced = book.phrases.heard.nameIs
    .toSorted((a, b) => b.length - a.length)
    .map((phrase) => phrase.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .map((phrase) => new RegExp(`(?:^|\\s)${phrase}[\\s:]+([^,;!?]+)`, 'iu').exec(plain))
    .find((found) => found !== null);
  if (!isAnswer && !(introduced && introduced[0].length > introduced[1]!.length + 6)) return undefined;
  const name = (introduced?.[1] ?? plain).replace(/[.,!?;:]+/g, ' ').trim();
  if (/\d|@/.test(name) || name.length > MAX_NAME_CHARS) return undefined;
  // "I am coming on Friday" is no name.
  if (readMoment(name, language, context.now, context.namedDays).days.length > 0) return undefined;
  const words = joinSpelling(name.split(/\s+/));
  const known = words.filter((word) => isFunctionWord(fold(word), language) && !PARTICLES.has(fold(word)));
  // "Near the café" is a place; somebody may be called Best.
  const common = known.length === 0 ? [] : words.filter((word) => COMMON_WORDS[language]?.includes(word));
  if (words.length === 0 || words.length > 5 || (known.length + common.length) * 2 >= words.length) return undefined;
  if (!words.every((word) => /^[\p{L}'-]+$/u.test(word)) || words.every((word) => word.length < 2)) return undefined;
  const written = words.map((word, i) => capital(word, i)).join(' ');
  return { given: { value: written, said: written } };
}

const capital = (word: string, i: number): string =>
  word !== word.toLowerCase() || (i > 0 && PARTICLES.has(word))
    ? word
    : word.replace(/(^|[-'])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase());

/** "Rossi R O S S I" → "Rossi": letters said one by one are the spelling of the word before, or the word itself. */
function joinSpelling(words: readonly string[]): string[] {
  const result: string[] = [];
  let spelled = '';
  const close = () => {
    if (spelled.length < 3) result.push(...spelled);
    else {
      const last = result.at(-1);
      const word = spelled[0]!.toUpperCase() + spelled.slice(1).toLowerCase();
      // The spelling puts right what was understood.
      if (last && fold(last)[0] === fold(word)[0]) result.pop();
      result.push(word);
    }
    spelled = '';
  };
  for (const word of words) {
    if (/^\p{L}$/u.test(word)) spelled += word;
    else {
      close();
      result.push(word);
    }
  }
  close();
  return result;
}

/** The longest run of digits, single letters and mixtures of both. */
function readCode(slot: Extract<Slot, { kind: 'code' }>, text: string, language: string): SlotReading {
  let best = '';
  let run = '';
  for (const word of [...tokens(withDigits(fold(text), language)), '']) {
    if (/^(\p{L}|\p{N}+|(?=.*\p{N})[\p{L}\p{N}]+)$/u.test(word)) run += word;
    else {
      if (/\d/.test(run) && run.length > best.length) best = run;
      run = '';
    }
  }
  if (best.length < slot.minLength || best.length > slot.maxLength) return undefined;
  const value = best.toUpperCase();
  return { given: { value, said: [...value].join(' ') } };
}

function readEmail(text: string, { book }: SlotContext): SlotReading {
  const { at, dot, dash, underscore } = book.phrases.heard.spell;
  let address = ` ${text.toLowerCase().replace(/[,;!?]/g, ' ')} `;
  for (const [names, mark] of [
    [at, '@'],
    [dot, '.'],
    [dash, '-'],
    [underscore, '_'],
  ] as const)
    for (const name of [...names].sort((a, b) => b.length - a.length))
      address = address.replaceAll(` ${name.toLowerCase()} `, mark === '.' || mark === '@' ? ` ${mark} ` : mark);
  address = address.replace(/ ?([@.]) ?/g, '$1').replace(/(?<=(?:^|[\s@.])[a-z0-9]) (?=[a-z0-9](?:[\s@.]|$))/g, '');
  const found = /[a-z0-9][\w.+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/.exec(
    address.normalize('NFKD').replace(/\p{M}/gu, ''),
  );
  return found ? { given: { value: found[0], said: found[0] } } : undefined;
}

function readPhone(text: string, { book, language }: SlotContext): SlotReading {
  let folded = ` ${fold(text)} `;
  for (const name of book.phrases.heard.spell.plus) folded = folded.replaceAll(` ${fold(name)} `, ' +');
  const found = /\+? ?\d[\d\s()./-]{4,}\d/.exec(withDigits(folded, language));
  const value = found?.[0].replace(/[^+\d]/g, '') ?? '';
  const digits = value.replace('+', '');
  if (digits.length < 6 || digits.length > 15) return undefined;
  const groups = digits.match(/\d{1,3}/g) ?? [];
  return {
    given: {
      value,
      said: (value.startsWith('+') ? '+ ' : '') + groups.map((group) => [...group].join(' ')).join(', '),
    },
  };
}
