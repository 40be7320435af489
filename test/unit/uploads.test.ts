// Pictures that come in: bounded in number, size and time, refused at their first bytes where they are none, and gone when given up.
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type UploadLimits, Uploads, uploadName } from '../../src/signaling/uploads.ts';

const LIMITS: UploadLimits = { maxBytes: 200_000, atATime: 3, ofOneAddress: 2, totalMs: 60_000, silenceMs: 60_000 };
const photo = await sharp({ create: { width: 300, height: 300, channels: 3, background: 'teal' } })
  .jpeg()
  .toBuffer();

let server: Server | undefined;
let port = 0;
/** What uploads wait for once they are received. */
let analysis: Promise<unknown>;
let received: string[];
/** Uploads whose response, or connection, is over. */
let over = 0;
let begun = 0;

async function start(limits: Partial<UploadLimits> = {}): Promise<void> {
  const app = express();
  const uploads = new Uploads<express.Request>(
    { ...LIMITS, ...limits },
    (req) => req.get('x-address') ?? 'someone',
    (req) => {
      if (req.get('x-refused')) throw new AppError('CONSENT_MISSING', 'No.');
    },
  );
  app.use((_req, res, next) => {
    begun += 1;
    res.once('close', () => {
      over += 1;
    });
    next();
  });
  app.post('/', uploads.receive, async (req, res) => {
    received.push(`${uploadName(req)} ${req.body.length}`);
    await analysis;
    res.json({ bytes: req.body.length });
  });
  app.use((error: AppError, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
    res.status(400).json({ code: error.code, message: error.message });
  });
  server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
}

beforeEach(() => {
  analysis = Promise.resolve();
  received = [];
  over = 0;
  begun = 0;
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

interface Sending {
  write(bytes: Uint8Array): void;
  end(bytes?: Uint8Array): void;
  abort(): void;
  answer: Promise<{ code?: string; message?: string; bytes?: number }>;
}

function send(headers: Record<string, string> = {}): Sending {
  const outgoing = httpRequest({ port, method: 'POST', path: '/', headers });
  const answer = new Promise<Awaited<Sending['answer']>>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    });
  });
  answer.catch(() => {});
  return {
    write: (bytes) => void outgoing.write(bytes),
    end: (bytes) => void outgoing.end(bytes),
    abort: () => outgoing.destroy(),
    answer,
  };
}

function sendAll(bytes: Uint8Array, headers: Record<string, string> = {}): Sending['answer'] {
  const sending = send(headers);
  sending.end(bytes);
  return sending.answer;
}

describe('an upload', () => {
  it('arrives whole, with a name that can be shown', async () => {
    await start();
    const name = encodeURIComponent(`C:\\photos\\Zoë\u202e\n${'x'.repeat(200)}`);
    expect(await sendAll(photo, { 'x-file-name': name })).toEqual({ bytes: photo.length });
    expect(received).toEqual([`${`Zoë${'x'.repeat(200)}`.slice(0, 100)} ${photo.length}`]);
  });

  it('is refused before a byte of it is read: no right, announced too large', async () => {
    await start();
    const refused = send({ 'x-refused': '1', 'content-length': '100000' });
    refused.write(photo.subarray(0, 10));
    expect(await refused.answer).toMatchObject({ code: 'CONSENT_MISSING' });
    const large = send({ 'content-length': '300000' });
    large.write(photo.subarray(0, 10));
    expect(await large.answer).toMatchObject({ code: 'IMAGE_TOO_LARGE', message: expect.stringContaining('0.2 MB') });
    expect(received).toEqual([]);
  });

  it('is refused when it grows too large without having said so', async () => {
    await start();
    const large = send({ 'transfer-encoding': 'chunked' });
    large.write(photo);
    large.write(new Uint8Array(LIMITS.maxBytes));
    expect(await large.answer).toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });

  it('of what is no photo ends at its first bytes, named for what it is', async () => {
    await start();
    const drawing = send({ 'transfer-encoding': 'chunked', 'x-file-name': 'logo.svg' });
    drawing.write(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${' '.repeat(5000)}`));
    expect(await drawing.answer).toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(/^logo\.svg is an SVG drawing, not a photo: /),
    });
    expect(await sendAll(Buffer.from('short and no photo'))).toMatchObject({ code: 'IMAGE_INVALID' });
    expect(await sendAll(Buffer.alloc(0))).toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining('empty'),
    });
  });

  it('that says nothing more, or never ends, is given up', async () => {
    await start({ silenceMs: 50 });
    const silent = send({ 'transfer-encoding': 'chunked' });
    silent.write(photo.subarray(0, 100));
    expect(await silent.answer).toMatchObject({
      code: 'UPLOAD_INCOMPLETE',
      message: expect.stringContaining('too long'),
    });
    server!.close();
    await start({ totalMs: 100 });
    const slow = send({ 'transfer-encoding': 'chunked' });
    const drip = setInterval(() => slow.write(photo.subarray(0, 1)), 10);
    expect(await slow.answer).toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    clearInterval(drip);
  });
});

describe('uploads at a time', () => {
  it('are so many, of one address fewer, and a place is free again when its upload is over', async () => {
    let finish = () => {};
    analysis = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await start();
    const waiting = [sendAll(photo, { 'x-address': 'a' }), sendAll(photo, { 'x-address': 'a' })];
    await expect.poll(() => received.length).toBe(2);
    expect(await sendAll(photo, { 'x-address': 'a' })).toMatchObject({ code: 'SERVER_BUSY' });
    waiting.push(sendAll(photo, { 'x-address': 'b' }));
    await expect.poll(() => received.length).toBe(3);
    expect(await sendAll(photo, { 'x-address': 'c' })).toMatchObject({ code: 'SERVER_BUSY' });
    finish();
    expect((await Promise.all(waiting)).map(({ bytes }) => bytes)).toEqual([photo.length, photo.length, photo.length]);
    expect(await sendAll(photo, { 'x-address': 'a' })).toEqual({ bytes: photo.length });
  });

  it('that are broken off leave their place', async () => {
    await start();
    for (let i = 0; i < 8; i++) {
      const sending = send({ 'content-length': '100000' });
      sending.write(photo.subarray(0, 100));
      await expect.poll(() => begun, { interval: 5 }).toBe(i + 1);
      sending.abort();
      await expect.poll(() => over).toBe(i + 1);
    }
    expect(await sendAll(photo)).toEqual({ bytes: photo.length });
  });
});
