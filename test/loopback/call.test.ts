// Whole calls in one process: real signaling, real ICE, DTLS, SRTP, real engine workers, werift on both ends.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { uploadTicket } from '../support/upload-ticket.ts';

const PORTRAIT = 'mona-lisa';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer((config) => {
    config.server.maxCalls = 2;
    config.motion.fps = 25;
  });
});
afterAll(() => server[Symbol.asyncDispose]());

const code = (reply: object): string | undefined => (reply as Failure).error?.code;

describe('a call', () => {
  it('shows an idle face at once and never stops sending sound', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    await client.until('pictures and sound', () => client.pictures.length > 12 && client.audioPackets > 30);
    expect(client.failures).toEqual([]);
    // Idle is silent.
    expect(Math.max(...client.levels)).toBeLessThan(0.01);
  });

  it('dates sound and pictures from one clock: what its sender reports say fits what arrives', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    const { audio, video } = client.clockReports;
    await client.until('reports and media', () => audio.length > 0 && video.length > 0 && client.arrivals.length > 60);
    /** Shortest time from the instant that a track's clock names to the arrival of its packet, plus a constant, ms. */
    const transitMs = (
      reports: typeof audio,
      clockHz: number,
      packets: { timestamp: number; atMs: number }[],
    ): number => {
      const { wallS, timestamp: at } = reports.at(-1)!;
      return Math.min(
        ...packets.map(({ timestamp, atMs }) => atMs - wallS * 1000 - (((timestamp - at) | 0) * 1000) / clockHz),
      );
    };
    const lateMs = transitMs(video, 90_000, client.arrivals) - transitMs(audio, 48_000, client.sounds);
    // Pictures leave 40 ms after their sound; the very first at once.
    expect(Math.abs(lateMs - 20)).toBeLessThan(70);
  });

  it('speaks with captions and reports the turn once, with all of it played', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT, 'H264');
    await client.until('the first picture', () => client.pictures.length > 0);
    expect(await client.request('speak', { text: 'Good morning. One, two.' })).toEqual({ turnId: 1 });
    await client.until('the end of the turn', () => client.turns.some(({ state }) => state === 'ended'));
    expect(client.turns.map(({ state }) => state)).toEqual(['started', 'ended']);
    const end = client.turns.at(-1)!;
    expect(end.interrupted).toBe(false);
    expect(end.playedMs).toBeGreaterThan(700);
    expect(client.captions.map(({ text }) => text).join(' ')).toMatch(/Good morning/);
    expect(Math.max(...client.levels)).toBeGreaterThan(0.02);
  });

  it.each([25, 30, 50])('falls silent on stop and says how much was heard, at %i pictures a second', async (fps) => {
    await using other = await startTestServer((config) => {
      config.motion.fps = fps as 25;
    });
    await using client = new LoopbackClient(other.url);
    await client.join(PORTRAIT);
    await client.until('the first picture', () => client.pictures.length > 0);
    await client.request('speak', {
      text: 'This is a rather long sentence that nobody will ever hear to its very end, because it is cut off.',
    });
    await client.until('sound', () => client.levels.some((level) => level > 0.02));
    await client.request('stop', {});
    await client.until('the report', () => client.turns.some(({ state }) => state === 'ended'));
    const end = client.turns.at(-1)!;
    expect(end.interrupted).toBe(true);
    expect(end.playedMs).toBeGreaterThan(0);
    expect(end.playedMs).toBeLessThan(4000);
    const from = client.levels.length + 3;
    await client.until('silence', () => client.levels.length > from + 20);
    expect(Math.max(...client.levels.slice(from))).toBeLessThan(0.01);
  });

  it('lets a new text take the place of the one before', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    await client.until('the first picture', () => client.pictures.length > 0);
    await client.request('speak', { text: 'The first sentence is long enough to be interrupted by the second one.' });
    await client.until('sound', () => client.levels.some((level) => level > 0.02));
    await client.request('speak', { text: 'Second.' });
    await client.until('both ends', () => client.turns.filter(({ state }) => state === 'ended').length === 2);
    const ends = client.turns.filter(({ state }) => state === 'ended');
    expect(ends.map(({ turnId, interrupted }) => [turnId, interrupted])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  it('tells a third caller that the lines are taken, and has room again when one has gone', async () => {
    await using first = new LoopbackClient(server.url);
    await using third = new LoopbackClient(server.url);
    {
      await using second = new LoopbackClient(server.url);
      await first.join(PORTRAIT);
      const ticket = await third.ticket();
      await second.join(PORTRAIT);
      await expect(third.join(PORTRAIT)).rejects.toThrow(/SERVER_BUSY/);
      const refused = await fetch(new URL('api/tickets', server.url), { method: 'POST' });
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
      expect(await third.request('join', { ticket, portraitId: PORTRAIT })).toMatchObject({
        error: { code: 'SERVER_BUSY', retryAfterS: 10 },
      });
      await second.request('leave', {});
    }
    await third.join(PORTRAIT);
    await third.until('pictures', () => third.pictures.length > 3);
  });
});

