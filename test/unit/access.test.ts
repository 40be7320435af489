// Who is let in: keys, their rights and limits, their end; what a stranger is told.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { Access, openDoorWarning, requireChosenAccess } from '../../src/signaling/access.ts';
import { hashOf, KeyRing, type StoredKey } from '../../src/signaling/access-keys.ts';
import { PerMinute } from '../../src/signaling/limits.ts';
import { ticketQuerySchema } from '../../src/signaling/protocol.ts';
import { ALL_RIGHTS, asViewer } from '../../src/signaling/rights.ts';
import { issueTicket } from '../../src/signaling/ticket-requests.ts';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';

const scratch = mkdtempSync(join(tmpdir(), 'visavis-access-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let files = 0;

const tokenOf = (id: string): string => `vv_${id}_${'s'.repeat(40)}`;
const stored = (id: string, more: Partial<StoredKey> = {}): StoredKey => ({
  id,
  name: `key ${id}`,
  kind: 'api',
  sha256: hashOf(tokenOf(id)),
  createdAt: '2026-01-01T00:00:00.000Z',
  rights: ALL_RIGHTS,
  ticketsPerMinute: 0,
  calls: 0,
  ...more,
});

function open({
  keys = [stored('a')],
  mode = 'keys',
  environment = '',
}: Partial<{ keys: StoredKey[]; mode: 'open' | 'keys'; environment: string }> = {}) {
  const path = join(scratch, `keys-${++files}.json`);
  const write = (changed: StoredKey[]): void => writeFileSync(path, JSON.stringify({ version: 1, keys: changed }));
  write(keys);
  const clock = { nowMs: Date.parse('2026-01-02T00:00:00Z') };
  const tickets = new TicketOffice('');
  const ring = new KeyRing(
    path,
    environment,
    () => {},
    () => clock.nowMs,
  );
  const access = new Access({
    ...{ mode, tickets, keys: ring, trustedProxies: 0 },
    wrongKeys: new PerMinute('wrong keys from this address', 3),
    keyTickets: new PerMinute('tickets of this key', 0),
  });
  return { access, tickets, ring, write, path, clock };
}

const request = (token?: string): IncomingMessage =>
  ({
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    socket: { remoteAddress: '192.0.2.1' },
  }) as unknown as IncomingMessage;

describe('where the door is closed', () => {
  it('a stranger is told how to get in', async () => {
    await expect(open().access.grantOf(request())).rejects.toMatchObject({
      code: 'ACCESS_REQUIRED',
      message: expect.stringContaining('visavis access link'),
    });
  });

  it('a key opens it, another does not, and nearly the right one neither', async () => {
    const { access } = open({ keys: [stored('a'), stored('b', { rights: asViewer(ALL_RIGHTS), rooms: ['lobby'] })] });
    expect(await access.grantOf(request(tokenOf('a')))).toMatchObject({ rights: ALL_RIGHTS, mayCall: true });
    expect(await access.grantOf(request(tokenOf('b')))).toMatchObject({ mayCall: false, rooms: ['lobby'] });
    for (const wrong of [tokenOf('c'), `${tokenOf('a')}s`, tokenOf('a').slice(0, -1)])
      await expect(access.grantOf(request(wrong))).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });

  it('wrong keys are limited, right ones beside them are not', async () => {
    const { access } = open();
    for (let i = 0; i < 3; i++)
      await expect(access.grantOf(request(tokenOf('x')))).rejects.toMatchObject({ code: 'KEY_INVALID' });
    await expect(access.grantOf(request(tokenOf('x')))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterS: expect.any(Number),
    });
    expect(await access.grantOf(request(tokenOf('a')))).toMatchObject({ mayCall: true });
  });

  it('keys of the environment open it, short ones are refused without being shown', async () => {
    const token = '0123456789abcdef0123456789abcdef';
    const { access } = open({ keys: [], environment: `desk:${token}, ${'x'.repeat(40)}` });
    expect(await access.grantOf(request(token))).toMatchObject({ key: { name: 'desk' } });
    expect(await access.grantOf(request('x'.repeat(40)))).toMatchObject({ key: { name: 'environment 2' } });
    expect(() => open({ environment: 'desk:tooshort' })).toThrow(/"desk".*openssl rand/);
    expect(() => open({ environment: 'desk:tooshort' })).not.toThrow(/tooshort/);
  });

  it('a ticket is no key', async () => {
    const { access, tickets } = open();
    await expect(access.grantOf(request(await tickets.issue(CALL_ROOM)))).rejects.toMatchObject({
      code: 'TICKET_INVALID',
    });
  });
});

describe('a key that is revoked, or has expired', () => {
  it('opens nothing any more, its tickets neither, and its calls may not go on', async () => {
    const { access, ring, write } = open();
    const ticket = { keyId: 'a' };
    expect(access.isInForce(ticket)).toBe(true);
    write([stored('a', { revokedAt: '2026-01-01T01:00:00.000Z' })]);
    ring.read();
    await expect(access.grantOf(request(tokenOf('a')))).rejects.toMatchObject({ code: 'KEY_INVALID' });
    expect(access.isInForce(ticket)).toBe(false);
    expect(() => access.requireInForce(ticket)).toThrow(/revoked/);
    expect(access.isInForce({})).toBe(true);
  });

  it('falls at its hour', async () => {
    const { access, clock } = open({ keys: [stored('a', { expiresAt: '2026-01-02T01:00:00.000Z' })] });
    expect(await access.grantOf(request(tokenOf('a')))).toBeDefined();
    clock.nowMs += 3_600_000;
    await expect(access.grantOf(request(tokenOf('a')))).rejects.toMatchObject({ code: 'KEY_INVALID' });
    expect(access.isInForce({ keyId: 'a' })).toBe(false);
  });

  it('stays as it was where the file is damaged, which is named', () => {
    const { ring, path } = open();
    writeFileSync(path, '{"version":1,"keys":[{}]}');
    expect(() => ring.read()).toThrow(path);
    expect(ring.get('a')).toBeDefined();
  });

  it.skipIf(process.getuid?.() === 0)('is said to be unreadable where it is', () => {
    const { path } = open();
    chmodSync(path, 0o000);
    expect(() => new KeyRing(path)).toThrow(/cannot be read/);
  });
});

describe('limits of a key', () => {
  it('tickets a minute', async () => {
    const { access } = open({ keys: [stored('a', { ticketsPerMinute: 2 })] });
    const grant = await access.grantOf(request(tokenOf('a')));
    for (let i = 0; i < 2; i++) await access.countTicket(grant);
    await expect(access.countTicket(grant)).rejects.toMatchObject({ code: 'RATE_LIMITED', message: /of this key/ });
  });

  it('calls at once, each given back once', () => {
    const { access } = open({ keys: [stored('a', { calls: 2 }), stored('b')] });
    const [first] = [access.openCall({ keyId: 'a' }), access.openCall({ keyId: 'a' })];
    expect(() => access.openCall({ keyId: 'a' })).toThrow(/2 calls under way/);
    access.openCall({ keyId: 'b' });
    access.openCall({});
    first();
    first();
    access.openCall({ keyId: 'a' });
    expect(() => access.openCall({ keyId: 'a' })).toThrow(/2 calls under way/);
  });
});

describe('uploads', () => {
  it('take a key or a ticket with the right, also where the door is open', async () => {
    for (const mode of ['open', 'keys'] as const) {
      const { access, tickets } = open({
        mode,
        keys: [stored('a'), stored('b', { rights: asViewer({ ...ALL_RIGHTS, canUpload: false }) })],
      });
      await expect(access.requireUpload(request())).rejects.toMatchObject({ code: 'ACCESS_REQUIRED' });
      await access.requireUpload(request(tokenOf('a')));
      await expect(access.requireUpload(request(tokenOf('b')))).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      const ticket = await tickets.issue('upload', { ...asViewer(ALL_RIGHTS), canUpload: true });
      await access.requireUpload(request(ticket));
      await expect(access.requireUpload(request(ticket))).rejects.toMatchObject({ code: 'TICKET_INVALID' });
      // It opens a call as often as its holder is cut off; pictures it would open without end.
      const spent = await tickets.redeem(await tickets.issue(CALL_ROOM));
      const back = await tickets.issueReturn(spent, 'caller');
      await expect(access.requireUpload(request(back))).rejects.toMatchObject({ code: 'TICKET_INVALID' });
      const without = await tickets.issue(CALL_ROOM, { ...ALL_RIGHTS, canUpload: false });
      await expect(access.requireUpload(request(without))).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    }
  });
});

it.each([
  ['cafe\u0301', 'caf\u00e9'], // as some systems write what others write as one letter
  ['हिन्दी', 'हिन्दी'],
  ['Floor 2.b_c-d', 'Floor 2.b_c-d'],
])('a room may be called %s', (room, name) => {
  expect(ticketQuerySchema.parse({ room })).toMatchObject({ room: name });
});

it.each(['', ' x', '../x', '__proto__', 'a/b', 'a\u0000', '\u202eabc', '\u0301a', 'x'.repeat(65), '<b>'])(
  'a room may not be called %j',
  (room) => {
    expect(ticketQuerySchema.safeParse({ room }).success).toBe(false);
  },
);

describe('tickets that are asked for', () => {
  const tickets = new TicketOffice('');
  const openRooms = new Set(['hall']);
  let isBusy = false;
  const parts = {
    tickets,
    rooms: { has: (name: string) => openRooms.has(name) },
    calls: {
      get: (id: string) => {
        if (id !== 'call-1') throw new Error('SESSION_GONE');
        return {} as never;
      },
    },
    host: {
      admit: () => {
        if (isBusy) throw new Error('SERVER_BUSY');
      },
    },
  };
  const EVERYONE = { rights: ALL_RIGHTS, mayCall: true };
  const ask = async (grant: Parameters<typeof issueTicket>[1], query: object) =>
    tickets.verify(await issueTicket(parts, grant, { for: 'call', ...query }));

  it('let the opener of a room speak, and who comes later watch, unless they ask to speak', async () => {
    expect(await ask(EVERYONE, { room: 'new' })).toMatchObject({ room: 'room/new', canSpeak: true });
    expect(await ask(EVERYONE, { room: 'hall' })).toMatchObject({
      canSpeak: false,
      canProgram: false,
      canInvite: false,
    });
    expect(await ask(EVERYONE, { room: 'hall', as: 'speaker' })).toMatchObject({ canSpeak: true });
    expect(await ask(EVERYONE, { room: 'new', as: 'viewer' })).toMatchObject({ canSpeak: false });
  });

  it('never have more rights than the asker', async () => {
    const watcher = { rights: asViewer(ALL_RIGHTS), mayCall: true };
    expect(await ask(watcher, { room: 'new' })).toMatchObject({ canSpeak: false });
    await expect(ask(watcher, { room: 'new', as: 'speaker' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    await expect(ask(watcher, {})).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    const limited = { rights: { ...ALL_RIGHTS, canInvite: false, portraits: ['maya'], maxCallS: 60 }, mayCall: true };
    expect(await ask(limited, {})).toMatchObject(limited.rights);
    await expect(
      ask({ rights: { ...ALL_RIGHTS, canUpload: false }, mayCall: true }, { for: 'upload' }),
    ).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  });

  it('are for the key’s rooms only, and carry its id', async () => {
    const key = { id: 'k', name: 'k', kind: 'api', rights: ALL_RIGHTS, ticketsPerMinute: 0, calls: 0 } as const;
    const grant = { rights: ALL_RIGHTS, mayCall: false, rooms: ['hall'], key: { ...key } };
    expect(await ask(grant, { room: 'hall', as: 'speaker' })).toMatchObject({ canSpeak: true, keyId: 'k' });
    await expect(ask(grant, { room: 'other' })).rejects.toThrow(/"hall" only/);
    await expect(ask(grant, {})).rejects.toThrow(/"hall" only/);
  });

  it('to a call by its id are for keys that may speak by program', async () => {
    const key = { id: 'k', name: 'k', kind: 'api', rights: ALL_RIGHTS, ticketsPerMinute: 0, calls: 0 } as const;
    expect(await ask({ ...EVERYONE, key: { ...key } }, { call: 'call-1' })).toMatchObject({
      room: 'call-1',
      canProgram: true,
      canInvite: false,
    });
    await expect(ask({ ...EVERYONE, key: { ...key } }, { call: 'gone' })).rejects.toThrow('SESSION_GONE');
    await expect(ask(EVERYONE, { call: 'call-1' })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  });

  it('for a picture are there on a full server too', async () => {
    isBusy = true;
    await expect(ask(EVERYONE, {})).rejects.toThrow('SERVER_BUSY');
    expect(await ask(EVERYONE, { for: 'upload' })).toMatchObject({ room: 'upload', canUpload: true, canSpeak: false });
    isBusy = false;
  });
});

describe('an open server', () => {
  const config = (env: Record<string, string>) => loadConfig(env);

  it('beyond this machine has to be wanted', () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'face.example']) {
      const env = { VISAVIS__SERVER__HOST: host };
      expect(() => requireChosenAccess(config(env)), host).toThrow(/server\.access.*127\.0\.0\.1.*--open-to-everyone/);
      expect(() => requireChosenAccess(config({ ...env, VISAVIS__SERVER__ACCESS: 'keys' }))).not.toThrow();
      const wanted = config({ ...env, VISAVIS__SERVER__OPEN_TO_EVERYONE: 'true' });
      expect(() => requireChosenAccess(wanted)).not.toThrow();
      expect(openDoorWarning(wanted)).toMatch(/whoever reaches this server may open calls, upload pictures/);
    }
    for (const host of ['127.0.0.1', 'localhost', '::1'])
      expect(() => requireChosenAccess(config({ VISAVIS__SERVER__HOST: host }))).not.toThrow();
  });

  it('is warned of where proxies bring the world to this machine', () => {
    expect(openDoorWarning(config({}))).toBeUndefined();
    expect(openDoorWarning(config({ VISAVIS__SERVER__TRUSTED_PROXIES: '1' }))).toMatch(/Open to everyone/);
    const closed = { VISAVIS__SERVER__ACCESS: 'keys', VISAVIS__SERVER__HOST: '0.0.0.0' };
    expect(openDoorWarning(config(closed))).toBeUndefined();
  });
});
