// A ticket that was used stays used, whatever happens to the server.
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CALL_ROOM, TicketOffice } from '../../src/signaling/tickets.ts';
import { UsedTickets } from '../../src/signaling/used-tickets.ts';

const SECRET = 'a secret that server and successor share';

describe('a used ticket', () => {
  let dir: string;
  let nowMs: number;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'visavis-used-'));
    nowMs = Date.parse('2026-01-01T00:59:30Z');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const clock = (): number => nowMs;
  const office = (): TicketOffice => new TicketOffice(SECRET, clock, new UsedTickets({ dir, nowMs: clock }));

  it('opens nothing after a crash and a new start, and an unused one does', async () => {
    const before = office();
    const [used, unused] = await Promise.all([before.issue(CALL_ROOM), before.issue(CALL_ROOM)]);
    await before.redeem(used);
    // Nothing is closed: the process is gone. Its successor starts in another hour.
    nowMs += 60_000;
    const after = office();
    await expect(after.redeem(used)).rejects.toThrow(/used already/);
    expect(await after.redeem(unused)).toMatchObject({ room: CALL_ROOM });
    await expect(office().redeem(unused)).rejects.toThrow(/used already/);
  });

  it('is known although a crash has torn the file, and what is no note is passed over', async () => {
    const before = office();
    const used = await before.issue(CALL_ROOM);
    await before.redeem(used);
    const [file] = readdirSync(dir);
    appendFileSync(join(dir, file!), '["half a no');
    const after = office();
    await expect(after.redeem(used)).rejects.toThrow(/used already/);
    const next = await after.issue(CALL_ROOM);
    await after.redeem(next);
    await expect(office().redeem(next)).rejects.toThrow(/used already/);
  });

  it('is forgotten with its hour, so that the folder does not grow', async () => {
    await office().redeem(await office().issue(CALL_ROOM));
    expect(readdirSync(dir)).toHaveLength(1);
    nowMs += 4 * 3600_000;
    await office().redeem(await office().issue(CALL_ROOM));
    expect(readdirSync(dir)).toHaveLength(1);
  });

  it('is forgotten with its hour by a server that is never restarted, too', async () => {
    const tickets = office();
    for (let hour = 0; hour < 100; hour++) {
      await tickets.redeem(await tickets.issue(CALL_ROOM));
      nowMs += 3600_000;
    }
    expect(readdirSync(dir).length).toBeLessThan(5);
  });

  it('is noted although somebody has cleaned the cache meanwhile, and read although there is more in the folder', async () => {
    const tickets = office();
    rmSync(dir, { recursive: true });
    const ticket = await tickets.issue(CALL_ROOM);
    await tickets.redeem(ticket);
    mkdirSync(join(dir, '0 a folder of somebody else'));
    await expect(office().redeem(ticket)).rejects.toThrow(/used already/);
  });

  it('is known until the restart where it cannot be noted, and the operator is told', async () => {
    const file = join(dir, 'a file in the folder’s place');
    writeFileSync(file, '');
    const told: Error[] = [];
    const used = new UsedTickets({ dir: join(file, 'below'), nowMs: clock, unkept: (error) => told.push(error) });
    const tickets = new TicketOffice(SECRET, clock, used);
    const ticket = await tickets.issue(CALL_ROOM);
    await tickets.redeem(ticket);
    await expect(tickets.redeem(ticket)).rejects.toThrow(/used already/);
    expect(told.at(-1)).toMatchObject({
      code: 'FILE_UNWRITABLE',
      message: expect.stringMatching(/below.*cannot be written.*cache\.dir/),
    });
  });
});
