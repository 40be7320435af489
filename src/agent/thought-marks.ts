/**
 * The marks between which models think aloud. In: text; out: the next mark in it and what it does, and how much of the text's end may still
 * become one. Each model family has marks of its own; what is none of them stays text.
 */

/** Names of tags that are thoughts, in whatever words they are put together: `deep_think`, `reasoning_content`. */
const NAME =
  /^(?:[\w:-]*(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|monologue|deliberation)(?:[_:-][\w:-]*)?|reason|reflect|analysis|cot|internal|inner[_-]voice|brainstorm(?:ing)?|plan(?:ning)?|rationale|critique|ponder(?:ing)?|contemplation|details|tools?|tool_?calls?|tool_(?:code|use|response|results?)|use_tool|invoke|parameters?|function(?:_?calls?|_results?)?)$/i;
const FENCES = ['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'analysis'];
/** In brackets. In small letters they may be a stage direction, or a word: there the end has to come. */
const BRACKETS = [
  ...['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'analysis', 'reflection', 'scratchpad', 'plan'],
  'tool_calls',
];
/** A direction that is in use: only in front of an answer it may be a mark. */
const DIRECTION = /^\[thinking\]$/i;
const OPENING = ['◁think▷', '<unused94>'];
const CLOSING = ['◁/think▷', '<unused95>'];
/** With these words, in place of a mark, some begin an answer. `next` has to follow at once. */
const PHRASES: readonly { open: string; close: string; next?: RegExp; mayBeAnswer?: true }[] = [
  { open: 'Here is my thought process:', close: 'Here is my response:' },
  { open: "Here's my thought process:", close: "Here's my response:" },
  // Where no answer is announced behind them, they were words of one.
  ...[
    'Thought:',
    'Thinking:',
    'Reasoning:',
    '**Thought:**',
    '**Thinking:**',
    '**Reasoning:**',
    '**Thought process:**',
  ].map((open) => ({ open, close: 'Answer:', mayBeAnswer: true as const })),
  // Channels whose marks a server has lost.
  { open: 'analysis', close: 'assistantfinal', next: /^\p{Lu}/u },
];
/** What is longer is no mark. */
const MAX_MARK_CHARS = 240;

export interface Mark {
  at: number;
  end: number;
  kind:
    | ('open' | 'close' | 'fence' | 'literal')
    /** Where no end follows, they were words; the second only in front of an answer. */
    | ('soft open' | 'soft open in front' | 'soft close')
    /** Of models that write in channels: a header begins, its text begins, the text ends. */
    | ('header' | 'header line' | 'message' | 'message end' | 'other token');
}

const escaped = (text: string): string => text.replace(/[[\]/\\^$.|?*+(){}]/g, '\\$&');
const oneOf = (texts: readonly string[]): string => texts.map(escaped).join('|');

/** `<think>`, `</Thinking >`, `<think type="a">`, `&lt;think&gt;`; behind a backquote it is spoken of. */
const TAG =
  /(?<quote>`?)(?:[<＜]|&lt;)\s{0,3}(?<slash>\/?)\s{0,3}(?<name>[a-z][\w:-]{0,39})(?:\s(?:[^<>&＜＞]|&(?!gt;)){0,200}?)?(?<alone>\/?)(?:[>＞]|&gt;)/gi;
const OTHERS = new RegExp(
  [
    '<[|｜](?<token>[\\w/▁]{1,40})[|｜]>',
    `(?<open>${oneOf(OPENING)})`,
    `(?<close>${oneOf(CLOSING)})`,
    `\\[(?<end>/?)(?<bracket>${oneOf(BRACKETS)})\\]`,
    '(?<call><function=[\\w.:-]{1,64}>)',
    `\`\`\`(?<fence>${oneOf(FENCES)})[ \\t]*\\n`,
  ].join('|'),
  'gi',
);

export function nextMark(text: string, from: number): Mark | undefined {
  TAG.lastIndex = from;
  let tag = TAG.exec(text);
  while (tag && !NAME.test(tag.groups!.name!)) tag = TAG.exec(text);
  OTHERS.lastIndex = from;
  const other = OTHERS.exec(text);
  const found = tag && (!other || tag.index < other.index) ? tag : other;
  if (!found) return undefined;
  const place = { at: found.index, end: found.index + found[0].length };
  const { quote, slash, alone, token, open, close, fence, end, bracket, call } = found.groups ?? {};
  if (token !== undefined) return { ...place, kind: kindOfToken(token.toLowerCase().replaceAll('▁', '_')) };
  if (fence !== undefined) return { ...place, kind: 'fence' };
  if (bracket !== undefined) {
    const isSoft = bracket !== bracket.toUpperCase() && bracket.toLowerCase() !== 'tool_calls';
    if (!isSoft) return { ...place, kind: end ? 'close' : 'open' };
    return { ...place, kind: end ? 'soft close' : DIRECTION.test(found[0]) ? 'soft open in front' : 'soft open' };
  }
  if (open !== undefined || call !== undefined) return { ...place, kind: 'open' };
  if (close !== undefined) return { ...place, kind: 'close' };
  if (quote) return { ...place, kind: 'literal' };
  // A tag that ends itself holds nothing.
  if (alone && !slash) return { ...place, kind: 'other token' };
  return { ...place, kind: slash ? 'close' : 'open' };
}

function kindOfToken(token: string): Mark['kind'] {
  if (/^(?:channel|start|start_header_id)$/.test(token)) return 'header';
  if (token === 'im_start') return 'header line';
  if (/^(?:message|end_header_id)$/.test(token)) return 'message';
  if (/^(?:end|return|call|im_end|eot_id|eom_id)$/.test(token)) return 'message end';
  if (/^python_tag$|think|thought|reasoning|tool_?calls?(?:_section)?(?:_begin|_end)?$/.test(token))
    return /^(?:\/|end)|_end$/.test(token) ? 'close' : 'open';
  return 'other token';
}

/** Length of the text's end that may still become a mark. */
export function openMarkLength(text: string): number {
  const from = Math.max(0, text.length - MAX_MARK_CHARS);
  for (let at = from; at < text.length; at++)
    if ('<＜&`[◁'.includes(text[at]!) && mayBecomeMark(text.slice(at))) return text.length - at;
  return 0;
}

const WHOLE_MARKS = [...OPENING, ...CLOSING, ...BRACKETS.flatMap((name) => [`[${name}]`, `[/${name}]`])];

function mayBecomeMark(text: string): boolean {
  const lower = text.toLowerCase();
  if (WHOLE_MARKS.some((mark) => mark.startsWith(lower)) || /^<function=[\w.:-]{0,64}$/i.test(text)) return true;
  if (/^<[|｜][\w/▁]{0,40}[|｜]?$/.test(text)) return true;
  const fence = /^`{1,3}([a-z]*)[ \t]*$/.exec(text);
  if (fence) return FENCES.some((name) => name.startsWith(fence[1]!));
  const begun = text.startsWith('`') ? text.slice(1) : text;
  if ('&lt;'.startsWith(begun)) return true;
  const tag =
    /^(?:[<＜]|&lt;)\s{0,3}\/?\s{0,3}([\w:-]{0,40})(\s(?:[^<>&＜＞]|&(?!gt;)){0,200})?\/?(?:&|&g|&gt)?$/i.exec(begun);
  return tag !== null && (tag[2] === undefined || NAME.test(tag[1]!));
}

/** The words in place of a mark with which an answer begins; 'unsure' while it is too short to tell. */
export function openingPhrase(
  text: string,
  isWhole: boolean,
): { end: number; close: string; mayBeAnswer: boolean } | 'unsure' | undefined {
  const lead = text.length - text.trimStart().length;
  const begun = text.slice(lead);
  if (begun === '') return undefined;
  for (const { open, close, next, mayBeAnswer = false } of PHRASES) {
    const isBegun = begun.toLowerCase().startsWith(open.toLowerCase());
    const after = begun.slice(open.length);
    if (isBegun && (next === undefined || next.test(after))) return { end: lead + open.length, close, mayBeAnswer };
    const isShort = isBegun ? after === '' : open.toLowerCase().startsWith(begun.toLowerCase());
    if (isShort && !isWhole) return 'unsure';
  }
  return undefined;
}

/** Beginnings of those who talk to themselves about the one who asked. */
const MUSING =
  /^\W*(?:(?:okay|ok|alright|all right|hmm+|hm|well|so|let's see|wait|got it|right|first)\b[\s,.:;–—…-]*)*(?:(?:the|this) (?:user|caller|visitor|person|customer|question|human)\b|(?:we|i) (?:need to|have to|should|must|am asked|are asked)\b|i'm (?:asked|supposed)|let (?:me|us) (?:think|see|consider|recall|check|analy[sz]e|break|figure|start|parse|work)|let's (?:think|see|consider|break|analy[sz]e)|thinking\b|reasoning\b|analysis\b|(?:der|die) (?:nutzer|benutzer|anrufer|frage)|ich (?:muss|soll|sollte)\b|l'utilisateur|je dois|el usuario|debo|l'utente|devo)|^\W*(?:用户|好的|嗯|首先)/iu;

/** Whether a model that gives no sign of it may be thinking aloud. */
export const soundsLikeThought = (text: string): boolean => MUSING.test(text.trimStart());
