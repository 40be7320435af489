/**
 * Answers about opening hours, in words. In: hours, what is asked and what time it is. Out: sentences in the language of the phrases; nothing is
 * said that the hours do not say.
 */
import {
  addDays,
  type CivilDate,
  type CivilTime,
  dateName,
  daysBetween,
  isSameDay,
  timeName,
  weekdayName,
  weekdayOf,
} from './civil-time.ts';
import type { Moment } from './moments.ts';
import { hoursOn, nextOpening, type OpeningHours, openAt, type Span } from './opening-hours.ts';
import type { HoursPhrases } from './phrase-book.ts';
import { fill, listed, sentenceCase } from './wording.ts';

interface HoursQuestion {
  hours: OpeningHours;
  /** As it is said: "the museum". */
  subject: string;
  moment: Pick<Moment, 'days' | 'minute' | 'isVague' | 'isNow'>;
  /** What is asked for: only when it closes, or whether and when it is open. */
  asks: 'closing' | 'whether';
}

export class HoursTalk {
  readonly #phrases: HoursPhrases;
  readonly #language: string;
  readonly #now: CivilTime;

  constructor(phrases: HoursPhrases, language: string, now: CivilTime) {
    this.#phrases = phrases;
    this.#language = language;
    this.#now = now;
  }

