/** Motion files, as other tools write them. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatMotionLine, readMotionFile } from '../../../src/engine/motion-file.ts';
import { type FuzzTarget, holds } from '../target.ts';

const file = join(mkdtempSync(join(tmpdir(), 'visavis-fuzz-')), 'motion.jsonl');
const line = (timestampUs: number, jawOpen: number): string =>
  JSON.stringify({
    timestampUs,
    pose: { yawRad: 0.1, pitchRad: 0, rollRad: 0, x: 0, y: 0, scale: 1 },
    gaze: { yawRad: 0, pitchRad: 0 },
    blendshapes: { jawOpen, mouthSmileLeft: 0.2 },
  });

export const target: FuzzTarget = {
  name: 'motion-file',
  covers: ['src/engine/motion-file.ts', 'src/engine/motion-frame.ts'],
  seeds: () => [
    [line(0, 0), line(40_000, 0.5), line(80_000, 1)].join('\n'),
    `${line(0, 0)}\n\n${line(33_333, 0.5)}\r\n`,
    '{"timestampUs":0}',
    '[]\nnull\n',
  ],
  words: [
    '"timestampUs":',
    '"pose":',
    '"gaze":',
    '"blendshapes":',
    'jawOpen',
    'null',
    '1e308',
    '-0',
    '[]',
    '{}',
    '\n',
    '"__proto__":',
    'NaN',
  ],
  async run(input) {
    writeFileSync(file, input);
    for await (const frame of readMotionFile(file)) {
      const numbers = JSON.stringify(frame);
      holds(!numbers.includes('null'), `every number is finite: ${numbers}`);
      holds(formatMotionLine(frame).length > 0, 'what was read can be written');
    }
  },
};
