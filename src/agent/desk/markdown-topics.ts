/**
 * Markdown as it is answered with. In: one file's text. Out: its topics, one per heading: how people ask for it (the quotation under the heading)
 * and what is said, in speakable paragraphs; lists and tables become sentences.
 */
import { marked, type Token, type Tokens } from 'marked';
import { listed } from './wording.ts';
import { knowledgeError } from './yaml-source.ts';

export interface Topic {
  /** Number within its language. */
  id: number;
  title: string;
  /** The title within a sentence: "the café", but "Wi-Fi". */
  titleWithin: string;
  /** How people ask for it. */
  asked: string[];
  /** What is said, a paragraph each; may be empty where there are topics below it. */
  paragraphs: string[];
  parent?: Topic;
  children: Topic[];
  /** Forms that its text links to: `[book a tour](form:guided-tour)`. */
  forms: string[];
  file: string;
  line: number;
}

const FORM_LINK = 'form:';
const SHORT_ITEM_CHARS = 70;

/**
 * @param linesBefore lines of the file above the text.
 * @returns topics in the order of the file, without numbers yet (id 0).
 * @throws AppError KNOWLEDGE_INVALID
 */
export function readTopics(text: string, file: string, linesBefore: number, language: string): Topic[] {
  const topics: Topic[] = [];
  const open: { topic: Topic; depth: number }[] = [];
  let line = linesBefore + 1;
  for (const token of tokensOf(text, file, linesBefore)) {
    if (token.type === 'heading') topics.push(openTopic(token as Tokens.Heading, open, file, line));
    else {
      const topic = topics.at(-1);
      if (topic) addTo(topic, token, language);
      else if (token.type !== 'space' && token.type !== 'html')
        throw knowledgeError(file, line, 'text stands before the first heading; begin with a line like "# Tickets".');
    }
    line += token.raw.split('\n').length - 1;
  }
  for (const topic of topics)
    if (topic.paragraphs.length === 0 && topic.children.length === 0 && topic.forms.length === 0)
      throw knowledgeError(
        topic.file,
        topic.line,
        `nothing is said under the heading "${topic.title}"; write a sentence below it.`,
      );
  return topics;
}

/** @throws AppError KNOWLEDGE_INVALID: marked itself fails on some nestings of quotations and lists. */
function tokensOf(text: string, file: string, linesBefore: number): Token[] {
  try {
    return marked.lexer(text);
  } catch {
    const lines = text.split('\n');
    const index = lines.findIndex((_, i) => !isReadable(lines.slice(0, i + 1).join('\n')));
    throw knowledgeError(
      file,
      linesBefore + index + 1,
      'the Markdown up to this line cannot be read; put empty lines around its lists and quotations, or nest them less.',
    );
  }
}

function isReadable(text: string): boolean {
  try {
    marked.lexer(text);
    return true;
  } catch {
    return false;
  }
}

/** A heading goes under the nearest one above it that is larger. @param open the topics it may go under, outermost first. */
function openTopic(
  heading: Tokens.Heading,
  open: { topic: Topic; depth: number }[],
  file: string,
  line: number,
): Topic {
  const title = plain(heading.tokens).trim();
  if (title === '') throw knowledgeError(file, line, 'a heading has no words.');
  while ((open.at(-1)?.depth ?? 0) >= heading.depth) open.pop();
  const parent = open.at(-1)?.topic;
  const topic: Topic = {
    id: 0,
    title,
    titleWithin: title,
    asked: [],
    paragraphs: [],
    children: [],
    forms: [],
    file,
    line,
    ...(parent ? { parent } : {}),
  };
  open.push({ topic, depth: heading.depth });
  parent?.children.push(topic);
  return topic;
}

function addTo(topic: Topic, token: Token, language: string): void {
  if (token.type === 'blockquote') {
    const lines = plain(token.tokens ?? []).split(/\n|·|;|\|/);
    topic.asked.push(...lines.map((line) => line.trim()).filter((line) => line !== ''));
    return;
  }
  if (token.type === 'paragraph' || token.type === 'text') {
    const said = plain(token.tokens ?? [], topic.forms)
      .replace(/\s+/g, ' ')
      .trim();
    if (/[\p{L}\p{N}]/u.test(said)) topic.paragraphs.push(said);
  } else if (token.type === 'list') {
    const items = (token as Tokens.List).items.map((item) =>
      plain(item.tokens, topic.forms).replace(/\s+/g, ' ').trim(),
    );
    addItems(
      topic,
      items.filter((item) => item !== ''),
      language,
    );
  } else if (token.type === 'table') {
    const { header, rows } = token as Tokens.Table;
    const names = header.map((cell) => plain(cell.tokens).trim());
    for (const row of rows)
      topic.paragraphs.push(
        tableRow(
          names,
          row.map((cell) => plain(cell.tokens, topic.forms).trim()),
        ),
      );
  }
}

/** Short items follow one another in one sentence, after the line that announces them; long ones are sentences. */
function addItems(topic: Topic, items: readonly string[], language: string): void {
  if (items.length === 0) return;
  const areShort = items.every((item) => item.length <= SHORT_ITEM_CHARS && !/[.!?]$/.test(item));
  const last = topic.paragraphs.at(-1);
  const said = areShort
    ? `${listed(items, language)}.`
    : items.map((item) => (/[.!?]$/.test(item) ? item : `${item}.`)).join(' ');
  if (last?.endsWith(':')) topic.paragraphs[topic.paragraphs.length - 1] = `${last} ${said}`;
  else topic.paragraphs.push(said);
}

/** "Children: free." With more columns, each with its name: "Hall A: seats 80, price 200 euros." */
function tableRow(names: readonly string[], cells: readonly string[]): string {
  const [first = '', ...rest] = cells;
  const told = rest
    .map((cell, i) => (rest.length === 1 || names[i + 1] === '' ? cell : `${names[i + 1]} ${cell}`))
    .filter((cell) => cell.trim() !== '');
  return told.length === 0 ? `${first}.` : `${first}: ${told.join(', ')}.`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&nbsp;': ' ',
};

/** The words of inline Markdown. @param forms takes the names of forms that are linked to; such a link is not said. */
function plain(tokens: readonly Token[], forms?: string[]): string {
  return tokens
    .map((token): string => {
      if (token.type === 'link' && (token as Tokens.Link).href.startsWith(FORM_LINK)) {
        forms?.push((token as Tokens.Link).href.slice(FORM_LINK.length));
        return '';
      }
      if (token.type === 'image' || token.type === 'html' || token.type === 'code') return '';
      if (token.type === 'br') return '\n';
      if (token.type === 'list')
        return ` ${(token as Tokens.List).items.map((item) => plain(item.tokens, forms)).join(', ')}`;
      if ('tokens' in token && token.tokens)
        return plain(token.tokens, forms) + (token.type === 'paragraph' ? '\n' : '');
      return 'text' in token ? String(token.text).replace(/&\w+;|&#39;/g, (entity) => ENTITIES[entity] ?? entity) : '';
    })
    .join('');
}
