/**
 * All that the desk knows. In: a folder with one folder of Markdown per language, and `place.yaml` beside them. Out: topics, forms, synonyms and
 * phrases by language, and the place. A file that is not right is an error with its name and line.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { type FormSpec, formSchema, unknownPlaceholder } from './form-spec.ts';
import { readTopics, type Topic } from './markdown-topics.ts';
import { PhraseBook, type Phrases, readPhrases, replacePhrases } from './phrase-book.ts';
import { NOWHERE, type Place, readPlace } from './place.ts';
import { fold, isFunctionWord } from './wording.ts';
import { knowledgeError, readYaml } from './yaml-source.ts';

export interface LanguageKnowledge {
  /** BCP 47, without a region. */
  language: string;
  topics: readonly Topic[];
  forms: readonly FormSpec[];
  /** Words that mean the same: the first stands for the others. */
  synonyms: readonly (readonly string[])[];
  /** What is named to somebody who does not know what to ask, as it is said; the first topics where nothing is given. */
  offered: readonly string[];
  phrases: PhraseBook;
}

export interface Knowledge {
  languages: ReadonlyMap<string, LanguageKnowledge>;
  place: Place;
}

const frontMatter = z.strictObject({
  /** Where the folder does not say it. */
  language: z.string().optional(),
  synonyms: z.array(z.array(z.string().min(1)).min(2)).default([]),
  /** What callers ask for most. */
  offered: z.array(z.string().min(1)).default([]),
  form: formSchema.optional(),
});

const LANGUAGE = /^[a-z]{2,3}$/;
/** So many one can remember. */
const OFFERED = 4;
const PHRASES_FILE = 'phrases.yaml';

interface Draft {
  topics: Topic[];
  forms: { form: FormSpec; file: string; line: number }[];
  synonyms: string[][];
  offered: string[];
}

/**
 * @param dir the knowledge. @param phrasesDir the shipped phrases, one file per language.
 * @throws AppError KNOWLEDGE_INVALID naming the file and line; FILE_NOT_FOUND.
 */
export function loadKnowledge(dir: string, phrasesDir: string): Knowledge {
  const drafts = new Map<string, Draft>();
  for (const { path, language } of markdownFiles(dir)) readFile(path, language, drafts);
  if (drafts.size === 0)
    throw new AppError(
      'KNOWLEDGE_INVALID',
      `There is no knowledge in ${dir}; write Markdown files into a folder per language, such as ${join(dir, 'en')}.`,
    );
  const languages = new Map<string, LanguageKnowledge>();
  for (const [language, draft] of drafts) {
    checkForms(draft);
    writeTitlesWithin(draft.topics, language);
    draft.topics.forEach((topic, id) => {
      topic.id = id;
    });
    languages.set(language, {
      language,
      topics: draft.topics,
      forms: draft.forms.map(({ form }) => form),
      synonyms: draft.synonyms,
      offered: [...draft.offered, ...titlesOf(draft)].slice(0, OFFERED),
      phrases: new PhraseBook(phrasesFor(language, dir, phrasesDir), language),
    });
  }
  const placeFile = join(dir, 'place.yaml');
  return { languages, place: existsSync(placeFile) ? readPlace({ file: placeFile, text: read(placeFile) }) : NOWHERE };
}

/** The shipped phrases of every language, with nothing known. @throws AppError KNOWLEDGE_INVALID. */
export function loadPhrases(phrasesDir: string): Map<string, LanguageKnowledge> {
  const languages = namesIn(phrasesDir).flatMap((name) => /^([a-z]{2,3})\.yaml$/.exec(name)?.[1] ?? []);
  return new Map(
    languages.map((language) => {
      const phrases = new PhraseBook(phrasesFor(language, '', phrasesDir), language);
      return [language, { language, topics: [], forms: [], synonyms: [], offered: [], phrases }];
    }),
  );
}

const titlesOf = ({ topics }: Draft): string[] =>
  topics.filter((topic) => !topic.parent).map((topic) => topic.titleWithin);

/** Languages that write nouns with a capital wherever they stand. */
const CAPITAL_NOUNS = new Set(['de', 'lb']);

/** Within a sentence a title begins small, unless its first word is a noun of German or a name: large in the middle of what is said, too. */
function writeTitlesWithin(topics: readonly Topic[], language: string): void {
  const said = topics.flatMap(({ paragraphs, asked }) => [...paragraphs, ...asked]).join(' . ');
  const isIn = (word: string, before: string) => new RegExp(`${before}${word}(?![\\p{L}\\p{N}])`, 'u').test(said);
  for (const topic of topics) {
    const first = /^\p{Lu}\p{Ll}*(?![\p{L}\p{N}-])/u.exec(topic.title)?.[0];
    if (first === undefined) continue;
    const small = first.toLowerCase();
    const isArticle = isFunctionWord(fold(first), language);
    const isName = isIn(first, '[\\p{L}\\p{N},] ') && !isIn(small, '(?<![\\p{L}\\p{N}])');
    if (isArticle || !(CAPITAL_NOUNS.has(language) || isName))
      topic.titleWithin = small + topic.title.slice(first.length);
  }
}

