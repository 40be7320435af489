// The server behind nginx and Caddy, with the very configuration files that docker/ ships: page, ticket, sockets, uploads, streamed speech, and callers told
// apart. Only what is marked as the operator's own is filled in. Each runs where it is installed (`apt install nginx caddy`).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { makeCertificate } from '../support/certificate.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const NAME = 'face.example';
const docker = fileURLToPath(new URL('../../docker/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'visavis-proxy-'));
const isInstalled = (program: string, flag: string): boolean => spawnSync(program, [flag]).error === undefined;
let server: TestServer;

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as { port: number };
  socket.close();
  return port;
}

/** Every change has to be there to be made. */
function filledIn(file: string, changes: [string, string][]): string {
  let text = readFileSync(join(docker, file), 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`${file} does not hold "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

type Started = { program: ChildProcess; port: number };

async function startNginx(upstream: string): Promise<Started> {
  const folder = join(scratch, 'nginx');
  mkdirSync(folder);
  const { cert, key } = makeCertificate(folder, NAME);
  const [port, plainPort] = [await freePort(), await freePort()];
  const own = filledIn('nginx/visavis.conf', [
    ['127.0.0.1:8080', upstream],
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`],
    ['/etc/letsencrypt/live/face.example/fullchain.pem', cert],
    ['/etc/letsencrypt/live/face.example/privkey.pem', key],
  ]);
  writeFileSync(join(folder, 'visavis.conf'), own);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    // Started by root, its workers are somebody else, who may not enter this folder.
    `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
     events {} http { access_log off; ${paths.join(' ')} include ${folder}/visavis.conf; }`,
  );
  const program = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { program, port };
}

async function startCaddy(upstream: string): Promise<Started> {
  const folder = join(scratch, 'caddy');
  mkdirSync(folder);
  const port = await freePort();
  const { cert, key } = makeCertificate(folder, NAME);
  const own = filledIn('caddy/Caddyfile', [
    ['visavis:8080', upstream],
    ['{$DOMAIN:localhost} {', `https://${NAME}:${port} {\n\tbind 127.0.0.1\n\ttls ${cert} ${key}`],
    ['skip_install_trust', 'skip_install_trust\n\tadmin off\n\tauto_https disable_redirects'],
  ]);
  writeFileSync(join(folder, 'Caddyfile'), own);
  const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const program = spawn('caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], {
    env,
    stdio: 'ignore',
  });
  return { program, port };
}

beforeAll(async () => {
  server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.server.hosts = [NAME];
    config.server.trustedProxies = 1;
    config.server.hstsS = 600;
    config.limits.ticketsPerMinute = 20;
  });
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

const proxies = [
  { name: 'nginx', start: startNginx, isThere: isInstalled('nginx', '-v') },
  {
    name: 'caddy',
    start: startCaddy,
    isThere: isInstalled('caddy', 'version') && existsSync(join(docker, 'caddy/Caddyfile')),
  },
];
for (const { name, isThere } of proxies)
  if (!isThere) console.log(`${name} is not installed here: the server behind it is not tested.`);

