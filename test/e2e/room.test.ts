// Tabs that share a face: by peers everywhere, and through mediasoup's own worker where it is installed.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import {
  type CallElement,
  inbound,
  joinCall,
  openPage,
  screenshot,
  untilInbound,
  untilPictures,
} from '../support/call-page.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const optional = 'mediasoup';
const hasMediasoup = await import(optional).then(
  () => true,
  () => false,
);

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

const note = (page: Page) => page.locator('.room');

describe.each(['peer', 'sfu'] as const)('a room, webrtc.mode %s', (mode) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer((config) => {
      config.webrtc.mode = mode;
      config.motion.fps = 25;
      config.conversation.greets = false;
    });
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  it.skipIf(mode === 'sfu' && !hasMediasoup)(
    'shows the same face in every tab; one speaks, the others hear',
    async () => {
      const { page: first, errors } = await openPage(browser, `${server.url}?room=hall`);
      await joinCall(first);
      const { page: second } = await openPage(browser, `${server.url}?room=hall&speak`);
      await joinCall(second);
      const { page: viewer } = await openPage(browser, `${server.url}?room=hall&viewer`);
      await joinCall(viewer);
      await note(first).filter({ hasText: '3 people see this face' }).waitFor();
      expect(await viewer.getByRole('button', { name: /^Microphone/ }).count()).toBe(0);
      expect(await viewer.getByLabel('Your message').isVisible()).toBe(false);

      // The microphone of one comes out of the face in all tabs, and nobody else may speak meanwhile.
      const before = await inbound(viewer);
      await second.evaluate(() => (document.querySelector('visavis-call') as unknown as CallElement).setMirror(true));
      await note(first).filter({ hasText: 'Someone else is speaking' }).waitFor();
      await note(second).filter({ hasText: 'The face hears you' }).waitFor();
      const refused = await first.evaluate(() =>
        (document.querySelector('visavis-call') as unknown as CallElement)
          .speak('Not now')
          .then(String, (error: Error & { code?: string }) => error.code),
      );
      expect(refused).toBe('FLOOR_TAKEN');
      await untilInbound(viewer, 'the voice', ({ soundEnergy }) => soundEnergy > before.soundEnergy + 1e-3);
      await screenshot(viewer, `room-${mode}`);

      // One leaves; the others do not notice more than that.
      await second.evaluate(() => (document.querySelector('visavis-call') as unknown as CallElement).leave());
      await note(viewer).filter({ hasText: '2 people see this face' }).waitFor();
      await untilPictures(viewer, 25);
      const loaded = await first.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
      expect(loaded.some((name) => name.includes('mediasoup'))).toBe(mode === 'sfu');
      expect(errors.filter((error) => !error.includes('FLOOR_TAKEN'))).toEqual([]);
    },
  );
});
