/**
 * What a server on the open network meets, one attempt each: callers whose network is cut or whose process dies, floods, uploads, junk on the
 * socket. Out: what the attempt was told, by code, so that refusals can be counted on both sides. All of it stays on this machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import type { Failure } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { PICTURE_BOMBS } from '../support/picture-bombs.ts';
import { UdpFaultProxy } from '../support/udp-fault-proxy.ts';
import { uploadTicket } from '../support/upload-ticket.ts';

export interface Attempt {
  url: string;
  random(): number;
}

/** @returns what the attempt met, e.g. `RATE_LIMITED`; `ok` where it was served. */
export type Attack = (attempt: Attempt) => Promise<string[]>;

const PORTRAIT = 'mona-lisa';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const codeOf = (reply: object): string => (reply as Partial<Failure>).error?.code ?? 'ok';
const failureOf = (error: unknown): string => /^([A-Z_]{4,}): /.exec((error as Error).message)?.[1] ?? 'lost';

/** A caller whose network is gone for a while, or for good. */
const cutCall: Attack = async ({ url, random }) => {
  await using proxy = await UdpFaultProxy.open(Math.floor(random() * 1e9));
  await using client = new LoopbackClient(url);
  try {
    await client.join(PORTRAIT, 'VP8', { through: proxy });
    await client.until('pictures', () => client.pictures.length > 3, 30_000);
  } catch (error) {
    return [failureOf(error)];
  }
  await client.request('speak', { text: 'Can you still hear me, or is the line bad again today?' });
  await sleep(500 + 1500 * random());
  proxy.set({ isBlackedOut: true });
  await sleep(500 + 8000 * random());
  proxy.set({ loss: 0.05, burstLength: 3, jitterMs: 30 });
  const seen = client.pictures.length;
  await client
    .until('pictures again', () => client.pictures.length > seen || client.ends.length > 0, 15_000)
    .catch(() => {});
  return [client.pictures.length > seen ? 'ok' : 'ended'];
};

const runningCallers = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of runningCallers) child.kill('SIGKILL');
});

/** A caller whose process dies in mid-call, or while it joins. */
const killedCall: Attack = async ({ url, random }) => {
  const script = fileURLToPath(new URL('../support/caller-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, url, PORTRAIT], { stdio: 'ignore' });
  runningCallers.add(child);
  await sleep(2000 + 6000 * random());
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  runningCallers.delete(child);
  return ['killed'];
};

/** More messages on one socket than anybody types. */
const messageFlood: Attack = async ({ url, random }) => {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false });
  const codes: string[] = [];
  try {
    await connected(socket);
    const count = 200 + Math.floor(random() * 4000);
    for (let i = 0; i < count; i++)
      socket.emit('controls', { headDistance: 1 }, (reply: object) => codes.push(codeOf(reply)));
    for (let i = 0; i < 30 && socket.connected && codes.length < count; i++) await sleep(100);
    if (!socket.connected) codes.push('cut off');
  } catch (error) {
    codes.push((error as { data?: { code?: string } }).data?.code ?? 'lost');
  }
  socket.disconnect();
  return [...new Set(codes)];
};

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
    setTimeout(() => reject(new Error('no connection')), 15_000).unref();
  });
}

/** More tickets than one address may have, and requests that are none. */
const ticketFlood: Attack = async ({ url, random }) => {
  const paths = [
    'api/tickets',
    'api/tickets?room=%00',
    'api/tickets?as=king',
    'api/nothing',
    'api/portraits/../../etc/passwd',
    '%',
  ];
  const codes = await Promise.all(
    Array.from({ length: 20 + Math.floor(random() * 60) }, async () => {
      const path = paths[Math.floor(random() ** 2 * paths.length)]!;
      const response = await fetch(`${url}${path}`, { method: 'POST' }).catch(() => undefined);
      if (!response) return 'lost';
      return codeOf((await response.json().catch(() => ({ error: { code: String(response.status) } }))) as object);
    }),
  );
  return [...new Set(codes)];
};

async function upload(url: string, body: Uint8Array): Promise<string> {
  const response = await fetch(new URL('api/portraits', url), {
    method: 'POST',
    headers: {
      'content-type': 'image/jpeg',
      'x-portrait-consent': 'yes',
      'x-file-name': 'a.jpg',
      ...(await uploadTicket(url)),
    },
    body: body as BodyInit,
  });
  return codeOf((await response.json()) as object);
}

const goodUpload: Attack = async ({ url, random }) => {
  const names = ['maya', 'henrik', 'mei', 'kofi'];
  const name = names[Math.floor(random() * names.length)]!;
  const photo = await readFile(new URL(`../../assets/portraits/${name}.jpg`, import.meta.url));
  // Bytes after the picture make it another file, which is analysed anew.
  return [await upload(url, Buffer.concat([photo, Buffer.from(String(random()))]))];
};

const badUpload: Attack = async ({ url, random }) => {
  const photo = await readFile(new URL('../../assets/portraits/maya.jpg', import.meta.url));
  const damaged = Buffer.from(photo.subarray(0, Math.floor(photo.length * random())));
  for (let i = 0; i < 20; i++) damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
  return [await upload(url, random() < 0.3 ? Buffer.from('<html>no picture</html>') : damaged)];
};

/** Those made so far: some take this process a second or two. */
const bombs = new Map<string, Buffer>();

const bombUpload: Attack = async ({ url, random }) => {
  const names = Object.keys(PICTURE_BOMBS);
  const name = names[Math.floor(random() * names.length)]!;
  const made = bombs.get(name) ?? (await PICTURE_BOMBS[name]!());
  bombs.set(name, made);
  return [await upload(url, made)];
};

const JUNK = [
  null,
  1,
  'text',
  [],
  {},
  { ticket: 1 },
  { sdp: 'v=0' },
  { text: 'x'.repeat(200_000) },
  { candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host' },
];

/** Messages of every name with anything in them, before and in a call. */
const junkMessages: Attack = async ({ url, random }) => {
  const names = [
    'join',
    'answer',
    'candidate',
    'restart',
    'speak',
    'say',
    'talk',
    'hold',
    'mirror',
    'controls',
    'invite',
    'sfuReady',
    'nothing',
  ] as const;
  await using client = new LoopbackClient(url);
  const codes: string[] = [];
  if (random() < 0.5) await client.join(PORTRAIT).catch((error: unknown) => codes.push(failureOf(error)));
  for (let i = 0; i < 20 && client.socket.connected; i++) {
    const junk = JUNK[Math.floor(random() * JUNK.length)];
    const reply = client.request(names[Math.floor(random() * names.length)] as 'say', junk);
    codes.push(codeOf(await Promise.race([reply, sleep(10_000).then(() => ({ error: { code: 'unanswered' } }))])));
  }
  return [...new Set(codes)];
};

export const ATTACKS: Readonly<Record<string, { run: Attack; everyS: number }>> = {
  'call with cuts': { run: cutCall, everyS: 15 },
  'killed caller': { run: killedCall, everyS: 20 },
  'message flood': { run: messageFlood, everyS: 20 },
  'ticket flood': { run: ticketFlood, everyS: 40 },
  'good upload': { run: goodUpload, everyS: 30 },
  'bad upload': { run: badUpload, everyS: 15 },
  'bomb upload': { run: bombUpload, everyS: 30 },
  'junk messages': { run: junkMessages, everyS: 10 },
};
