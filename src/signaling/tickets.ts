/**
 * Tickets: short-lived signed tokens (JWT, HS256) that say who may open a session and with which rights. A page of our own origin
 * gets one for the asking; another program gets one from its own back end, which shares the secret. Each opens one session.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { AppError } from '../errors.ts';

const ISSUER = 'visavis';
const LIFETIME_S = 120;

export interface Ticket {
  id: string;
  /** The room that the ticket opens. */
  room: string;
  /** True where the holder may speak through the face, false for a viewer. */
  canSpeak: boolean;
}

export class TicketOffice {
  private readonly key: Uint8Array;
  /** Tickets already used, by id, until they would have expired anyway. */
  private readonly used = new Map<string, number>();

  /** @param secret empty: a random one, good for the life of this process. */
  constructor(secret: string) {
    this.key = secret === '' ? randomBytes(32) : new TextEncoder().encode(secret);
  }

  async issue(room: string, canSpeak = true): Promise<string> {
    return new SignJWT({ room, canSpeak })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(ISSUER)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${LIFETIME_S}s`)
      .sign(this.key);
  }

  /** @throws AppError TICKET_INVALID for a forged, expired or used ticket. */
  async redeem(token: string): Promise<Ticket> {
    const nowS = Date.now() / 1000;
    for (const [id, expiresS] of this.used) if (expiresS < nowS) this.used.delete(id);
    let payload: Awaited<ReturnType<typeof jwtVerify>>['payload'];
    try {
      ({ payload } = await jwtVerify(token, this.key, {
        issuer: ISSUER,
        algorithms: ['HS256'],
        requiredClaims: ['jti', 'exp', 'room'],
      }));
    } catch (cause) {
      throw new AppError(
        'TICKET_INVALID',
        'The ticket is not valid or has expired; ask for a new one and join again.',
        { cause },
      );
    }
    const id = payload.jti!;
    if (this.used.has(id))
      throw new AppError('TICKET_INVALID', 'The ticket has been used already; ask for a new one and join again.');
    this.used.set(id, payload.exp!);
    return { id, room: String(payload['room']), canSpeak: payload['canSpeak'] === true };
  }
}
