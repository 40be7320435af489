/**
 * Answers from the topics. In: the words that were asked. Out: what the knowledge says, in portions one listens to, with what belongs to it
 * offered; a question back where two topics are close; an honest "I do not know" where none is.
 */
import { detectLanguage } from '../language.ts';
import { withoutStageDirections } from '../stage-directions.ts';
import type { DeskContext, DeskReply } from './desk-context.ts';
import { readSlot } from './form-slots.ts';
import { isNamed } from './hours-question.ts';
import type { Topic } from './markdown-topics.ts';
import type { Intent } from './phrase-book.ts';
import { SURE } from './topic-search.ts';
import { agreement, findPhrase, isFunctionWord, listed, tokens } from './wording.ts';

/** What is said in one go before asking whether to go on. */
const BREATH_CHARS = 340;
/** From here on it is worth a try, said as one. */
const PERHAPS = 0.38;
const CLOSE_CALL = 0.08;
const CLOSE_RANK = 0.6;

export function topicReply(
  desk: DeskContext,
  asked: readonly string[],
  words: readonly string[],
  text: string,
): DeskReply {
  // "Is it wheelchair accessible?" says by itself what it asks, whatever "it" is; "how much is it?" does not.
  const content = asked.filter((word) => !isFunctionWord(word, desk.language));
  const plain = content.length >= 2 ? desk.search.askedAs(asked) : undefined;
  const isFollowUp = desk.topic !== undefined && !plain && desk.book.refersBack(asked);
  // "And for children?", and "how long does it take?", may be answered by what was spoken of already.
  const isOfIt = isFollowUp || (desk.book.has('ellipsis', asked) && desk.book.has('that', asked));
  const relevant = isOfIt && desk.topic ? desk.search.sentencesIn(desk.topic, words) : undefined;
  if (relevant) return { text: relevant };
  // "Is one hour enough?" asks so with its hour.
  const whole = desk.search.find(plain || words.length === 0 ? asked : words, desk.topic, isFollowUp);
  const isWhole = whole[0] !== undefined && whole[0].sureness >= SURE;
  const [first, second] = isWhole ? whole : (hitsOfPart(desk, text) ?? whole);
  if (!first || first.sureness < PERHAPS) {
    const near = desk.topic && desk.search.sentencesNear(desk.topic, asked);
    return near ? { text: near } : unknown(desk, asked, text);
  }
  desk.misses = 0;
  if (first.sureness < SURE) return { text: `${desk.line('perhaps')} ${tell(desk, first.topic).text}` };
  if (first.topic === desk.topic && desk.told.has(first.topic)) {
    const relevant = desk.search.sentencesIn(first.topic, asked);
    if (relevant) return { text: relevant };
  }
  const isClose =
    second &&
    second.sureness >= SURE &&
    first.sureness < 0.9 &&
    first.sureness - second.sureness < CLOSE_CALL &&
    second.rank >= CLOSE_RANK * first.rank;
  if (
    isClose &&
    !isFollowUp &&
    first.topic.parent !== second.topic &&
    second.topic.parent !== first.topic &&
    first.topic !== second.topic
  ) {
    const topics = [first.topic, second.topic];
    desk.open = { kind: 'which', topics };
    return desk.say('which', { choices: listed(titles(topics), desk.language, 'disjunction') });
  }
  return tell(desk, first.topic);
}

/** "My grandmother cannot walk well. Is there a lift?": where the whole says nothing, one part of it may. */
function hitsOfPart(desk: DeskContext, text: string): ReturnType<DeskContext['search']['find']> | undefined {
  const parts = text.split(/[.?!,;:]+\s+/).map((part) => desk.book.withoutPoliteness(tokens(part)));
  if (parts.length < 2) return undefined;
  const [best] = parts
    .filter((part) => part.length >= 2)
    .map((part) => desk.search.find(part, desk.topic))
    .sort((a, b) => (b[0]?.sureness ?? 0) - (a[0]?.sureness ?? 0));
  return best?.[0] && best[0].sureness >= SURE ? best : undefined;
}

/** @param isForm what was said asks for a form. */
export function chosen(
  desk: DeskContext,
  topics: readonly Topic[],
  said: readonly string[],
  intent: Intent | undefined,
  isForm: boolean,
): DeskReply | undefined {
  if (intent === 'no') return desk.say('noMore');
  const [first, second] = topics;
  // "Who painted it all?" chooses nothing.
  if (desk.book.has('both', said) && !desk.book.begins('asks', said))
    return { text: topics.map((topic) => tell(desk, topic).text).join(' ') };
  // "Sorry, first: where are the toilets?" chooses nothing either.
  const mayChoose = !desk.book.has('asks', said);
  if (mayChoose && desk.book.has('second', said) && second) return tell(desk, second);
  if (((mayChoose && desk.book.has('first', said)) || intent === 'yes') && first) return tell(desk, first);
  const likeness = topics.map((topic) =>
    Math.max(...[topic.title, ...topic.asked].map((name) => agreement(said, tokens(name), desk.language))),
  );
  const best = Math.max(...likeness);
  // What one is asked to choose from is not the only thing that one may say.
  const isOther = best < 0.9 && (isForm || desk.search.askedAs(said) !== undefined);
  return best >= 0.55 && !isOther ? tell(desk, topics[likeness.indexOf(best)]!) : undefined;
}

