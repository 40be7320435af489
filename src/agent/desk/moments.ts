/**
 * Days and times of day in what somebody says. In: the words, their language, and what time it is. Out: the days meant, the time of day, and
 * what is left of the words. Own rules for what is said at a desk (weekdays, "domani alle sette e mezza"), chrono for the rest.
 */
import * as chrono from 'chrono-node';
import {
  addDays,
  type CivilDate,
  type CivilTime,
  daysBetween,
  isRealDate,
  weekdayName,
  weekdayOf,
} from './civil-time.ts';
import { MOMENT_WORDS, type MomentWords, ONE_O_CLOCK } from './moment-words.ts';
import { withDigits } from './spoken-numbers.ts';
import { fold, isAlike } from './wording.ts';

export interface Moment {
  /** The days meant, in order; none where no day is named. */
  days: CivilDate[];
  minute?: number;
  /** The time may be twelve hours later: "at seven". */
  isVague: boolean;
  isNow: boolean;
  /** The folded words without those of the moment. */
  rest: string;
}

/** A day with a name: Christmas Day. */
export interface NamedDay {
  /** Folded. */
  name: string;
  date: CivilDate;
}

const MAX_DAYS = 7;

/** @param named days that have a name here. */
export function readMoment(text: string, language: string, now: CivilTime, named: readonly NamedDay[] = []): Moment {
  const words = MOMENT_WORDS[language];
  const one = ONE_O_CLOCK[language];
  let rest = fold(text);
  if (one) rest = rest.replace(one[0], one[1]);
  // "3pm" is two words.
  rest = rest.replace(/(\d)(?=[ap]\.?m\b)/g, '$1 ');
  rest = ` ${withDigits(rest, language).replace(/\s+/g, ' ').trim()} `;
  const days: CivilDate[] = [];
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const match = pattern.exec(rest);
    if (match) rest = `${rest.slice(0, match.index)} ${rest.slice(match.index + match[0].length)}`;
    return match;
  };
  const isMorning = words?.morning.test(rest) ?? false;
  const isEvening = words?.evening.test(rest) ?? false;
  for (const { name, date } of [...named].sort((a, b) => b.name.length - a.name.length)) {
    if (name === '' || !rest.includes(` ${name}`)) continue;
    rest = rest.replace(name, ' ');
    days.push(date);
  }
  takeNumericDates(take, days, now.date, language);
  takeMonthDates(take, days, now.date, language);
  if (words) {
    for (const [pattern, ahead] of words.relative) if (take(pattern)) days.push(addDays(now.date, ahead));
    if (take(words.weekend)) days.push(...weekend(now.date));
  }
  rest = takeWeekdays(rest, days, now.date, language, words?.next.test(rest) ?? false);
  const isNow = words !== undefined && take(words.now) !== null;
  if (days.length === 0 && !isNow) {
    const found = byChrono(text, language, now);
    if (found) {
      days.push(found.date);
      rest = rest.replace(withDigits(fold(found.text), language), ' ');
    }
  }
  const clock = words ? takeClock(take, words) : undefined;
  let minute = clock?.minute;
  let isVague = clock?.isVague ?? false;
  if (minute !== undefined && isVague && (isMorning || isEvening)) {
    isVague = false;
    if (isEvening && minute < 720) minute += 720;
  }
  if (words && (minute !== undefined || days.length > 0)) {
    take(words.morning);
    take(words.evening);
  }
  if (words && (minute !== undefined || days.length > 0 || isNow)) rest = rest.replace(words.around, ' ');
  days.sort((a, b) => daysBetween(b, a));
  return {
    days: days.filter((day, i) => i === 0 || daysBetween(days[i - 1]!, day) !== 0).slice(0, MAX_DAYS),
    ...(minute === undefined ? {} : { minute }),
    isVague,
    isNow,
    rest: rest.replace(/\s+/g, ' ').trim(),
  };
}

type Take = (pattern: RegExp) => RegExpExecArray | null;

function takeClock(take: Take, words: MomentWords): { minute: number; isVague: boolean } | undefined {
  if (take(words.noon)) return { minute: 720, isVague: false };
  if (take(words.midnight)) return { minute: 1440, isVague: false };
  for (const pattern of words.clock) {
    const match = take(pattern);
    const groups = match?.groups;
    if (!groups) continue;
    const hour = Number(groups.h);
    const minutes = Number(groups.m ?? groups.m2 ?? 0);
    if (hour > 24 || minutes > 59) continue;
    const shift = groups.half ? 30 : groups.quarter ? 15 : groups.to || groups.to3 ? -15 : groups.before ? -30 : 0;
    return { minute: hour * 60 + minutes + shift, isVague: hour >= 1 && hour <= 12 && !groups.h!.startsWith('0') };
  }
  return undefined;
}

