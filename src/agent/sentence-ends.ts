/**
 * Whether a full stop ends a sentence. In: the text up to it, and what follows; out: a verdict, 'unsure' where what follows has not come yet.
 * Titles, abbreviations, ordinals and the numbers of lists end none.
 */

const word = (list: string): RegExp => new RegExp(`(?:^|[\\s(„“"'’/])(?:${list})\\.$`, 'iu');

/** A name or a phrase follows. */
const BEFORE_WORDS = word(
  'mr|mrs|ms|dr|prof|hr|fr|sr|sra|srta|sres|dra|mme|mlle|sig|sigg|dott|avv|ing|rev|hon|gen|capt|lt|sgt|st|e\\.\\s?g|i\\.\\s?e|z\\.\\s?b|d\\.\\s?h|u\\.\\s?a|p\\.\\s?ej|p\\.\\s?ex|ad es|vs|bzw|ca|approx|aprox|vgl|inkl|zzgl|bspw|sog|ggf|evtl|\\p{L}',
);
/** A number follows. */
const BEFORE_NUMBERS = word('no|nr|nos|n|núm|fig|vol|pp|art|tel|tél|str|abs|kap|pos|ziff|págs?|pag|ch|sec');
/** They may end a sentence: then the next one begins with a capital. */
const ANYWHERE = word(
  'etc|usw|ecc|a\\.m|p\\.m|inc|ltd|co|corp|jr|min|max|std|sek|jan|feb|mar|apr|jun|jul|aug|sept?|okt|oct|nov|dez|dec|env',
);
/** "am 3. Mai", "im 2. Stock": what follows a German ordinal. */
const ORDERED =
  /^(?:Jan|Feb|März|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Stock|Etage|Obergeschoss|Klasse|Jahrhundert|Mal|Platz|Geburtstag|Advent|Januar|Weltkrieg)/;

/** A German noun is written large, and begins no sentence by that; these words do. */
export const GERMAN_BEGINNINGS =
  'Das|Die|Der|Den|Dem|Es|Wir|Ich|Sie|Er|Ihr|Und|Aber|Im|In|Am|An|Auf|Bei|Damit|Dann|Davon|Dies|Diese|Dieser|Dazu|Ein|Eine|Für|Hier|Heute|Jetzt|Mit|Möchten|Nach|So|Um|Unser|Unsere|Vom|Von|Was|Wenn|Wie|Wo|Zu|Zum|Danach|Außerdem|Haben|Können|Kann|Soll|Wollen';
const BEGINNING = new RegExp(`^(?:${GERMAN_BEGINNINGS})(?!\\p{L})`, 'u');
/** What there are millions of follows, perhaps with a capital. */
const BEFORE_NOUNS = word('mio|mrd|tsd|mill|bio');

/**
 * @param before ends with the full stop. @param after without the white space in front.
 * @param isLast nothing more comes.
 */
export function endsSentence(before: string, after: string, isLast: boolean): boolean | 'unsure' {
  const tail = before.slice(-24);
  if (BEFORE_WORDS.test(tail)) return after === '' && isLast;
  const isNumbered = BEFORE_NUMBERS.test(tail);
  const isNumber = /(?<![\d.,:])\d{1,2}\.$/.test(tail);
  const isCount = BEFORE_NOUNS.test(tail);
  if (!isNumbered && !isNumber && !isCount && !ANYWHERE.test(tail)) return true;
  // A number that begins a line counts what follows.
  if (isNumber && /(?:^|\n)\s*\d{1,2}\.$/.test(tail) && before.length <= tail.length) return after === '' && isLast;
  if (after === '') return isLast ? true : 'unsure';
  if (isNumbered) return !/^\d/.test(after);
  if (isNumber) {
    // A word that is still coming may become one of those.
    if (!isLast && /^\p{Lu}\p{L}{0,3}$/u.test(after)) return 'unsure';
    return !/^\p{Ll}/u.test(after) && !ORDERED.test(after);
  }
  if (isCount) {
    if (!isLast && /^\p{L}+$/u.test(after)) return 'unsure';
    return !/^[\p{L}\p{Sc}]/u.test(after) || BEGINNING.test(after);
  }
  return !/^[\p{Ll}\p{Sc}]/u.test(after);
}
