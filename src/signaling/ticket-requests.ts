/**
 * `POST /api/tickets`: what is asked for and what the asker may do in; a ticket with no more than that out. Who opens a room speaks there; who comes
 * later watches, unless a speaker's ticket is asked for and the asker has the right.
 */
import { AppError } from '../errors.ts';
import type { Grant } from './access.ts';
import type { CallHost } from './hosting.ts';
import type { LiveCalls } from './live-calls.ts';
import type { TicketQuery } from './protocol.ts';
import { asViewer, type Rights } from './rights.ts';
import type { Rooms } from './rooms.ts';
import { CALL_ROOM, INVITATION_LIFETIME_S, sharedRoom, type TicketOffice, UPLOAD_ROOM } from './tickets.ts';

export interface TicketRequestParts {
  tickets: TicketOffice;
  host: Pick<CallHost, 'admit'>;
  rooms: Pick<Rooms, 'has'>;
  calls: Pick<LiveCalls, 'get'>;
}

const refused = (why: string): AppError => new AppError('NOT_ALLOWED', why);

/** @throws AppError NOT_ALLOWED, SERVER_BUSY, SESSION_GONE. */
export async function issueTicket(parts: TicketRequestParts, grant: Grant, query: TicketQuery): Promise<string> {
  const { tickets, host, rooms, calls } = parts;
  const { rights } = grant;
  const about = { keyId: grant.key?.id };
  if (query.for === 'upload') {
    if (!rights.canUpload) throw refused('This access does not include own pictures; choose a face of the gallery.');
    return tickets.issue(UPLOAD_ROOM, { ...asViewer(rights), canUpload: true }, about);
  }
  if (query.call !== undefined) {
    if (grant.key === undefined || !grant.mayCall || !rights.canProgram)
      throw refused('To speak in a call by its id takes a key with the right to speak by program.');
    calls.get(query.call);
    const program = { canSpeak: true, canUpload: false, canProgram: true, canInvite: false };
    return tickets.issue(query.call, program, { ...about, lifetimeS: INVITATION_LIFETIME_S });
  }
  if (query.room === undefined) {
    if (!grant.mayCall) throw refused(`This access is for ${namesOf(grant.rooms)} only; name the room.`);
    if (!rights.canSpeak) throw refused('This access is for watching; name the room to watch.');
    // A full server says so before a page asks for the microphone.
    host.admit();
    return tickets.issue(CALL_ROOM, query.as === 'viewer' ? asViewer(rights) : rights, about);
  }
  if (grant.rooms && !grant.rooms.includes(query.room))
    throw refused(`This access is for ${namesOf(grant.rooms)} only.`);
  return tickets.issue(sharedRoom(query.room), roomRights(grant, query, rooms.has(query.room)), about);
}

function roomRights({ rights }: Grant, { as }: TicketQuery, isOpen: boolean): Rights {
  if (as === 'speaker' && !rights.canSpeak)
    throw refused('This access is for watching; ask for a viewer’s ticket, or for access as a speaker.');
  const speaks = as === undefined ? !isOpen : as === 'speaker';
  return speaks ? rights : asViewer(rights);
}

const namesOf = (rooms: string[] = []): string =>
  rooms.length === 0
    ? 'calls of one’s own'
    : `the room${rooms.length > 1 ? 's' : ''} ${rooms.map((name) => `"${name}"`).join(', ')}`;
