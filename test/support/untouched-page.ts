/**
 * A page in Chromium that no visitor has touched yet, so that the browser's rules for sound hold in it. What playwright evaluates or looks up
 * in a page counts as a touch; here only `click`, `tap` and `press` do.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import type { Scriptable } from './call-page.ts';

const PATIENCE_MS = 60_000;
const POLL_MS = 100;

export interface Point {
  x: number;
  y: number;
}

export class UntouchedPage implements Scriptable {
  /** For what a visitor does, and for anything after the first touch. */
  readonly page: Page;
  private readonly session: CDPSession;

  private constructor(page: Page, session: CDPSession) {
    this.page = page;
    this.session = session;
  }

  static async open(
    browser: Browser | BrowserContext,
    url: string,
    size = { width: 1180, height: 860 },
  ): Promise<UntouchedPage> {
    const page = await browser.newPage();
    await page.setViewportSize(size);
    const untouched = new UntouchedPage(page, await page.context().newCDPSession(page));
    await page.goto(url);
    await untouched.until('the page', () => document.querySelector('visavis-call') !== null);
    return untouched;
  }

  async evaluate<R, A>(script: (argument: A) => R | Promise<R>, argument: A): Promise<R> {
    const { result, exceptionDetails } = await this.session.send('Runtime.evaluate', {
      expression: `(${script})(${JSON.stringify(argument)})`,
      awaitPromise: true,
      returnByValue: true,
      userGesture: false,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until a script that runs in the page says true. @param what for the error. */
  async until(what: string, isThere: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await this.evaluate(isThere, undefined)))
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      else await delay(POLL_MS);
  }

  /** Whether a visitor has touched it. */
  get isTouched(): Promise<boolean> {
    return this.evaluate(() => navigator.userActivation.hasBeenActive, undefined);
  }

  /** Middle of the face's button, its words, and whether they are within it; undefined where it has none. */
  async button(): Promise<(Point & { name: string; isWhole: boolean }) | undefined> {
    return this.evaluate(() => {
      const button = document.querySelector('visavis-call')!.shadowRoot!.querySelector('button.join');
      if (!button) return undefined;
      const { x, y, width, height } = button.getBoundingClientRect();
      const isWhole = button.scrollHeight <= button.clientHeight && button.scrollWidth <= button.clientWidth;
      return { x: x + width / 2, y: y + height / 2, name: button.textContent!.trim(), isWhole };
    }, undefined);
  }

  async screenshot(name: string): Promise<void> {
    const { data } = await this.session.send('Page.captureScreenshot', { format: 'png' });
    const file = join('out', 'e2e', `${name}.png`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(data, 'base64'));
  }
}
