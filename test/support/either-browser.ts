/**
 * Chromium and Firefox for tests that run in both: one driver (puppeteer: DevTools for Chromium, WebDriver BiDi for Firefox), headless,
 * offline, with a fake microphone. In: role and name, label or text of what is to be touched. Out: what a visitor sees, and the page's errors.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import puppeteer, { type Browser, type ElementHandle, type KeyInput, type Page } from 'puppeteer-core';
import { describe } from 'vitest';
import { findChromium } from '../../src/cli/find-chromium.ts';
import { chromiumArguments } from './browser.ts';

export const BROWSERS = ['chromium', 'firefox'] as const;
export type BrowserName = (typeof BROWSERS)[number];

/** As for joining: a portrait may have to be baked on a busy machine. */
const PATIENCE_MS = 60_000;
const POLL_MS = 50;

/** Firefox does not ask for the microphone, fakes it, plays sound untouched, and leaves the network alone. */
const FIREFOX_PREFERENCES = {
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'media.autoplay.block-webaudio': false,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'browser.safebrowsing.update.enabled': false,
  'intl.accept_languages': 'en-US',
};

/** As Firefox comes: pages without a touch are silent. */
const FIREFOX_SILENT = { 'media.autoplay.default': 1, 'media.autoplay.block-webaudio': true };

/** For Firefox there is no trust in one origin alone. */
const FIREFOX_TRUST = { 'media.devices.insecure.enabled': true, 'media.getusermedia.insecure.enabled': true };

/** The one that FIREFOX_PATH names wins. */
export function findFirefox(): string | undefined {
  const places = ['/usr/bin/firefox-esr', '/usr/bin/firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'];
  return [process.env.FIREFOX_PATH, ...places].find((path) => path && existsSync(path));
}

export const isInstalled = (name: BrowserName): boolean =>
  (name === 'firefox' ? findFirefox() : findChromium()) !== undefined;

export interface EitherBrowserOptions {
  /** File that the microphone plays in a loop; without it, beeps or a tone. */
  microphoneWav?: string;
  /** A program in the browser's place, which starts it, e.g. in a network of its own. */
  executablePath?: string;
  /** Address of a sound device, see `SilentSoundDevice`. */
  pulseServer?: string;
  /** In Chromium: WebGL in software; costs time, so only where it is tested. */
  webgl?: boolean;
  /** Sound plays only after a touch. */
  isSilent?: boolean;
  /** An origin that is to be as trusted as one with a certificate: the microphone is for secure pages only. */
  trustedOrigin?: string;
}

/** A click goes to the first that matches, in shadow trees too. */
export type Target =
  | { role: 'button' | 'tab' | 'slider'; name: string }
  | { label: string }
  | { text: string }
  | { css: string };

/** @throws Error where this machine has no such browser. */
export async function launchEither(name: BrowserName, options: EitherBrowserOptions = {}): Promise<EitherBrowser> {
  const executablePath = options.executablePath ?? (name === 'firefox' ? findFirefox() : findChromium());
  if (!executablePath) throw new Error(`no ${name} found; install it or name it in ${name.toUpperCase()}_PATH`);
  const browser = await puppeteer.launch({
    browser: name === 'firefox' ? 'firefox' : 'chrome',
    executablePath,
    headless: true,
    protocolTimeout: 2 * PATIENCE_MS,
    defaultViewport: null,
    env: { ...process.env, ...(options.pulseServer ? { PULSE_SERVER: options.pulseServer } : {}) },
    ...(name === 'firefox'
      ? {
          extraPrefsFirefox: {
            ...FIREFOX_PREFERENCES,
            ...(options.trustedOrigin ? FIREFOX_TRUST : {}),
            ...(options.isSilent ? FIREFOX_SILENT : {}),
          },
        }
      : {
          args: [
            ...chromiumArguments({
              webgl: options.webgl ?? false,
              ...(options.isSilent ? { autoplay: 'document-user-activation-required' as const } : {}),
            }),
            ...(options.trustedOrigin ? [`--unsafely-treat-insecure-origin-as-secure=${options.trustedOrigin}`] : []),
          ],
        }),
  });
  return new EitherBrowser(name, browser, options.microphoneWav);
}

/** Tests that hold in both; one that is not installed is skipped, with a notice. */
export function inEachBrowser(
  what: string,
  tests: (launch: (options?: EitherBrowserOptions) => Promise<EitherBrowser>, name: BrowserName) => void,
): void {
  for (const name of BROWSERS) {
    const isThere = isInstalled(name);
    if (!isThere)
      console.info(`${what}: skipped in ${name}, which is not installed; name it in ${name.toUpperCase()}_PATH.`);
    describe.skipIf(!isThere)(`${what}, in ${name}`, () => tests((options) => launchEither(name, options), name));
  }
}

export class EitherBrowser implements AsyncDisposable {
  readonly name: BrowserName;
  private readonly browser: Browser;
  private readonly microphoneWav: string | undefined;

  constructor(name: BrowserName, browser: Browser, microphoneWav: string | undefined) {
    this.name = name;
    this.browser = browser;
    this.microphoneWav = microphoneWav;
  }

