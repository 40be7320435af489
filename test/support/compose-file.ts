/** docker/compose.yaml as the tests read it: values of `.env` put in, environments as a program gets them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const dockerFolder = fileURLToPath(new URL('../../docker/', import.meta.url));

export interface ComposeService {
  image: string;
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  command?: string[];
  profiles?: string[];
  stop_grace_period?: string;
  [key: string]: unknown;
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
}

/** `${NAME:-default}` and `${NAME:?why}` as compose replaces them. @throws the `why` of a value that is missing. */
export function interpolate(text: string, values: Record<string, string>): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
    const value = values[name] ?? '';
    if (value !== '') return value;
    if (kind === '?') throw new Error(`${name}: ${rest}`);
    return rest;
  });
}

export const composeText = (): string => readFileSync(`${dockerFolder}compose.yaml`, 'utf8');

export const readCompose = (values: Record<string, string>): ComposeFile => parse(interpolate(composeText(), values));

/** The variables of `.env.example` with the values that stand there. */
export function envExample(): Record<string, string> {
  const lines = readFileSync(`${dockerFolder}.env.example`, 'utf8').split('\n');
  return Object.fromEntries(lines.flatMap((line) => (/^\w+=/.test(line) ? [line.split(/=(.*)/s).slice(0, 2)] : [])));
}