describe.each(proxies)('behind $name', ({ start, isThere, name }) => {
  let proxy: Started | undefined;
  const common = (): RequestOptions => ({
    host: '127.0.0.1',
    port: proxy!.port,
    servername: NAME,
    rejectUnauthorized: false,
    headers: { host: `${NAME}:${proxy!.port}` },
  });

  beforeAll(async () => {
    if (!isThere) return;
    proxy = await start(new URL(server.url).host.replace('localhost', '127.0.0.1'));
    const deadline = performance.now() + 20_000;
    while ((await ask('GET', '/healthz').catch(() => undefined))?.status !== 200) {
      if (performance.now() > deadline) throw new Error(`${name} did not start`);
      await delay(100);
    }
  });
  afterAll(async () => {
    if (!proxy) return;
    const hasEnded = once(proxy.program, 'exit');
    proxy.program.kill();
    await hasEnded;
  });

  async function ask(
    method: string,
    path: string,
    {
      headers = {},
      body = '',
      from = '127.0.0.1',
    }: { headers?: Record<string, string>; body?: string | Buffer; from?: string } = {},
  ): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
    const { headers: own, ...options } = common();
    return new Promise((resolve, reject) => {
      const length = { 'content-length': String(Buffer.byteLength(body)) };
      const request = httpsRequest(
        { ...options, method, path, localAddress: from, headers: { ...own, ...(body ? length : {}), ...headers } },
        (response) => {
          let text = '';
          response.on('data', (data) => {
            text += String(data);
          });
          response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
  const ticket = async (query = ''): Promise<string> => {
    const origin = `https://${NAME}:${proxy!.port}`;
    const { status, text } = await ask('POST', `/api/tickets${query}`, { headers: { origin } });
    expect([status, text]).toEqual([200, expect.stringContaining('ticket')]);
    return (JSON.parse(text) as { ticket: string }).ticket;
  };

  it.skipIf(!isThere)('shows the page, which knows that it is secure', async () => {
    const page = await ask('GET', '/');
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('<visavis-page>')]);
    expect(page.headers['strict-transport-security']).toBe('max-age=600');
    expect(page.headers['content-security-policy']).toContain(`wss://${NAME}:${proxy!.port}`);
  });

  it.skipIf(!isThere)('gives its own page a ticket, and no other page', async () => {
    expect((await ticket()).split('.')).toHaveLength(3);
    const other = await ask('POST', '/api/tickets', { headers: { origin: 'https://evil.example' } });
    expect(other.status).toBe(403);
  });

  it.skipIf(!isThere)('passes WebSockets on', async () => {
    const { headers, port } = common() as { headers: Record<string, string>; port: number };
    const options = {
      headers: { ...headers, origin: `https://${NAME}:${port}` },
      rejectUnauthorized: false,
      servername: NAME,
    };
    const call = new WebSocket(`wss://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`, options);
    const [hello] = (await once(call, 'message')) as [Buffer];
    expect(String(hello)).toMatch(/^0\{"sid"/);
    call.terminate();
    const program = new WebSocket(`wss://127.0.0.1:${port}/api/speech?ticket=none`, options);
    const [refusal] = (await once(program, 'message')) as [Buffer];
    expect(JSON.parse(String(refusal))).toMatchObject({ type: 'error', code: 'TICKET_INVALID' });
    program.terminate();
  });

  it.skipIf(!isThere)('lets pictures of the allowed size through, and larger ones not', async () => {
    const upload = async (mb: number) =>
      ask('POST', '/api/portraits', {
        headers: {
          'content-type': 'image/jpeg',
          'x-portrait-consent': 'yes',
          authorization: `Bearer ${await ticket('?for=upload')}`,
        },
        body: Buffer.alloc(mb * 1024 * 1024, 'x'),
      });
    const junk = await upload(23);
    expect([junk.status, junk.text]).toEqual([400, expect.stringContaining('IMAGE_INVALID')]);
    const large = await upload(27);
    expect([400, 413]).toContain(large.status);
    expect(large.text).toContain('IMAGE_TOO_LARGE');
  });

  it.skipIf(!isThere)('passes streamed speech on while it comes', async () => {
    await using caller = new LoopbackClient(server.url);
    await caller.join('mona-lisa');
    await caller.until('pictures', () => caller.pictures.length > 3);
    const { ticket: invitation } = (await caller.request<{ ticket: string }>('invite', {})) as { ticket: string };
    const { headers, ...options } = common();
    const stream = httpsRequest({
      ...options,
      method: 'POST',
      path: '/api/speech',
      headers: { ...headers, 'content-type': 'audio/pcm;rate=16000', authorization: `Bearer ${invitation}` },
    });
    const answered = once(stream, 'response') as Promise<[IncomingMessage]>;
    const quarter = Buffer.from(Int16Array.from({ length: 4000 }, (_, i) => 8000 * Math.sin(i / 5)).buffer);
    const isHeard = (): boolean => caller.levels.some((level) => level > 0.02);
    // It ends only when it was heard: a proxy that waited for its end would wait for ever.
    for (let i = 0; i < 80 && !isHeard(); i++) {
      stream.write(quarter);
      await delay(250);
    }
    expect(isHeard()).toBe(true);
    stream.end();
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
  });

  it.skipIf(!isThere)('tells callers apart, whatever they say of themselves', async () => {
    const status = async (from: string, forged?: string): Promise<number> =>
      (await ask('POST', '/api/tickets', { from, ...(forged ? { headers: { 'x-forwarded-for': forged } } : {}) }))
        .status;
    const attacker = name === 'nginx' ? '127.0.0.3' : '127.0.0.5';
    const statuses: number[] = [];
    for (let i = 0; i < 21; i++) statuses.push(await status(attacker, `198.51.100.${i}`));
    expect(statuses).toEqual([...Array<number>(20).fill(200), 429]);
    expect(await status(name === 'nginx' ? '127.0.0.4' : '127.0.0.6')).toBe(200);
  });
});
