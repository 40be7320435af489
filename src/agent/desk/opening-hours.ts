/**
 * When a place is open. In: a week of hours and the days that are different. Out: the hours of any day, whether it is open at a moment, and when
 * it opens next.
 */
import { addDays, type CivilDate, type CivilTime, daysBetween, easter, weekdayOf } from './civil-time.ts';

/** Minutes since midnight; `toMin` past 1440 is the next morning. */
export interface Span {
  fromMin: number;
  toMin: number;
}

export interface SpecialDay {
  /** The day's or the first day's date in that year; undefined when it is not in that year. */
  inYear(year: number): CivilDate | undefined;
  lengthDays: number;
  /** By language, the first is said; missing: the day has no name. */
  names: Readonly<Record<string, readonly string[]>>;
  spans: readonly Span[];
}

export interface OpeningHours {
  /** Sunday first. */
  week: readonly (readonly Span[])[];
  special: readonly SpecialDay[];
}

interface DayHours {
  spans: readonly Span[];
  special?: SpecialDay;
}

export function hoursOn(hours: OpeningHours, date: CivilDate): DayHours {
  const special = hours.special.find((day) => covers(day, date));
  return special ? { spans: special.spans, special } : { spans: hours.week[weekdayOf(date)] ?? [] };
}

/** A row of days may begin in the year before. */
function covers(day: SpecialDay, date: CivilDate): boolean {
  return [date.year, date.year - 1].some((year) => {
    const first = day.inYear(year);
    const since = first ? daysBetween(first, date) : -1;
    return since >= 0 && since < day.lengthDays;
  });
}

/** The next time the special day comes, today included. */
export function nextDate(day: SpecialDay, today: CivilDate): CivilDate | undefined {
  return [today.year, today.year + 1]
    .map((year) => day.inYear(year))
    .find((date) => date && daysBetween(today, date) > -day.lengthDays);
}

/** @returns the span that is open then; also one that began the evening before. */
export function openAt(hours: OpeningHours, { date, minute }: CivilTime): Span | undefined {
  const contains = (span: Span, at: number) => at >= span.fromMin && at < span.toMin;
  return (
    hoursOn(hours, date).spans.find((span) => contains(span, minute)) ??
    hoursOn(hours, addDays(date, -1)).spans.find((span) => contains(span, minute + 1440))
  );
}

interface NextOpening {
  date: CivilDate;
  span: Span;
}

/** @returns the first opening after the moment, within a year. */
export function nextOpening(hours: OpeningHours, { date, minute }: CivilTime): NextOpening | undefined {
  for (let ahead = 0; ahead <= 366; ahead++) {
    const day = addDays(date, ahead);
    const span = hoursOn(hours, day).spans.find((each) => ahead > 0 || each.fromMin > minute);
    if (span) return { date: day, span };
  }
  return undefined;
}

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];

/** @param text `monday`, `tuesday-friday`, `saturday, sunday`. @returns weekdays, 0 Sunday; undefined where a word is no day. */
export function parseWeekdays(text: string): number[] | undefined {
  const days: number[] = [];
  for (const part of text.toLowerCase().split(',')) {
    const ends = part.split('-').map((name) => DAYS.indexOf(name.trim()));
    const [from = -1, to = from] = ends;
    if (from < 0 || to < 0 || ends.length > 2) return undefined;
    for (let day = from; ; day = (day + 1) % 7) {
      days.push(day);
      if (day === to) break;
    }
  }
  return days;
}

/** @param text `closed`, `10:00-18:00`, `10-13, 15-19`. @returns undefined where it is neither. */
export function parseSpans(text: string): Span[] | undefined {
  if (text.trim().toLowerCase() === 'closed') return [];
  const spans: Span[] = [];
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?\s*$/.exec(part);
    if (!match) return undefined;
    const fromMin = Number(match[1]) * 60 + Number(match[2] ?? 0);
    const toMin = Number(match[3]) * 60 + Number(match[4] ?? 0);
    if (fromMin >= 1440 || toMin > 1440) return undefined;
    spans.push({ fromMin, toMin: toMin > fromMin ? toMin : toMin + 1440 });
  }
  return spans.sort((a, b) => a.fromMin - b.fromMin);
}

/** @param text `12-25`, `2026-12-24`, `12-24..01-06`, `easter`, `easter+1`. @returns undefined where it is none of these. */
export function parseDays(text: string): Pick<SpecialDay, 'inYear' | 'lengthDays'> | undefined {
  const moved = /^easter\s*(?:([+-])\s*(\d{1,2}))?$/.exec(text.trim());
  if (moved) {
    const days = Number(moved[2] ?? 0) * (moved[1] === '-' ? -1 : 1);
    return { inYear: (year) => addDays(easter(year), days), lengthDays: 1 };
  }
  const match = /^\s*(?:(\d{4})-)?(\d{2})-(\d{2})(?:\s*\.\.\s*(?:(\d{4})-)?(\d{2})-(\d{2}))?\s*$/.exec(text);
  if (!match) return undefined;
  const only = match[1] === undefined ? undefined : Number(match[1]);
  const [month, day] = [Number(match[2]), Number(match[3])];
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  const inYear = (year: number) => (only === undefined || only === year ? { year, month, day } : undefined);
  if (match[5] === undefined) return { inYear, lengthDays: 1 };
  // Any year that is no leap year measures a row of days; one that ends earlier in the year ends in the next.
  const first = { year: only ?? 2027, month, day };
  const last = { year: Number(match[4] ?? first.year), month: Number(match[5]), day: Number(match[6]) };
  const lengthDays = daysBetween(first, last) + 1;
  return { inYear, lengthDays: lengthDays > 0 ? lengthDays : daysBetween(first, { ...last, year: last.year + 1 }) + 1 };
}
