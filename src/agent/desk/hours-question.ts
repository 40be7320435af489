/**
 * Whether a question is about opening hours, and whose. In: the words that were asked, and the moment found in them. Out: the answer from the
 * calendar; nothing where the question is about something else.
 */
import type { DeskContext, DeskReply, HoursAsked } from './desk-context.ts';
import { HoursTalk } from './hours-talk.ts';
import type { Topic } from './markdown-topics.ts';
import type { Moment } from './moments.ts';
import type { HoursSubject } from './place.ts';
import { findPhrase, isFunctionWord, tokens } from './wording.ts';

/** What it takes for a question with "open" in it not to be about opening hours. */
const SURE_OF_ANOTHER = 0.65;

/** Common words around a day or an hour that is asked about. */
const MAX_OTHER_WORDS = 2;

export function hoursReply(
  desk: DeskContext,
  asked: readonly string[],
  words: readonly string[],
  moment: Moment,
): DeskReply | undefined {
  const { subjects } = desk.knowledge.place;
  const named = subjects.find((subject) => isNamed(desk, subject, asked));
  const isOpening = desk.book.has('opening', asked);
  const isClosing = desk.book.has('closing', asked);
  const isWhen = desk.book.has('when', asked);
  const hasMoment = moment.days.length > 0 || moment.minute !== undefined || moment.isNow;
  const others = words.filter(
    (word) =>
      !desk.search.saysLittle(word) && !isHoursWord(desk, word) && !(named && isNamed(desk, named, [word], true)),
  );
  // "Can I still come at five?" names nothing else; "we have got an hour, what is the best thing to do?" does not ask about hours.
  const isBare =
    others.length === 0 && words.filter((word) => !isFunctionWord(word, desk.language)).length <= MAX_OTHER_WORDS;
  // "Until when" alone may be asked of anything: of an exhibition, too.
  const isVague = !isOpening && !desk.book.hasBesides('closing', 'when', asked) && !named && others.length > 0;
  const isAsked = (isOpening || isClosing) && !isVague;
  // "And the café?" asks of another what was asked before.
  const before = named && !isAsked && !hasMoment && others.length === 0 ? desk.hoursBefore : undefined;
  if (named && before && desk.book.begins('followUp', asked)) return told(desk, named, before);
  if (!isAsked && !(hasMoment && isBare) && !(isWhen && named && others.length === 0)) return undefined;
  // "What's on at the moment?" asks what is on.
  const plain = desk.search.askedAs(words) ?? desk.search.askedAs(asked);
  if (plain && !isAboutHours(desk, plain)) return undefined;
  if (
    isAsked &&
    others.length > 0 &&
    desk.search
      .find(others, desk.topic)
      .some((hit) => hit.sureness >= SURE_OF_ANOTHER && !isAboutHours(desk, hit.topic))
  )
    return undefined;
  // "And on Sunday?" after something that has no hours of its own is about that.
  if (
    !isAsked &&
    !named &&
    desk.topic &&
    !desk.subject &&
    others.length === 0 &&
    moment.minute === undefined &&
    !moment.isNow
  ) {
    const relevant = desk.search.sentencesIn(desk.topic, asked);
    if (relevant) return { text: relevant };
  }
  // "When are you open?" is about the house, whatever was spoken of before; "and on Sunday?" is not.
  const isHouse = isAsked && desk.book.has('us', asked) && !desk.book.begins('followUp', asked);
  const subject = named ?? (isHouse ? undefined : desk.subject) ?? subjects[0];
  if (!subject) return undefined;
  return told(desk, subject, {
    moment,
    asks: isClosing && !isOpening && (isWhen || !hasMoment) ? 'closing' : 'whether',
  });
}

function told(desk: DeskContext, subject: HoursSubject, asked: HoursAsked): DeskReply {
  desk.subject = subject;
  desk.misses = 0;
  desk.hoursNow = asked;
  const talk = new HoursTalk(desk.book.phrases.hours, desk.language, desk.now);
  const name = subject.names[desk.language]?.[0] ?? Object.values(subject.names)[0]?.[0] ?? '';
  return { text: talk.answer({ hours: subject.hours, subject: name, ...asked }) };
}

function isHoursWord(desk: DeskContext, word: string): boolean {
  return (['opening', 'closing', 'when', 'followUp', 'filler', 'us'] as const).some((cue) =>
    desk.book.isPartOf(cue, word),
  );
}

/** A topic about the opening hours themselves is answered from the calendar. */
function isAboutHours(desk: DeskContext, topic: Topic): boolean {
  return desk.book.has('opening', tokens(topic.title));
}

/** @param isPart one word of the name is enough. */
export function isNamed(desk: DeskContext, subject: HoursSubject, said: readonly string[], isPart = false): boolean {
  return (subject.names[desk.language] ?? []).some((name) => {
    const words = tokens(name).filter((word) => !isFunctionWord(word, desk.language));
    return (
      words.length > 0 &&
      (isPart ? words.some((word) => findPhrase(said, [word])) : findPhrase(said, words) !== undefined)
    );
  });
}
