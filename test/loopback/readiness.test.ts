// What a balancer is told by a running server: warm before ready, full, and a disk on which nothing can be written.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer } from '../support/test-server.ts';

const PORTRAIT = 'mona-lisa';

async function readyz(url: string) {
  const response = await fetch(new URL('readyz', url));
  const body = (await response.json()) as {
    status: string;
    checks: { name: string; isOk: boolean; detail?: string }[];
  };
  const detailOf = (name: string): string | undefined => body.checks.find((check) => check.name === name)?.detail;
  return { code: response.status, status: body.status, detailOf };
}

async function untilStatus(url: string, ...wanted: string[]) {
  for (;;) {
    const answer = await readyz(url);
    if (wanted.includes(answer.status)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

it('is starting, then ready when warm, full with its last line taken, and ready again', async () => {
  await using server = await startTestServer((config) => {
    config.server.maxCalls = 1;
  });
  expect(await readyz(server.url)).toMatchObject({ code: 503, status: 'starting' });
  expect((await fetch(new URL('healthz', server.url))).status).toBe(200);
  const ready = await untilStatus(server.url, 'ready');
  expect([ready.code, ready.detailOf('warm-up')]).toEqual([200, 'done']);
  await using client = new LoopbackClient(server.url);
  await client.join(PORTRAIT);
  const full = await untilStatus(server.url, 'full');
  expect(full.detailOf('capacity')).toBe('all 1 lines are taken');
  await client.request('leave', {});
  await untilStatus(server.url, 'ready');
});

it('serves who comes before it is warm', async () => {
  await using server = await startTestServer((config) => {
    config.server.maxCalls = 1;
  });
  await using client = new LoopbackClient(server.url);
  await client.join(PORTRAIT);
  await client.until('pictures', () => client.pictures.length > 3);
  await client.request('speak', { text: 'Hello.' });
  await client.until('words', () => client.captions.length > 0);
});

it('is never ready where no face can be kept, says why to its operator, and names no path to visitors', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'visavis-readiness-'));
  writeFileSync(join(folder, 'file'), 'in the way');
  await using server = await startTestServer((config) => {
    config.cache.dir = join(folder, 'file', 'cache');
    config.log.level = 'silent';
  });
  const answer = await untilStatus(server.url, 'not ready');
  expect(answer.code).toBe(503);
  expect(answer.detailOf('portraits')).toMatch(/no face can be prepared.*cannot be written/);
  await using client = new LoopbackClient(server.url);
  const replies = [
    await client.request('join', { ticket: await client.ticket(), portraitId: PORTRAIT }),
    ...(await Promise.all(
      [`api/portraits/${PORTRAIT}/poster`, `api/portraits/${PORTRAIT}/rig`].map(async (path) =>
        (await fetch(new URL(path, server.url))).json(),
      ),
    )),
  ];
  for (const reply of replies) {
    expect(reply).toMatchObject({ error: { code: 'PORTRAIT_UNAVAILABLE' } });
    expect(JSON.stringify(reply)).not.toContain('/');
  }
  rmSync(folder, { recursive: true, force: true });
});
