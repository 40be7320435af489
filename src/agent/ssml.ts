/**
 * A subset of SSML 1.1. In: `<speak>…</speak>`. Out: runs of text, each with its language, speed, height and loudness, and the pauses between them.
 * `break`, `prosody`, `lang`, `voice`, `p`, `s`, `sub` and `say-as` are understood; of any other element the text is kept.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { AppError } from '../errors.ts';
import { plainText } from './plain-text.ts';
import type { Line } from './sentences.ts';
import { type SpeechOptions, splitSentences } from './tts.ts';

export type SpeechRun =
  | {
      kind: 'text';
      text: string;
      /** What differs from how the whole is spoken; percentages of that. */
      options: Pick<SpeechOptions, 'voice' | 'language' | 'ratePercent' | 'pitchPercent' | 'volumePercent'>;
    }
  | { kind: 'pause'; durationMs: number };

type RunOptions = Extract<SpeechRun, { kind: 'text' }>['options'];
type Node = Record<string, unknown> & { ':@'?: Record<string, string> };

const BREAKS_MS: Readonly<Record<string, number>> = {
  none: 0,
  'x-weak': 100,
  weak: 200,
  medium: 400,
  strong: 700,
  'x-strong': 1200,
};
const RATES: Readonly<Record<string, number>> = {
  'x-slow': 60,
  slow: 80,
  medium: 100,
  default: 100,
  fast: 125,
  'x-fast': 160,
};
const PITCHES: Readonly<Record<string, number>> = {
  'x-low': 60,
  low: 80,
  medium: 100,
  default: 100,
  high: 120,
  'x-high': 150,
};
const VOLUMES: Readonly<Record<string, number>> = {
  silent: 0,
  'x-soft': 25,
  soft: 50,
  medium: 100,
  default: 100,
  loud: 140,
  'x-loud': 200,
};
const PARAGRAPH_MS = 500;
const MAX_BREAK_MS = 10_000;
const MAX_DEPTH = 50;

export const isSsml = (text: string): boolean => /^\s*(?:<\?xml[^>]*\?>\s*)?<speak[\s>/]/.test(text);

/** @throws AppError SSML_INVALID with the line and column, or the element that is wrong. */
export function parseSsml(ssml: string): SpeechRun[] {
  if (/<!DOCTYPE|<!ENTITY/i.test(ssml)) throw invalid('it has a DOCTYPE; leave it out');
  const checked = XMLValidator.validate(ssml);
  if (checked !== true) throw invalid(problemOf(checked.err));
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    trimValues: false,
    parseTagValue: false,
    parseAttributeValue: false,
    htmlEntities: false,
    ignoreDeclaration: true,
    ignorePiTags: true,
  });
  let nodes: Node[];
  try {
    nodes = parser.parse(ssml) as Node[];
  } catch (cause) {
    throw invalid(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const runs: SpeechRun[] = [];
  walk(nodes, {}, runs, 0);
  return runs.filter((run) => run.kind === 'pause' || run.text !== '');
}

/** How a run is spoken within the whole. */
export function within<T extends Omit<SpeechOptions, 'signal'>>(whole: T, run: RunOptions = {}): T & RunOptions {
  const { ratePercent, pitchPercent, volumePercent, ...rest } = run;
  return {
    ...whole,
    ...rest,
    ...(ratePercent === undefined ? {} : { ratePercent: scaled(whole.ratePercent, ratePercent) }),
    ...(pitchPercent === undefined ? {} : { pitchPercent: scaled(whole.pitchPercent, pitchPercent) }),
    ...(volumePercent === undefined ? {} : { volumePercent: scaled(whole.volumePercent, volumePercent) }),
  };
}

/** A whole text, plain or SSML, as a script's lines. @throws AppError SSML_INVALID */
export function scriptLines(text: string): Line[] {
  if (!isSsml(text)) return sentencesOf(plainText(text).text, {});
  return parseSsml(text).flatMap((run) => (run.kind === 'pause' ? [run] : sentencesOf(run.text, run.options)));
}

function sentencesOf(text: string, options: RunOptions): Line[] {
  const language = options.language ?? 'en';
  return [...splitSentences(text, language)].map((sentence) => ({
    kind: 'sentence',
    text: sentence,
    directions: [],
    ...(Object.keys(options).length > 0 ? { options } : {}),
  }));
}

/** The parser names elements that are never closed as a bare list, or without a place of theirs. */
function problemOf({ line, col, msg }: { line: number; col: number; msg: string }): string {
  const innermost = /^(?:Unclosed tag '([^']+)'|Invalid '\[.*"([^"]+)"\s*\]' found)/s.exec(msg)?.slice(1).find(Boolean);
  if (innermost !== undefined) return `<${innermost}> is opened and never closed; write </${innermost}> where it ends`;
  return `line ${line}, column ${col}: ${msg.replace(/\.$/, '')}`;
}

const invalid = (problem: string, cause?: unknown): AppError =>
  new AppError('SSML_INVALID', `The SSML cannot be spoken: ${problem}.`, cause === undefined ? {} : { cause });

function walk(nodes: readonly Node[], options: RunOptions, runs: SpeechRun[], depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`its elements are nested more than ${MAX_DEPTH} deep`);
  for (const node of nodes) {
    const name = Object.keys(node).find((key) => key !== ':@');
    if (name === undefined) continue;
    if (name === '#text') say(String(node['#text']), options, runs);
    else enter(name, (node[name] as Node[]) ?? [], node[':@'] ?? {}, options, runs, depth + 1);
  }
}