/** 24.12.2026, 24/12, 2026-12-24; month first only where it cannot be otherwise. */
function takeNumericDates(take: Take, days: CivilDate[], today: CivilDate, language: string): void {
  const iso = take(/\b(?<y>\d{4})-(?<mo>\d{1,2})-(?<d>\d{1,2})\b/);
  const dotted = iso ?? take(/\b(?<d>\d{1,2})\. ?(?<mo>\d{1,2})\.(?: ?(?<y>\d{4}|\d{2})\b)?/);
  const match = dotted ?? take(/\b(?<d>\d{1,2})\/(?<mo>\d{1,2})(?:\/(?<y>\d{4}|\d{2}))?\b/);
  if (!match?.groups) return;
  let [day, month] = [Number(match.groups.d), Number(match.groups.mo)];
  if (month > 12 && day <= 12 && language === 'en') [day, month] = [month, day];
  const year = match.groups.y === undefined ? undefined : Number(match.groups.y.padStart(4, '20'));
  pushDate(days, day, month, year, today);
}

const monthDates = new Map<string, readonly RegExp[]>();

/** Day before month and month before day, months in groups m1 … m12. */
function monthDatesOf(language: string): readonly RegExp[] {
  let patterns = monthDates.get(language);
  if (!patterns) {
    const format = new Intl.DateTimeFormat(language, { month: 'long', timeZone: 'UTC' });
    const names = Array.from({ length: 12 }, (_, i) => fold(format.format(new Date(Date.UTC(2026, i, 15)))));
    const months = names.map((name, i) => `(?<m${i + 1}>${name})`).join('|');
    const day = '(?<d>\\d{1,2})(?:st|nd|rd|th|er|\\.|º|°)?';
    patterns = [
      new RegExp(`\\b${day} (?:of |de |di )?(?:${months})\\b(?: (?:de |del )?(?<y>20\\d{2})\\b)?`),
      new RegExp(`\\b(?:${months}) (?:the )?${day}(?![\\d:])(?:,? (?<y>20\\d{2})\\b)?`),
    ];
    monthDates.set(language, patterns);
  }
  return patterns;
}

/** "3 maggio", "3rd of May", "May 3". */
function takeMonthDates(take: Take, days: CivilDate[], today: CivilDate, language: string): void {
  for (let i = 0; i < 3; i++) {
    const match = monthDatesOf(language).reduce<RegExpExecArray | null>(
      (found, pattern) => found ?? take(pattern),
      null,
    );
    if (!match?.groups) return;
    const month = Number(
      Object.keys(match.groups)
        .find((key) => /^m\d/.test(key) && match.groups?.[key])
        ?.slice(1),
    );
    pushDate(
      days,
      Number(match.groups.d),
      month,
      match.groups.y === undefined ? undefined : Number(match.groups.y),
      today,
    );
  }
}

function pushDate(days: CivilDate[], day: number, month: number, year: number | undefined, today: CivilDate): void {
  const date = { year: year ?? today.year, month, day };
  if (!isRealDate(date)) return;
  days.push(year === undefined && daysBetween(today, date) < 0 ? { ...date, year: today.year + 1 } : date);
}

/** @returns the rest without the weekdays. */
function takeWeekdays(rest: string, days: CivilDate[], today: CivilDate, language: string, isNext: boolean): string {
  const names = Array.from({ length: 7 }, (_, weekday) => fold(weekdayName(weekday, language)));
  return rest
    .split(' ')
    .filter((word) => {
      // Sundays, sonntags, domeniche: the plural is one letter more or another.
      const bare = word.replace(/[^\p{L}]/gu, '');
      const weekday = names.findIndex(
        (name) => bare === name || (name.length > 5 && bare.length > 5 && isAlike(bare, name)) || bare === `${name}s`,
      );
      if (weekday < 0) return true;
      const ahead = (weekday - weekdayOf(today) + 7) % 7;
      days.push(addDays(today, ahead === 0 && isNext ? 7 : ahead));
      return false;
    })
    .join(' ');
}

function weekend(today: CivilDate): CivilDate[] {
  if (weekdayOf(today) === 0) return [today];
  const saturday = addDays(today, 6 - weekdayOf(today));
  return [saturday, addDays(saturday, 1)];
}

/** "In two weeks", "nächste Woche": what the rules above do not know. */
function byChrono(text: string, language: string, now: CivilTime): { date: CivilDate; text: string } | undefined {
  const parser = {
    en: chrono.en,
    de: chrono.de,
    it: chrono.it,
    es: chrono.es,
    fr: chrono.fr,
    pt: chrono.pt,
    nl: chrono.nl,
  }[language];
  if (!parser) return undefined;
  const { year, month, day } = now.date;
  // The wall clock as if it were UTC: chrono then reckons in the place's own days.
  const instant = new Date(Date.UTC(year, month - 1, day, 0, now.minute));
  for (const { start, text: found } of parser.parse(
    text.slice(0, 300),
    { instant, timezone: 0 },
    { forwardDate: true },
  )) {
    // A single word that the rules above passed by is no day ("guten Morgen").
    if (
      !/\p{L}.* /u.test(found) ||
      !(start.isCertain('day') || start.isCertain('weekday') || start.get('weekday') !== null)
    )
      continue;
    return { date: { year: start.get('year')!, month: start.get('month')!, day: start.get('day')! }, text: found };
  }
  return undefined;
}
