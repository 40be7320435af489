/** What is the same in every language: `place.yaml` with the names, the time zone, the opening hours and the days that are different. */
import { z } from 'zod';
import { isTimeZone } from './civil-time.ts';
import { type OpeningHours, parseDays, parseSpans, parseWeekdays, type SpecialDay } from './opening-hours.ts';
import { readYaml, type YamlSource } from './yaml-source.ts';

/** One text for all languages, or one each. */
const translated = z.union([z.string().min(1), z.record(z.string(), z.string().min(1))]);
const spans = z.string().transform((text, context) => {
  const parsed = parseSpans(text);
  if (!parsed) context.addIssue('write "closed" or hours such as "10:00-18:00" or "10-13, 15-19"');
  return parsed ?? [];
});
const week = z.record(z.string(), spans).transform((given, context) => {
  const result: OpeningHours['week'][number][] = Array.from({ length: 7 }, () => []);
  for (const [names, hours] of Object.entries(given)) {
    const days = parseWeekdays(names);
    if (!days) context.addIssue(`"${names}" names no weekdays; write "monday", "tuesday-friday" or "saturday, sunday"`);
    for (const day of days ?? []) result[day] = hours;
  }
  return result;
});
const specialDay = z
  .strictObject({
    on: z.string(),
    name: z.record(z.string(), z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])).default({}),
    hours: spans,
  })
  .transform(({ on, name, hours }, context): SpecialDay => {
    const days = parseDays(on);
    if (!days) context.addIssue(`"${on}" is no day; write 12-25, 2026-12-24, 12-24..01-06 or easter+1`);
    return {
      ...(days ?? { inYear: () => undefined, lengthDays: 1 }),
      spans: hours,
      names: Object.fromEntries(Object.entries(name).map(([language, names]) => [language, [names].flat()])),
    };
  });

const schema = z.strictObject({
  name: translated,
  /** What the face is called. */
  host: translated.optional(),
  /** Said to somebody who wants a person: "Anna will be with you in a moment. [hand off]". */
  handOff: translated.optional(),
  /** Dialled in an emergency; without it the one of the time zone. */
  emergencyNumber: z
    .string()
    .regex(/^\+?\d[\d ]{1,14}$/, 'digits such as "112", in quotation marks')
    .optional(),
  timeZone: z.string().refine(isTimeZone, 'a time zone such as Europe/Rome').optional(),
  /** The first is meant when nothing else is named. */
  hours: z
    .array(
      z.strictObject({
        /** How it is named; the first name is said, with its article: "the café". */
        names: z.record(z.string(), z.array(z.string().min(1)).min(1)),
        week,
        days: z.array(specialDay).default([]),
      }),
    )
    .default([]),
  /** Days that are different for everything. */
  days: z.array(specialDay).default([]),
});

export interface HoursSubject {
  /** By language; the first is said, with its article. */
  names: Readonly<Record<string, readonly string[]>>;
  hours: OpeningHours;
}

export interface Place {
  /** By language; `''` for all. */
  names: Readonly<Record<string, string>>;
  hosts: Readonly<Record<string, string>>;
  /** What is said to somebody who wants a person; without it that nobody can be called from here. */
  handOff: Readonly<Record<string, string>>;
  emergencyNumber: string | undefined;
  timeZone: string | undefined;
  subjects: readonly HoursSubject[];
}

export const NOWHERE: Place = {
  names: {},
  hosts: {},
  handOff: {},
  emergencyNumber: undefined,
  timeZone: undefined,
  subjects: [],
};

/** @throws AppError KNOWLEDGE_INVALID */
export function readPlace(source: YamlSource): Place {
  const { value } = readYaml(schema, source);
  return {
    names: byLanguage(value.name),
    hosts: byLanguage(value.host),
    handOff: byLanguage(value.handOff),
    emergencyNumber: value.emergencyNumber,
    timeZone: value.timeZone,
    subjects: value.hours.map((each) => ({
      names: each.names,
      hours: { week: each.week, special: [...each.days, ...value.days] },
    })),
  };
}

function byLanguage(text: string | Record<string, string> | undefined): Record<string, string> {
  return text === undefined ? {} : typeof text === 'string' ? { '': text } : text;
}

export const inLanguage = (texts: Readonly<Record<string, string>>, language: string): string | undefined =>
  texts[language] ?? texts[''] ?? texts.en;