describe('bad signaling', () => {
  it('answers every malformed, early or replayed message with one sentence, and goes on', async () => {
    await using client = new LoopbackClient(server.url);
    const ticket = await client.ticket();
    expect(code(await client.request('speak', { text: 'too early' }))).toBe('SIGNALING_INVALID');
    expect(code(await client.request('join', { ticket: 'forged', portraitId: PORTRAIT }))).toBe('TICKET_INVALID');
    expect(code(await client.request('join', { ticket, portraitId: 'nobody' }))).toBe('PORTRAIT_UNKNOWN');
    expect(code(await client.request('join', { ticket, portraitId: PORTRAIT }))).toBe('TICKET_INVALID'); // used above
    expect(code(await client.request('join', null))).toBe('SIGNALING_INVALID');
    expect(code(await client.request('controls', { headDistance: 99 }))).toBe('SIGNALING_INVALID');
    await client.join(PORTRAIT);
    for (const message of [null, 7, 'x', [], { sdp: 1 }, { sdp: 'v=0' }, { sdp: 'y'.repeat(70_000) }])
      expect(code(await client.request('answer', message))).toBe('SIGNALING_INVALID');
    expect(code(await client.request('speak', { text: '' }))).toBe('SIGNALING_INVALID');
    expect(code(await client.request('speak', { text: 'x'.repeat(3000) }))).toBe('TEXT_TOO_LONG');
    for (const text of ['!!!', '<speak> </speak>'])
      expect(code(await client.request('speak', { text }))).toBe('TEXT_EMPTY');
    await client.until('pictures all the same', () => client.pictures.length > 5);
  });

  it('tells what is wrong with a text that cannot be spoken, and ends its turn', async () => {
    await using client = new LoopbackClient(server.url);
    await client.join(PORTRAIT);
    await client.request('speak', { text: 'Hello', voice: 'no-such-voice' });
    await client.until('the failure', () => client.failures.length > 0);
    expect(client.failures[0]!.code).toBe('VOICE_UNKNOWN');
    await client.until('the end', () => client.turns.some(({ state }) => state === 'ended'));
  });
});

describe('HTTP', () => {
  it('refuses an upload without consent, and one that is not a picture', async () => {
    const upload = (headers: Record<string, string>, body: string) =>
      fetch(new URL('api/portraits', server.url), {
        method: 'POST',
        headers: { 'content-type': 'image/png', ...headers },
        body,
      });
    const refused = await upload({}, 'x');
    expect(refused.status).toBe(400);
    expect(code((await refused.json()) as object)).toBe('CONSENT_MISSING');
    const consent = { 'x-portrait-consent': 'yes', 'x-file-name': 'notes.png' };
    const stranger = await upload(consent, 'x');
    expect([stranger.status, code((await stranger.json()) as object)]).toEqual([401, 'ACCESS_REQUIRED']);
    const broken = await upload({ ...consent, ...(await uploadTicket(server.url)) }, 'this is no picture');
    expect(broken.status).toBe(400);
    const reply = (await broken.json()) as Failure;
    expect(reply.error.code).toBe('IMAGE_INVALID');
    expect(reply.error.message).toContain('notes');
  });

  it('serves gallery, health and metrics', async () => {
    const list = (await (await fetch(new URL('api/portraits', server.url))).json()) as { id: string }[];
    expect(list.map(({ id }) => id)).toContain(PORTRAIT);
    const one = await fetch(new URL(`api/portraits/${PORTRAIT}`, server.url));
    expect(list).toContainEqual(await one.json());
    expect((await fetch(new URL('api/portraits/nobody', server.url))).status).toBe(404);
    expect((await fetch(new URL('healthz', server.url))).status).toBe(200);
    expect(await (await fetch(new URL('metrics', server.url))).text()).toContain('visavis_calls ');
    expect((await fetch(new URL('api/portraits/nobody/thumbnail', server.url))).status).toBe(404);
  });
});
