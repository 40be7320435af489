/** Work for a `LimitedProcess` that misbehaves when asked to. */
import { getPriority } from 'node:os';
import { answerWithinLimits } from '../../src/media/limited-replies.ts';

export type Work = 'answer' | 'priority' | 'environment' | 'allocate' | 'spin' | 'sleep' | 'crash' | 'exit';

answerWithinLimits<Work, unknown>(async (work) => {
  if (work === 'priority') return getPriority();
  if (work === 'environment') return Object.keys(process.env);
  if (work === 'crash') process.abort();
  if (work === 'exit') process.exit(3);
  if (work === 'spin') for (;;);
  if (work === 'sleep') await new Promise(() => {});
  if (work === 'allocate') {
    // Outside of the script's heap, as image libraries do.
    const held: Buffer[] = [];
    for (;;) held.push(Buffer.alloc(16 * 2 ** 20, 1));
  }
  return 'answered';
});
