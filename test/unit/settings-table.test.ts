// Every setting is in the README's table, with its default, and the table names no other.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Json = { [key: string]: unknown };

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const defaults = JSON.parse(read('config/default.json')) as Json;
const table = /\n## Configuration\n([\s\S]*?)\n## /.exec(read('README.md'))?.[1] ?? '';
/** Where the settings of a row like `llm.*` are explained. */
const plugIn = read('docs/plug-in.md');

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function settingsOf(section: Json, prefix = ''): string[] {
  return Object.entries(section).flatMap(([key, value]) =>
    isObject(value) ? settingsOf(value, `${prefix}${key}.`) : [prefix + key],
  );
}

/** `a.b`, `c` in the first cell of a row: a.b and a.c. */
const named = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) => {
  const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const group = names[0]?.includes('.') ? names[0].replace(/[^.]+$/, '') : '';
  return names.map((name) => (name.includes('.') || name in defaults ? name : group + name));
});

const settings = settingsOf(defaults);
const isNamed = (setting: string): boolean => named.some((name) => setting === name || setting.startsWith(`${name}.`));
const sections = named.filter((name) => name.endsWith('.*')).map((name) => name.slice(0, -1));

describe('the README’s table of settings', () => {
  it.each(settings)('names %s', (setting) => {
    if (isNamed(setting) || table.includes(`\`${setting}\``)) return;
    expect(sections.some((section) => setting.startsWith(section))).toBe(true);
    expect(plugIn).toMatch(new RegExp(`\\b${setting.split('.').at(-1)}\\b`));
  });

  it.each(named.filter((name) => !name.endsWith('.*')))('names with %s what there is', (name) => {
    expect(settings.some((setting) => setting === name || setting.startsWith(`${name}.`))).toBe(true);
  });
});
