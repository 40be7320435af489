// A conversation in a real browser with nothing configured: typed and spoken questions are answered, written down, and interrupted.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { inbound, joinCall, openPage, screenshot, startCallServer, untilInbound } from '../support/call-page.ts';
import { writeSpoken } from '../support/spoken-wav.ts';
import type { TestServer } from '../support/test-server.ts';

const PATIENCE_MS = 90_000;

const folder = mkdtempSync(join(tmpdir(), 'visavis-conversation-'));
let server: TestServer;
let browser: Browser | undefined;

beforeAll(async () => {
  server = await startCallServer({ greets: true });
});
afterEach(() => browser?.close());
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for a line of the transcript. */
async function untilLine(page: Page, who: 'caller' | 'face', pattern: RegExp): Promise<void> {
  await page.locator(`.line.${who}`).filter({ hasText: pattern }).first().waitFor({ timeout: PATIENCE_MS });
}

describe('a conversation', () => {
  it('answers what is typed, and stops in the middle when it is told to', async () => {
    browser = await launchBrowser();
    const { page, errors } = await openPage(browser, `${server.url}?stats`);
    await joinCall(page);
    await untilLine(page, 'face', /How can I help|What can I do/);
    await page.getByLabel('Your message').fill('When are you open on Saturday?');
    await page.getByLabel('Your message').press('Enter');
    await untilLine(page, 'caller', /open on Saturday/);
    await untilLine(page, 'face', /Saturday/);
    const begun = await inbound(page);
    await untilInbound(page, 'the answer', ({ soundEnergy }) => soundEnergy > begun.soundEnergy + 1e-3);
    await screenshot(page, 'conversation');

    await page.getByText('Say exactly this').click();
    await page.getByLabel('What the face should say').fill(`${'This is a very long story. '.repeat(20)}The end.`);
    await page.getByRole('button', { name: 'Speak' }).click();
    await untilLine(page, 'face', /very long story/);
    await page.getByRole('button', { name: 'Interrupt' }).click();
    await page.locator('.line.face .cut').last().waitFor();
    const told = await page.locator('.line.face').last().textContent();
    expect(told).not.toContain('The end.');
    expect(errors).toEqual([]);
  });

  it('understands a spoken question and answers it', async () => {
    const microphoneWav = join(folder, 'question.wav');
    await writeSpoken(microphoneWav, 'What time do you open on Saturday?');
    browser = await launchBrowser({ microphoneWav });
    const { page } = await openPage(browser, server.url);
    await joinCall(page);
    await page.getByRole('button', { name: /^Microphone/ }).click();
    await untilLine(page, 'caller', /saturday/i);
    await untilLine(page, 'face', /Saturday/);
    await screenshot(page, 'conversation-spoken');
  });
});
