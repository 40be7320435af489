/**
 * Tickets: short-lived signed tokens (JWT, HS256) that say who may open a session and with which rights. The server issues them to who may ask
 * (access.ts), and so does a back end that shares the secret. Each opens one session. An invitation is a ticket to a call that is under way, good
 * for an hour of it. A return token lets a caller who was once let in come back, with the same rights, as often as needed. The claims are
 * described in docs/security.md.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { ALL_RIGHTS, type Rights, rightsSchema } from './rights.ts';
import { UsedTickets } from './used-tickets.ts';

const ISSUER = 'visavis';
const LIFETIME_S = 120;
/** The longest that any ticket lasts. */
export const INVITATION_LIFETIME_S = 3600;
/** Of a return token: a laptop may sleep for a while. It is renewed while the call lasts. */
export const RETURN_LIFETIME_S = INVITATION_LIFETIME_S;
const CLOCK_SLACK_S = 60;
/** The room of tickets that open a call; an invitation's room is the call's own id. */
export const CALL_ROOM = 'call';
/** The room of tickets for a picture of one's own. */
export const UPLOAD_ROOM = 'upload';
const SHARED_ROOM = 'room/';

/** The room of tickets that open, or enter, the room of this name, which many viewers share. */
export const sharedRoom = (name: string): string => SHARED_ROOM + name;

/** @returns undefined for a ticket to a call of one's own. */
export const sharedRoomName = ({ room }: Pick<Ticket, 'room'>): string | undefined =>
  room.startsWith(SHARED_ROOM) ? room.slice(SHARED_ROOM.length) : undefined;

export interface Ticket extends Rights {
  id: string;
  /** The room that the ticket opens. */
  room: string;
  /** The key that it was issued for; it falls with the key. */
  keyId?: string;
  /** In a return token only: the caller it was given to. */
  caller?: string;
  /** In a return token only: unix time by which the call has to be over. */
  callEndsS?: number;
}

export interface IssueOptions {
  lifetimeS?: number;
  keyId?: string | undefined;
}

const claimsSchema = z.object({
  jti: z.string().min(1),
  exp: z.number(),
  room: z.string().min(1),
  key: z.string().exactOptional(),
  caller: z.string().exactOptional(),
  callEndsS: z.number().exactOptional(),
});

export class TicketOffice {
  private readonly key: Uint8Array;
  private readonly nowMs: () => number;
  private readonly used: UsedTickets;

  /** @param secret empty: a random one, good for the life of this process. */
  constructor(secret: string, nowMs: () => number = Date.now, used = new UsedTickets({ nowMs })) {
    this.key = secret === '' ? randomBytes(32) : new TextEncoder().encode(secret);
    this.nowMs = nowMs;
    this.used = used;
  }

  async issue(room: string, rights: Rights = ALL_RIGHTS, options: IssueOptions = {}): Promise<string> {
    const { lifetimeS = LIFETIME_S, keyId } = options;
    return this.sign({ room, ...rights, ...(keyId === undefined ? {} : { key: keyId }) }, lifetimeS);
  }

  /** Lets a caller come back to where `ticket` led. */
  async issueReturn({ id: _, keyId, ...kept }: Ticket, caller: string): Promise<string> {
    return this.sign({ ...kept, ...(keyId === undefined ? {} : { key: keyId }), caller }, RETURN_LIFETIME_S);
  }

  private sign(claims: JWTPayload, lifetimeS: number): Promise<string> {
    const nowS = Math.floor(this.nowMs() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setJti(randomUUID())
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + lifetimeS)
      .sign(this.key);
  }

  /** For a ticket that may be shown again while it lasts. @throws AppError TICKET_INVALID for a forged or expired one. */
  async verify(token: string): Promise<Ticket> {
    return (await this.open(token)).ticket;
  }

  /** Uses up a ticket that opens a call. @throws AppError TICKET_INVALID for a forged, expired or used one, or one that opens no call. */
  async redeem(token: string): Promise<Ticket> {
    const ticket = await this.verify(token);
    if (ticket.room !== CALL_ROOM && sharedRoomName(ticket) === undefined)
      throw new AppError('TICKET_INVALID', 'This ticket is an invitation to another call; ask for one of your own.');
    return await this.spend(token);
  }

  /** Uses a ticket up, whatever it is for. @throws AppError TICKET_INVALID for a forged, expired or used one. */
  async spend(token: string): Promise<Ticket> {
    const { ticket, expiresS } = await this.open(token);
    if (ticket.caller !== undefined) return ticket; // shown as often as its holder is cut off
    if (this.used.has(ticket.id))
      throw new AppError('TICKET_INVALID', 'The ticket has been used already; ask for a new one and join again.');
    this.used.add(ticket.id, expiresS);
    return ticket;
  }

  private async open(token: string): Promise<{ ticket: Ticket; expiresS: number }> {
    const now = this.nowMs();
    try {
      const { payload } = await jwtVerify(token, this.key, {
        issuer: ISSUER,
        algorithms: ['HS256'],
        currentDate: new Date(now),
      });
      const { jti, exp, key, ...claims } = claimsSchema.parse(payload);
      if (exp > now / 1000 + INVITATION_LIFETIME_S + CLOCK_SLACK_S) throw new Error('it lasts too long');
      const rights = rightsSchema.parse(payload);
      return { ticket: { ...rights, ...claims, id: jti, ...(key === undefined ? {} : { keyId: key }) }, expiresS: exp };
    } catch (cause) {
      throw new AppError(
        'TICKET_INVALID',
        'The ticket is not valid, has expired or lasts for more than an hour; ask for a new one and join again.',
        { cause },
      );
    }
  }
}
