// A server that is closed, with its own certificate, as visitors meet it: who was not invited is told how to get in; a link and a kiosk get in, keep
// their key out of the address, and are out when it is revoked. Meanwhile the browser finds nothing that the page's security policy forbids.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { joinCall, screenshot, untilPictures, untilState } from '../support/call-page.ts';
import { makeCertificate } from '../support/certificate.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'visavis-door-'));
const keysFile = join(scratch, 'keys.json');
let server: TestServer;
let browser: Browser;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  const tls = makeCertificate(scratch, 'localhost');
  server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.server.access = 'keys';
    config.server.keysFile = keysFile;
    config.server.tls = tls;
    config.server.hstsS = 3600;
  });
  browser = await launchBrowser({ webgl: true });
});
afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** `visavis access …`, as its operator types it. */
function access<T>(...args: string[]): T {
  const env = { ...process.env, VISAVIS__SERVER__KEYS_FILE: keysFile, VISAVIS__SERVER__ACCESS: 'keys' };
  const output = execFileSync(process.execPath, ['--import', 'tsx', CLI, 'access', ...args, '--json'], { env });
  return JSON.parse(output.toString()) as T;
}

interface Visit {
  page: Page;
  context: BrowserContext;
  /** What the browser complained about. */
  errors: string[];
}

/** A visitor with a browser of their own. */
async function visit(url: string, context?: BrowserContext): Promise<Visit> {
  const own = context ?? (await browser.newContext({ ignoreHTTPSErrors: true }));
  if (!context) contexts.push(own);
  const page = await own.newPage();
  page.setDefaultTimeout(60_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && /policy|violat|refused/i.test(message.text()))
      errors.push(message.text());
  });
  await page.goto(url);
  return { page, context: own, errors };
}

const secondsUntil = async (isThere: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 30_000;
  while (!(await isThere())) {
    if (performance.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
};

describe('a closed server', () => {
  it('tells a stranger how to get in, and opens no call', async () => {
    const { page, errors } = await visit(server.url);
    await page.getByText('This face is for invited visitors').waitFor();
    expect(await page.locator('visavis-call').count()).toBe(0);
    await screenshot(page, 'access-stranger');
    expect(errors).toEqual([]);
  });

  it('lets a link in, over reloads, with no trace of the key in the address, until it is revoked', async () => {
    const { link } = access<{ link: string }>('link', 'guest', '--url', server.url);
    const { page, errors } = await visit(link);
    await page.waitForSelector('visavis-call');
    expect(page.url()).toBe(server.url);
    expect(await page.getByLabel('Use your own picture').count()).toBe(0);
    await page.reload();
    await page.waitForSelector('visavis-call');
    await joinCall(page);
    await screenshot(page, 'access-link');
    access('revoke', 'guest');
    await untilState(page, 'ended');
    await page.reload();
    await page.getByText('Your link or key is not valid any more').waitFor();
    expect(errors).toEqual([]);
  });

  it('lets a kiosk in for good, by a token that it keeps', async () => {
    const { link } = access<{ link: string }>('enroll', 'lobby', '--url', server.url);
    const first = await visit(link);
    await first.page.waitForSelector('visavis-call');
    expect(new URL(first.page.url()).hash).toBe('');
    await untilState(first.page, 'live');
    await untilPictures(first.page, 10);
    await screenshot(first.page, 'access-kiosk');
    await first.page.close();
    const later = await visit(`${server.url}?kiosk`, first.context);
    await untilState(later.page, 'live');
    expect([...first.errors, ...later.errors]).toEqual([]);
    // Another browser that is shown the kiosk's address has no token.
    const other = await visit(`${server.url}?kiosk`);
    await other.page.getByText('This face is for invited visitors').waitFor();
  });

  it('lets upload and draw who may, and the browser finds nothing that its policy forbids', async () => {
    const { link } = access<{ link: string }>(
      'link',
      'painter',
      '--rights',
      'speak,upload',
      '--url',
      `${server.url}?render=client`,
    );
    const { page, errors } = await visit(link);
    await page.waitForSelector('visavis-call');
    await page.getByLabel('Use your own picture').waitFor({ state: 'attached' });
    await joinCall(page);
    expect(
      await page.evaluate(
        () => (document.querySelector('visavis-call') as unknown as { view?: object }).view !== undefined,
      ),
    ).toBe(true);
    const embedded = await visit(`${server.url}embed.html`);
    await embedded.page.waitForSelector('visavis-call');
    expect([...errors, ...embedded.errors]).toEqual([]);
  });

  it('has headers that keep browsers to it', async () => {
    const { page } = await visit(server.url);
    const response = await page.reload();
    const headers = response!.headers();
    const { host } = new URL(server.url);
    expect(headers['strict-transport-security']).toBe('max-age=3600');
    expect(headers['permissions-policy']).toContain('microphone=(self)');
    expect(headers['permissions-policy']).toContain('camera=()');
    const connect = headers['content-security-policy']!.split(';').find((part) =>
      part.trim().startsWith('connect-src'),
    );
    expect(connect).toBe(`connect-src 'self' ws://${host} wss://${host}`);
    // A connection elsewhere is stopped by the browser.
    const isStopped = await page.evaluate(
      () =>
        new Promise<boolean>((resolve) => {
          addEventListener('securitypolicyviolation', () => resolve(true));
          new WebSocket('wss://192.0.2.1/').addEventListener('open', () => resolve(false));
        }),
    );
    expect(isStopped).toBe(true);
  });

  it('takes keys over and back while it runs', async () => {
    const ask = async (key: string): Promise<number> => {
      const { page } = await visit(server.url);
      const status = await page.evaluate(
        async (token) =>
          (await fetch('api/tickets', { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status,
        key,
      );
      await page.close();
      return status;
    };
    const { key } = access<{ key: string }>('add', 'program');
    await secondsUntil(async () => (await ask(key)) === 200);
    access('revoke', 'program');
    await secondsUntil(async () => (await ask(key)) !== 200);
  });
});
