// Programs that speak through the face of a call: WebSocket and HTTP, the shipped examples, and everything they can do wrong.

import { spawn, spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { AppError } from '../../src/errors.ts';
import type { SpeechApiMessage } from '../../src/signaling/program-socket.ts';
import type { Failure, Invitation } from '../../src/signaling/protocol.ts';
import { SpeechApi, type SpeechApiParts } from '../../src/signaling/speech-api.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';
import { wavBytes } from '../support/wav-bytes.ts';

const RATE_HZ = 16_000;
const hasPython = spawnSync('python3', ['--version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'visavis-programs-'));
let server: TestServer;
let caller: LoopbackClient;
let ticket = '';

/** Pulses at a voice's pitch, loud enough to be found again. */
const voice = (seconds: number): Float32Array =>
  Float32Array.from({ length: seconds * RATE_HZ }, (_, i) => 0.4 * Math.sin((2 * Math.PI * 150 * i) / RATE_HZ));
const pcm = (samples: Float32Array): Buffer =>
  wavBytes(samples, { sampleRateHz: RATE_HZ, channels: 1, format: 1 }).subarray(44);

beforeAll(async () => {
  server = await startTestServer((config) => {
    config.motion.fps = 25;
  });
  caller = new LoopbackClient(server.url);
  await caller.join('mona-lisa');
  await caller.until('the first picture', () => caller.pictures.length > 0, 60_000);
  ticket = ((await caller.request<Invitation>('invite', {})) as Invitation).ticket;
});
afterAll(async () => {
  await caller[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

class Program implements Disposable {
  readonly socket: WebSocket;
  readonly events: SpeechApiMessage[] = [];
  closed: number | undefined;

  constructor(invitation = ticket) {
    this.socket = new WebSocket(new URL(`api/speech?ticket=${invitation}`, server.url.replace('http', 'ws')));
    this.socket.on('message', (data) => void this.events.push(JSON.parse(String(data))));
    this.socket.on('close', (code) => {
      this.closed = code;
    });
  }

  send(message: object | string | Buffer): void {
    this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  of<T extends SpeechApiMessage['type']>(type: T): Extract<SpeechApiMessage, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as never;
  }

  async until(type: SpeechApiMessage['type'], count = 1): Promise<void> {
    await caller.until(`${count} × ${type}`, () => this.of(type).length >= count, 60_000);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

const post = (body: BodyInit, headers: Record<string, string>): Promise<Response> =>
  fetch(new URL('api/speech', server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${ticket}`, ...headers },
    body,
  });
const code = async (response: Response): Promise<string> => ((await response.json()) as Failure).error.code;

describe('a program on a WebSocket', () => {
  it('speaks PCM sent faster than it is spoken, cut inside samples, and learns what was played', async () => {
    using program = new Program();
    await program.until('ready');
    program.send({ type: 'start', sampleRateHz: RATE_HZ });
    const sound = pcm(voice(3));
    const from = caller.levels.length;
    for (let at = 0; at < sound.length; at += 3333) program.send(sound.subarray(at, at + 3333));
    program.send({ type: 'end' });
    await program.until('ended');
    expect(program.events.map(({ type }) => type)).toEqual(['ready', 'started', 'ended']);
    const [end] = program.of('ended');
    expect(end!.interrupted).toBe(false);
    expect(end!.playedMs).toBeGreaterThanOrEqual(3000);
    expect(end!.playedMs).toBeLessThan(3100);
    // The caller heard it: about three seconds of packets at the voice's level.
    await caller.until('the last packets', () => caller.levels.slice(from).filter((level) => level > 0.1).length > 120);
  });

  it('falls silent on clear, says how much was heard, and speaks text next', async () => {
    using program = new Program();
    await program.until('ready');
    program.send({ type: 'start', sampleRateHz: RATE_HZ });
    for (let i = 0; i < 8; i++) program.send(pcm(voice(1)));
    const from = caller.levels.length;
    await caller.until('the voice', () => caller.levels.slice(from).some((level) => level > 0.1));
    program.send({ type: 'clear' });
    await program.until('ended');
    expect(program.of('ended')[0]).toMatchObject({ interrupted: true });
    expect(program.of('ended')[0]!.playedMs).toBeLessThan(7000);
    program.send({ type: 'text', text: 'One, two.' });
    await program.until('ended', 2);
    expect(program.of('ended')[1]).toMatchObject({ interrupted: false });
  });

  it('far ahead of what is spoken waits in the network, and is cleared by HTTP', async () => {
    using program = new Program();
    await program.until('ready');
    program.send({ type: 'start', sampleRateHz: RATE_HZ });
    const second = pcm(voice(1));
    for (let i = 0; i < 600; i++) program.send(second);
    const from = caller.levels.length;
    await caller.until('the voice', () => caller.levels.slice(from).some((level) => level > 0.1));
    // 19 MB were sent; what the server has not read is still on this side.
    expect(program.socket.bufferedAmount).toBeGreaterThan(1_000_000);
    const headers = { authorization: `Bearer ${ticket}` };
    expect((await fetch(new URL('api/speech', server.url), { method: 'DELETE', headers })).status).toBe(204);
    await program.until('ended');
    expect(program.of('ended')[0]).toMatchObject({ interrupted: true });
    await caller.until('the rest, ignored', () => program.socket.bufferedAmount === 0);
    program.send({ type: 'text', text: 'Next.' });
    await program.until('ended', 2);
    expect(program.of('error')).toEqual([]);
  });

  it('is told in one sentence what was wrong, and may go on', async () => {
    using program = new Program();
    await program.until('ready');
    const wrong: (object | string | Buffer)[] = [
      'no json',
      '[]',
      { type: 'sing' },
      { type: 'text', text: '' },
      { type: 'start', sampleRateHz: 44_101 },
      { type: 'start', sampleRateHz: RATE_HZ, channels: 6 },
      { type: 'end' },
      Buffer.alloc(100),
      { type: 'text', text: 'x'.repeat(5000) },
    ];
    for (const message of wrong) program.send(message);
    await program.until('error', wrong.length);
    expect(program.of('error').map((error) => error.code)).toEqual([
      'SIGNALING_INVALID',
      'SIGNALING_INVALID',
      'SIGNALING_INVALID',
      'SIGNALING_INVALID',
      'AUDIO_INVALID',
      'AUDIO_INVALID',
      'SIGNALING_INVALID',
      'SIGNALING_INVALID',
      'TEXT_TOO_LONG',
    ]);
    program.send({ type: 'text', text: 'Yes.' });
    await program.until('ended');
  });

  it('is not let in without an invitation to a call that goes on', async () => {
    using forged = new Program('forged');
    await caller.until('the refusal', () => forged.closed !== undefined);
    expect(forged.closed).toBe(4403);
    expect(forged.of('error')[0]!.code).toBe('TICKET_INVALID');
    using ticketToJoin = new Program(await caller.ticket());
    await caller.until('the refusal', () => ticketToJoin.closed !== undefined);
    expect(ticketToJoin.of('error')[0]!.code).toBe('SESSION_GONE');
    const joined = await caller.request('join', { ticket, portraitId: 'mona-lisa' });
    expect((joined as Failure).error.code).toBe('TICKET_INVALID');
  });
});

describe('a program over HTTP', () => {
  it('speaks PCM and text, one turn each', async () => {
    const sound = await post(new Uint8Array(pcm(voice(1))), { 'content-type': `audio/pcm;rate=${RATE_HZ}` });
    expect(sound.status).toBe(200);
    expect(await sound.json()).toMatchObject({ interrupted: false });
    const text = await post(JSON.stringify({ text: 'Good.' }), { 'content-type': 'application/json' });
    expect(((await text.json()) as { playedMs: number }).playedMs).toBeGreaterThan(100);
  });

  it('refuses what it cannot speak', async () => {
    expect(await code(await post('x', { 'content-type': 'text/plain' }))).toBe('AUDIO_INVALID');
    expect(await code(await post('xx', { 'content-type': 'audio/pcm;rate=7' }))).toBe('AUDIO_INVALID');
    expect(await code(await post('xxx', { 'content-type': `audio/pcm;rate=${RATE_HZ}` }))).toBe('AUDIO_INVALID');
    expect(await code(await post('{', { 'content-type': 'application/json' }))).toBe('SIGNALING_INVALID');
    const unknown = JSON.stringify({ text: 'Hello', voice: 'xx-nowhere' });
    const refused = await post(unknown, { 'content-type': 'application/json' });
    expect(await refused.json()).toMatchObject({ error: { code: 'VOICE_UNKNOWN' } });
    const stranger = await post('{}', { 'content-type': 'application/json', authorization: 'Bearer x' });
    expect(stranger.status).toBe(403);
  });

  it('says why a call takes no sound', async () => {
    const call = {
      openSound: () => {
        throw new AppError('SERVER_BUSY', 'Not now.');
      },
    };
    const api = new SpeechApi({
      tickets: { verify: async () => ({ room: 'any', canSpeak: true, canProgram: true }) },
      access: { requireInForce: () => {} },
      calls: { get: () => ({ call, watchers: new Set() }) },
    } as unknown as SpeechApiParts);
    const request = Object.assign(Readable.from([new Uint8Array(2)]), {
      headers: { authorization: 'Bearer x', 'content-type': `audio/pcm;rate=${RATE_HZ}` },
    });
    const refused = api.post(request as unknown as IncomingMessage, new EventEmitter() as unknown as ServerResponse);
    await expect(refused).rejects.toMatchObject({ code: 'SERVER_BUSY' });
    api.close();
  });
});

describe('the examples', () => {
  const run = (command: string, args: string[]): Promise<{ exit: number | null; output: string }> =>
    new Promise((resolve) => {
      const child = spawn(command, args);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
      child.once('close', (exit) => resolve({ exit, output }));
    });
  const wav = join(folder, 'voice.wav');
  writeFileSync(wav, wavBytes(voice(1), { sampleRateHz: RATE_HZ, channels: 1, format: 1 }));

  it('in Node speaks a file and a text', async () => {
    for (const what of [wav, 'Hello there.']) {
      const { exit, output } = await run(process.execPath, ['examples/speech-api.mjs', server.url, ticket, what]);
      expect(output).toMatch(/"type":"ended".*"interrupted":false/);
      expect(exit).toBe(0);
    }
  });

  it.skipIf(!hasPython)('in Python speaks a file and a text', async () => {
    for (const what of [wav, 'Hello there.']) {
      const { exit, output } = await run('python3', ['examples/speech_api.py', server.url, ticket, what]);
      expect(output).toMatch(/'interrupted': False/);
      expect(exit).toBe(0);
    }
  });
});
