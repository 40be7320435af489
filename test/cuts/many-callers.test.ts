// Fifty callers behind one address, two of them with real pages: cut off together, they all come back, soon and not at the same instant.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from '../../src/cli/find-chromium.ts';
import { untilPictures, untilState } from '../support/call-page.ts';
import { type EitherBrowser, type EitherPage, launchEither } from '../support/either-browser.ts';
import { NetworkLab, SERVER_ADDRESS } from '../support/network-lab.ts';
import { ServerProcess } from '../support/server-process.ts';
import { SignalingCaller } from '../support/signaling-caller.ts';

const CALLERS = 50;
const PORT = 20_000 + ((process.pid + 1) % 20_000);
const URL = `http://${SERVER_ADDRESS}:${PORT}/`;
/** Promised are three seconds; this machine draws two faces and plays fifty callers and a server at the same time. */
const PATIENCE_MS = 20_000;

const lab = NetworkLab.current();

describe.skipIf(!lab)('fifty callers behind one address', () => {
  let server: ServerProcess;
  let browser: EitherBrowser | undefined;
  let pages: EitherPage[] = [];
  const callers: SignalingCaller[] = [];
  const startServer = (): Promise<ServerProcess> =>
    ServerProcess.start(
      {
        VISAVIS__MOTION__FPS: '25',
        VISAVIS__SERVER__MAX_CALLS: String(CALLERS + 10),
        VISAVIS__SERVER__TICKET_SECRET: 'known to the server and to its successor',
      },
      { flags: ['--host', SERVER_ADDRESS, '--port', String(PORT), '--open-to-everyone'], prefix: lab!.on('server') },
    );

  beforeAll(async () => {
    server = await startServer();
    await fetch(`${URL}api/portraits/mona-lisa/poster`);
    if (findChromium()) {
      browser = await launchEither('chromium');
      pages = await Promise.all([URL, `${URL}?kiosk`].map((url) => browser!.open(url)));
      await pages[0]!.click({ role: 'button', name: 'Join' });
      for (const page of pages) {
        await untilState(page, 'live');
        await untilPictures(page, 5);
      }
    } else console.info('Two real pages among fifty callers: skipped, no Chromium found.');
    for (let i = 0; i < CALLERS; i++) callers.push(new SignalingCaller(URL));
    await Promise.all(
      callers.map(({ call }) => call.join({ portraitId: 'mona-lisa', controls: {}, render: 'server' })),
    );
  });
  afterAll(async () => {
    lab?.mend();
    for (const caller of callers) caller[Symbol.dispose]();
    await browser?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  async function allBack(what: string, cutMs: number, mendedMs: number): Promise<void> {
    const isBack = ({ liveSinceMs, states }: SignalingCaller): boolean =>
      liveSinceMs !== undefined && states.some(({ state, atMs }) => state === 'reconnecting' && atMs >= cutMs);
    while (!callers.every(isBack)) {
      if (Date.now() - mendedMs > PATIENCE_MS) {
        const away = callers.filter((caller) => !isBack(caller));
        throw new Error(`${away.length} are not back: ${away[0]!.call.state}, ${away[0]!.failures.join('; ')}`);
      }
      await delay(20);
    }
    for (const page of pages) await untilState(page, 'live');
    const tookS = callers.map(({ liveSinceMs }) => Math.max(0, (liveSinceMs! - mendedMs) / 1000)).sort((a, b) => a - b);
    const at = (share: number): string => tookS[Math.round(share * (CALLERS - 1))]!.toFixed(2);
    console.info(
      `${CALLERS} callers back after ${what}: first ${at(0)} s, median ${at(0.5)} s, nine of ten ${at(0.9)} s, last ${at(1)} s`,
    );
    for (const page of pages) await untilPictures(page, 5);
    // Not all within the same instant …
    expect(Number(at(0.9)) - Number(at(0.1))).toBeGreaterThan(0.1);
    // … and nobody was refused for the address that all share.
    expect(callers.flatMap(({ failures }) => failures)).toEqual([]);
  }

  it('are all back after a silence', async () => {
    const cutMs = Date.now();
    lab!.cut();
    await delay(6000);
    lab!.mend();
    await allBack('6 s of silence', cutMs, Date.now());
  });

  it('are all back after a server that crashed', async () => {
    const cutMs = Date.now();
    server.signal('SIGKILL');
    await server.ended;
    server = await startServer();
    await allBack('a crash and a new start', cutMs, Date.now());
  });
});
