// What a visitor meets first, in a browser with its usual rules for sound: the face that is shown, its greeting, and what turns sound and
// microphone on and off.
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { VisavisCall } from '../../client/visavis-call.ts';
import { launchBrowser } from '../support/browser.ts';
import {
  type Inbound,
  joinCall,
  openPage,
  type Scriptable,
  screenshot,
  startCallServer,
  untilInbound,
  untilState,
} from '../support/call-page.ts';
import { isInstalled, launchEither } from '../support/either-browser.ts';
import type { TestServer } from '../support/test-server.ts';
import { UntouchedPage } from '../support/untouched-page.ts';

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
async function noteTurns(page: Scriptable): Promise<() => Promise<boolean[]>> {
  await page.evaluate(() => {
    const face = document.querySelector('visavis-call')!;
    const noted: boolean[] = [];
    Object.assign(window, { noted });
    face.addEventListener('turn', (event) => {
      const video = face.shadowRoot!.querySelector('video')!;
      const { state } = (event as CustomEvent<{ state: string }>).detail;
      if (state === 'started') noted.push(!video.muted && !video.paused);
    });
  }, undefined);
  return () => page.evaluate(() => (window as unknown as { noted: boolean[] }).noted, undefined);
}

const faceLines = (page: Page) => page.locator('.line.face').filter({ hasText: GREETING });
const tapToHear = (page: Page) => page.getByRole('button', { name: 'Tap to hear' });

/** The face lives, and only silence is allowed. */
async function untilBlocked(page: UntouchedPage): Promise<Inbound> {
  await untilState(page, 'live');
  await page.until(
    'the button',
    () => document.querySelector('visavis-call')!.shadowRoot!.querySelector('button.join') !== null,
  );
  return untilInbound(page, 'pictures', ({ pictures }) => pictures > 10);
}

/** More sound has come than silence has of its own. */
async function untilGreeted(page: UntouchedPage, { soundEnergy }: Inbound): Promise<void> {
  await untilInbound(page, 'the greeting', (seen) => seen.soundEnergy > soundEnergy + 1e-3);
}

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
    await delay(NO_GREETING_MS);
    expect(await turns()).toEqual([true]);
    expect(errors).toEqual([]);
  });

  it('waits for a touch of the button where the browser forbids sound, and is heard from its first word', async () => {
    browser = await launchBrowser({ autoplay: 'user-gesture-required' });
    const page = await UntouchedPage.open(browser, `${server.url}?kiosk`);
    const turns = await noteTurns(page);
    const silent = await untilBlocked(page);
    await delay(NO_GREETING_MS);
    expect(await turns()).toEqual([]);
    expect(await page.isTouched).toBe(false);
    await page.screenshot('greeting-blocked');
    const { x, y, name, isWhole } = (await page.button())!;
    expect({ name, isWhole }).toEqual({ name: 'Tap to hear', isWhole: true });
    await page.page.mouse.click(x, y);
    await untilGreeted(page, silent);
    expect(await turns()).toEqual([true]);
    expect(await page.button()).toBeUndefined();
    await page.screenshot('greeting-unblocked');
  });

  it.each<[string, (page: Page) => Promise<void>]>([
    ['a click', (page) => page.mouse.click(5, 400)],
    ['a finger', (page) => page.touchscreen.tap(5, 400)],
    ['a key', (page) => page.keyboard.press('ArrowDown')],
  ])('is heard after %s anywhere', async (_, touch) => {
    browser = await launchBrowser({ autoplay: 'document-user-activation-required' });
    const context = await browser.newContext({ hasTouch: true });
    const page = await UntouchedPage.open(context, `${server.url}?kiosk`, { width: 540, height: 960 });
    const turns = await noteTurns(page);
    const silent = await untilBlocked(page);
    await page.screenshot('greeting-blocked-portrait');
    await touch(page.page);
    await untilGreeted(page, silent);
    expect(await turns()).toEqual([true]);
    expect(await page.button()).toBeUndefined();
  });
});

/** Runs in the page: tells in one line, whenever it changes, how far the face is. */
function tellProgress(): void {
  const turns: string[] = [];
  let last = '';
  setInterval(() => {
    const face = document.querySelector('visavis-call') as VisavisCall | null;
    const video = face?.shadowRoot?.querySelector('video');
    if (!face || !video) return;
    if (last === '')
      face.addEventListener('turn', (event) => {
        if ((event as CustomEvent).detail.state === 'started') turns.push(video.muted ? 'unheard' : 'heard');
      });
    const isBlocked = face.shadowRoot!.querySelector('button.join') !== null;
    const plays = video.videoWidth > 0 && !video.paused;
    const line = `${face.state} ${plays ? 'plays' : 'waits'} ${isBlocked ? 'blocked' : 'free'} ${turns.join()}`;
    if (line !== last) console.info(line);
    last = line;
  }, 50);
}

describe.skipIf(!isInstalled('firefox'))('the greeting, in Firefox as it comes', () => {
  it('waits for a touch', async () => {
    await using firefox = await launchEither('firefox', { isSilent: true });
    const { page, told } = await firefox.openUntouched(`${server.url}?kiosk`, tellProgress, undefined);
    await expect.poll(() => told.at(-1), { timeout: PATIENCE_MS }).toBe('live plays blocked ');
    await delay(NO_GREETING_MS);
    expect(told.at(-1)).toBe('live plays blocked ');
    await page.mouse.click(5, 300);
    await expect.poll(() => told.at(-1), { timeout: PATIENCE_MS }).toBe('live plays free heard');
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
