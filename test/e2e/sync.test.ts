// Lips against sound, measured where they are seen and heard: a face that flashes and beeps at once, as video in Chromium and Firefox, also while
// the browser keeps sound back for longer, and drawn by the page.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { CallElement } from '../support/call-page.ts';
import { type EitherBrowser, type EitherPage, inEachBrowser } from '../support/either-browser.ts';
import { startFlashServer } from '../support/flash-call.ts';
import { flashes, joinWatched, medianOf, seenAndHeard } from '../support/flash-watcher.ts';
import { hasPulseAudio, SilentSoundDevice } from '../support/silent-sound-device.ts';
import type { TestServer } from '../support/test-server.ts';

/** Nobody notices less. */
const IN_STEP_MS = 60;
const WINDOW_S = 4;
/** On a busy machine it takes a while until the browser plays steadily. */
const WINDOWS = 7;
const FPS = 30;
/** So long a browser keeps sound back where the network or the machine is unsteady, ms. */
const LONG_BUFFER_MS = 350;

/** Firefox may have to be started several times. */
const START_MS = 300_000;

let server: TestServer;
let device: SilentSoundDevice | undefined;
let browser: EitherBrowser | undefined;

beforeAll(async () => {
  server = await startFlashServer();
  if (hasPulseAudio()) device = await SilentSoundDevice.open();
  else console.info('sync in Firefox: skipped, for its AudioContext needs a sound device; install pulseaudio.');
});
afterEach(async () => {
  await browser?.[Symbol.asyncDispose]();
});
afterAll(async () => {
  device?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

/**
 * Watches until a window's flashes come with their beeps.
 *
 * @returns how much later they came, ms, in the last window in which every picture was shown; undefined where there was none.
 */
async function untilInStep(page: EitherPage, what: string): Promise<number | undefined> {
  let apartMs: number | undefined;
  for (let i = 0; i < WINDOWS; i++) {
    await new Promise((resolve) => setTimeout(resolve, WINDOW_S * 1000));
    const seen = await seenAndHeard(page);
    const skews = flashes(seen).map(({ skewMs }) => skewMs);
    console.info(`${what}: flash after beep, ms: ${skews.join(' ')}`);
    if (skews.length < WINDOW_S - 2 || seen.pictures.length < 0.8 * FPS * (WINDOW_S - 1)) continue;
    apartMs = medianOf(skews);
    if (Math.abs(apartMs) <= IN_STEP_MS) break;
  }
  return apartMs;
}

/** The browser is to keep sound back for at least so long. */
function keepSoundBack(page: EitherPage, ms: number): Promise<void> {
  return page.evaluate((target) => {
    const { call } = document.querySelector('visavis-call') as unknown as CallElement;
    call.audioReceiver!.jitterBufferTarget = target;
  }, ms);
}

/** How long sound waits in the browser now. */
function soundBufferMs(page: EitherPage): Promise<number> {
  return page.evaluate(async () => {
    const { call } = document.querySelector('visavis-call') as unknown as CallElement;
    const read = async (): Promise<[delayS: number, samples: number]> => {
      for (const entry of (await call.getStats()).values())
        if (entry.type === 'inbound-rtp' && entry.kind === 'audio')
          return [entry.jitterBufferDelay, entry.jitterBufferEmittedCount];
      return [0, 0];
    };
    const [delayS, samples] = await read();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const [laterS, more] = await read();
    return (1000 * (laterS - delayS)) / Math.max(1, more - samples);
  });
}

inEachBrowser('sound and picture', (launch, name) => {
  it(
    'are together as video, also while sound waits for longer, and afterwards',
    async ({ skip }) => {
      if (name === 'firefox' && !device) return skip('Firefox needs a sound device; install pulseaudio');
      const joined = await joinWatched(
        () => launch(device && name === 'firefox' ? { pulseServer: device.address } : {}),
        server.url,
      );
      if (!joined) return skip('this browser does not begin to play sound');
      const { page } = joined;
      browser = joined.browser;
      const usual = await untilInStep(page, name);
      await keepSoundBack(page, LONG_BUFFER_MS);
      const long = await untilInStep(page, `${name}, sound kept back`);
      expect(await soundBufferMs(page)).toBeGreaterThan(0.6 * LONG_BUFFER_MS);
      await keepSoundBack(page, 0);
      const after = await untilInStep(page, `${name}, no longer`);
      if (usual === undefined || long === undefined || after === undefined)
        return skip('this machine is too busy to show every picture');
      for (const apartMs of [usual, long, after]) expect(Math.abs(apartMs)).toBeLessThanOrEqual(IN_STEP_MS);
    },
    START_MS,
  );

  it.skipIf(name === 'firefox')('are together drawn by the page', async ({ skip }) => {
    const joined = await joinWatched(() => launch({ webgl: true }), `${server.url}?render=client`);
    if (!joined) return skip('this browser does not begin to play sound');
    browser = joined.browser;
    const apartMs = await untilInStep(joined.page, `${name}, drawn by the page`);
    if (apartMs === undefined) return skip('this machine is too busy to show every picture');
    expect(Math.abs(apartMs)).toBeLessThanOrEqual(IN_STEP_MS);
  });
});
