/** `portrait_ms`: photo → ready rig without the cache. The value is the first bake, model loading included. */
import { readFile } from 'node:fs/promises';
import { bakePortrait } from '../../engine/portrait/portrait.ts';
import { type Benchmark, round, summary } from './benchmark.ts';
import { samplePortrait } from './sample-portrait.ts';

export const portrait: Benchmark = {
  async run({ quick, signal }) {
    const photo = await readFile(samplePortrait);
    const ms: number[] = [];
    for (let i = 0; i < (quick ? 1 : 5); i++) {
      signal.throwIfAborted();
      const startMs = performance.now();
      await bakePortrait(photo, { cacheDir: null });
      ms.push(performance.now() - startMs);
    }
    return [{ ...summary('portrait_ms', 'ms', ms), value: round(ms[0]) }];
  },
};
