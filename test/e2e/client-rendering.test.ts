// A face drawn by the page itself: motion over a data channel instead of video, through speech, interruption and a lost connection.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import {
  type CallElement,
  difference,
  inbound,
  joinCall,
  openPage,
  screenshot,
  snapshot,
  startCallServer,
  untilInbound,
  untilMoved,
  untilPictures,
  untilState,
} from '../support/call-page.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
let browser: Browser | undefined;

beforeAll(async () => {
  server = await startCallServer();
});
afterEach(() => browser?.close());
afterAll(() => server?.[Symbol.asyncDispose]());

describe('a face drawn by the page', () => {
  it('lives, speaks, is interrupted, and comes back after the connection was lost', async () => {
    browser = await launchBrowser({ webgl: true });
    const { page, errors } = await openPage(browser, `${server.url}?render=client&stats`, { width: 480, height: 900 });
    await joinCall(page);
    expect(
      await page.evaluate(() => document.querySelector('visavis-call')!.shadowRoot!.querySelector('canvas')),
    ).not.toBeNull();
    const kinds = await page.evaluate(async () => {
      const { call } = document.querySelector('visavis-call') as unknown as CallElement;
      return [...(await call.getStats()).values()].filter(({ type }) => type === 'inbound-rtp').map(({ kind }) => kind);
    });
    expect(kinds).toEqual(['audio']);

    const rest = await snapshot(page);
    await untilMoved(page, rest, 0.05);
    const silent = await inbound(page);
    await page.getByText('Say exactly this').click();
    await page
      .getByLabel('What the face should say')
      .fill('Wow, wow, wow, wow, wow, wow, wow. And now a long silence.');
    await page.getByRole('button', { name: 'Speak' }).click();
    await untilInbound(page, 'the voice', ({ soundEnergy }) => soundEnergy > silent.soundEnergy + 1e-3);
    await screenshot(page, 'drawn-here');
    await page.getByRole('button', { name: 'Interrupt' }).click();
    await page.waitForFunction(() => document.querySelector<HTMLButtonElement>('.interrupt')?.disabled);
    await untilPictures(page, 5);

    await page.evaluate(() =>
      (
        document.querySelector('visavis-call') as unknown as CallElement
      ).call.connection.signaling.socket.io.engine.close(),
    );
    await untilState(page, 'reconnecting');
    await untilState(page, 'live');
    await untilPictures(page, 10);
    // Still the same person.
    expect(difference(rest, await snapshot(page))).toBeLessThan(25);
    expect(errors).toEqual([]);
  });

  it('comes as video where the browser cannot draw, and says so', async () => {
    browser = await launchBrowser();
    const { page } = await openPage(browser, server.url);
    await page.evaluate(() => {
      HTMLCanvasElement.prototype.getContext = () => null;
    });
    await page.getByRole('tab', { name: 'Face & settings' }).click();
    await page.getByText('Draw the face here').click();
    await joinCall(page);
    await page
      .getByRole('status')
      .filter({ hasText: /as video/ })
      .waitFor();
    expect((await inbound(page)).pictures).toBeGreaterThan(0);
    expect(
      await page.evaluate(() => document.querySelector('visavis-call')!.shadowRoot!.querySelector('canvas')),
    ).toBeNull();
  });
});
