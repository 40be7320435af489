// <visavis-call> inside somebody else's page: another origin, one script, attributes, methods and events.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type CallElement, openPage, screenshot, untilPictures, untilState } from '../support/call-page.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

let server: TestServer;
let site: Server;
let siteUrl: string;
let browser: Browser;

beforeAll(async () => {
  site = createServer((request, response) => {
    if (request.url !== '/') return void response.writeHead(204).end();
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>A shop</title><h1>A shop</h1>
      <script type="module" src="${server.url}assets/visavis-call.js"></script>
      <visavis-call portrait="kofi" captions style="width: 300px"></visavis-call>`);
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`;
  server = await startTestServer((config) => {
    config.server.allowedOrigins.push(new URL(siteUrl).origin);
  });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  site?.close();
  await server?.[Symbol.asyncDispose]();
});

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
