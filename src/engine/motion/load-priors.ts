/** The fitted models' files, each read once (Node). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { modelsDir } from '../../paths.ts';
import { type EyePrior, type EyePriorFile, parseEyePrior } from './eye-prior.ts';
import { type HeadPrior, type HeadPriorFile, parseHeadPrior } from './head-prior.ts';

let head: HeadPrior | undefined;
let eyes: EyePrior | undefined;

/** @throws AppError MODEL_MISSING, MODEL_CORRUPT. */
export function loadHeadPrior(): HeadPrior {
  head ??= load('head-prior.json', 'fit_head_prior.py', (file, path) => parseHeadPrior(file as HeadPriorFile, path));
  return head;
}

/** @throws AppError MODEL_MISSING, MODEL_CORRUPT. */
export function loadEyePrior(): EyePrior {
  eyes ??= load('eye-prior.json', 'fit_eyes.py', (file, path) => parseEyePrior(file as EyePriorFile, path));
  return eyes;
}

function load<T>(name: string, script: string, parse: (file: unknown, path: string) => T): T {
  const path = join(modelsDir, name);
  try {
    return parse(JSON.parse(readFileSync(path, 'utf8')), path);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'is missing' : 'is damaged';
    throw new AppError(
      missing ? 'MODEL_MISSING' : 'MODEL_CORRUPT',
      `${path} ${what}: restore it from the package or make it with training/motion/${script}.`,
      { cause },
    );
  }
}
