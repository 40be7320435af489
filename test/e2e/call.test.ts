// The call page in a real browser: the face appears, moves, speaks, obeys, survives a reload and a lost connection.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

/** Screenshots of the run, to look at. */
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

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

interface Inbound {
  framesDecoded: number;
  freezeCount: number;
  audioEnergy: number;
  audioSamples: number;
}

async function open(query = ''): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1180, height: 860 } });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(server.url + query);
  await page.waitForSelector('visavis-call');
  return { page, errors };
}

async function inbound(page: Page): Promise<Inbound> {
  return page.evaluate(async () => {
    const element = document.querySelector('visavis-call') as unknown as {
      call: { getStats(): Promise<RTCStatsReport> };
    };
    const result = { framesDecoded: 0, freezeCount: 0, audioEnergy: 0, audioSamples: 0 };
    for (const entry of (await element.call.getStats()).values()) {
      if (entry.type !== 'inbound-rtp') continue;
      if (entry.kind === 'video') {
        result.framesDecoded = entry.framesDecoded;
        result.freezeCount = entry.freezeCount;
      } else {
        result.audioEnergy = entry.totalAudioEnergy;
        result.audioSamples = entry.totalSamplesReceived;
      }
    }
    return result;
  });
}

async function untilDecoded(page: Page, more: number): Promise<void> {
  const from = (await inbound(page)).framesDecoded;
  for (let i = 0; i < 400; i++) {
    if ((await inbound(page)).framesDecoded >= from + more) return;
    await page.waitForTimeout(50);
  }
  throw new Error(`waited in vain for ${more} more pictures after ${from}`);
}

async function joined(page: Page): Promise<void> {
  await page.locator('.toolbar').getByRole('button', { name: 'Join' }).click();
  await page.waitForFunction(() => document.querySelector('visavis-call')?.hasAttribute('live'), undefined, {
    timeout: 50_000,
  });
  await untilDecoded(page, 10);
}

/** The video as it is now, 128 × 128 RGBA. */
async function snapshot(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const video = document.querySelector('visavis-call')!.shadowRoot!.querySelector('video')!;
    const context = new OffscreenCanvas(128, 128).getContext('2d', { willReadFrequently: true })!;
    context.drawImage(video, 0, 0, 128, 128);
    return [...context.getImageData(0, 0, 128, 128).data];
  });
}

/** Mean absolute difference, 0…255. */
function difference(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

/** Waits until the video differs from `before` by more than `least`. */
async function untilMoved(page: Page, before: number[], least: number): Promise<void> {
  let moved = 0;
  for (let i = 0; i < 100; i++) {
    moved = difference(before, await snapshot(page));
    if (moved > least) return;
    await page.waitForTimeout(100);
  }
  throw new Error(`the picture moved by ${moved.toFixed(2)}, not by ${least}`);
}

describe('the call page', () => {
  it('shows a living face, lets it speak, and stops it', async () => {
    const { page, errors } = await open('?stats');
    await joined(page);
    await untilMoved(page, await snapshot(page), 0.05);

    const silent = await inbound(page);
    await page
      .getByLabel('What the face should say')
      .fill('One two three. The quick brown fox jumps over the lazy dog.');
    await page.getByRole('button', { name: 'Speak' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await untilDecoded(page, 30);
    await page.screenshot({ path: join(OUT_DIR, 'speaking.png') });
    const speaking = await inbound(page);
    expect(speaking.audioEnergy).toBeGreaterThan(silent.audioEnergy + 1e-4);
    expect(speaking.audioSamples).toBeGreaterThan(silent.audioSamples);

    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Speak' }).waitFor();
    expect(errors).toEqual([]);
  });

  it('moves the picture when the camera distance changes', async () => {
    const { page } = await open();
    await joined(page);
    const distance = page.getByRole('slider', { name: 'Distance' });
    // What an idle face does by itself in a second.
    const before = await snapshot(page);
    await page.waitForTimeout(1000);
    const idle = difference(before, await snapshot(page));
    await distance.fill('1.6');
    await untilMoved(page, before, idle + 4);
    await page.screenshot({ path: join(OUT_DIR, 'far.png') });
  });

  it('comes back after a reload, and after the server has dropped the call', async () => {
    const { page } = await open('?kiosk');
    await page.waitForFunction(() => document.querySelector('visavis-call')?.hasAttribute('live'), undefined, {
      timeout: 50_000,
    });
    await page.reload();
    await page.waitForFunction(() => document.querySelector('visavis-call')?.hasAttribute('live'), undefined, {
      timeout: 50_000,
    });
    await untilDecoded(page, 5);
    await page.screenshot({ path: join(OUT_DIR, 'kiosk.png') });
    // The socket breaks: the page joins again by itself.
    await page.evaluate(() => {
      const element = document.querySelector('visavis-call') as unknown as {
        call: { socket: { io: { engine: { close(): void } } } };
      };
      element.call.socket.io.engine.close();
    });
    await page.waitForFunction(
      () => (document.querySelector('visavis-call') as unknown as { state: string }).state === 'reconnecting',
      undefined,
      { timeout: 10_000 },
    );
    await page.waitForFunction(
      () => (document.querySelector('visavis-call') as unknown as { state: string }).state === 'live',
      undefined,
      { timeout: 50_000 },
    );
    await untilDecoded(page, 5);
  });

  it('works as an element in somebody else’s page', async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}embed.html`);
    await page.getByRole('button', { name: 'Join' }).click();
    await page.waitForFunction(() => document.querySelector('visavis-call')?.hasAttribute('live'), undefined, {
      timeout: 50_000,
    });
    await page.getByRole('button', { name: 'Speak' }).click();
    await untilDecoded(page, 20);
    await page.screenshot({ path: join(OUT_DIR, 'embedded.png') });
  });
});
