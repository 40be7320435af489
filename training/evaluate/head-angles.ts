/**
 * Runs the product's head sources for `head.py`. In: a JSON file {levels: number[][]} with the loudness (0…1.2) of each performance at
 * 50 Hz. Out: a JSON file {learned, fitted, noise: [frames at 25 Hz][yaw, pitch, roll] in degrees per performance}.
 *
 *   tsx training/evaluate/head-angles.ts levels.json angles.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolveControls } from '../../src/engine/controls.ts';
import { FittedHead } from '../../src/engine/motion/fitted-head.ts';
import { HeadPlanModel } from '../../src/engine/motion/head-plan-model.ts';
import { IdlePerformance } from '../../src/engine/motion/idle.ts';
import { LearnedHead } from '../../src/engine/motion/learned-head.ts';
import { loadEyePrior, loadHeadPrior } from '../../src/engine/motion/load-priors.ts';
import { type HeadSource, NoiseHead } from '../../src/engine/motion/noise-head.ts';
import { NO_CALLER } from '../../src/engine/motion/performance-source.ts';

const [levelsPath, anglesPath] = process.argv.slice(2) as [string, string];
const { levels } = JSON.parse(readFileSync(levelsPath, 'utf8')) as { levels: number[][] };

async function perform(head: HeadSource, loudness: number[], seed: number): Promise<number[][]> {
  const performance = new IdlePerformance(seed, loadEyePrior(), head);
  const controls = resolveControls({ seed });
  const frames: number[][] = [];
  for (const [tick, level] of loudness.entries()) {
    await performance.pending;
    const onset = level > 0.6 && (loudness[tick - 1] ?? 0) <= 0.6;
    const { pose } = performance.next({
      tick,
      activity: 'speaking',
      caller: NO_CALLER,
      loudness: level,
      emphasis: onset ? 0.7 : 0,
      isPhraseEnd: false,
      controls,
    });
    const { yawRad, pitchRad, rollRad } = pose;
    if (tick % 2 === 0) frames.push([yawRad, pitchRad, rollRad].map((angle) => (angle * 180) / Math.PI));
  }
  return frames;
}

async function all(makeHead: (seed: number) => HeadSource): Promise<number[][][]> {
  const sequences: number[][][] = [];
  for (const [i, loudness] of levels.entries()) sequences.push(await perform(makeHead(i + 1), loudness, i + 1));
  return sequences;
}

const prior = loadHeadPrior();
const model = await HeadPlanModel.load();
const angles = {
  learned: await all((seed) => new LearnedHead(prior, seed, (request) => model.plan(request))),
  fitted: await all((seed) => new FittedHead(prior, seed)),
  noise: await all((seed) => new NoiseHead(seed)),
};
writeFileSync(anglesPath, JSON.stringify(angles));
