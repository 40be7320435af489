// The same call in Chromium and in Firefox: it lives, is talked to by typing and by voice, is interrupted, and comes back.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  type CallElement,
  inbound,
  snapshot,
  startCallServer,
  untilInbound,
  untilMoved,
  untilPictures,
  untilState,
} from '../support/call-page.ts';
import { type EitherBrowser, type EitherPage, inEachBrowser } from '../support/either-browser.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
let browser: EitherBrowser | undefined;

beforeAll(async () => {
  server = await startCallServer();
});
afterEach(async () => {
  await browser?.[Symbol.asyncDispose]();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

async function join(page: EitherPage): Promise<void> {
  await page.click({ role: 'button', name: 'Join' });
  await untilState(page, 'live');
  await untilPictures(page, 10);
}

inEachBrowser('a call', (launch) => {
  it('lives, answers what is typed, says what it is told, and is silent when interrupted', async () => {
    browser = await launch();
    const page = await browser.open(`${server.url}?stats`);
    await join(page);
    await untilMoved(page, await snapshot(page), 0.05);
    const silent = await inbound(page);
    await page.type({ label: 'Your message' }, 'When are you open on Saturday?');
    await page.press('Enter');
    await page.until('the answer', () =>
      [...document.querySelectorAll('.line.face')].some(({ textContent }) => /Saturday/.test(textContent)),
    );
    await untilInbound(page, 'the voice', ({ soundEnergy }) => soundEnergy > silent.soundEnergy + 1e-3);
    await page.click({ text: 'Say exactly this' });
    await page.type({ label: 'What the face should say' }, `${'This is a long story. '.repeat(10)}The end.`);
    await page.click({ role: 'button', name: 'Speak' });
    await page.until('the story', () =>
      /a long story/.test(document.querySelector('.line.face:last-child')?.textContent ?? ''),
    );
    await page.press('Escape');
    await page.until('the cut', () => document.querySelector('.line.face .cut') !== null);
    expect(page.errors).toEqual([]);
  });

  it('comes back after its socket broke', async () => {
    browser = await launch();
    const page = await browser.open(server.url);
    await join(page);
    await page.evaluate(() =>
      (
        document.querySelector('visavis-call') as unknown as CallElement
      ).call.connection.signaling.socket.io.engine.close(),
    );
    await untilState(page, 'reconnecting');
    await untilState(page, 'live');
    await untilPictures(page, 10);
  });
});
