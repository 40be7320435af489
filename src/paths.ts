/** Where the package keeps its own files, from a checkout (`src/`) and from the build (`dist/`) alike. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

export const packageFile = join(packageRoot, 'package.json');
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
export const modelsDir = join(packageRoot, 'models');
export const assetsDir = join(packageRoot, 'assets');
export const configDir = join(packageRoot, 'config');
/** Compiled WASM; made by `scripts/setup.mjs`. */
export const wasmDir = join(packageRoot, 'build');
/** Compiled call page; made by `scripts/setup.mjs`. */
export const clientDir = join(packageRoot, 'dist', 'client');
