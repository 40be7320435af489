/**
 * Answers in an emergency: what to do comes first, then what the place's Markdown says about it, then who takes over. In: what is the matter.
 * Out: the answer, without a question back, an offer or a guess.
 */
import { withoutStageDirections } from '../stage-directions.ts';
import type { DeskContext, DeskReply } from './desk-context.ts';
import type { Topic } from './markdown-topics.ts';
import { EMERGENCY_TOPICS, type Emergency, type Matter } from './safety-rules.ts';
import { agreement, fill, listed, tokens } from './wording.ts';

/** As alike as two names of one thing are. */
const SAME = 0.85;
/** Answers to a question: nobody is in danger yet. */
const CALM: ReadonlySet<Emergency> = new Set(['exit', 'help']);
/** By time zone, where another number than 1 1 2 is dialled. */
const NUMBERS: readonly (readonly [RegExp, string])[] = [
  [/^(America|Pacific\/Honolulu|US|Canada)\b/, '911'],
  [/^Europe\/(London|Belfast|Jersey|Guernsey|Isle_of_Man)$/, '999'],
  [/^Australia\//, '000'],
  [/^Pacific\/Auckland$/, '111'],
];
const ELSEWHERE = '112';

/** What is the matter, and the language in which it was said: a call for help counts in any. */
export function matterIn(desk: DeskContext, said: readonly string[]): { matter: Matter; language: string } | undefined {
  const languages = [desk.language, ...[...desk.knowledge.languages.keys()].filter((each) => each !== desk.language)];
  for (const language of languages) {
    const { safety } = desk.knowledge.languages.get(language)!.phrases;
    const matter = safety?.matterOf(said, language === desk.language);
    if (matter) return { matter, language };
  }
  return undefined;
}

/** Whether somebody is in danger now: who only asks for the way out, for help or who is speaking, is not. */
export function dangerIn(
  desk: DeskContext,
  said: readonly string[],
): { matter: Emergency; language: string } | undefined {
  const found = matterIn(desk, said);
  if (!found || found.matter === 'identity' || CALM.has(found.matter)) return undefined;
  return { matter: found.matter, language: found.language };
}

export function emergencyReply(desk: DeskContext, matter: Emergency): DeskReply {
  const { safety } = desk.book.phrases;
  if (!safety) return desk.say('human');
  const told = new Map(EMERGENCY_TOPICS.map((name) => [name, topicNamed(desk, safety.topics[name])]));
  const textOf = (topic: Topic | undefined) => withoutStageDirections(topic?.paragraphs[0] ?? '');
  const isKnown = matter !== 'exit' || told.get('exit') !== undefined;
  desk.topic = told.get(matter === 'missing' || matter === 'assist' ? matter : matter === 'exit' ? 'exit' : 'staff');
  return {
    text: fill(safety.says[isKnown ? matter : 'exitUnknown'], {
      ...Object.fromEntries([...told].map(([name, topic]) => [name, textOf(topic)])),
      number: emergencyNumber(desk),
      takesOver: CALM.has(matter) ? '' : desk.canCall ? desk.line('human') : safety.says.alone,
      topics: listed(desk.here.offered, desk.language),
    }),
  };
}

/** The topic that has one of these names, as its heading or as a way to ask for it. */
function topicNamed(desk: DeskContext, names: readonly string[]): Topic | undefined {
  const wanted = names.map(tokens);
  return desk.here.topics.find(
    (topic) =>
      topic.paragraphs.length > 0 &&
      [topic.title, ...topic.asked].some((name) =>
        wanted.some((each) => agreement(tokens(name), each, desk.language) >= SAME),
      ),
  );
}

/** As it is spoken: digit by digit. */
function emergencyNumber({ knowledge, settings }: DeskContext): string {
  const number =
    knowledge.place.emergencyNumber ?? NUMBERS.find(([zone]) => zone.test(settings.timeZone))?.[1] ?? ELSEWHERE;
  return number.replaceAll(' ', '').split('').join(' ');
}
