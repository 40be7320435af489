// Lips against sound, measured where they are seen and heard: a face that flashes and beeps at once, as video and drawn by the page.
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { type CallElement, untilPictures, untilState } from '../support/call-page.ts';
import { onsets } from '../support/flash-and-beep.ts';
import { startFlashServer } from '../support/flash-call.ts';
import type { TestServer } from '../support/test-server.ts';

/** Nobody notices less. */
const IN_STEP_MS = 60;
const WINDOWS = 8;
const WINDOW_S = 6;
/** Of sound in a browser's buffer, ms: `webrtc.videoDelayMs`. */
const USUAL_WAIT_MS = 40;
/** A browser in which sound waits longer than so, ms, plays neither track in time: video cannot be judged by it. */
const MOST_WAIT_MS = 300;

let server: TestServer;

beforeAll(async () => {
  server = await startFlashServer();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** Seconds on the page's clock. */
interface Heard {
  /** When each picture of the screen was made, and how different it is from the resting one, 0…255. */
  pictures: [timeS: number, moved: number][];
  /** How long the sound waited for its turn in the browser, ms. */
  soundBufferMs: number;
  /** Loudest sample of each 128, with the moment at which it leaves the loudspeaker. */
  sounds: [timeS: number, peak: number][];
}

/** Watches and listens for some seconds, inside the page. */
function observe(page: Page, seconds: number): Promise<Heard> {
  return page.evaluate(async (durationS) => {
    const element = document.querySelector('visavis-call') as unknown as CallElement;
    const video = element.shadowRoot!.querySelector('video')!;
    const canvas = element.view?.canvas;
    const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
    const worklet = `registerProcessor('peaks', class extends AudioWorkletProcessor {
      process([input]) {
        const peak = Math.max(0, ...(input[0] ?? []).map(Math.abs));
        this.port.postMessage([currentTime, peak]);
        return true;
      }
    })`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
    const peaks = new AudioWorkletNode(context, 'peaks', { numberOfOutputs: 0 });
    const sounds: [number, number][] = [];
    peaks.port.onmessage = ({ data: [contextS, peak] }) => {
      // No output latency is counted: the page's own player and this one leave through the same device.
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      sounds.push([performanceTime! / 1000 + contextS - contextTime!, peak]);
    };
    context.createMediaStreamSource(video.srcObject as MediaStream).connect(peaks);

    const small = new OffscreenCanvas(32, 32).getContext('2d', { willReadFrequently: true })!;
    const read = (): Uint8ClampedArray => {
      small.drawImage(canvas ?? video, 0, 0, 32, 32);
      return small.getImageData(0, 0, 32, 32).data;
    };
    let rest: Uint8ClampedArray | undefined;
    const pictures: [number, number][] = [];
    const note = (timeMs: number): void => {
      const now = read();
      // A canvas is empty to readers in a frame in which nothing new was drawn.
      if (canvas && now.every((value, i) => i % 4 === 3 || value === 0)) return;
      rest ??= now;
      let moved = 0;
      for (let i = 0; i < now.length; i++) moved += Math.abs(now[i]! - rest[i]!);
      pictures.push([timeMs / 1000, moved / now.length]);
    };
    // Starts in the dark part of the clip, or learns it.
    const soundWait = async (): Promise<{ delayS: number; samples: number }> => {
      for (const entry of (await element.call.getStats()).values())
        if (entry.type === 'inbound-rtp' && entry.kind === 'audio')
          return { delayS: entry.jitterBufferDelay, samples: entry.jitterBufferEmittedCount };
      return { delayS: 0, samples: 0 };
    };
    const before = await soundWait();
    const endMs = performance.now() + durationS * 1000;
    await new Promise<void>((resolve) => {
      const look = (timeMs: number): void => {
        note(timeMs);
        if (performance.now() > endMs) resolve();
        else next();
      };
      const next = (): void => {
        // What is drawn now is shown with the next refresh of the screen.
        if (canvas) requestAnimationFrame((nowMs) => look(nowMs + 1000 / 60));
        else video.requestVideoFrameCallback((_now, { expectedDisplayTime }) => look(expectedDisplayTime));
      };
      next();
    });
    const after = await soundWait();
    await context.close();
    const soundBufferMs = (1000 * (after.delayS - before.delayS)) / (after.samples - before.samples);
    return { pictures, sounds, soundBufferMs };
  }, seconds);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Picture after sound, ms, at every flash. */
function skewsMs({ pictures, sounds }: Heard): number[] {
  const levels = pictures.map(([, moved]) => moved);
  const ceiling = Math.max(...levels);
  // The reference was either rest or flash; the flash is the rarer one.
  const isInverted = levels.filter((level) => level > ceiling / 2).length > levels.length / 2;
  const flash = levels.map((level) => (isInverted ? ceiling - level : level));
  const seen = onsets(flash, (i) => pictures[i]![0], 0.85 * ceiling);
  const heard = onsets(
    sounds.map(([, peak]) => peak),
    (i) => sounds[i]![0],
    0.1,
  );
  return seen.flatMap((timeS) => {
    const nearest = heard.reduce(
      (best, other) => (Math.abs(other - timeS) < Math.abs(best - timeS) ? other : best),
      99,
    );
    return Math.abs(nearest - timeS) < 0.4 ? [Math.round((timeS - nearest) * 1000)] : [];
  });
}

describe('sound and picture in the browser', () => {
  for (const render of ['server', 'client'] as const) {
    it(`flash with their beep, ${render === 'server' ? 'as video' : 'drawn by the page'}`, async ({ skip }) => {
      const browser = await launchBrowser({ webgl: render === 'client' });
      // The measuring worklet is not the page's own script.
      const context = await browser.newContext({ bypassCSP: true, viewport: { width: 480, height: 640 } });
      const page = await context.newPage();
      await page.goto(`${server.url}?render=${render}`);
      await page.getByRole('button', { name: 'Join' }).click();
      await untilState(page, 'live');
      await untilPictures(page, 50);
      let apartMs: number | undefined;
      for (let i = 0; i < WINDOWS && !(apartMs !== undefined && Math.abs(apartMs) <= IN_STEP_MS); i++) {
        const seen = await observe(page, WINDOW_S);
        const skews = skewsMs(seen);
        const waitMs = Math.round(seen.soundBufferMs);
        console.info(`${render}: picture after sound, ms: ${skews.join(' ')}; the sound waits ${waitMs} ms`);
        if (skews.length < 4 || seen.pictures.length < 0.8 * 25 * WINDOW_S) continue;
        if (render === 'server' && waitMs > MOST_WAIT_MS) continue;
        // Video is sent for a browser that lets sound wait a usual time; what it waits longer, on a busy machine, is not ours.
        apartMs = median(skews) + (render === 'server' ? Math.max(0, waitMs - USUAL_WAIT_MS) : 0);
      }
      await browser.close();
      if (apartMs === undefined) return skip('this machine is too busy to show every picture');
      expect(Math.abs(apartMs)).toBeLessThanOrEqual(IN_STEP_MS);
    });
  }
});
