// The same call in Chromium and in Firefox: it lives, is talked to by typing and by voice, is interrupted, and comes back.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  type CallElement,
  inbound,
  snapshot,
  startCallServer,
  untilInbound,
  untilMoved,
  untilPictures,
  untilState,
} from '../support/call-page.ts';
import { type EitherBrowser, type EitherPage, inEachBrowser } from '../support/either-browser.ts';
import { hasPulseAudio, SilentSoundDevice } from '../support/silent-sound-device.ts';
import { writeSpoken } from '../support/spoken-wav.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;
let browser: EitherBrowser | undefined;
let device: SilentSoundDevice | undefined;
const folder = mkdtempSync(joinPath(tmpdir(), 'visavis-browsers-'));

beforeAll(async () => {
  server = await startCallServer();
});
afterEach(async () => {
  await browser?.[Symbol.asyncDispose]();
});
afterAll(async () => {
  device?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
  await server?.[Symbol.asyncDispose]();
});

async function join(page: EitherPage): Promise<void> {
  await page.click({ role: 'button', name: 'Join' });
  await untilState(page, 'live');
  await untilPictures(page, 10);
}

inEachBrowser('a call', (launch, name) => {
  it('lives, answers what is typed, says what it is told, and is silent when interrupted', async () => {
    browser = await launch();
    const page = await browser.open(`${server.url}?stats`);
    await join(page);
    await untilMoved(page, await snapshot(page), 0.05);
    const silent = await inbound(page);
    await page.type({ label: 'Your message' }, 'When are you open on Saturday?');
    await page.press('Enter');
    await page.until('the answer', () =>
      [...document.querySelectorAll('.line.face')].some(({ textContent }) => /Saturday/.test(textContent)),
    );
    await untilInbound(page, 'the voice', ({ soundEnergy }) => soundEnergy > silent.soundEnergy + 1e-3);
    await page.click({ text: 'Say exactly this' });
    await page.type({ label: 'What the face should say' }, `${'This is a long story. '.repeat(10)}The end.`);
    await page.click({ role: 'button', name: 'Speak' });
    await page.until('the story', () =>
      /a long story/.test(document.querySelector('.line.face:last-child')?.textContent ?? ''),
    );
    await page.press('Escape');
    await page.until('the cut', () => document.querySelector('.line.face .cut') !== null);
    expect(page.errors).toEqual([]);
  });

  // In Chromium: conversation.test.ts.
  it.runIf(name === 'firefox')('understands a spoken question and answers it', async ({ skip }) => {
    if (!hasPulseAudio())
      return skip('Firefox needs a sound device to play a recording as the microphone; install pulseaudio');
    device = await SilentSoundDevice.open();
    const microphoneWav = joinPath(folder, 'question.wav');
    await writeSpoken(microphoneWav, 'What time do you open on Saturday?');
    browser = await launch({ microphoneWav, pulseServer: device.address });
    const page = await browser.open(server.url);
    await join(page);
    await page.click({ role: 'button', name: 'Microphone off' });
    for (const who of ['caller', 'face'])
      await page.until(
        `the line of the ${who}`,
        (whose) =>
          [...document.querySelectorAll(`.line.${whose}`)].some(({ textContent }) => /saturday/i.test(textContent)),
        who,
      );
  });

  it('shows statistics that its browser reports', async () => {
    browser = await launch();
    const page = await browser.open(`${server.url}?stats`);
    await join(page);
    await page.until('a bitrate, a round trip, a sound buffer and a picture delay', () => {
      const rows = document.querySelector('visavis-call')!.shadowRoot!.querySelectorAll('.statistics dt');
      const values = new Map(
        [...rows].map((row) => [row.textContent, Number.parseFloat(row.nextElementSibling!.textContent)]),
      );
      return (
        ['bitrate', 'sound buffer', 'picture delay'].every((row) => values.get(row)! > 0) &&
        !Number.isNaN(values.get('round trip'))
      );
    });
  });

  it('comes back after its socket broke', async () => {
    browser = await launch();
    const page = await browser.open(server.url);
    await join(page);
    await page.evaluate(() =>
      (
        document.querySelector('visavis-call') as unknown as CallElement
      ).call.connection.signaling.socket.io.engine.close(),
    );
    await untilState(page, 'reconnecting');
    await untilState(page, 'live');
    await untilPictures(page, 10);
  });
});
