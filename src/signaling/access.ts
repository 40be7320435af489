/**
 * The door: who may ask for tickets, and with which rights. In: the bearer token of a request (a key, a ticket), or none. Out: what its holder may
 * do, or an AppError that says how to get in. Where `server.access` is `open`, a caller without a token has every right.
 */
import type { IncomingMessage } from 'node:http';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { AccessKey, KeyRing } from './access-keys.ts';
import { isLoopbackHost } from './host-names.ts';
import { addressOf, type PerMinute } from './limits.ts';
import { ALL_RIGHTS, type Rights } from './rights.ts';
import type { Ticket, TicketOffice } from './tickets.ts';

/** What a request may do. */
export interface Grant {
  rights: Rights;
  /** Whether it may open calls of its own. */
  mayCall: boolean;
  /** The only rooms that it may enter; undefined: all. */
  rooms?: string[];
  key?: AccessKey;
}

const EVERYONE: Grant = { rights: ALL_RIGHTS, mayCall: true };

type TicketEnds = Pick<Ticket, 'keyId' | 'callEndsS'>;

export interface AccessParts {
  mode: Config['server']['access'];
  tickets: TicketOffice;
  keys: KeyRing;
  /** Counts the wrong keys of an address. */
  wrongKeys: PerMinute;
  /** Counts the tickets of a key. */
  keyTickets: PerMinute;
  trustedProxies: number;
}

export class Access {
  private readonly parts: AccessParts;
  /** Calls under way, by key. */
  private readonly calls = new Map<string, number>();

  constructor(parts: AccessParts) {
    this.parts = parts;
  }

  /** @throws AppError ACCESS_REQUIRED, KEY_INVALID, TICKET_INVALID, RATE_LIMITED. */
  async grantOf(request: IncomingMessage): Promise<Grant> {
    const token = bearerOf(request);
    if (token === undefined) return this.withoutToken();
    const key = this.parts.keys.find(token);
    if (key) return ofKey(key);
    if (!isTicket(token)) throw await this.wrongKey(request);
    throw new AppError('TICKET_INVALID', 'A ticket opens one call by itself: join with it; to get tickets show a key.');
  }

  /** An upload takes a key, or a ticket, which it uses up. @throws AppError as `grantOf`, and NOT_ALLOWED. */
  async requireUpload(request: IncomingMessage): Promise<void> {
    const token = bearerOf(request);
    if (token === undefined && this.parts.mode === 'open')
      throw new AppError(
        'ACCESS_REQUIRED',
        'An upload takes a ticket: get one at POST /api/tickets?for=upload, and send it as a bearer token.',
      );
    const rights =
      token !== undefined && isTicket(token) ? await this.spend(token) : (await this.grantOf(request)).rights;
    if (!rights.canUpload)
      throw new AppError('NOT_ALLOWED', 'This access does not include own pictures; choose a face of the gallery.');
  }

  private async spend(token: string): Promise<Rights> {
    const ticket = await this.parts.tickets.spend(token);
    if (ticket.caller !== undefined)
      throw new AppError('TICKET_INVALID', 'This token is for coming back to a call; an upload takes a ticket.');
    this.requireInForce(ticket);
    return ticket;
  }

  private withoutToken(): Grant {
    if (this.parts.mode === 'open') return EVERYONE;
    throw new AppError(
      'ACCESS_REQUIRED',
      'This server is for invited visitors: open the link that its operator gave you (made with "visavis access link"), or send a key as a bearer token.',
    );
  }

  private async wrongKey(request: IncomingMessage): Promise<AppError> {
    await this.parts.wrongKeys.take(addressOf(request, this.parts.trustedProxies));
    return new AppError(
      'KEY_INVALID',
      'This key or link is not valid, was revoked or has expired; ask the server’s operator for another.',
    );
  }

  /** @throws AppError TICKET_INVALID where the key that a ticket was issued for was revoked or has expired since, or its call's time is over. */
  requireInForce(ticket: TicketEnds): void {
    if (!this.isInForce(ticket))
      throw new AppError('TICKET_INVALID', 'The key of this ticket was revoked or has expired; ask for another.');
    if (ticket.callEndsS !== undefined && ticket.callEndsS * 1000 <= Date.now())
      throw new AppError('TICKET_INVALID', 'The time of this call is over; ask for a ticket to another one.');
  }

  /** Whether a call with this ticket may go on. */
  isInForce({ keyId }: TicketEnds): boolean {
    return keyId === undefined || this.parts.keys.get(keyId) !== undefined;
  }

  /** @throws AppError RATE_LIMITED when the key has had its tickets of this minute. */
  async countTicket({ key }: Grant): Promise<void> {
    if (key && key.ticketsPerMinute > 0) await this.parts.keyTickets.take(key.id, key.ticketsPerMinute);
  }

  /** A call begins. @returns what is to be done once it is over. @throws AppError RATE_LIMITED when the key has all its calls. */
  openCall({ keyId }: TicketEnds): () => void {
    const key = keyId === undefined ? undefined : this.parts.keys.get(keyId);
    if (!key) return () => {};
    const count = this.calls.get(key.id) ?? 0;
    if (key.calls > 0 && count >= key.calls)
      throw new AppError(
        'RATE_LIMITED',
        `This key has ${count} calls under way, its most; try again when one has ended.`,
        {
          retryAfterS: 10,
        },
      );
    this.calls.set(key.id, count + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = this.calls.get(key.id)! - 1;
      if (left > 0) this.calls.set(key.id, left);
      else this.calls.delete(key.id);
    };
  }
}

function ofKey(key: AccessKey): Grant {
  const { rights, rooms } = key;
  return { rights, key, mayCall: rooms === undefined, ...(rooms ? { rooms } : {}) };
}

/** Tells a ticket, which is a JWT, from a key. */
const isTicket = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

export function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** An open server beyond this machine has to be wanted. @throws AppError CONFIG_INVALID. */
export function requireChosenAccess({ server: { access, host, openToEveryone } }: Config): void {
  if (access !== 'open' || openToEveryone || isLoopbackHost(host)) return;
  throw new AppError(
    'CONFIG_INVALID',
    `On ${host} this server would be open to everyone who reaches it: set server.access to "keys", listen on 127.0.0.1, or say --open-to-everyone if that is what you want.`,
  );
}

/** What a stranger may do, where that is more than nothing; for the operator, at start. */
export function openDoorWarning({ server: { access, host, trustedProxies } }: Config): string | undefined {
  if (access !== 'open' || (isLoopbackHost(host) && trustedProxies === 0)) return undefined;
  return 'Open to everyone: whoever reaches this server may open calls, upload pictures, speak in any room, and use the LLM and voices that you pay for; server.access "keys" closes it.';
}
