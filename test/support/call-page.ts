/** The call page in Chromium for the e2e lane: opening, joining, and what can be seen and measured from outside. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { VisavisCall } from '../../client/visavis-call.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Joining may bake a portrait on a busy machine. */
const PATIENCE_MS = 60_000;
const OUT_DIR = join('out', 'e2e');

/** What the tests reach into; private to everybody else. */
export type CallElement = Omit<VisavisCall, 'call' | 'view'> & {
  call: {
    getStats(): Promise<RTCStatsReport>;
    connection: {
      signaling: { socket: { emit(name: string, message: object): void; io: { engine: { close(): void } } } };
      link: { connection: RTCPeerConnection };
    };
    audioReceiver: RTCRtpReceiver | undefined;
  };
  view?: { canvas: HTMLCanvasElement; frameCount: number };
};

/**
 * A server whose first portrait is ready: analysing it takes long on a busy machine, and is not what these tests are about. 25 pictures a
 * second, which such a machine can draw. The face is silent until it is spoken to, unless it `greets`.
 */
export async function startCallServer({ greets = false } = {}): Promise<TestServer> {
  const server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.conversation.greets = greets;
  });
  await fetch(new URL('api/portraits/mona-lisa/poster', server.url));
  return server;
}

/** A page in which scripts run, whoever drives it. */
export interface Scriptable {
  evaluate<R, A>(script: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
}

export interface OpenPage {
  page: Page;
  /** What the page complained about. */
  errors: string[];
}

export async function openPage(browser: Browser, url: string, size = { width: 1180, height: 860 }): Promise<OpenPage> {
  const page = await browser.newPage({ viewport: size });
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  await page.goto(url);
  await page.waitForSelector('visavis-call');
  return { page, errors };
}

/** A picture of the page, to look at after the run. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(OUT_DIR, { recursive: true });
  await page.screenshot({ path: join(OUT_DIR, `${name}.png`) });
}

export async function untilState(page: Scriptable, state: VisavisCall['state']): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { seen, notice } = await page.evaluate(
      () => ({
        seen: (document.querySelector('visavis-call') as VisavisCall | null)?.state,
        notice: document.querySelector('.notice')?.textContent?.trim(),
      }),
      undefined,
    );
    if (seen === state) return;
    if (performance.now() > deadline)
      throw new Error(`waited in vain for "${state}"; the page is ${seen} and says: ${notice}`);
    await delay(20);
  }
}

export async function joinCall(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Join' }).click();
  await untilState(page, 'live');
  await untilPictures(page, 10);
}

export interface Inbound {
  pictures: number;
  freezes: number;
  soundEnergy: number;
  soundSamples: number;
}

/** What the browser's own statistics say; pictures that the page has drawn itself, where it does. */
export function inbound(page: Scriptable): Promise<Inbound> {
  return page.evaluate(async () => {
    const element = document.querySelector('visavis-call') as unknown as CallElement;
    const seen = { pictures: element.view?.frameCount ?? 0, freezes: 0, soundEnergy: 0, soundSamples: 0 };
    for (const entry of (await element.call.getStats()).values()) {
      if (entry.type !== 'inbound-rtp') continue;
      if (entry.kind === 'video') {
        seen.pictures = entry.framesDecoded;
        seen.freezes = entry.freezeCount;
      } else {
        seen.soundEnergy = entry.totalAudioEnergy;
        seen.soundSamples = entry.totalSamplesReceived;
      }
    }
    return seen;
  }, undefined);
}

/** Waits until `isThere` holds for what arrives. */
export async function untilInbound(
  page: Scriptable,
  what: string,
  isThere: (seen: Inbound) => boolean,
): Promise<Inbound> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await inbound(page);
    if (isThere(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}: ${JSON.stringify(seen)}`);
    await delay(50);
  }
}

export async function untilPictures(page: Scriptable, more: number): Promise<void> {
  const { pictures } = await inbound(page);
  await untilInbound(page, `${more} more pictures`, (seen) => seen.pictures >= pictures + more);
}

/** The face as it is now, 128 × 128 RGBA. */
export function snapshot(page: Scriptable): Promise<number[]> {
  return page.evaluate(
    () =>
      new Promise<number[]>((resolve) => {
        const element = document.querySelector('visavis-call') as unknown as CallElement;
        const picture = element.view?.canvas ?? element.shadowRoot!.querySelector('video')!;
        const context = new OffscreenCanvas(128, 128).getContext('2d', { willReadFrequently: true })!;
        const look = (): void => {
          context.drawImage(picture, 0, 0, 128, 128);
          const { data } = context.getImageData(0, 0, 128, 128);
          // A canvas can be read only in a frame in which it was drawn, and is black in others: while the face waits for its sound.
          if (data.every((value, i) => i % 4 === 3 || value === 0)) requestAnimationFrame(look);
          else resolve([...data]);
        };
        requestAnimationFrame(look);
      }),
    undefined,
  );
}

/** Mean absolute difference, 0…255. */
export function difference(a: number[], b: number[]): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}

/** Waits until the face differs from `before` by more than `least`. */
export async function untilMoved(page: Scriptable, before: number[], least: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let moved = 0;
  while (performance.now() < deadline) {
    moved = difference(before, await snapshot(page));
    if (moved > least) return;
    await delay(100);
  }
  throw new Error(`the picture moved by ${moved.toFixed(2)}, not by ${least}`);
}
