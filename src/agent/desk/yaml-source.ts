/**
 * YAML that people write, checked. In: a text and a schema. Out: the value; or one sentence that names the file, the line and what is wrong
 * there.
 */
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { AppError } from '../../errors.ts';

/** @param line counted from 1. */
export function knowledgeError(file: string, line: number, problem: string): AppError {
  return new AppError('KNOWLEDGE_INVALID', `${file}, line ${line}: ${problem}`);
}

export interface YamlSource {
  file: string;
  text: string;
  /** Lines before the text's first one, where it is part of a file. */
  linesBefore?: number;
}

/**
 * @returns the value, and the line on which the value at a path stands.
 * @throws AppError KNOWLEDGE_INVALID
 */
export function readYaml<T>(
  schema: z.ZodType<T>,
  source: YamlSource,
): { value: T; lineOf: (path: readonly PropertyKey[]) => number } {
  const { file, text, linesBefore = 0 } = source;
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number) => linesBefore + Math.max(lineCounter.linePos(offset).line, 1);
  const [error] = document.errors;
  if (error) throw knowledgeError(file, lineAt(error.pos[0]), `this is not YAML: ${error.message.split('\n')[0]}`);
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length >= 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
      if (node?.range) return lineAt(node.range[0]!);
    }
    return lineAt(0);
  };
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (parsed.success) return { value: parsed.data, lineOf };
  const issue = parsed.error.issues[0]!;
  const path = [...issue.path, ...(issue.code === 'unrecognized_keys' ? [issue.keys[0]!] : [])];
  const key = path.join('.');
  const problem =
    issue.code === 'unrecognized_keys'
      ? `"${key}" is not a known key.`
      : `${key === '' ? 'this' : `"${key}"`} ${issue.code === 'invalid_type' && document.getIn(path) === undefined ? 'is missing' : `is not acceptable: ${issue.message}`}.`;
  throw knowledgeError(file, lineOf(path), problem);
}
