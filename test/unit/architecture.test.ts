// The dependency rule of ARCHITECTURE.md, kept true: who may import whom, one vendor per file, what the browser shares.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

interface SourceFile {
  path: string;
  text: string;
  /** Project files by path from the root; packages by name; Node modules as `node:x`. */
  imports: { target: string; typeOnly: boolean }[];
}

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

function parse(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const imports: SourceFile['imports'] = [];
  for (const match of text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|import\(\s*'([^']+)'(?:\s+as\s+string)?\s*\)|^\s*import\s+'([^']+)'/gm,
  )) {
    const specifier = match[2] ?? match[3] ?? match[4] ?? '';
    const target = specifier.startsWith('.')
      ? normalize(join(dirname(path), specifier))
          .split(sep)
          .join('/')
      : specifier.startsWith('node:')
        ? specifier
        : specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/');
    imports.push({ target, typeOnly: match[1] !== undefined });
  }
  return { path, text, imports };
}

const AS_SOURCES = 'src/engine/render/wasm/';
const source = listFiles('src')
  .filter((path) => !path.startsWith(AS_SOURCES))
  .map(parse);
const client = listFiles('client').map(parse);

/** Folder of a source file for the dependency rule; files directly in src/ are the floor or the composition root. */
const FLOOR = ['errors', 'paths', 'telemetry', 'metrics', 'cuda', 'config', 'provider-settings', 'inference'].map(
  (name) => `src/${name}.ts`,
);
/** The public motion contract (frames and controls): plain data that every folder speaks. */
const CONTRACT = ['src/engine/motion-frame.ts', 'src/engine/controls.ts'];
const MAY_IMPORT: Record<string, string[]> = {
  media: ['media'],
  engine: ['engine', 'media'],
  agent: ['agent', 'media'],
  signaling: ['signaling', 'media'],
};

/** Modules that the browser runs too: reachable from client/ by value imports, so free of Node. */
function sharedWithBrowser(): Set<string> {
  const byPath = new Map(source.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const visit = (file: SourceFile): void => {
    for (const { target, typeOnly } of file.imports) {
      const next = byPath.get(target);
      if (typeOnly || !next || reached.has(target)) continue;
      reached.add(target);
      visit(next);
    }
  };
  for (const file of client) visit(file);
  return reached;
}

describe('architecture', () => {
  it('sees the sources it judges', () => {
    expect(source.length).toBeGreaterThan(25);
    expect(client.length).toBeGreaterThan(1);
    expect(source.flatMap((file) => file.imports).length).toBeGreaterThan(100);
  });

  it('lets signaling, agent and engine import only media and the floor', () => {
    const broken: string[] = [];
    for (const file of source) {
      const allowed = MAY_IMPORT[file.path.split('/')[1] ?? ''];
      if (!allowed) continue;
      for (const { target } of file.imports) {
        if (!target.startsWith('src/') || FLOOR.includes(target) || CONTRACT.includes(target)) continue;
        if (!allowed.includes(target.split('/')[1] ?? '')) broken.push(`${file.path} → ${target}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('keeps the floor free of our other folders', () => {
    const broken = source
      .filter((file) => FLOOR.includes(file.path))
      .flatMap((file) =>
        file.imports
          .filter((i) => i.target.startsWith('src/') && !FLOOR.includes(i.target))
          .map((i) => `${file.path} → ${i.target}`),
      );
    expect(broken).toEqual([]);
  });

  it('imports each vendor with native code or a service behind it in one file only', () => {
    const vendors = [
      'onnxruntime-node',
      'node-av',
      'jose',
      'llama-tokenizer-js',
      'socket.io',
      'sharp',
      '@echogarden/espeak-ng-emscripten',
      'werift',
      'mediasoup',
      'express',
      'delaunator',
      'openai',
      'sherpa-onnx-node',
      '@ricky0123/vad-node',
    ];
    for (const vendor of vendors) {
      const importers = source.filter((file) => file.imports.some((i) => i.target === vendor)).map((file) => file.path);
      expect(importers.length, `${vendor} is imported by ${importers.join(', ')}`).toBeLessThanOrEqual(1);
    }
  });

  it('keeps what the browser shares free of Node and of vendors', () => {
    const shared = sharedWithBrowser();
    expect(shared.size).toBeGreaterThan(2);
    const broken = source
      .filter((file) => shared.has(file.path))
      .flatMap((file) =>
        file.imports
          .filter((i) => !i.typeOnly && !i.target.startsWith('src/'))
          .map((i) => `${file.path} → ${i.target}`),
      );
    expect(broken).toEqual([]);
  });

  it('lets only configuration and the composition root read the environment', () => {
    const readers = source.filter((file) => /process\.env\b/.test(file.text)).map((file) => file.path);
    expect(readers.filter((path) => !['src/config.ts', 'src/cli.ts'].includes(path))).toEqual([]);
  });

  it('has no grab-bag files', () => {
    const names = source.map((file) => file.path.split('/').at(-1) ?? '');
    expect(names.filter((name) => /^(utils?|helpers?|types|misc|common)\./.test(name))).toEqual([]);
  });
});
