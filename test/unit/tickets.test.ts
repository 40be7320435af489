// The ticket office: who signed a ticket, how long it is good, how often, and for what.
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { ALL_RIGHTS, asViewer } from '../../src/signaling/rights.ts';
import {
  CALL_ROOM,
  INVITATION_LIFETIME_S,
  sharedRoom,
  TicketOffice,
  UPLOAD_ROOM,
} from '../../src/signaling/tickets.ts';

const SECRET = 'a secret that server and back end share';
const INVALID = { code: 'TICKET_INVALID' };

function office(secret = SECRET) {
  const clock = { nowMs: Date.parse('2026-01-01T00:00:00Z') };
  return { tickets: new TicketOffice(secret, () => clock.nowMs), clock };
}

/** As a back end signs them. */
function signed(claims: Record<string, unknown>, expiresS: number, secret = SECRET): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('visavis')
    .setJti(crypto.randomUUID())
    .setExpirationTime(expiresS)
    .sign(new TextEncoder().encode(secret));
}

describe('a ticket', () => {
  it('is good for two minutes and not a second longer', async () => {
    const { tickets, clock } = office();
    const [one, other] = await Promise.all([tickets.issue(CALL_ROOM), tickets.issue(CALL_ROOM)]);
    clock.nowMs += 119_000;
    expect(await tickets.redeem(one)).toMatchObject({ room: CALL_ROOM });
    clock.nowMs += 1000;
    await expect(tickets.redeem(other)).rejects.toMatchObject(INVALID);
    await expect(tickets.verify(other)).rejects.toMatchObject(INVALID);
  });

  it('opens one call, however often and however late it is shown', async () => {
    const { tickets, clock } = office();
    const ticket = await tickets.issue(CALL_ROOM);
    const both = await Promise.allSettled([tickets.redeem(ticket), tickets.redeem(ticket)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    clock.nowMs += 100_000;
    await tickets.redeem(await tickets.issue(CALL_ROOM)); // what has expired is forgotten here
    await expect(tickets.redeem(ticket)).rejects.toThrow(/used already/);
  });

  it('is refused where it lasts for more than an hour, or for ever', async () => {
    const { tickets, clock } = office();
    const nowS = clock.nowMs / 1000;
    const claims = { room: CALL_ROOM, canSpeak: true };
    expect(await tickets.redeem(await signed(claims, nowS + INVITATION_LIFETIME_S))).toMatchObject({ canSpeak: true });
    await expect(tickets.redeem(await signed(claims, nowS + 2 * INVITATION_LIFETIME_S))).rejects.toMatchObject(INVALID);
    const endless = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setIssuer('visavis').setJti('1');
    await expect(tickets.redeem(await endless.sign(new TextEncoder().encode(SECRET)))).rejects.toMatchObject(INVALID);
  });

  it('of another secret is forged, and a server without one knows only its own', async () => {
    const foreign = await office('another secret, which is as long').tickets.issue(CALL_ROOM);
    await expect(office().tickets.redeem(foreign)).rejects.toMatchObject(INVALID);
    const [own, other] = [office('').tickets, office('').tickets];
    const ticket = await own.issue(CALL_ROOM);
    await expect(other.redeem(ticket)).rejects.toMatchObject(INVALID);
    expect(await own.redeem(ticket)).toMatchObject({ room: CALL_ROOM });
  });

  it('for watching does not let its holder speak', async () => {
    const { tickets, clock } = office();
    const viewer = await tickets.redeem(await tickets.issue(sharedRoom('lobby'), asViewer(ALL_RIGHTS)));
    expect(viewer).toMatchObject({ canSpeak: false, canProgram: false, canInvite: false });
    // A claim that is not there gives nothing.
    const bare = await tickets.redeem(await signed({ room: CALL_ROOM }, clock.nowMs / 1000 + 60));
    expect(bare).toMatchObject({ canSpeak: false, canUpload: false, canProgram: false, canInvite: false });
    await expect(
      tickets.redeem(await signed({ room: CALL_ROOM, canSpeak: 'yes' }, clock.nowMs / 1000 + 60)),
    ).rejects.toMatchObject(INVALID);
  });

  it('of the former format has the rights of a speaker, but for uploads', async () => {
    const { tickets, clock } = office();
    const former = await signed({ room: CALL_ROOM, canSpeak: true }, clock.nowMs / 1000 + 60);
    expect(await tickets.redeem(former)).toMatchObject({ ...ALL_RIGHTS, canUpload: false });
  });

  it('carries every right that it was given, and no other', async () => {
    const { tickets } = office();
    const rights = {
      canSpeak: true,
      canUpload: false,
      canProgram: false,
      canInvite: true,
      portraits: ['maya'],
      maxCallS: 90,
    };
    const ticket = await tickets.redeem(await tickets.issue(sharedRoom('lobby'), rights, { keyId: 'k1' }));
    expect(ticket).toEqual({ ...rights, id: expect.any(String), room: 'room/lobby', keyId: 'k1' });
  });

  it('to a call that is under way, or for an upload, opens none', async () => {
    const { tickets } = office();
    for (const room of ['some-session', UPLOAD_ROOM])
      await expect(tickets.redeem(await tickets.issue(room))).rejects.toThrow(/invitation/);
  });

  it('for an upload pays for one', async () => {
    const { tickets } = office();
    const ticket = await tickets.issue(UPLOAD_ROOM);
    expect(await tickets.spend(ticket)).toMatchObject({ canUpload: true });
    await expect(tickets.spend(ticket)).rejects.toThrow(/used already/);
  });
});

it('a return token brings back the same rights, the key and the end of the call', async () => {
  const { tickets, clock } = office();
  const rights = { ...asViewer(ALL_RIGHTS), portraits: ['maya'] };
  const ticket = await tickets.redeem(await tickets.issue(sharedRoom('lobby'), rights, { keyId: 'k1' }));
  const callEndsS = clock.nowMs / 1000 + 300;
  const token = await tickets.issueReturn({ ...ticket, callEndsS }, 'caller');
  for (let i = 0; i < 2; i++)
    expect(await tickets.redeem(token)).toEqual({ ...ticket, id: expect.any(String), caller: 'caller', callEndsS });
});
