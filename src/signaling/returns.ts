/**
 * Callers who come back after a cut. Whoever was let in holds a return token, renewed while the call lasts: with it neither a ticket nor a place
 * among the connections and joins of the address is needed, so that many callers behind one address can all come back at once. In: tokens as
 * they are shown. Out: who shows them, within limits of that caller's own, and wider ones of the address. A caller has one call: coming back ends the one before.
 */
import { randomUUID } from 'node:crypto';
import type { Config } from '../config.ts';
import { ConnectionGate, PerMinute } from './limits.ts';
import type { Ticket, TicketOffice } from './tickets.ts';

/** Those before may not have been seen to be dead yet. */
const MAX_CONNECTIONS = 8;
/** Those who come back from one address have so many times the room of those who come for the first time: an office that was cut off. */
const ADDRESS_FACTOR = 8;
/** So long after the end of a call, or after a start of the server, whoever comes back does not count as a newcomer. */
const PLACE_KEPT_MS = 60_000;

export interface ReturningTicket extends Ticket {
  /** Whom the token was given to; the same over all returns. */
  caller: string;
  /** They were here before. */
  isBack: boolean;
}

export type ReturnLimits = Pick<Config['limits'], 'returnsPerMinute' | 'joinsPerMinute' | 'connections'>;

export class Returns implements Disposable {
  private readonly tickets: TicketOffice;
  private readonly joins: PerMinute;
  private readonly gate = new ConnectionGate(MAX_CONNECTIONS, 'connections of this caller');
  private readonly addressJoins: PerMinute;
  private readonly addressGate: ConnectionGate;
  /** How to end the call that a caller has. */
  private readonly calls = new Map<string, () => Promise<void>>();
  /** When the call of a caller ended, in that order. */
  private readonly endedMs = new Map<string, number>();
  private readonly startMs: number;
  private readonly nowMs: () => number;

  /** @param limits `returnsPerMinute` of one caller; the others are for newcomers of an address. 0: none. */
  constructor(tickets: TicketOffice, limits: ReturnLimits, nowMs = () => performance.now()) {
    this.nowMs = nowMs;
    this.startMs = nowMs();
    this.tickets = tickets;
    this.joins = new PerMinute('returns of this caller', limits.returnsPerMinute);
    this.addressJoins = new PerMinute('returns from this address', ADDRESS_FACTOR * limits.joinsPerMinute);
    this.addressGate = new ConnectionGate(
      ADDRESS_FACTOR * limits.connections,
      'connections of returning callers from this address',
    );
  }

  /** @returns undefined for whatever is not a valid return token. */
  async read(token: string): Promise<ReturningTicket | undefined> {
    const ticket = await this.tickets.verify(token).catch(() => undefined);
    return ticket?.caller === undefined ? undefined : { ...ticket, caller: ticket.caller, isBack: true };
  }

  /** Counts `connection` until it closes. @throws AppError RATE_LIMITED. */
  enter(caller: string, address: string, connection: object): () => void {
    this.gate.enter(caller, connection);
    const leave = (): void => this.gate.leave(caller, connection);
    try {
      this.addressGate.enter(address, connection);
    } catch (error) {
      leave();
      throw error;
    }
    return () => {
      leave();
      this.addressGate.leave(address, connection);
    };
  }

  /** Somebody who has just come for the first time. */
  admit(ticket: Ticket): ReturningTicket {
    return { ...ticket, caller: randomUUID(), isBack: false };
  }

  /** @throws AppError RATE_LIMITED. */
  async take(caller: string, address: string): Promise<void> {
    await this.joins.take(caller);
    await this.addressJoins.take(address);
  }

  /** Whether this caller had a call a moment ago. What was before a start of the server is not known: those callers have the benefit of it. */
  hasPlace({ caller, isBack }: ReturningTicket): boolean {
    const sinceMs = this.endedMs.get(caller) ?? this.startMs;
    return isBack && this.nowMs() - sinceMs <= PLACE_KEPT_MS;
  }

  /** The caller's call from now on. @param end how to end it. @returns that of the one before, and what to do when this one has ended. */
  hold(caller: string, end: () => Promise<void>): { before: (() => Promise<void>) | undefined; release: () => void } {
    const before = this.calls.get(caller);
    this.calls.set(caller, end);
    const release = (): void => {
      if (this.calls.get(caller) === end) this.calls.delete(caller);
    };
    return { before, release };
  }

  /** A call that was really open is over. */
  ended(caller: string): void {
    this.endedMs.delete(caller);
    this.endedMs.set(caller, this.nowMs());
    for (const [each, endedMs] of this.endedMs) {
      if (this.nowMs() - endedMs <= PLACE_KEPT_MS) return;
      this.endedMs.delete(each);
    }
  }

  issue({ caller, isBack: _, ...ticket }: ReturningTicket): Promise<string> {
    return this.tickets.issueReturn(ticket, caller);
  }

  [Symbol.dispose](): void {
    this.joins[Symbol.dispose]();
    this.addressJoins[Symbol.dispose]();
  }
}
