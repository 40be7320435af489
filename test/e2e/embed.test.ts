// <visavis-call> inside somebody else's page: another origin, one script, attributes, methods and events.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VisavisCall } from '../../client/visavis-call.ts';
import { launchBrowser } from '../support/browser.ts';
import { type CallElement, openPage, screenshot, untilPictures, untilState } from '../support/call-page.ts';
import { launchEither } from '../support/either-browser.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const PATIENCE_MS = 60_000;
let server: TestServer;
let site: Server;
let siteUrl: string;
let browser: Browser;

beforeAll(async () => {
  site = createServer((request, response) => {
    if (request.url !== '/' && request.url !== '/joins') return void response.writeHead(204).end();
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>A shop</title><h1>A shop</h1>
      <script type="module" src="${server.url}assets/visavis-call.js"></script>
      <script>document.addEventListener('click', (event) => { if (event.target === document.documentElement) event.stopImmediatePropagation(); }, true)</script>
      <visavis-call portrait="kofi" captions ${request.url === '/joins' ? 'autojoin' : ''} style="width: 300px"></visavis-call>`);
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
  server = await startTestServer((config) => {
    config.server.allowedOrigins.push(new URL(siteUrl).origin);
    config.conversation.greets = false;
  });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  site?.close();
  await server?.[Symbol.asyncDispose]();
});

/** Runs in the page: tells in one line, whenever it changes, how far the face is, its button and its sound. */
function tellFace(): void {
  let last = '';
  setInterval(() => {
    const face = document.querySelector('visavis-call') as VisavisCall | null;
    const video = face?.shadowRoot?.querySelector('video');
    if (!face || !video) return;
    const button = face.shadowRoot!.querySelector('button.join')?.textContent?.trim() ?? '';
    const line = `${face.state} ${button} ${video.paused ? 'paused' : video.muted ? 'muted' : 'heard'}`;
    if (line !== last) console.info(line);
    last = line;
  }, 50);
}

describe('<visavis-call>', () => {
  it('lives in a page of another origin and tells what happens', async () => {
    const { page, errors } = await openPage(browser, siteUrl);
    const turns = page.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const seen: string[] = [];
          const element = document.querySelector('visavis-call') as unknown as CallElement;
          for (const name of ['state', 'caption', 'turn'])
            element.addEventListener(name, ({ detail }: CustomEventInit) => {
              seen.push(`${name} ${detail.state ?? detail.text}`);
              if (name === 'turn' && detail.state === 'ended') resolve(seen);
            });
        }),
    );
    await page.getByRole('button', { name: 'Join' }).click();
    await untilState(page, 'live');
    await untilPictures(page, 10);
    await page.evaluate(() => (document.querySelector('visavis-call') as unknown as CallElement).speak('Hello there.'));
    const seen = await turns;
    expect(seen).toContain('state live');
    expect(seen).toContain('turn started');
    expect(seen.find((event) => event.startsWith('caption'))).toContain('Hello');
    await screenshot(page, 'embedded');
    await page.evaluate(() => (document.querySelector('visavis-call') as unknown as CallElement).leave());
    await untilState(page, 'ended');
    expect(errors).toEqual([]);
  });

  it('joins by itself without sound, which a touch anywhere allows, though the page keeps its clicks to itself', async () => {
    await using silent = await launchEither('chromium', { isSilent: true });
    const { page, told } = await silent.openUntouched(`${siteUrl}joins`, tellFace, undefined);
    await expect.poll(() => told.at(-1), { timeout: PATIENCE_MS }).toBe('live Tap to hear muted');
    await page.mouse.click(600, 500);
    await expect.poll(() => told.at(-1), { timeout: PATIENCE_MS }).toBe('live  heard');
  });

  it('is not given to a page that was not allowed', async () => {
    const page = await browser.newPage();
    const refused = page.waitForEvent('console', (message) => /CORS policy/.test(message.text()));
    await page.goto(siteUrl.replace('127.0.0.1', 'localhost'));
    await refused;
    expect(await page.evaluate(() => customElements.get('visavis-call') === undefined)).toBe(true);
    const answer = await fetch(new URL('api/tickets', server.url), {
      method: 'POST',
      headers: { origin: 'https://elsewhere.example' },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is shown by the example page', async () => {
    const { page, errors } = await openPage(browser, `${server.url}embed.html`);
    await page.getByRole('button', { name: 'Join' }).click();
    await untilState(page, 'live');
    await page.getByRole('button', { name: 'Speak' }).click();
    await untilPictures(page, 20);
    await screenshot(page, 'example');
    expect(errors).toEqual([]);
  });
});
