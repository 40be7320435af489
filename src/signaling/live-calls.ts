/** The calls under way, by session id, so that programs find the one that they were invited to. */
import { AppError } from '../errors.ts';
import type { HostedCall } from './hosting.ts';
import type { Failure, TurnMessage } from './protocol.ts';

/** A program that follows a call. */
export interface CallWatcher {
  turn(message: TurnMessage): void;
  failed(failure: Failure): void;
  ended(reason: string): void;
}

export interface LiveCall {
  call: HostedCall;
  watchers: Set<CallWatcher>;
}

export class LiveCalls {
  private readonly calls = new Map<string, LiveCall>();
  private emptied: (() => void)[] = [];

  add(sessionId: string, call: HostedCall): void {
    this.calls.set(sessionId, { call, watchers: new Set() });
  }

  remove(sessionId: string, reason: string): void {
    const watchers = this.calls.get(sessionId)?.watchers ?? [];
    this.calls.delete(sessionId);
    for (const watcher of watchers) watcher.ended(reason);
    if (this.calls.size === 0) for (const resolve of this.emptied.splice(0)) resolve();
  }

  get count(): number {
    return this.calls.size;
  }

  /** Resolves when no call is under way. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.calls.size === 0) resolve();
      else this.emptied.push(resolve);
    });
  }

  /** Tells everyone who follows the call. */
  tell(sessionId: string, news: (watcher: CallWatcher) => void): void {
    for (const watcher of this.calls.get(sessionId)?.watchers ?? []) news(watcher);
  }

  /** @throws AppError SESSION_GONE. */
  get(sessionId: string): LiveCall {
    const live = this.calls.get(sessionId);
    if (!live)
      throw new AppError('SESSION_GONE', 'The call that this ticket belongs to is over; get a new invitation.');
    return live;
  }
}