  /** Of the browser's first process; its others are that one's children. */
  get pid(): number {
    return this.browser.process()!.pid!;
  }

  /** A window of its own profile part: nothing is shared with other pages. */
  async open(url: string, size = { width: 1180, height: 860 }): Promise<EitherPage> {
    const context = await this.browser.createBrowserContext();
    // Each visitor looks at the page: one behind another in the same window is slowed down by the browser.
    const page = await context.newPage({ type: 'window' });
    await page.setViewport(size);
    if (this.microphoneWav)
      await page.evaluateOnNewDocument(playIntoMicrophone, readFileSync(this.microphoneWav).toString('base64'));
    const opened = new EitherPage(page);
    await page.goto(url);
    await opened.until('the page', () => document.querySelector('visavis-call') !== null);
    return opened;
  }

  /**
   * A page that nobody has touched: the driver's own `evaluate` counts as a touch, this script does not. It runs before the page's own.
   * @returns the page, and what the script tells by `console.info`.
   */
  async openUntouched<A>(
    url: string,
    script: (argument: A) => void,
    argument: A,
  ): Promise<{ page: Page; told: string[] }> {
    const context = await this.browser.createBrowserContext();
    const page = await context.newPage({ type: 'window' });
    const told: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'info') told.push(message.text());
    });
    await page.evaluateOnNewDocument(script as never, argument as never);
    await page.goto(url);
    return { page, told };
  }

  /** Of one that does not answer any more. */
  kill(): void {
    this.browser.process()?.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
  }
}

/** Runs in the page, before its own scripts: the microphone is a recording, played again and again. */
function playIntoMicrophone(wavBase64: string): void {
  const open = async (): Promise<MediaStream> => {
    const context = new AudioContext();
    const bytes = Uint8Array.from(atob(wavBase64), (character) => character.charCodeAt(0));
    const source = new AudioBufferSourceNode(context, {
      buffer: await context.decodeAudioData(bytes.buffer),
      loop: true,
    });
    const out = context.createMediaStreamDestination();
    source.connect(out);
    source.start();
    return out.stream;
  };
  Object.defineProperty(navigator.mediaDevices, 'getUserMedia', { configurable: true, value: open });
}

export class EitherPage {
  /** What the page complained about. */
  readonly errors: string[] = [];
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${message.text()} ${message.location().url ?? ''}`);
    });
  }

  evaluate<A, R>(script: (argument: A) => R | Promise<R>, argument?: A): Promise<R> {
    return this.page.evaluate(script as never, argument as never) as Promise<R>;
  }

  /** Waits until a script that runs in the page says true. @param what for the error. */
  async until<A>(what: string, isThere: (argument: A) => boolean, argument?: A): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await this.evaluate(isThere, argument as A)))
      if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
      else await delay(POLL_MS);
  }

  async click(target: Target): Promise<void> {
    await (await this.find(target)).click();
  }

  /** Writes into a field, from its end on. */
  async type(target: Target, text: string): Promise<void> {
    const field = await this.find(target);
    await field.focus();
    await field.type(text);
  }

  async press(key: KeyInput): Promise<void> {
    await this.page.keyboard.press(key);
  }

  async reload(): Promise<void> {
    await this.page.reload();
  }

  async close(): Promise<void> {
    await this.page.close();
  }

  /** Waits for what can be seen and touched. */
  async find(target: Target): Promise<ElementHandle<HTMLElement>> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const handle = await this.page.evaluateHandle(findTouchable, target);
      const element = handle.asElement();
      if (element) return element as ElementHandle<HTMLElement>;
      await handle.dispose();
      if (performance.now() > deadline) throw new Error(`waited in vain for ${JSON.stringify(target)}`);
      await delay(POLL_MS);
    }
  }
}

/** Runs in the page. */
function findTouchable(target: Target): Element | null {
  const everything = (root: ParentNode): Element[] =>
    [...root.querySelectorAll('*')].flatMap((element) => [
      element,
      ...(element.shadowRoot ? everything(element.shadowRoot) : []),
    ]);
  const squeezed = (text: string | null | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim();
  const nameOf = (element: Element): string =>
    squeezed(element.getAttribute('aria-label') ?? ((element as HTMLInputElement).labels?.[0] ?? element).textContent);
  const roleOf = (element: Element): string =>
    element.getAttribute('role') ??
    (element.matches('input[type=range]') ? 'slider' : element.matches('button') ? 'button' : '');
  const matches = (element: Element): boolean => {
    if ('css' in target) return element.matches(target.css);
    if ('role' in target) return roleOf(element) === target.role && nameOf(element) === target.name;
    if ('label' in target) return element.matches('input, textarea, select') && nameOf(element) === target.label;
    return element.children.length === 0 && squeezed(element.textContent) === target.text;
  };
  const isSeen = (element: Element): boolean => {
    const { width, height } = element.getBoundingClientRect();
    return (
      width > 0 && height > 0 && getComputedStyle(element).visibility !== 'hidden' && !element.matches(':disabled')
    );
  };
  return everything(document).find((element) => matches(element) && isSeen(element)) ?? null;
}
