/**
 * When a caller's turn looks finished. In: what was understood so far; out: how long a silence must last, and whether words are only an
 * "mhm" that asks for nothing. Word lists of a dozen languages; in any other, silence alone decides. Pure.
 */

export interface Patience {
  /** Silence that ends a turn whose words look complete, ms. */
  completeMs: number;
  /** … whose words tell nothing, or are not known. */
  plainMs: number;
  /** … that stopped at a comma, a filler or an "and". */
  unfinishedMs: number;
}

/** Words after which nobody has finished: conjunctions, articles, prepositions, fillers. */
const UNFINISHED = new Set(
  [
    'and or but because so that if when then the a an to of for with in on at from my your is are i we you they um uh er erm hmm like well',
    'und oder aber weil dass wenn dann der die das ein eine zu von für mit in im an am auf mein meine ist ich wir äh ähm also',
    'et ou mais parce que si quand alors le la les un une des de du à pour avec dans sur mon ma mes est je nous euh ben',
    'y o pero porque que si cuando entonces el la los las un una de del a para con en mi mis es yo nosotros eh este pues',
    'e o ma perché che se quando allora il lo la i gli le un una di del a per con in mio mia è io noi ehm cioè',
    'mas porque se quando então os as um uma do da para com em meu minha eu nós é hã né',
    'en of maar omdat dat als toen de het een te van voor met op mijn ik wij eh ehm dus',
    'i lub ale bo że jeśli kiedy w na do z od mój moja jest ja my yyy',
    'и или но потому что если когда в на с к от мой моя это я мы эм ну',
    've veya ama çünkü ki eğer bir için ile ben biz ııı şey',
  ].flatMap((line) => line.split(' ')),
);

/** Sounds of someone who listens. */
const BACKCHANNELS = new Set(
  [
    'mhm mm mmm m h hmm hm uh-huh uhhuh mm-hmm mmhmm aha ah oh yeah yes yep ok okay right sure great good really wow i see got it',
    "ja jo genau klar gut stimmt achso ach so aha okay verstehe oui ouais d’accord d'accord bien sûr ah bon sí si vale claro ya ajá",
    'sì certo va bene capisco sim tá certo claro ok nee ja hoor goed tak dobrze jasne да ага угу понятно evet tamam',
    'はい うん ええ そう なるほど 嗯 好 对 是 哦 네 응 그래',
  ].flatMap((line) => line.split(' ')),
);

/** What somebody says to be listened to: the matter follows. */
const OPENERS = new Set([
  ...['excuse me', 'sorry', 'pardon me', 'one question', 'one more thing', 'listen', 'tell me', 'okay so', 'hey'],
  ...['entschuldigung', 'entschuldigen sie', 'verzeihung', 'eine frage', 'sagen sie', 'hör mal'],
  ...['excusez moi', 'excusez-moi', 'pardon', 'dites', 'une question'],
  ...['perdón', 'perdone', 'disculpe', 'oiga', 'una pregunta', 'scusi', 'mi scusi', 'senta', 'una domanda'],
]);

const MAX_BACKCHANNEL_WORDS = 3;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}’'-]*/gu) ?? [];

/** @param text the turn's words so far; undefined where nobody recognises any. */
export function patienceMs(text: string | undefined, { completeMs, plainMs, unfinishedMs }: Patience): number {
  const trimmed = text?.trim() ?? '';
  const words = wordsOf(trimmed);
  const last = words.at(-1);
  if (last === undefined) return plainMs;
  if (OPENERS.has(words.join(' '))) return unfinishedMs;
  if (/[?!？！]$/u.test(trimmed)) return completeMs;
  // Recognisers put a full stop wherever the sound pauses: the word before it is asked first.
  if (/(?:[,;:–—、，…-]|\.\.\.)$/u.test(trimmed) || UNFINISHED.has(last)) return unfinishedMs;
  // Someone may be in the middle of a number.
  if (/\p{N}[.。]?$/u.test(trimmed)) return Math.max(plainMs, (plainMs + unfinishedMs) / 2);
  return /[.。]$/u.test(trimmed) || BACKCHANNELS.has(last) ? completeMs : plainMs;
}

/** "mhm", "yeah, okay": words that leave the floor to who has it. */
export function isBackchannel(text: string): boolean {
  const words = wordsOf(text);
  if (/[?？]\s*$/u.test(text)) return false;
  return words.length > 0 && words.length <= MAX_BACKCHANNEL_WORDS && words.every((word) => BACKCHANNELS.has(word));
}