function enter(
  name: string,
  inside: readonly Node[],
  attributes: Record<string, string>,
  options: RunOptions,
  runs: SpeechRun[],
  depth: number,
): void {
  const language = attributes['xml:lang'];
  const spoken: RunOptions =
    language && /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(language) ? { ...options, language } : options;
  if (language && spoken === options)
    throw invalid(`<${name} xml:lang="${language}"> names no language; write a tag such as "it" or "en-GB"`);
  switch (name) {
    case 'break':
      pause(breakMs(attributes), runs);
      break;
    case 'sub':
      if (attributes.alias === undefined) walk(inside, spoken, runs, depth);
      else say(attributes.alias, spoken, runs);
      break;
    case 'say-as':
      say(sayAs(attributes['interpret-as'] ?? '', textOf(inside)), spoken, runs);
      break;
    case 'prosody':
      walk(inside, prosody(attributes, spoken), runs, depth);
      break;
    case 'voice':
      walk(inside, attributes.name ? { ...spoken, voice: attributes.name } : spoken, runs, depth);
      break;
    case 'p':
    case 's':
      endSentence(runs);
      walk(inside, spoken, runs, depth);
      endSentence(runs);
      if (name === 'p' && runs.length > 0) pause(PARAGRAPH_MS, runs);
      break;
    case 'desc':
    case 'metadata':
    case 'meta':
      break;
    default:
      walk(inside, spoken, runs, depth);
  }
}

/** Text of the same kind is one run, so that a sentence with an unknown element in it is spoken as one. */
function say(text: string, options: RunOptions, runs: SpeechRun[]): void {
  const plain = text.replace(/\s+/g, ' ');
  const last = runs.at(-1);
  if (last?.kind === 'text' && JSON.stringify(last.options) === JSON.stringify(options))
    last.text = (last.text + plain).replace(/ {2,}/g, ' ');
  else if (plain.trim() !== '') runs.push({ kind: 'text', text: plain.trimStart(), options });
}

function pause(durationMs: number, runs: SpeechRun[]): void {
  const last = runs.at(-1);
  if (last?.kind === 'pause') last.durationMs = Math.min(last.durationMs + durationMs, MAX_BREAK_MS);
  else if (durationMs > 0) runs.push({ kind: 'pause', durationMs });
}

function endSentence(runs: SpeechRun[]): void {
  const last = runs.at(-1);
  if (last?.kind === 'text' && !/[.!?:;…]\s*$/.test(last.text)) last.text = `${last.text.trimEnd()}. `;
}

function breakMs({ time, strength = 'medium' }: Record<string, string>): number {
  if (time === undefined) {
    const known = BREAKS_MS[strength];
    if (known === undefined)
      throw invalid(`<break strength="${strength}"> is none of ${Object.keys(BREAKS_MS).join(', ')}`);
    return known;
  }
  const match = /^\s*\+?(\d*\.?\d+)\s*(ms|s)\s*$/.exec(time);
  const durationMs = match ? Number(match[1]) * (match[2] === 's' ? 1000 : 1) : Number.NaN;
  if (durationMs <= MAX_BREAK_MS) return Math.round(durationMs);
  throw invalid(`<break time="${time}"> is not a time up to 10 s, such as "400ms" or "1.5s"`);
}

function prosody({ rate, pitch, volume }: Record<string, string>, options: RunOptions): RunOptions {
  const result = { ...options };
  if (rate !== undefined) result.ratePercent = scaled(options.ratePercent, percent('rate', rate, RATES));
  if (pitch !== undefined) result.pitchPercent = scaled(options.pitchPercent, percent('pitch', pitch, PITCHES));
  if (volume !== undefined) result.volumePercent = scaled(options.volumePercent, percent('volume', volume, VOLUMES));
  return result;
}

const scaled = (outerPercent = 100, innerPercent: number): number => (outerPercent * innerPercent) / 100;

/** A name, a percentage (of the rate: "80%" is slower; signed: a change), semitones, decibels. */
function percent(what: string, value: string, names: Readonly<Record<string, number>>): number {
  const text = value.trim().toLowerCase();
  if (Object.hasOwn(names, text)) return names[text]!;
  const match = /^([+-]?)(\d*\.?\d+)\s*(%|st|db)$/.exec(text);
  if (match) {
    const amount = Number(match[2]) * (match[1] === '-' ? -1 : 1);
    const percentage = match[1] === '' ? amount : 100 + amount;
    if (match[3] === '%' && percentage >= 0) return percentage;
    if (match[3] === 'st' && what === 'pitch') return 100 * 2 ** (amount / 12);
    if (match[3] === 'db' && what === 'volume') return 100 * 10 ** (amount / 20);
  }
  throw invalid(
    `<prosody ${what}="${value}"> is none of ${Object.keys(names).join(', ')} and no percentage such as "90%"`,
  );
}

/** Letters and digits one by one; what else there is, the reading of plain text takes care of. */
function sayAs(kind: string, text: string): string {
  if (kind === 'characters' || kind === 'spell-out') return [...text.replace(/\s+/g, '')].join(', ');
  if (kind === 'digits' || kind === 'telephone') return [...text.replace(/[\s()/-]+/g, '')].join(' ');
  return text;
}

const textOf = (nodes: readonly Node[]): string =>
  nodes
    .map((node) => {
      const name = Object.keys(node).find((key) => key !== ':@');
      return name === '#text' ? String(node['#text']) : name === undefined ? '' : textOf((node[name] as Node[]) ?? []);
    })
    .join('');