/** From where the caller stopped hearing; else further about the topic. */
export function goOn(desk: DeskContext, heard: string | undefined): DeskReply {
  const last = withoutStageDirections(desk.lastText);
  const part = heard?.trim() ?? '';
  if (part !== '' && part.length < last.length - 2 && last.startsWith(part)) {
    const cut = part.lastIndexOf('. ') + 1;
    return { text: last.slice(cut).trim() };
  }
  const child =
    desk.topic && [...desk.topic.children, ...(desk.topic.parent?.children ?? [])].find((each) => !desk.told.has(each));
  return child ? tell(desk, child) : desk.say('moreNothing');
}

export function tell(desk: DeskContext, topic: Topic): DeskReply {
  desk.topic = topic;
  desk.subject = desk.knowledge.place.subjects.find((subject) => isNamed(desk, subject, tokens(topic.title)));
  desk.told.add(topic);
  const children = topic.children.filter((child) => !desk.told.has(child));
  if (topic.paragraphs.length === 0 && children.length > 0) {
    desk.open = { kind: 'which', topics: children };
    return desk.say('which', {
      choices: listed(
        children.map((child) => child.titleWithin),
        desk.language,
        'disjunction',
      ),
    });
  }
  return speak(desk, topic.paragraphs, topic);
}

/** As much as one listens to in one go; then asks whether to go on, or offers what belongs to it. */
export function speak(desk: DeskContext, paragraphs: readonly string[], topic = desk.topic): DeskReply {
  const text: string[] = [];
  const rest = [...paragraphs];
  do text.push(rest.shift() ?? '');
  while (rest.length > 0 && text.join(' ').length + rest[0]!.length <= BREATH_CHARS);
  if (rest.length > 0) {
    desk.open = { kind: 'more', rest };
    return { text: `${text.join(' ')} ${desk.line('moreOffer')}` };
  }
  const form = topic && desk.here.forms.find((each) => topic.forms.includes(each.id));
  if (form?.offer) {
    desk.open = { kind: 'form', form };
    return { text: `${text.join(' ')} ${form.offer}` };
  }
  const children = topic?.children.filter((child) => !desk.told.has(child)) ?? [];
  if (children.length > 0) {
    desk.open = { kind: 'which', topics: children };
    const topics = listed(
      children.slice(0, 4).map((child) => child.titleWithin),
      desk.language,
    );
    text.push(desk.line('moreAbout', { topics }));
  }
  return { text: text.join(' ') };
}

/** With the topic above, where that tells them apart. */
function titles(topics: readonly Topic[]): string[] {
  const areSiblings = topics.every((topic) => topic.parent === topics[0]?.parent);
  return topics.map((topic) => {
    const title = topic.titleWithin;
    return topic.parent && !areSiblings ? `${topic.parent.titleWithin}: ${title}` : title;
  });
}

/** "My name is Peter", in so many words: whatever the name may remind of. */
export function introduction(desk: DeskContext, asked: readonly string[], text: string): DeskReply | undefined {
  const saysName = desk.book.phrases.heard.nameIs.some((phrase) => {
    const words = tokens(phrase);
    // "I am" begins anything.
    const isPlain = words.length >= 2 && words.some((word) => !isFunctionWord(word, desk.language));
    return isPlain && findPhrase(asked.slice(0, words.length), words) !== undefined;
  });
  return saysName ? nameIn(desk, text) : undefined;
}

function nameIn(desk: DeskContext, text: string): DeskReply | undefined {
  const reading = readSlot({ kind: 'name', id: 'who', ask: '', called: [] }, text, false, desk.slotContext());
  return reading && 'given' in reading ? desk.say('niceToMeet', { who: reading.given.said }) : undefined;
}

function unknown(desk: DeskContext, asked: readonly string[], text: string): DeskReply {
  // An address is in no language.
  if (/\S@\S/.test(text)) return desk.say('pardon');
  const spoken = detectLanguage(asked.join(' '), desk.language);
  if (desk.known(spoken) === undefined && (asked.length >= 3 || !/\p{Script=Latin}/u.test(asked.join(''))))
    return desk.say('otherLanguage');
  // "Somebody said it is free" introduces nobody.
  const introduced = desk.book.begins('nameIs', asked) ? nameIn(desk, text) : undefined;
  if (introduced) return introduced;
  desk.misses++;
  if (desk.misses % 3 === 2) return desk.offerPerson('unknownAgain');
  // What it knows is listed once: nobody listens to that a second time.
  if (desk.hasListed) return desk.say('unknownBriefly');
  desk.hasListed = true;
  return desk.say('unknown');
}
