/**
 * Watches and listens inside a page whose face flashes and beeps (flash-call.ts). In: the page, before it joins. Out: when each flash was shown
 * and each beep left the loudspeaker, and how far apart they were. Nothing of it is what the page reports of itself.
 */
import type { CallElement, Scriptable } from './call-page.ts';
import type { EitherBrowser, EitherPage } from './either-browser.ts';
import { onsets } from './flash-and-beep.ts';

/** Relative to the page. */
export const LISTENER_URL = 'flash-listener.js';
/** Loudest sample of each 128, by the time of the context. */
export const LISTENER_SCRIPT = `registerProcessor('peaks', class extends AudioWorkletProcessor {
  process([input]) {
    let peak = 0;
    for (const sample of input[0] ?? []) peak = Math.max(peak, Math.abs(sample));
    this.port.postMessage([currentTime, peak]);
    return true;
  }
})`;

/** Seconds on the page's clock. */
export interface Watched {
  /** When each picture of the screen was made, and how bright or displaced it is, 0…255 from the first one. */
  pictures: [timeS: number, moved: number][];
  /** Loudest sample of each 128, with the moment at which it leaves the loudspeaker. */
  sounds: [timeS: number, peak: number][];
}

declare global {
  var flashWatch: Watched | undefined;
}

/**
 * From now on the page notes what it shows and plays, from the first picture and sound on.
 *
 * @returns false where the browser does not begin to play sound at all.
 */
async function watch(page: Scriptable, listenerUrl: string): Promise<boolean> {
  return await page.evaluate(async (url) => {
    const watched: Watched = { pictures: [], sounds: [] };
    globalThis.flashWatch = watched;
    const element = document.querySelector('visavis-call') as unknown as CallElement;
    const video = element.shadowRoot!.querySelector('video')!;
    // Firefox now and then never begins with a context that was made while its sound device was being opened.
    const openContext = async (): Promise<AudioContext | undefined> => {
      for (let i = 0; i < 5; i++) {
        const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
        const isReady = await Promise.race([
          Promise.all([context.resume(), context.audioWorklet.addModule(url)]).then(() => true),
          new Promise<boolean>((resolve) => setTimeout(resolve, 4000, false)),
        ]);
        if (isReady) return context;
        void context.close().catch(() => {});
      }
      return undefined;
    };
    const context = await openContext();
    if (!context) return false;
    const peaks = new AudioWorkletNode(context, 'peaks', { numberOfOutputs: 0 });
    peaks.port.onmessage = ({ data: [contextS, peak] }) => {
      // No output latency is counted: the page's own player and this one leave through the same device.
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      watched.sounds.push([performanceTime! / 1000 + contextS - contextTime!, peak]);
    };
    const small = new OffscreenCanvas(32, 32).getContext('2d', { willReadFrequently: true })!;
    let rest: Uint8ClampedArray | undefined;
    const note = (canvas: HTMLCanvasElement | undefined, timeMs: number): void => {
      small.drawImage(canvas ?? video, 0, 0, 32, 32);
      const { data } = small.getImageData(0, 0, 32, 32);
      // A canvas is empty to readers in a frame in which nothing new was drawn.
      if (canvas && data.every((value, i) => i % 4 === 3 || value === 0)) return;
      rest ??= data;
      let moved = 0;
      for (let i = 0; i < data.length; i++) moved += Math.abs(data[i]! - rest[i]!);
      watched.pictures.push([timeMs / 1000, moved / data.length]);
    };
    // What is drawn now is shown with the next refresh of the screen.
    const onScreen = (nowMs: number): void => {
      const canvas = element.view?.canvas;
      if (canvas) note(canvas, nowMs + 1000 / 60);
      // Asked for after the page has, so that the page has drawn when it comes.
      setTimeout(() => requestAnimationFrame(onScreen));
    };
    requestAnimationFrame(onScreen);
    const onPicture: VideoFrameRequestCallback = (_now, { expectedDisplayTime }) => {
      note(undefined, expectedDisplayTime);
      video.requestVideoFrameCallback(onPicture);
    };
    video.requestVideoFrameCallback(onPicture);
    let tapped: MediaStream | undefined;
    setInterval(() => {
      const stream = video.srcObject as MediaStream | null;
      if (!stream || stream === tapped || stream.getAudioTracks().length === 0) return;
      tapped = stream;
      context.createMediaStreamSource(stream).connect(peaks);
    }, 10);
    return true;
  }, listenerUrl);
}

const STARTS = 8;
const START_LIMIT_MS = 20_000;

/**
 * Starts a browser whose page is watched from the first picture and sound on, and joins. Firefox on PulseAudio now and then waits for itself for ever
 * (ESR 153: the page for the process that opens the sound device, this one for PulseAudio's thread, that one for the page): then another is started.
 *
 * @returns undefined where none of them plays sound.
 */
export async function joinWatched(
  launch: () => Promise<EitherBrowser>,
  url: string,
): Promise<{ browser: EitherBrowser; page: EitherPage } | undefined> {
  for (let i = 0; i < STARTS; i++) {
    const browser = await launch();
    const page = await Promise.race([
      begin(browser, url).catch(() => undefined),
      new Promise<undefined>((resolve) => setTimeout(resolve, START_LIMIT_MS)),
    ]);
    if (page) return { browser, page };
    console.info(`${browser.name} does not begin to play sound (${i + 1} of ${STARTS})`);
    browser.kill();
  }
  return undefined;
}

async function begin(browser: EitherBrowser, url: string): Promise<EitherPage | undefined> {
  const page = await browser.open(url, { width: 480, height: 640 });
  await page.evaluate('globalThis.__name = (value) => value' as never); // tsx names functions by a helper that the page lacks
  if (!(await watch(page, LISTENER_URL))) return undefined;
  await page.click({ role: 'button', name: 'Join' });
  await page.until('sound and pictures', () => {
    const { pictures, sounds } = globalThis.flashWatch!;
    return pictures.length > 0 && sounds.length > 0;
  });
  return page;
}

/** What was noted since the last time. */
export async function seenAndHeard(page: Scriptable): Promise<Watched> {
  // As text: a driver that packs each of thousands of numbers by itself keeps Firefox busy for seconds.
  const noted = await page.evaluate(() => {
    const { pictures, sounds } = globalThis.flashWatch!;
    return JSON.stringify({ pictures: pictures.splice(0), sounds: sounds.splice(0) });
  }, undefined);
  return JSON.parse(noted) as Watched;
}

export function medianOf(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Each flash: when, s, and how much later than its beep, ms. */
export interface Flash {
  timeS: number;
  skewMs: number;
}

export function flashes({ pictures, sounds }: Watched): Flash[] {
  const levels = pictures.map(([, moved]) => moved);
  const ceiling = Math.max(...levels);
  // The reference was either rest or flash; the flash is the rarer one.
  const isInverted = levels.filter((level) => level > ceiling / 2).length > levels.length / 2;
  const bright = levels.map((level) => (isInverted ? ceiling - level : level));
  const seen = onsets(bright, (i) => pictures[i]![0], 0.85 * ceiling);
  const heard = onsets(
    sounds.map(([, peak]) => peak),
    (i) => sounds[i]![0],
    0.1,
  );
  return seen.flatMap((timeS) => {
    const nearest = heard.reduce(
      (best, other) => (Math.abs(other - timeS) < Math.abs(best - timeS) ? other : best),
      Number.POSITIVE_INFINITY,
    );
    return Math.abs(nearest - timeS) < 0.5 ? [{ timeS, skewMs: Math.round((timeS - nearest) * 1000) }] : [];
  });
}
