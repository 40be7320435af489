// What a visitor meets first, in a browser with its usual rules for sound: the face that is shown, its greeting, and what turns sound and
// microphone on and off.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { joinCall, openPage, screenshot, startCallServer, untilInbound, untilState } from '../support/call-page.ts';
import type { TestServer } from '../support/test-server.ts';

const PATIENCE_MS = 60_000;
/** Long enough for a greeting to have begun that should not. */
const NO_GREETING_MS = 4000;
const GREETING = /How can I help you|What can I do for you/;
let server: TestServer;
let browser: Browser | undefined;

beforeAll(async () => {
  server = await startCallServer({ greets: true });
});
afterEach(() => browser?.close());
afterAll(() => server?.[Symbol.asyncDispose]());

/** Notes in the page, for each turn of the face, whether its sound plays while the turn begins. */
async function noteTurns(page: Page): Promise<() => Promise<boolean[]>> {
  await page.evaluate(() => {
    const face = document.querySelector('visavis-call')!;
    const noted: boolean[] = [];
    Object.assign(window, { noted });
    face.addEventListener('turn', (event) => {
      const video = face.shadowRoot!.querySelector('video')!;
      const { state } = (event as CustomEvent<{ state: string }>).detail;
      if (state === 'started') noted.push(!video.muted && !video.paused);
    });
  });
  return () => page.evaluate(() => (window as unknown as { noted: boolean[] }).noted);
}

const faceLines = (page: Page) => page.locator('.line.face').filter({ hasText: GREETING });
const tapToHear = (page: Page) => page.getByRole('button', { name: 'Tap to hear' });

describe('the greeting', () => {
  it('comes after Join, by the name of the face, and is heard; a cut brings no second one', async () => {
    browser = await launchBrowser({ autoplay: 'document-user-activation-required' });
    const { page, errors } = await openPage(browser, server.url);
    expect(await page.locator('.thumb').first().getAttribute('title')).toMatch(/^Mona Lisa/);
    expect(await page.locator('.thumb[aria-pressed=true]').getAttribute('title')).toMatch(/^Mona Lisa/);
    await screenshot(page, 'greeting-before');
    const turns = await noteTurns(page);
    await joinCall(page);
    await faceLines(page).first().waitFor({ timeout: PATIENCE_MS });
    expect(await faceLines(page).first().textContent()).toMatch(/Mona Lisa/);
    await untilInbound(page, 'the greeting', ({ soundEnergy }) => soundEnergy > 1e-3);
    expect(await tapToHear(page).count()).toBe(0);
    expect(await turns()).toEqual([true]);
    await screenshot(page, 'greeting');

    await page.evaluate(() => {
      const element = document.querySelector('visavis-call') as unknown as {
        call: { connection: { signaling: { drop(): void } } };
      };
      element.call.connection.signaling.drop();
    });
    await untilState(page, 'live');
    await page.waitForTimeout(NO_GREETING_MS);
    expect(await turns()).toEqual([true]);
    expect(errors).toEqual([]);
  });

  // Not yet seen to pass in this browser: see whether it asks for a touch there at all.
  it.skip.each([
    ['?kiosk', 'user-gesture-required'],
    ['?kiosk', 'document-user-activation-required'],
  ] as const)('waits for a touch where the browser forbids sound: %s, %s', async (query, autoplay) => {
    browser = await launchBrowser({ autoplay });
    const { page } = await openPage(browser, `${server.url}${query}`);
    await untilState(page, 'live');
    const turns = await noteTurns(page);
    await tapToHear(page).waitFor();
    const silent = await untilInbound(page, 'pictures', ({ pictures }) => pictures > 10);
    await page.waitForTimeout(NO_GREETING_MS);
    expect(await turns()).toEqual([]);
    await screenshot(page, `greeting-blocked-${autoplay}`);
    await tapToHear(page).click();
    await untilInbound(page, 'the greeting', ({ soundEnergy }) => soundEnergy > silent.soundEnergy + 1e-3);
    expect(await turns()).toEqual([true]);
    expect(await tapToHear(page).count()).toBe(0);
  });

  it.skip('is heard after a touch anywhere', async () => {
    browser = await launchBrowser({ autoplay: 'user-gesture-required' });
    const { page } = await openPage(browser, `${server.url}?kiosk`);
    await untilState(page, 'live');
    await tapToHear(page).waitFor();
    await page.mouse.click(5, 400);
    await tapToHear(page).waitFor({ state: 'detached' });
    await untilInbound(page, 'the greeting', ({ soundEnergy }) => soundEnergy > 1e-3);
  });
});

describe('microphone and sound', () => {
  it('have a button each, with its own words and state', async () => {
    browser = await launchBrowser();
    for (const [locale, ...names] of [
      ['en', 'Microphone off', 'Microphone on', 'Sound on', 'Sound off'],
      ['de', 'Mikrofon aus', 'Mikrofon an', 'Ton an', 'Ton aus'],
    ] as const) {
      const context = await browser.newContext({ locale, permissions: ['microphone'] });
      const page = await context.newPage();
      await page.goto(server.url);
      await page.locator('visavis-call button.join').click();
      await untilState(page, 'live');
      const button = (name: string) => page.getByRole('toolbar').getByRole('button', { name, exact: true });
      const [microphoneOff, microphoneOn, soundOn, soundOff] = names.map(button);
      await microphoneOff!.click();
      await microphoneOn!.waitFor();
      expect(await microphoneOn!.getAttribute('aria-pressed')).toBe('true');
      await screenshot(page, `controls-${locale}`);
      await soundOn!.click();
      await soundOff!.waitFor();
      expect(
        await page.evaluate(() => document.querySelector('visavis-call')!.shadowRoot!.querySelector('video')!.muted),
      ).toBe(true);
      await soundOff!.click();
      await microphoneOn!.click();
      await microphoneOff!.waitFor();
      await context.close();
    }
  });
});

/** Regions of the accessibility tree that are read out when they change, with what stands in them. */
async function liveRegions(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send('Accessibility.getFullAXTree');
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const textOf = (id: string): string => {
    const node = byId.get(id);
    const own = node?.role?.value === 'StaticText' ? String(node.name?.value ?? '') : '';
    return own + (node?.childIds ?? []).map(textOf).join(' ');
  };
  return nodes
    .filter(({ properties }) =>
      properties?.some(({ name, value }) => name === 'live' && ['polite', 'assertive'].includes(String(value.value))),
    )
    .map(({ nodeId }) => textOf(nodeId));
}

describe('a screen reader', () => {
  it('reads what the face says once, wherever it is written', async () => {
    browser = await launchBrowser();
    const { page } = await openPage(browser, server.url);
    await joinCall(page);
    await faceLines(page).first().waitFor({ timeout: PATIENCE_MS });
    await page.getByText('Say exactly this').click();
    await page.getByLabel('What the face should say').fill('Seven small seals sing. '.repeat(12));
    await page.getByRole('button', { name: 'Speak' }).click();
    const caption = page.locator('visavis-call .caption').filter({ hasText: 'seals' });
    await caption.waitFor();
    const readers = async () => (await liveRegions(page)).filter((text) => text.includes('Seven small seals'));
    expect(await readers()).toHaveLength(1);
    // The transcript is gone from the page: now the captions are read.
    await page.getByRole('tab', { name: 'Face & settings' }).click();
    await caption.waitFor();
    expect(await readers()).toHaveLength(1);
  });
});
