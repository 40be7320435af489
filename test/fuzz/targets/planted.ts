/** A reader with a fault on purpose, behind four steps that chance alone takes once in four thousand million tries. */
import { AppError } from '../../../src/errors.ts';
import type { FuzzTarget } from '../target.ts';
import { readChunk } from './planted-reader.ts';

export const target: FuzzTarget = {
  name: 'planted',
  covers: ['test/fuzz/targets/planted-reader.ts'],
  seeds: () => ['riff data of no kind'],
  maxBytes: 64,
  run: (input) => {
    if (input.length < 4) throw new AppError('AUDIO_INVALID', 'Too short.');
    readChunk(input);
  },
};
