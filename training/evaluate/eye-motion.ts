/**
 * Runs the product's whole performance for `eyes.py`. In: a JSON file {levels: number[][]} with the loudness (0…1.2) of each performance at
 * 50 Hz. Out: a JSON file, per performance frames at 25 Hz: yaw and pitch of eye in head (degrees), lid, outer brow, inner brow, lower lid,
 * yaw and pitch of the head (degrees).
 *
 *   tsx training/evaluate/eye-motion.ts levels.json eyes.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolveControls } from '../../src/engine/controls.ts';
import { HeadPlanModel } from '../../src/engine/motion/head-plan-model.ts';
import { IdlePerformance } from '../../src/engine/motion/idle.ts';
import { LearnedHead } from '../../src/engine/motion/learned-head.ts';
import { loadEyePrior, loadHeadPrior } from '../../src/engine/motion/load-priors.ts';
import { NO_CALLER } from '../../src/engine/motion/performance-source.ts';

const DEG = 180 / Math.PI;
/** Below this a voice rests; so long, and a phrase has ended. */
const QUIET = 0.15;
const PAUSE_TICKS = 10;
const [levelsPath, eyesPath] = process.argv.slice(2) as [string, string];
const { levels } = JSON.parse(readFileSync(levelsPath, 'utf8')) as { levels: number[][] };
const model = await HeadPlanModel.load();
const prior = loadHeadPrior();

async function perform(loudness: number[], seed: number): Promise<number[][]> {
  const performance = new IdlePerformance(
    seed,
    loadEyePrior(),
    new LearnedHead(prior, seed, (request) => model.plan(request)),
  );
  const controls = resolveControls({ seed });
  const frames: number[][] = [];
  let quietTicks = 0;
  for (const [tick, level] of loudness.entries()) {
    await performance.pending;
    quietTicks = level < QUIET ? quietTicks + 1 : 0;
    const onset = level > 0.6 && (loudness[tick - 1] ?? 0) <= 0.6;
    const { pose, gaze, upperFace } = performance.next({
      tick,
      activity: quietTicks < PAUSE_TICKS ? 'speaking' : 'idle',
      caller: NO_CALLER,
      loudness: level,
      emphasis: onset ? 0.7 : 0,
      isPhraseEnd: quietTicks === PAUSE_TICKS,
      controls,
    });
    if (tick % 2 === 1) continue;
    const { blink, browInnerUp, browOuterUp, browDown, squint } = upperFace;
    const looks = [gaze.yawRad, gaze.pitchRad, pose.yawRad, pose.pitchRad].map((angle) => angle * DEG);
    frames.push([
      looks[0]!,
      looks[1]!,
      blink,
      browOuterUp - browDown,
      browInnerUp - browDown,
      squint,
      looks[2]!,
      looks[3]!,
    ]);
  }
  return frames;
}

const performances: number[][][] = [];
for (const [i, loudness] of levels.entries()) performances.push(await perform(loudness, i + 1));
writeFileSync(eyesPath, JSON.stringify(performances));
