/**
 * A server that is about to stop. In: the order to drain. Out: no new calls from then on; callers who are told; the end of each call, by
 * itself or when its time is over. Whoever is refused is told when to ask again.
 */
import { AppError } from '../errors.ts';
import { type Clock, systemClock } from '../media/clock.ts';
import type { CallHost } from './hosting.ts';
import type { LiveCalls } from './live-calls.ts';

/** By then another server answers, or this one has started anew. */
export const DRAINING_RETRY_S = 5;

const DISMISS_LIMIT_MS = 1000;

/** Those who are told, and whose calls end in the end. */
export interface DrainedSockets {
  tellDraining(endsInS: number): void;
  /** Ends every call there is. */
  dismiss(): Promise<void>;
}

/** @returns when every call has ended, or does not within a second: what hangs, a service that does not answer, keeps nobody. */
export const dismissed = (sockets: DrainedSockets, clock: Clock = systemClock): Promise<void> =>
  withLimit(sockets.dismiss(), DISMISS_LIMIT_MS, clock);

/** @returns when `done` is, when the time has passed, or when `stop` is aborted. */
async function withLimit(done: Promise<void>, limitMs: number, clock: Clock, stop?: AbortSignal): Promise<void> {
  const isDone = new AbortController();
  const signal = stop ? AbortSignal.any([stop, isDone.signal]) : isDone.signal;
  await Promise.race([done, clock.sleepUntil(clock.nowUs() + limitMs * 1000, signal).catch(() => {})]);
  isDone.abort();
}

export class Drain {
  isOn = false;
  private readonly clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
  }

  /** @throws AppError SERVER_DRAINING once the server drains. */
  admit(): void {
    if (!this.isOn) return;
    throw new AppError(
      'SERVER_DRAINING',
      `The server is about to stop and takes no new calls; try again in ${DRAINING_RETRY_S} s.`,
      { retryAfterS: DRAINING_RETRY_S },
    );
  }

  /** The same host, closed to newcomers once the server drains; a call that was being opened meanwhile is given up. */
  guard(host: CallHost): CallHost {
    return {
      fps: host.fps,
      voices: () => host.voices(),
      admit: () => {
        this.admit();
        host.admit();
      },
      open: async (request, peer, audience) => {
        this.admit();
        const call = await host.open(request, peer, audience);
        try {
          this.admit();
        } catch (error) {
          await call.close('left');
          throw error;
        }
        return call;
      },
    };
  }

  /** @returns when the last call is over: by itself, or because `limitMs` have passed. @param stop aborted: every call ends now. */
  async run(calls: LiveCalls, sockets: DrainedSockets, limitMs: number, stop: AbortSignal): Promise<void> {
    this.isOn = true;
    sockets.tellDraining(Math.ceil(limitMs / 1000));
    await withLimit(calls.whenEmpty(), limitMs, this.clock, stop);
    await dismissed(sockets, this.clock);
  }
}
