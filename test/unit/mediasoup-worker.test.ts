// Where rooms get their SFU from, and what is said when there is none to be had.

import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { listenIps } from '../../src/signaling/mediasoup-room.ts';
import { Sfu } from '../../src/signaling/mediasoup-worker.ts';
import { FakeMediasoup } from '../support/fake-mediasoup.ts';

/** @returns the SFU and what was logged above `info`. */
async function open(load: () => Promise<unknown>): Promise<{ sfu: Sfu; warnings: string[] }> {
  const warnings: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  return { sfu: await Sfu.open({ portRange: [40_000, 40_099], logger, load }), warnings };
}

describe('the SFU', () => {
  it.each([
    ['an ES module', (fake: FakeMediasoup) => fake.module],
    ['a CommonJS module', (fake: FakeMediasoup) => ({ default: fake.module })],
  ])('starts its worker at once, from %s', async (_kind, shape) => {
    const fake = new FakeMediasoup();
    const { sfu, warnings } = await open(async () => shape(fake));
    expect(fake.workers.length).toBe(1);
    expect(sfu.detail).toBe('mediasoup 0.0.0-fake');
    const router = (await sfu.openRouter('H264'))!;
    expect(router.rtpCapabilities.codecs.map(({ mimeType }) => mimeType)).toEqual(['audio/opus', 'video/H264']);
    expect(warnings).toEqual([]);
    sfu[Symbol.dispose]();
    await vi.waitFor(() => expect(fake.workers[0]!.closed).toBe(true));
  });

  it.each([
    [
      'is not installed',
      () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' })),
      'it is not installed',
    ],
    ['is something else', async () => ({ version: '1' }), 'no createWorker'],
    ['needs another Node', () => Promise.reject(new SyntaxError('Unexpected token')), 'Unexpected token'],
  ])('says once why rooms do without it when it %s', async (_what, load, why) => {
    const { sfu, warnings } = await open(load);
    expect(await sfu.openRouter('VP8')).toBeUndefined();
    expect(await sfu.openRouter('VP8')).toBeUndefined();
    expect(warnings.length).toBe(1);
    expect(sfu.detail).toContain(why);
    expect(sfu.detail).toContain('peer to peer');
    sfu[Symbol.dispose]();
  });

  it('does without a worker that cannot be started, or never answers', async () => {
    const fake = new FakeMediasoup();
    fake.failure = new Error('spawn ENOENT');
    expect((await open(async () => fake.module)).sfu.detail).toContain('spawn ENOENT');

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const opening = open(async () => ({ ...fake.module, createWorker: () => new Promise(() => {}) }));
      await vi.advanceTimersByTimeAsync(15_000);
      const { sfu } = await opening;
      expect(sfu.detail).toContain('did not start');
    } finally {
      vi.useRealTimers();
    }
  });

  it('opens another worker after one has died', async () => {
    const fake = new FakeMediasoup();
    const { sfu, warnings } = await open(async () => fake.module);
    fake.workers[0]!.die();
    expect(await sfu.openRouter('VP8')).toBeDefined();
    expect(fake.workers.length).toBe(2);
    expect(warnings.length).toBe(1);
  });
});

describe('addresses', () => {
  const address = (ip: string, internal = false, scopeid = 0) => ({
    address: ip,
    family: ip.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
    internal,
    scopeid,
    netmask: '',
    mac: '',
    cidr: null,
  });
  const interfaces = {
    lo: [address('127.0.0.1', true), address('::1', true)],
    eth0: [address('10.0.0.2'), address('2001:db8::2'), address('fe80::1', false, 2)],
  } as never;

  it('are the machine’s own, the announced ones among them as they are, and those before them by name', () => {
    expect(listenIps(['127.0.0.1', '203.0.113.7', '10.0.0.2'], false, interfaces)).toEqual([
      { ip: '10.0.0.2' },
      { ip: '127.0.0.1' },
      { ip: '0.0.0.0', announcedIp: '203.0.113.7' },
    ]);
  });

  it('include IPv6 where that is wanted, but none that mean something on one link only', () => {
    expect(listenIps(['2001:db8::9'], true, interfaces)).toEqual([
      { ip: '10.0.0.2' },
      { ip: '2001:db8::2' },
      { ip: '::', announcedIp: '2001:db8::9' },
    ]);
  });
});
