/**
 * What a caller said, in what a recogniser wrote. In: a transcript, final or growing; out: the words, or nothing where there were none: signs
 * alone ("...", "♪"), sounds that are described ("[BLANK_AUDIO]", "(coughing)", "*laughs*", "（笑）"), and lines of subtitles that recognisers
 * taught on films write into silence.
 */

/** Pairs in which sounds are described. Quotation marks are not among them: words in them were said. */
const BRACKETS = [
  '[]',
  '()',
  '{}',
  '<>',
  '（）',
  '［］',
  '｛｝',
  '＜＞',
  '〖〗',
  '﴾﴿',
  '﴿﴾',
  '【】',
  '〔〕',
  '〈〉',
  '《》',
  '♪♪',
  '♫♫',
  '♬♬',
  '**',
  '__',
  '~~',
  '##',
  '==',
  '++',
  '||',
  '//',
  '\\\\',
];
const OPENING = BRACKETS.map(([open]) => open!).join('');

const escaped = (text: string): string => text.replace(/[[\]/\\^$.|?*+(){}-]/g, '\\$&');
/** One description, also of a bracket in a bracket's place: `[[noise]]`, `** laughs **`. */
const DESCRIBED = new RegExp(
  BRACKETS.map(([open, close]) => `${escaped(open!)}+[^${escaped(open!)}${escaped(close!)}]*${escaped(close!)}+`).join(
    '|',
  ),
  'gu',
);
/** Always a description, also among words: nobody writes down speech in these. */
const AMONG_WORDS = /\[[^[\]]*\]|【[^【】]*】|［[^［］]*］|♪[^♪]*♪|<\|?[\p{L}_/ ]{1,40}\|?>|%[A-Z][A-Z_]{2,}|[♪♫♬]/gu;
/** In brackets that people speak in too, only what is known to be a sound, or how somebody spoke. */
const SOUNDS =
  '(?:laugh|chuckl|giggl|cough|sneez|sigh|gasp|sniff|sob|cry|yawn|breath|exhal|inhal|clear(?:s|ing) (?:his |her |their )?throat|groan|hum(?:s|ming)|whisper|music|applau|clap|noise|silence|inaudible|unintelligible|pause|lach|hust|nies|seufz|räusper|gähn|atmet|flüster|musik|unverständlich|rire|rit$|tous|soupir|éternu|bâill|chuchot|musique|bruit|risa|ríe|tos|suspir|estornud|bostez|música|ruido|aplauso|rid[eo]|risat|tossi|sospir|starnut|sbadigli|musica|rumore|笑|咳|拍手|音楽)[\\p{L}\\p{M}]*(?: [\\p{L}\\p{M}]+){0,3}';
const SOUND_AMONG_WORDS = new RegExp(
  ['()', '（）', '**', '__', '~~']
    .map(([open, close]) => `${escaped(open!)}\\s*${SOUNDS}[.!]?\\s*(?:${escaped(close!)}|$)`)
    .join('|'),
  'giu',
);
/** Growing: its end has not been written yet. */
const UNFINISHED = new RegExp(`^[${escaped(OPENING)}]`, 'u');

/** Nobody says these to a face; they stand under films. */
const SUBTITLES =
  /amara\.org|^(?:thanks|thank you) (?:so much |very much )?for watching(?:[,.!]? (?:and |i'll )?(?:see you|bye|please|this video|the video|don't forget)\b.*)?\W*$|^(?:please )?(?:like and )?subscribe\b.*channel|^untertitel(?:ung)?\b.*\b(?:zdf|ard|swr|wdr|ndr|br|funk|für)\b|^sous-titr(?:es|age)\b.*\b(?:par|st'|fr)\b|^sottotitoli\b.*\b(?:di|a cura)\b|^subt[ií]tulos (?:por|realizados)\b|^legendas (?:por|pela)\b|^napisy\b.*\bstworzone\b|^субтитры(?!\p{L})|^продолжение следует|^ご視聴ありがとうございました|^字幕|^请不吝点赞|^시청해 ?주셔서 감사합니다|^구독과 좋아요|^ترجمة نانسي/iu;

const WORD = /[\p{L}\p{N}]/u;

export function heardWords(transcript: string): string {
  let words = transcript.trim();
  // What is left when a description is taken out may be one.
  for (let before = ''; words !== before; ) {
    before = words;
    if (!hasWords(words)) return '';
    words = words.replace(AMONG_WORDS, ' ').replace(SOUND_AMONG_WORDS, ' ').replace(/\s+/gu, ' ').trim();
  }
  return words;
}

function hasWords(text: string): boolean {
  if (!WORD.test(text) || !WORD.test(text.replace(DESCRIBED, ' ')) || SUBTITLES.test(text.replace(/^\P{L}+/u, '')))
    return false;
  return !UNFINISHED.test(text) || closes(text);
}

/** Whether the bracket with which a text begins has an end. */
function closes(text: string): boolean {
  const pair = BRACKETS.find(([open]) => text.startsWith(open!));
  return pair === undefined || text.slice(1).includes(pair[1]!);
}
