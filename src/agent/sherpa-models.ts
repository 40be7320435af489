/**
 * Folders of sherpa-onnx models as their users unpack them. In: a folder; out: which of its files play which part, or one sentence that says
 * what is missing. Nothing is loaded here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../errors.ts';

/** Part → path, as the package names them in its configuration. */
type ModelFiles = Record<string, string>;

export interface VoiceModel {
  kind: 'vits' | 'matcha' | 'kokoro' | 'kitten';
  files: ModelFiles;
  /** BCP 47 tags; empty where neither the files nor the folder's name tell. */
  languages: string[];
}

export interface RecognizerModel {
  kind: 'transducer' | 'paraformer' | 'zipformer2Ctc' | 'nemoCtc' | 'toneCtc' | 'wenetCtc';
  files: ModelFiles;
  tokens: string;
  language?: string;
}

const piperSchema = z.object({ language: z.object({ code: z.string() }) });

/** @throws AppError MODEL_MISSING naming the folder and the file. */
export function findVoiceModel(dir: string): VoiceModel {
  const names = list(dir);
  const models = modelFiles(names);
  const file = (name: string | undefined) => (name === undefined ? undefined : join(dir, name));
  const lexicons = names.filter((name) => /^lexicon.*\.txt$/.test(name)).map((name) => join(dir, name));
  const shared = clean({
    tokens: file(names.find((name) => name === 'tokens.txt')),
    dataDir: file(names.find((name) => name === 'espeak-ng-data')),
    lexicon: lexicons.length > 0 ? lexicons.join(',') : undefined,
  });
  const missing = (what: string): AppError =>
    new AppError(
      'MODEL_MISSING',
      `The folder ${dir} is no voice for sherpa-onnx: it has no ${what}; take a ready-made one, such as vits-piper-….tar.bz2 of sherpa-onnx.`,
    );
  if (models.length === 0) throw missing('.onnx file');
  if (shared.tokens === undefined) throw missing('tokens.txt');
  const languages = languagesOf(dir, names);
  const voices = file(names.find((name) => name === 'voices.bin'));
  if (voices !== undefined) {
    const kind = /kitten/i.test(basename(dir)) ? 'kitten' : 'kokoro';
    return { kind, files: { ...shared, model: join(dir, models[0]), voices }, languages };
  }
  const vocoder = models.find((name) => /vocos|hifigan|vocoder/i.test(name));
  const acoustic = models.find((name) => name !== vocoder);
  if (vocoder !== undefined && acoustic !== undefined)
    return {
      kind: 'matcha',
      files: { ...shared, acousticModel: join(dir, acoustic), vocoder: join(dir, vocoder) },
      languages,
    };
  return { kind: 'vits', files: { ...shared, model: join(dir, models[0]) }, languages };
}

/** @throws AppError MODEL_MISSING naming the folder and the file. */
export function findRecognizerModel(dir: string): RecognizerModel {
  const names = list(dir);
  const models = modelFiles(names);
  const part = (mark: RegExp) => models.find((name) => mark.test(name));
  const missing = (what: string): AppError =>
    new AppError(
      'MODEL_MISSING',
      `The folder ${dir} is no streaming recogniser for sherpa-onnx: it has no ${what}; check stt.modelDir.`,
    );
  if (models.length === 0) throw missing('.onnx file');
  if (!names.includes('tokens.txt')) throw missing('tokens.txt');
  const tokens = join(dir, 'tokens.txt');
  const [tag, ...others] = languagesOf(dir, names);
  const language = tag !== undefined && others.length === 0 ? { language: tag } : {};
  const [encoder, decoder, joiner] = [part(/encoder/), part(/decoder/), part(/joiner/)];
  if (encoder !== undefined && decoder !== undefined) {
    const files = { encoder: join(dir, encoder), decoder: join(dir, decoder) };
    if (joiner === undefined) return { kind: 'paraformer', files, tokens, ...language };
    return { kind: 'transducer', files: { ...files, joiner: join(dir, joiner) }, tokens, ...language };
  }
  const name = basename(dir);
  const kind = /nemo/i.test(name)
    ? 'nemoCtc'
    : /t-one|tone-ctc/i.test(name)
      ? 'toneCtc'
      : /wenet/i.test(name)
        ? 'wenetCtc'
        : 'zipformer2Ctc';
  return { kind, files: { model: join(dir, models[0]) }, tokens, ...language };
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch (cause) {
    throw new AppError('MODEL_MISSING', `The folder ${dir} cannot be read; check the path.`, { cause });
  }
}

/** Full precision before its quantised twin. */
function modelFiles(names: readonly string[]): string[] {
  const models = names.filter((name) => name.endsWith('.onnx'));
  return [...models.filter((name) => !/int8|fp16/.test(name)), ...models.filter((name) => /int8|fp16/.test(name))];
}

/** What Piper's description says, else tags in the names: en_US, -de-, zh-en. */
function languagesOf(dir: string, names: readonly string[]): string[] {
  for (const name of names.filter((each) => each.endsWith('.onnx.json'))) {
    try {
      const { language } = piperSchema.parse(JSON.parse(readFileSync(join(dir, name), 'utf8')));
      return [language.code.replace('_', '-')];
    } catch {
      // A description of another kind says nothing here.
    }
  }
  const regional = /(?:^|[-_])([a-z]{2,3})_([A-Z]{2})(?=$|[-_])/.exec(basename(dir));
  if (regional) return [`${regional[1]}-${regional[2]}`];
  const known = ['ar', 'bn', 'ca', 'cs', 'da', 'de', 'el', 'en', 'es', 'fa', 'fi', 'fr', 'hi', 'hu', 'id', 'it', 'ja'];
  known.push('ko', 'nl', 'no', 'pl', 'pt', 'ro', 'ru', 'sv', 'th', 'tr', 'uk', 'vi', 'zh', 'yue');
  return basename(dir)
    .split(/[-_]/)
    .filter((part) => known.includes(part));
}

function clean(files: Record<string, string | undefined>): ModelFiles {
  return Object.fromEntries(Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
