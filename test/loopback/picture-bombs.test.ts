// Pictures made to harm, sent while a call plays: each is refused in a sentence, the process that opens them is killed and replaced, and the
// call keeps its pictures.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure, PortraitInfo } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { PICTURE_BOMBS } from '../support/picture-bombs.ts';
import { ServerProcess } from '../support/server-process.ts';
import { uploadTicket } from '../support/upload-ticket.ts';

const PORTRAIT = 'mona-lisa';
const PHOTO = fileURLToPath(new URL('../../assets/portraits/maya.jpg', import.meta.url));
const PICTURES_PER_S = 30;
let server: ServerProcess;
let caller: LoopbackClient;
/** Made before the call begins: making some takes this process a second or two. */
const bombs = new Map<string, Buffer>();

beforeAll(async () => {
  for (const [name, make] of Object.entries(PICTURE_BOMBS)) bombs.set(name, await make());
  server = await ServerProcess.start({
    VISAVIS__MOTION__FPS: String(PICTURES_PER_S),
    VISAVIS__LIMITS__SILENCE_S: '30',
    VISAVIS__LIMITS__UPLOADS_PER_MINUTE: '0',
    VISAVIS__LIMITS__REQUESTS_PER_MINUTE: '0',
    VISAVIS__SERVER__UPLOAD_LIMIT_MB: '30',
  });
  await ready();
  caller = new LoopbackClient(server.url);
  await caller.join(PORTRAIT);
  await caller.until('pictures', () => caller.pictures.length > 3);
});
afterAll(async () => {
  await caller?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function ready(): Promise<void> {
  const deadline = performance.now() + 90_000;
  while ((await fetch(new URL('readyz', server.url))).status !== 200) {
    if (performance.now() > deadline) throw new Error(`the server is not ready: ${server.log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function upload(name: string, bytes: Uint8Array): Promise<{ status: number; body: Failure & PortraitInfo }> {
  const response = await fetch(new URL('api/portraits', server.url), {
    method: 'POST',
    headers: {
      ...(await uploadTicket(server.url)),
      ...{ 'content-type': 'image/jpeg', 'x-portrait-consent': 'yes', 'x-file-name': name },
    },
    body: bytes as BodyInit,
  });
  return { status: response.status, body: (await response.json()) as Failure & PortraitInfo };
}

/** The processes below the server's, by what they run. */
async function analysers(): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await server.children()) ?? []) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('analysis-process')) found.push(pid);
  }
  return found;
}

interface Watched {
  picturesPerS: number;
  longestGapMs: number;
  slowestAnswerMs: number;
}

/** What the caller and other visitors see while `during` happens. */
async function watch(during: () => Promise<void>): Promise<Watched> {
  const from = caller.arrivals.length;
  const startMs = performance.now();
  let isOver = false;
  let slowestAnswerMs = 0;
  const visiting = (async () => {
    while (!isOver) {
      const askedMs = performance.now();
      const answers = await Promise.all(['healthz', ''].map((path) => fetch(new URL(path, server.url))));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      slowestAnswerMs = Math.max(slowestAnswerMs, performance.now() - askedMs);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  await during().finally(() => {
    isOver = true;
  });
  await visiting;
  const times = caller.arrivals.slice(from).map(({ atMs }) => atMs);
  const gaps = times.slice(1).map((atMs, i) => atMs - times[i]!);
  return {
    picturesPerS: times.length / ((performance.now() - startMs) / 1000),
    longestGapMs: Math.max(...gaps),
    slowestAnswerMs,
  };
}

describe('pictures made to harm', () => {
  it.each(Object.keys(PICTURE_BOMBS))('%s is answered in one sentence with its name', async (name) => {
    const { status, body } = await upload(name, bombs.get(name)!);
    expect(status, JSON.stringify(body)).toBe(400);
    expect(body.error.code).toMatch(/^(IMAGE_[A-Z_]+|NO_FACE)$/);
    expect(body.error.message).toContain(name);
  });

  it('four of them beside a call are not felt, and an honest picture gets through', { timeout: 180_000 }, async () => {
    const names = ['paths.svg', 'nothing.png', 'metadata.jpg', 'depth.avif'];
    const photo = await readFile(PHOTO);
    const quiet = await watch(() => new Promise((resolve) => setTimeout(resolve, 5000)));
    let honest: Awaited<ReturnType<typeof upload>> | undefined;
    const beside = await watch(async () => {
      const answers = await Promise.all(names.map((name) => upload(name, bombs.get(name)!)));
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
      honest = await upload('honest.jpg', photo);
    });
    console.info('four bombs beside a call:', JSON.stringify({ quiet, beside }));
    expect(honest, JSON.stringify(honest?.body)).toMatchObject({ status: 201, body: { title: 'honest' } });
    // A machine that other work keeps from it is not judged by the full rate.
    expect(quiet.picturesPerS).toBeGreaterThan(10);
    expect(beside.picturesPerS).toBeGreaterThanOrEqual(Math.min(24, 0.9 * quiet.picturesPerS));
    expect(caller.failures).toEqual([]);
    await ready();
  });

  it.skipIf(process.platform !== 'linux')(
    'the process that opens them is killed in the middle of one: the call plays on, the next picture is analysed',
    { timeout: 120_000 },
    async () => {
      const photo = await readFile(PHOTO);
      const beside = await watch(async () => {
        const answer = upload('metadata.jpg', bombs.get('metadata.jpg')!);
        // It takes 20 MB to arrive, and some seconds to open.
        await new Promise((resolve) => setTimeout(resolve, 2500));
        const waiting = upload('waiting.jpg', photo);
        await new Promise((resolve) => setTimeout(resolve, 300));
        const victims = await analysers();
        expect(victims.length).toBeGreaterThan(0);
        for (const pid of victims) process.kill(pid, 'SIGKILL');
        const { status, body } = await answer;
        expect([status, body.error?.code]).toEqual([400, 'IMAGE_INVALID']);
        expect(body.error.message).toContain('metadata.jpg');
        expect(await server.metric('visavis_uploads_total')).toBeGreaterThan(0);
        expect((await waiting).status).toBe(201);
        for (const pid of victims) expect(await analysers()).not.toContain(pid);
      });
      expect(beside.picturesPerS).toBeGreaterThan(0.7 * PICTURES_PER_S);
      expect(caller.failures).toEqual([]);
      await ready();
    },
  );
});
