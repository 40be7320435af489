import type { ReturnLimits } from '../../src/signaling/returns.ts';

/** No limits but the one given, of one caller. */
export const returnLimits = (returnsPerMinute: number): ReturnLimits => ({
  returnsPerMinute,
  joinsPerMinute: 0,
  connections: 0,
});
