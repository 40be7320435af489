/**
 * One stream for two readers. In: an async iterable. Out: two that each see everything; what the slower one has not
 * read yet is kept, so both should be read at about the same pace. The source is closed when both readers are done.
 */
export function tee<T>(source: AsyncIterable<T>): [AsyncGenerator<T>, AsyncGenerator<T>] {
  const iterator = source[Symbol.asyncIterator]();
  const queues: [T[], T[]] = [[], []];
  const reading = [true, true];
  let pending: Promise<void> | null = null;
  let ended = false;

  const fill = async () => {
    const next = await iterator.next();
    if (next.done) ended = true;
    else for (const side of [0, 1]) if (reading[side]) queues[side].push(next.value);
  };
  async function* read(side: 0 | 1): AsyncGenerator<T> {
    try {
      for (;;) {
        while (queues[side].length > 0) yield queues[side].shift() as T;
        if (ended) return;
        pending ??= fill().finally(() => {
          pending = null;
        });
        await pending;
      }
    } finally {
      reading[side] = false;
      queues[side].length = 0;
      if (!reading[0] && !reading[1] && !ended) await iterator.return?.();
    }
  }
  return [read(0), read(1)];
}
