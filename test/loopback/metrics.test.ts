// A running server's metrics: what a call, a refusal and a network leave in them, and what Prometheus's own checker says.
import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const PORTRAIT = 'mona-lisa';
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer((config) => {
    config.server.maxCalls = 1;
    config.limits.ticketsPerMinute = 4;
  });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const page = async (): Promise<string> => (await fetch(new URL('metrics', server.url))).text();

/** The value of a line, as it stands on the page. */
async function value(line: string): Promise<number> {
  const found = (await page()).split('\n').find((each) => each.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.slice(line.length + 1));
}

it('counts a call from its beginning to its end', async () => {
  {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    await client.until('pictures', () => client.pictures.length > 3);
    expect(await value('visavis_calls')).toBe(1);
    expect(await value('visavis_calls_capacity')).toBe(1);
    expect(await value('visavis_joins_total{kind="call"}')).toBe(1);
    expect(await value('visavis_connections_total{path="direct"}')).toBe(1);
    await client.request('leave', {});
  }
  expect(await value('visavis_calls')).toBe(0);
  expect(await value('visavis_calls_ended_total{outcome="left"}')).toBe(1);
});

it('counts every refusal under its door and its code', async () => {
  await using first = new LoopbackClient(server.url);
  await using second = new LoopbackClient(server.url);
  const ticket = await second.ticket();
  await first.join(PORTRAIT);
  await second.request('join', { ticket, portraitId: PORTRAIT });
  await second.request('join', { ticket, portraitId: PORTRAIT });
  await second.request('speak', { text: 'Hello' });
  await second.request('nonsense' as never, {});
  await second.request('candidate' as never, { candidate: 7 });
  await fetch(new URL('api/tickets', server.url), { method: 'POST' });
  await fetch(new URL('api/tickets', server.url), { method: 'POST' });
  await fetch(new URL('api/portraits', server.url), { method: 'POST' });
  await fetch(new URL('api/portraits/nobody', server.url));
  await fetch(new URL('api/speech', server.url), { method: 'POST' });
  const refused = (door: string, reason: string) => value(`visavis_refusals_total{door="${door}",reason="${reason}"}`);
  expect(await refused('join', 'SERVER_BUSY')).toBe(1);
  expect(await refused('join', 'TICKET_INVALID')).toBe(1);
  expect(await refused('message', 'SIGNALING_INVALID')).toBe(2);
  expect(await refused('candidate', 'SIGNALING_INVALID')).toBe(1);
  expect(await refused('ticket', 'SERVER_BUSY')).toBe(1);
  expect(await refused('ticket', 'RATE_LIMITED')).toBe(1);
  expect(await refused('upload', 'CONSENT_MISSING')).toBe(1);
  expect(await value('visavis_uploads_total{outcome="refused"}')).toBe(1);
  expect(await refused('request', 'PORTRAIT_UNKNOWN')).toBe(1);
  expect(await refused('program', 'TICKET_INVALID')).toBe(1);
});

it.skipIf(!hasPromtool)('passes "promtool check metrics" without a word (skipped without promtool)', async () => {
  expect(execFileSync('promtool', ['check', 'metrics'], { input: await page(), encoding: 'utf8' })).toBe('');
});
