/**
 * What a viewer in Chromium on this machine gets. Sound goes into a real call piece by piece as it is spoken; the page names each picture that it
 * shows by its RTP timestamp, and hears. `mouth_to_screen_ms`: first piece accepted → its picture on the screen, while the browser keeps sound back
 * no longer than at its quietest; `sound_buffer_ms`: how long that was. `av_skew_browser_ms`: that picture
 * against the sound of the same instant, as heard (positive: the picture is late; p50, p95 of the size). `first_picture_ms`: Join pressed →
 * first picture shown, warm; `first_picture_cold_ms`: the same for the first caller of a server that has just started.
 */
import { spawn } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { createCallHost } from '../../call-host.ts';
import { AppError } from '../../errors.ts';
import { Gallery } from '../../gallery.ts';
import { Scope } from '../../media/scope.ts';
import { createMetrics } from '../../metrics.ts';
import { clientDir } from '../../paths.ts';
import type { CallHost, HostedCall } from '../../signaling/hosting.ts';
import type { MediaOutlet } from '../../signaling/peer.ts';
import { startServer } from '../../signaling/server.ts';
import { WeriftPeer } from '../../signaling/werift-peer.ts';
import { createLogger } from '../../telemetry.ts';
import { findChromium } from '../find-chromium.ts';
import { openBenchEngine } from './bench-engine.ts';
import { type Benchmark, round, summary } from './benchmark.ts';
import { followFirstPictures, pause, say, voice } from './live-call.ts';

export const browser: Benchmark = {
  async run({ quick, signal }) {
    await using scope = new Scope();
    const chromium = await launch();
    scope.use({ [Symbol.asyncDispose]: () => chromium.close() });
    const parts = await openBenchEngine(scope, 1);
    const { config } = parts;
    Object.assign(config.server, { port: 0, host: '127.0.0.1', maxCalls: 4 });
    const gallery = scope.use(await Gallery.open(config.cache.dir, []));
    await gallery.warmUp();
    const coldMs: number[] = [];
    for (let i = 0; i < (quick ? 1 : 3); i++) {
      signal.throwIfAborted();
      coldMs.push(await firstPictureCold(chromium));
    }
    const [logger, metrics] = [createLogger('warn'), createMetrics()];
    const capacity = { admit: () => {}, report: () => {} };
    let newest: { call: HostedCall; outlet: () => MediaOutlet } | undefined;
    /** Media time of the picture with which each turn begins. */
    const firstPictureUs = new Map<number, number>();
    const inner = createCallHost({
      ...parts,
      engine: followFirstPictures(parts.engine, (turnId, timestampUs) => firstPictureUs.set(turnId, timestampUs)),
      recognizer: undefined,
      liveModel: undefined,
      gallery,
      capacity,
      logger,
      metrics,
    });
    const host: CallHost = {
      ...inner,
      open: async (request, outlet, audience) => {
        const call = await inner.open(request, outlet, audience);
        newest = { call, outlet };
        return call;
      },
    };
    const server = scope.use(await startServer({ config, host, gallery, logger, metrics, readiness: [], clientDir }));
    const page = await openPage(chromium, server.url);
    const warmMs: number[] = [];
    for (let i = 0; i < (quick ? 2 : 9); i++) {
      const ms = await firstPicture(page);
      if (i > 0) warmMs.push(ms); // the first of a page also loads its portrait
      if (i < (quick ? 1 : 8)) await leave(page);
    }
    await watchAndListen(page);
    await pause(3000); // a receiver's buffers settle
    const { call, outlet } = newest!;
    const peer = outlet();
    if (!(peer instanceof WeriftPeer)) throw new Error('the call goes through another peer than it should');
    const screenMs: { ms: number; bufferMs: number }[] = [];
    const skewMs: number[] = [];
    for (let i = 0; i < (quick ? 3 : 30); i++) {
      const fromMs = wallMs();
      const before = await soundWait(page);
      const { turnId, startMs } = await say(call, voice(0.5), signal);
      await pause(900 + ((i * 7) % 40));
      const timestampUs = firstPictureUs.get(turnId);
      const { pictures, onsets } = await seenAndHeard(page);
      const shown = timestampUs === undefined ? undefined : pictures.get(peer.videoTimestamp(timestampUs));
      const heard = onsets.find((ms) => ms >= fromMs);
      if (shown === undefined) continue; // given up as late: counted in the call, not here
      const after = await soundWait(page);
      const bufferMs = (1000 * (after.delayS - before.delayS)) / Math.max(1, after.samples - before.samples);
      screenMs.push({ ms: shown - (performance.timeOrigin + startMs), bufferMs });
      if (heard !== undefined) skewMs.push(shown - heard);
    }
    // Pictures wait for the sound: a buffer that a stall has filled is the machine's, not the face's.
    const quietMs = Math.min(...screenMs.map(({ bufferMs }) => bufferMs)) + QUIET_SPAN_MS;
    const quiet = screenMs.filter(({ bufferMs }) => bufferMs <= quietMs);
    return [
      summary(
        'mouth_to_screen_ms',
        'ms',
        quiet.map(({ ms }) => ms),
      ),
      summary(
        'sound_buffer_ms',
        'ms',
        quiet.map(({ bufferMs }) => bufferMs),
      ),
      {
        ...summary('av_skew_browser_ms', 'ms', skewMs.map(Math.abs)),
        value: round(skewMs.reduce((sum, ms) => sum + ms, 0) / Math.max(1, skewMs.length)),
      },
      summary('first_picture_ms', 'ms', warmMs),
      summary('first_picture_cold_ms', 'ms', coldMs),
    ];
  },
};

/** Within so much of the shortest wait a browser's sound buffer is at rest, ms. */
const QUIET_SPAN_MS = 20;

