import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepsAbandonedConnections, Reach } from '../../client/reach.ts';
import { ConnectionLost } from '../../client/signaling.ts';

interface Asked {
  url: string;
  signal: AbortSignal;
  answer(status: number): void;
  refuse(): void;
}

describe('plain requests that wait for the network', () => {
  let asked: Asked[];
  let reach: Reach;
  beforeEach(() => {
    vi.useFakeTimers();
    asked = [];
    vi.stubGlobal('fetch', (url: URL, { signal }: { signal: AbortSignal }) => {
      return new Promise((resolve, reject) =>
        asked.push({
          url: String(url),
          signal,
          answer: (status) => resolve({ status }),
          refuse: () => reject(new TypeError('no')),
        }),
      );
    });
    reach = new Reach('https://face.example/desk/');
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  /** A turn nobody answers. */
  async function silentTurn(): Promise<void> {
    const turn = expect(reach.wait(new AbortController().signal)).rejects.toBeInstanceOf(ConnectionLost);
    await vi.advanceTimersByTimeAsync(5000);
    await turn;
  }

  it('are begun one a turn, five at most, and none is given up while it waits', async () => {
    for (let i = 0; i < 8; i++) await silentTurn();
    expect(asked.map(({ url }) => url)).toEqual(Array(5).fill('https://face.example/desk/healthz'));
    expect(asked.some(({ signal }) => signal.aborted)).toBe(false);
  });

  it('tell as soon as an early one is answered', async () => {
    await silentTurn();
    await silentTurn();
    const turn = reach.wait(new AbortController().signal);
    asked[0]!.answer(200);
    await turn;
    await reach.wait(new AbortController().signal);
  });

  it.each([
    ['refused at once', (one: Asked) => one.refuse()],
    ['answered by a proxy without a server', (one: Asked) => one.answer(502)],
  ])('tell when they are %s', async (_, end) => {
    const turn = expect(reach.wait(new AbortController().signal)).rejects.not.toBeInstanceOf(ConnectionLost);
    end(asked[0]!);
    await turn;
  });

  it('do not take the end of the system’s patience for a refusal, and ask again', async () => {
    for (let i = 0; i < 5; i++) await silentTurn();
    asked[0]!.refuse();
    await vi.advanceTimersByTimeAsync(0);
    await silentTurn();
    expect(asked).toHaveLength(6);
  });

  it('are given up with the attempt’s end, and a turn with its own', async () => {
    const end = new AbortController();
    const turn = expect(reach.wait(end.signal)).rejects.toBeInstanceOf(ConnectionLost);
    end.abort();
    await turn;
    expect(asked[0]!.signal.aborted).toBe(false);
    reach[Symbol.dispose]();
    expect(asked[0]!.signal.aborted).toBe(true);
  });
});

describe('who keeps abandoned connections', () => {
  afterEach(() => vi.unstubAllGlobals());
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', true],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 FxiOS/140.0 Mobile Safari/605.1.15',
      false,
    ],
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36', false],
  ])('%s: %s', (userAgent, keeps) => {
    vi.stubGlobal('navigator', { userAgent });
    expect(keepsAbandonedConnections()).toBe(keeps);
  });
});
