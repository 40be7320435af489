/**
 * Tickets: short-lived signed tokens (JWT, HS256) that say who may open a session and with which rights. A page of our own origin
 * gets one for the asking; another program gets one from its own back end, which shares the secret. Each opens one session. An
 * invitation is a ticket to a call that is under way, good for an hour of it. A return token lets a caller who was once let in come back,
 * with the same rights, as often as needed.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { AppError } from '../errors.ts';

const ISSUER = 'visavis';
const LIFETIME_S = 120;
/** The longest that any ticket lasts. */
export const INVITATION_LIFETIME_S = 3600;
/** Of a return token: a laptop may sleep for a while. It is renewed while the call lasts. */
export const RETURN_LIFETIME_S = INVITATION_LIFETIME_S;
const CLOCK_SLACK_S = 60;
/** The room of tickets that open a call; an invitation's room is the call's own id. */
export const CALL_ROOM = 'call';
const SHARED_ROOM = 'room/';

/** The room of tickets that open, or enter, the room of this name, which many viewers share. */
export const sharedRoom = (name: string): string => SHARED_ROOM + name;

/** @returns undefined for a ticket to a call of one's own. */
export const sharedRoomName = ({ room }: Ticket): string | undefined =>
  room.startsWith(SHARED_ROOM) ? room.slice(SHARED_ROOM.length) : undefined;

export interface Ticket {
  id: string;
  /** The room that the ticket opens. */
  room: string;
  /** True where the holder may speak through the face, false for a viewer. */
  canSpeak: boolean;
  /** In a return token only: the caller it was given to. */
  caller?: string;
}

export class TicketOffice {
  private readonly key: Uint8Array;
  /** Tickets already used, by id, until they would have expired anyway. */
  private readonly used = new Map<string, number>();

  /** @param secret empty: a random one, good for the life of this process. */
  constructor(secret: string) {
    this.key = secret === '' ? randomBytes(32) : new TextEncoder().encode(secret);
  }

  async issue(room: string, canSpeak = true, lifetimeS = LIFETIME_S): Promise<string> {
    return this.sign({ room, canSpeak }, lifetimeS);
  }

  /** Lets a caller come back to where `ticket` led. */
  async issueReturn({ room, canSpeak }: Ticket, caller: string): Promise<string> {
    return this.sign({ room, canSpeak, caller }, RETURN_LIFETIME_S);
  }

  private sign(claims: JWTPayload, lifetimeS: number): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${lifetimeS}s`)
      .sign(this.key);
  }

  /** For a ticket that may be shown again while it lasts. @throws AppError TICKET_INVALID for a forged or expired one. */
  async verify(token: string): Promise<Ticket> {
    return (await this.open(token)).ticket;
  }

  /** Uses a ticket up. @throws AppError TICKET_INVALID for a forged, expired or used one, or one that opens no call. */
  async redeem(token: string): Promise<Ticket> {
    const nowS = Date.now() / 1000;
    for (const [id, expiresS] of this.used) if (expiresS < nowS) this.used.delete(id);
    const { ticket, expiresS } = await this.open(token);
    if (ticket.room !== CALL_ROOM && sharedRoomName(ticket) === undefined)
      throw new AppError('TICKET_INVALID', 'This ticket is an invitation to another call; ask for one of your own.');
    if (ticket.caller !== undefined) return ticket; // shown as often as its holder is cut off
    if (this.used.has(ticket.id))
      throw new AppError('TICKET_INVALID', 'The ticket has been used already; ask for a new one and join again.');
    this.used.set(ticket.id, expiresS);
    return ticket;
  }

  private async open(token: string): Promise<{ ticket: Ticket; expiresS: number }> {
    try {
      const { payload } = await jwtVerify(token, this.key, {
        issuer: ISSUER,
        algorithms: ['HS256'],
        requiredClaims: ['jti', 'exp', 'room'],
      });
      const { jti, exp, room, canSpeak, caller } = payload;
      if (exp! > Date.now() / 1000 + INVITATION_LIFETIME_S + CLOCK_SLACK_S) throw new Error('it lasts too long');
      const ticket: Ticket = { id: jti!, room: String(room), canSpeak: canSpeak === true };
      if (typeof caller === 'string') ticket.caller = caller;
      return { ticket, expiresS: exp! };
    } catch (cause) {
      throw new AppError(
        'TICKET_INVALID',
        'The ticket is not valid, has expired or lasts for more than an hour; ask for a new one and join again.',
        { cause },
      );
    }
  }
}