const wallMs = (): number => performance.timeOrigin + performance.now();

/** @throws AppError BAD_USAGE outside a checkout or without Chromium. */
async function launch(): Promise<Browser> {
  const executablePath = findChromium();
  const playwright = await import('playwright-core').catch(() => undefined);
  if (!executablePath || !playwright)
    throw new AppError(
      'BAD_USAGE',
      '--e2e needs a checkout with its development packages and Chromium; name it in CHROMIUM_PATH.',
    );
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--autoplay-policy=no-user-gesture-required',
  ];
  return playwright.chromium.launch({
    executablePath,
    args: [...args, '--disable-features=WebRtcHideLocalIpsWithMdns'],
  });
}

async function openPage(chromium: Browser, url: string): Promise<Page> {
  const page = await chromium.newPage({ viewport: { width: 1180, height: 860 }, bypassCSP: true });
  page.setDefaultTimeout(60_000);
  // Our own functions are compiled with helpers for their names, which the page lacks.
  await page.addInitScript('globalThis.__name = (value) => value');
  await page.goto(url);
  await page.waitForSelector('visavis-call');
  return page;
}

/** Presses Join. @returns ms until the first picture is on the screen. */
async function firstPicture(page: Page): Promise<number> {
  return await page.getByRole('button', { name: 'Join' }).evaluate(
    (button) =>
      new Promise<number>((resolve) => {
        const startMs = performance.now();
        const element = document.querySelector('visavis-call')!;
        const watched = new Set<HTMLVideoElement>();
        let isOver = false;
        const look = (): void => {
          const video = (element.shadowRoot ?? element).querySelector('video');
          if (video && !watched.has(video)) {
            watched.add(video);
            video.requestVideoFrameCallback((_now, { expectedDisplayTime }) => {
              isOver = true;
              resolve(expectedDisplayTime - startMs);
            });
          }
          if (!isOver) requestAnimationFrame(look);
        };
        (button as HTMLButtonElement).click();
        look();
      }),
  );
}

async function leave(page: Page): Promise<void> {
  await page.evaluate(() => (document.querySelector('visavis-call') as unknown as { leave(): void }).leave());
  await page.getByRole('button', { name: 'Join' }).waitFor();
  await pause(300);
}

/** The first call of a server that has just started, as a user starts it; its portraits were baked before. */
async function firstPictureCold(chromium: Browser): Promise<number> {
  const args = [...process.execArgv, process.argv[1]!, 'serve', '--port', '0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let output = '';
      child.stdout.on('data', (data) => {
        output += String(data);
        const found = /open (http:\S+)/.exec(output)?.[1];
        if (found) resolve(found);
      });
      child.once('exit', (exit) => reject(new Error(`the server ended with exit code ${exit}`)));
    });
    const page = await openPage(chromium, url);
    try {
      return await firstPicture(page);
    } finally {
      await page.close();
    }
  } finally {
    child.kill('SIGINT');
  }
}

interface Watched {
  /** RTP timestamp and wall-clock ms of each picture shown. */
  pictures: [rtp: number, atMs: number][];
  /** Wall-clock ms at which silence ended. */
  onsets: number[];
}

declare global {
  var visavisBench: Watched | undefined;
}

/** From now on the page notes what it shows and when sound begins. */
async function watchAndListen(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const element = document.querySelector('visavis-call')!;
    const video = (element.shadowRoot ?? element).querySelector('video')!;
    const watched: Watched = { pictures: [], onsets: [] };
    globalThis.visavisBench = watched;
    const onPicture: VideoFrameRequestCallback = (_now, { rtpTimestamp, expectedDisplayTime }) => {
      if (rtpTimestamp !== undefined)
        watched.pictures.push([rtpTimestamp, performance.timeOrigin + expectedDisplayTime]);
      video.requestVideoFrameCallback(onPicture);
    };
    video.requestVideoFrameCallback(onPicture);
    // Says when, on the context's clock, sound begins after a fifth of a second of silence.
    const worklet = `registerProcessor('onsets', class extends AudioWorkletProcessor {
      quietFromS = 0;
      process([input]) {
        const loudAt = (input[0] ?? []).findIndex((sample) => Math.abs(sample) > 0.02);
        if (loudAt < 0) return true;
        const atS = currentTime + loudAt / sampleRate;
        if (atS - this.quietFromS > 0.2) this.port.postMessage(atS);
        this.quietFromS = currentTime;
        return true;
      }
    })`;
    const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
    const meter = new AudioWorkletNode(context, 'onsets', { numberOfOutputs: 0 });
    meter.port.onmessage = ({ data: atS }: MessageEvent<number>) => {
      const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
      watched.onsets.push(performance.timeOrigin + performanceTime + (atS - contextTime) * 1000);
    };
    context.createMediaStreamSource(video.srcObject as MediaStream).connect(meter);
  });
}

/** Since the call began: how long samples waited in the browser, and how many there were. */
async function soundWait(page: Page): Promise<{ delayS: number; samples: number }> {
  return await page.evaluate(async () => {
    const { call } = document.querySelector('visavis-call') as unknown as {
      call: { getStats(): Promise<RTCStatsReport> };
    };
    for (const entry of (await call.getStats()).values())
      if (entry.type === 'inbound-rtp' && entry.kind === 'audio')
        return { delayS: entry.jitterBufferDelay, samples: entry.jitterBufferEmittedCount };
    return { delayS: 0, samples: 0 };
  });
}

async function seenAndHeard(page: Page): Promise<{ pictures: Map<number, number>; onsets: number[] }> {
  const { pictures, onsets } = await page.evaluate(() => globalThis.visavisBench!);
  return { pictures: new Map(pictures), onsets };
}
