/**
 * Whether a network that swallowed everything carries again, where attempts that are given up cost the next ones their connection. In: the server's
 * address. Out: when a plain request was answered. Firefox keeps the connection of a request that was aborted for 90 s, unused, and opens six to a
 * server at most; and the system asks for each again after 1, 3, 7, 15, 31 s only. So a few requests are begun some seconds apart and none is given
 * up: then one of them asks again within two or three seconds at any time.
 */
import { unanswered, unreachable } from './signaling.ts';

/** How long one request has the network for itself. With the pause between two attempts: five seconds. */
const TURN_MS = 4400;
/** Of the six connections, one belongs to the attempt before. */
const MAX_WAITING = 5;
/** Nobody turns a request away after so long: it was not answered. */
const REFUSAL_LIMIT_MS = 3000;

/** What WebKit calls Firefox on telephones does not. */
export const keepsAbandonedConnections = (): boolean => /\bFirefox\//.test(globalThis.navigator?.userAgent ?? '');

export class Reach implements Disposable {
  private readonly url: URL;
  private readonly end = new AbortController();
  private waiting = 0;
  private outcome: 'answered' | 'refused' | undefined;
  private tell: () => void = () => {};

  constructor(serverUrl: string) {
    this.url = new URL('healthz', serverUrl);
  }

  /** Asks once more, and waits for an answer to this request or to one before. @throws Trouble; ConnectionLost when nobody answers. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.outcome === 'refused') this.outcome = undefined;
    if (this.outcome) return;
    void this.ask();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TURN_MS);
      this.tell = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', this.tell, { once: true });
    });
    const outcome = this.outcome as string | undefined; // it came meanwhile
    if (outcome === 'refused') throw unreachable();
    if (outcome !== 'answered') throw unanswered();
  }

  private async ask(): Promise<void> {
    if (this.waiting >= MAX_WAITING) return;
    this.waiting += 1;
    const startMs = performance.now();
    const response = await fetch(this.url, { cache: 'no-store', signal: this.end.signal }).catch(() => undefined);
    this.waiting -= 1;
    // A proxy answers for a server that is away, too.
    if (response && response.status < 500) this.outcome = 'answered';
    else if (response || performance.now() - startMs < REFUSAL_LIMIT_MS) this.outcome ??= 'refused';
    else return;
    this.tell();
  }

  /** What still waits is given up. */
  [Symbol.dispose](): void {
    this.end.abort();
  }
}