  answer({ hours, subject, moment, asks }: HoursQuestion): string {
    const { days, minute } = moment;
    if (minute !== undefined) {
      const date = days[0] ?? this.#now.date;
      return this.#atTime(hours, subject, date, likelyMinute(hours, date, minute, moment.isVague));
    }
    if (days.length > 0) return days.map((date) => this.#onDay(hours, subject, date, asks)).join(' ');
    if (moment.isNow) return this.#isOpenNow(hours, subject);
    if (asks === 'closing') return this.#closesToday(hours, subject);
    return `${this.#isOpenNow(hours, subject, false)} ${this.#week(hours, subject)}`.trim();
  }

  /** "on Sunday", "tomorrow", "on Thursday, 24 December". */
  day(date: CivilDate): string {
    const ahead = daysBetween(this.#now.date, date);
    if (ahead === 0) return this.#phrases.today;
    if (ahead === 1) return this.#phrases.tomorrow;
    return ahead > 1 && ahead < 7 ? this.#say('onDay', { weekday: this.#weekday(date) }) : this.date(date);
  }

  /** "on Sunday, 29 November". */
  date(date: CivilDate): string {
    return this.#say('onDate', { weekday: this.#weekday(date), date: dateName(date, this.#language, this.#now.date) });
  }

  #weekday = (date: CivilDate): string => weekdayName(weekdayOf(date), this.#language);
  #say = (key: keyof HoursPhrases, values: Record<string, string>): string => fill(this.#phrases[key], values);
  #time = (minute: number): string => timeName(minute, this.#language);

  #sentence(key: keyof HoursPhrases, values: Record<string, string>): string {
    return sentenceCase(this.#say(key, values));
  }

  #spans(spans: readonly Span[]): string {
    return listed(
      spans.map((span) => this.#say('span', { from: this.#time(span.fromMin), to: this.#time(span.toMin) })),
      this.#language,
    );
  }

  #isOpenNow(hours: OpeningHours, subject: string, isAnswer = true): string {
    const span = openAt(hours, this.#now);
    const until = span ? this.#time(span.toMin) : '';
    if (span) return this.#sentence(isAnswer ? 'openNow' : 'closes', { subject, until, day: this.#phrases.today });
    return `${this.#sentence('closedNow', { subject })} ${this.#opensNext(hours, this.#now)}`.trim();
  }

  #opensNext(hours: OpeningHours, after: CivilTime): string {
    const next = nextOpening(hours, after);
    return next ? this.#sentence('opensNext', { day: this.day(next.date), time: this.#time(next.span.fromMin) }) : '';
  }

  #closesToday(hours: OpeningHours, subject: string): string {
    const span =
      openAt(hours, this.#now) ?? hoursOn(hours, this.#now.date).spans.find((each) => each.fromMin > this.#now.minute);
    if (!span) return this.#isOpenNow(hours, subject);
    return this.#sentence('closes', { day: this.#phrases.today, subject, until: this.#time(span.toMin) });
  }

  #onDay(hours: OpeningHours, subject: string, date: CivilDate, asks: HoursQuestion['asks']): string {
    const { spans, special } = hoursOn(hours, date);
    const day = this.day(date);
    const holiday = special?.names[this.#language]?.[0];
    const last = spans.at(-1);
    if (!last) {
      const closed = holiday
        ? this.#sentence('closedHoliday', { day, holiday, subject })
        : this.#sentence('closed', { day, subject });
      return `${closed} ${this.#opensNext(hours, { date: addDays(date, 1), minute: -1 })}`.trim();
    }
    if (isSameDay(date, this.#now.date) && this.#now.minute >= last.toMin) return this.#isOpenNow(hours, subject);
    if (asks === 'closing') return this.#sentence('closes', { day, subject, until: this.#time(last.toMin) });
    const values = { day, subject, spans: this.#spans(spans) };
    return holiday ? this.#sentence('openHoliday', { ...values, holiday }) : this.#sentence('open', values);
  }

  #atTime(hours: OpeningHours, subject: string, date: CivilDate, minute: number): string {
    const { spans } = hoursOn(hours, date);
    if (spans.length === 0) return this.#onDay(hours, subject, date, 'whether');
    const values = { day: this.day(date), time: this.#time(minute), subject };
    const span = openAt(hours, { date, minute });
    if (span) return this.#sentence('openThen', { ...values, until: this.#time(span.toMin) });
    return `${this.#sentence('closedThen', values)} ${this.#sentence('thatDay', { spans: this.#spans(spans) })}`;
  }

  /** "Tuesday to Sunday from 10 am to 6 pm and Thursday from 10 am to 9 pm", from Monday on; equal days in a row as one. */
  #week(hours: OpeningHours, subject: string): string {
    const groups: { days: number[]; spans: readonly Span[] }[] = [];
    const closed: string[] = [];
    for (const weekday of [1, 2, 3, 4, 5, 6, 0]) {
      const spans = hours.week[weekday] ?? [];
      const last = groups.at(-1);
      if (spans.length === 0) closed.push(weekdayName(weekday, this.#language));
      else if (last && JSON.stringify(last.spans) === JSON.stringify(spans) && follows(last.days.at(-1)!, weekday))
        last.days.push(weekday);
      else groups.push({ days: [weekday], spans });
    }
    if (groups.length === 0) return '';
    const list = groups.map(({ days, spans }) =>
      this.#say('weekItem', { days: this.#dayRange(days), spans: this.#spans(spans) }),
    );
    const open = this.#sentence('week', { subject, list: listed(list, this.#language) });
    return closed.length === 0
      ? open
      : `${open} ${this.#sentence('closedDays', { days: listed(closed, this.#language) })}`;
  }

  #dayRange(days: readonly number[]): string {
    const names = days.map((weekday) => weekdayName(weekday, this.#language));
    if (names.length < 3) return listed(names, this.#language);
    return this.#say('dayRange', { from: names[0]!, to: names.at(-1)! });
  }
}

const follows = (before: number, weekday: number): boolean => (before + 1) % 7 === weekday;

/** "At seven" is in the evening where it is not open in the morning, or where nobody would come. */
export function likelyMinute(
  hours: OpeningHours | undefined,
  date: CivilDate,
  minute: number,
  isVague: boolean,
): number {
  if (!isVague || minute >= 720 + 60) return minute;
  const later = minute >= 720 ? minute : minute + 720;
  if (hours && openAt(hours, { date, minute })) return minute;
  if (hours && openAt(hours, { date, minute: later })) return later;
  return minute < 8 * 60 ? later : minute;
}
