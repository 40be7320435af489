/**
 * Dates and times as a place's wall calendar shows them. In: an instant and a time zone. Out: plain dates and minutes of the day, free of any
 * zone, and the words for them.
 */
export interface CivilDate {
  year: number;
  /** 1 … 12 */
  month: number;
  day: number;
}

export interface CivilTime {
  date: CivilDate;
  /** Minutes since midnight. */
  minute: number;
}

/** What time it is there. */
export function civilTime(instant: Date, timeZone: string): CivilTime {
  const parts = new Intl.DateTimeFormat('en-GB', {
    ...{
      timeZone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    },
  }).formatToParts(instant);
  const value = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value);
  return {
    date: { year: value('year'), month: value('month'), day: value('day') },
    minute: value('hour') * 60 + value('minute'),
  };
}

export const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

/** Noon UTC of the day: a Date that any formatter in UTC shows as this day. */
const noonUtc = ({ year, month, day }: CivilDate): Date => new Date(Date.UTC(year, month - 1, day, 12));
const civilDate = (date: Date): CivilDate => ({
  year: date.getUTCFullYear(),
  month: date.getUTCMonth() + 1,
  day: date.getUTCDate(),
});
export const addDays = (date: CivilDate, days: number): CivilDate =>
  civilDate(new Date(noonUtc(date).getTime() + days * 86_400_000));
/** 0 Sunday … 6 Saturday. */
export const weekdayOf = (date: CivilDate): number => noonUtc(date).getUTCDay();
export const daysBetween = (from: CivilDate, to: CivilDate): number =>
  Math.round((noonUtc(to).getTime() - noonUtc(from).getTime()) / 86_400_000);
export const isSameDay = (a: CivilDate, b: CivilDate): boolean => daysBetween(a, b) === 0;

/** False for 30 February. */
export const isRealDate = (date: CivilDate): boolean => {
  const { month, day } = civilDate(noonUtc(date));
  return month === date.month && day === date.day;
};

export const weekdayName = (weekday: number, language: string): string =>
  format({ year: 2026, month: 11, day: 22 + weekday }, language, { weekday: 'long' });

/** "24 December" as the language writes it; with the year when it is another than today's. */
export function dateName(date: CivilDate, language: string, today: CivilDate): string {
  const name = format(date, language === 'en' ? 'en-GB' : language, {
    ...{ day: 'numeric', month: 'long' },
    ...(date.year === today.year || daysBetween(today, date) < 200 ? {} : { year: 'numeric' }),
  });
  // The first of a month is an ordinal in French and Italian.
  return language === 'fr' ? name.replace(/^1 /, '1er ') : language === 'it' ? name.replace(/^1 /, '1º ') : name;
}

const format = (date: CivilDate, language: string, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }).format(noonUtc(date));

/** The time of day as one reads it out. */
export function timeName(minuteOfDay: number, language: string): string {
  const minute = ((minuteOfDay % 1440) + 1440) % 1440;
  const hours = Math.floor(minute / 60);
  const minutes = minute % 60;
  const padded = String(minutes).padStart(2, '0');
  if (language === 'en') {
    if (minute === 720) return 'noon';
    if (minute === 0) return 'midnight';
    return `${hours % 12 === 0 ? 12 : hours % 12}${minutes === 0 ? '' : `:${padded}`} ${hours < 12 ? 'am' : 'pm'}`;
  }
  if (language === 'de') return `${hours}${minutes === 0 ? '' : `:${padded}`} Uhr`;
  if (language === 'fr') return `${hours} h${minutes === 0 ? '' : ` ${padded}`}`;
  if (language === 'it' && minutes === 0 && hours > 1) return String(hours);
  return `${hours}:${padded}`;
}

/** Easter Sunday in the Gregorian calendar (Meeus, Jones, Butcher). */
export function easter(year: number): CivilDate {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30;
  const e = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - d - (c % 4)) % 7;
  const f = d + e - 7 * Math.floor((a + 11 * d + 22 * e) / 451) + 114;
  return { year, month: Math.floor(f / 31), day: (f % 31) + 1 };
}
