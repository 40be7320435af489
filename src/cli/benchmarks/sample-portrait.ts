/** The face of the benchmarks: shipped with the package, so that numbers of two machines can be compared. */
import { join } from 'node:path';
import { assetsDir } from '../../paths.ts';

export const samplePortrait = join(assetsDir, 'portraits', 'mona-lisa.jpg');
