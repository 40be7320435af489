// The caller's microphone in a real browser: mirrored by the face; and what the page says when there is none to be had.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const OUT_DIR = join('out', 'e2e');
let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(OUT_DIR, { recursive: true });
  server = await startTestServer((config) => {
    config.motion.fps = 25;
  });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

it('mirrors the microphone: the beeps that it hears come back through the face', async () => {
  const page = await browser.newPage({ viewport: { width: 1180, height: 860 } });
  await page.goto(server.url);
  await page.getByRole('button', { name: 'Mirror my voice' }).click();
  await page.waitForSelector('visavis-call[live]', { timeout: 60_000 });
  await page.waitForFunction(
    async () => {
      const element = document.querySelector('visavis-call') as unknown as {
        call: { getStats(): Promise<RTCStatsReport> };
      };
      for (const entry of (await element.call.getStats()).values())
        if (entry.type === 'inbound-rtp' && entry.kind === 'audio' && entry.totalAudioEnergy > 0.01) return true;
      return false;
    },
    undefined,
    { timeout: 60_000, polling: 500 },
  );
  await page.getByText('Connect a program').click();
  await page.waitForFunction(() => document.querySelector('.program')?.textContent?.includes('speech-api.mjs'));
  await page.screenshot({ path: join(OUT_DIR, 'mirror.png') });
  await page.context().close();
});

it('explains a microphone that was refused, one that is missing, and an insecure page', async () => {
  const page = await browser.newPage();
  await page.goto(server.url);
  const cases: [string, RegExp][] = [
    ['NotAllowedError', /address bar/],
    ['NotFoundError', /No microphone was found/],
    ['', /https/],
  ];
  for (const [name, explanation] of cases) {
    await page.evaluate((error) => {
      const devices = error ? { getUserMedia: () => Promise.reject(new DOMException('no', error)) } : undefined;
      Object.defineProperty(navigator, 'mediaDevices', { configurable: true, value: devices });
    }, name);
    await page.getByRole('button', { name: 'Mirror my voice' }).click();
    await page.getByRole('alert').filter({ hasText: explanation }).waitFor();
  }
  await page.context().close();
});