/** Sorted, so that the same folder gives the same knowledge everywhere. */
function markdownFiles(dir: string): { path: string; language: string | undefined }[] {
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch (cause) {
    throw new AppError(
      'FILE_NOT_FOUND',
      `The folder of knowledge ${dir} cannot be read; check the setting brain.knowledgeDir.`,
      { cause },
    );
  }
  // Editors leave hidden files of their own beside the one that is edited.
  const isMarkdown = (name: string) => /^[^.].*\.md$/.test(name) && name.toLowerCase() !== 'readme.md';
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry): { path: string; language: string | undefined }[] => {
      if (!entry.isDirectory())
        return isMarkdown(entry.name) ? [{ path: join(dir, entry.name), language: undefined }] : [];
      if (!LANGUAGE.test(entry.name)) return [];
      const names = namesIn(join(dir, entry.name)).filter(isMarkdown).sort();
      return names.map((name) => ({ path: join(dir, entry.name, name), language: entry.name }));
    });
}

/** @throws AppError FILE_UNREADABLE, also for a folder that has just been moved away. */
function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (cause) {
    throw new AppError('FILE_UNREADABLE', `The folder ${dir} cannot be read; check its permissions.`, { cause });
  }
}

/** @throws AppError FILE_UNREADABLE, also for a file that is being replaced just now. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
      .replace(/^\uFEFF/, '')
      .replaceAll('\r\n', '\n');
  } catch (cause) {
    throw new AppError('FILE_UNREADABLE', `The file ${path} cannot be read; check its permissions.`, { cause });
  }
}

function readFile(file: string, folder: string | undefined, drafts: Map<string, Draft>): void {
  const text = read(file);
  const head = /^---\n([\s\S]*?)\n?---[ \t]*(?:\n|$)/.exec(text);
  if (!head && text.startsWith('---\n'))
    throw knowledgeError(file, 1, 'the front matter has no end; close it with a line "---".');
  const { value, lineOf } = readYaml(frontMatter, { file, text: head?.[1] ?? '', linesBefore: 1 });
  const language = value.language ?? folder;
  if (language === undefined || !LANGUAGE.test(language))
    throw knowledgeError(
      file,
      1,
      'the language is not known; put the file into a folder such as "en" or write "language: en" into its front matter.',
    );
  const draft = drafts.get(language) ?? { topics: [], forms: [], synonyms: [], offered: [] };
  drafts.set(language, draft);
  const linesBefore = head ? head[0].split('\n').length - 1 : 0;
  draft.topics.push(...readTopics(text.slice(head?.[0].length ?? 0), file, linesBefore, language));
  draft.synonyms.push(...value.synonyms);
  draft.offered.push(...value.offered);
  if (!value.form) return;
  const unknown = unknownPlaceholder(value.form);
  if (unknown)
    throw knowledgeError(file, lineOf(['form', unknown.key]), `{${unknown.name}} is none of the form's slots.`);
  draft.forms.push({ form: value.form, file, line: lineOf(['form']) });
}

function checkForms({ topics, forms }: Draft): void {
  const known = new Set<string>();
  for (const { form, file, line } of forms) {
    if (known.has(form.id))
      throw knowledgeError(file, line, `there is another form "${form.id}" in this language; give it another id.`);
    known.add(form.id);
  }
  for (const topic of topics)
    for (const id of topic.forms)
      if (!known.has(id))
        throw knowledgeError(
          topic.file,
          topic.line,
          `"${topic.title}" links to the form "${id}", which no file declares.`,
        );
}

function phrasesFor(language: string, dir: string, phrasesDir: string): Phrases {
  const shipped = join(phrasesDir, `${language}.yaml`);
  const own = join(dir, language, PHRASES_FILE);
  if (existsSync(shipped)) {
    const phrases = readPhrases({ file: shipped, text: read(shipped) });
    return existsSync(own) ? replacePhrases(phrases, { file: own, text: read(own) }) : phrases;
  }
  if (existsSync(own)) return readPhrases({ file: own, text: read(own) });
  throw new AppError(
    'KNOWLEDGE_INVALID',
    `The language "${language}" has no phrases yet; write ${own} after the model of ${join(phrasesDir, 'en.yaml')}.`,
  );
}
