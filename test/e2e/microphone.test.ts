// The caller's microphone in a real browser: mirrored by the face, metered while one talks, and what the page says when there is none.
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { joinCall, openPage, screenshot, startCallServer, untilInbound, untilState } from '../support/call-page.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  server = await startCallServer();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

describe('the microphone', () => {
  it('is mirrored: the beeps that it hears come back through the face', async () => {
    const { page } = await openPage(browser, server.url);
    await page.getByRole('tab', { name: 'Face & settings' }).click();
    await page.getByText('Mirror: the face says what I say').click();
    await untilState(page, 'live');
    await untilInbound(page, 'the beeps', ({ soundEnergy }) => soundEnergy > 0.01);
    await page.getByText('Connect a program').click();
    await page.waitForFunction(() => document.querySelector('.program')?.textContent?.includes('speech-api.mjs'));
    await screenshot(page, 'mirror');
  });

  it('is turned on, with its level, and off', async () => {
    const { page } = await openPage(browser, server.url);
    await joinCall(page);
    await page.getByRole('button', { name: 'Microphone off' }).click();
    await page.getByRole('button', { name: 'Microphone on' }).waitFor();
    await page.waitForFunction(
      () => Number(document.querySelector<HTMLElement>('.talk')?.style.getPropertyValue('--level')) > 0.3,
    );
    await screenshot(page, 'talking');
    await page.getByRole('button', { name: 'Microphone on' }).click();
    await page.getByRole('button', { name: 'Microphone off' }).waitFor();
    await page.getByRole('tab', { name: 'Face & settings' }).click();
    expect(await page.getByLabel('Microphone').locator('option').count()).toBeGreaterThan(1);
  });

  it('is explained when it was refused, is missing or taken, and on an insecure page; the call goes on', async () => {
    const { page } = await openPage(browser, server.url);
    await joinCall(page);
    const cases: [string, RegExp][] = [
      ['NotAllowedError', /address bar/],
      ['NotFoundError', /No microphone was found/],
      ['NotReadableError', /another program/],
      ['', /https/],
    ];
    for (const [name, explanation] of cases) {
      await page.evaluate((error) => {
        const devices = error ? { getUserMedia: () => Promise.reject(new DOMException('no', error)) } : undefined;
        Object.defineProperty(navigator, 'mediaDevices', { configurable: true, value: devices });
      }, name);
      await page.getByRole('button', { name: 'Microphone off' }).click();
      await page.getByRole('alert').filter({ hasText: explanation }).waitFor();
      expect(await page.getByRole('button', { name: 'Microphone off' }).getAttribute('aria-pressed')).toBe('false');
    }
    await screenshot(page, 'refused');
    await untilState(page, 'live');
  });
});
