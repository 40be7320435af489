// The doctor: each check tells what is so and how to mend what is not, and none can hang it.
import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCheck } from '../../src/cli/doctor.ts';
import { checkCertificate } from '../../src/cli/doctor-access.ts';
import { type Check, checksOf, type Finding, findingFromError } from '../../src/cli/doctor-checks.ts';
import { runCli } from '../../src/cli/program.ts';
import { parseIceUrl, probeIce } from '../../src/cli/stun-probe.ts';
import { loadConfig } from '../../src/config.ts';
import { AppError } from '../../src/errors.ts';
import { modelsDir } from '../../src/paths.ts';
import { makeCertificate } from '../support/certificate.ts';
import { json, MockProvider } from '../support/mock-provider.ts';

const scratch = mkdtempSync(join(tmpdir(), 'visavis-doctor-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const never = new AbortController().signal;

/** The finding of one check under this environment. */
async function find(name: string, env: Record<string, string>): Promise<Finding> {
  const check = checksOf(loadConfig({ VISAVIS__CACHE__DIR: scratch, ...env })).find((each) => each.name === name);
  if (!check) throw new Error(`there is no check "${name}"`);
  return await runCheck(check, never);
}

describe('the doctor', () => {
  it('finds this machine fit where it is', async () => {
    expect(await find('node', {})).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining(process.versions.node),
    });
    expect(await find('ffmpeg', {})).toMatchObject({ state: 'ok' });
    expect(await find('pictures', {})).toMatchObject({ state: 'ok' });
    expect(await find('inference', {})).toMatchObject({ state: 'ok', detail: expect.stringContaining('cpu') });
    expect(await find('folders', {})).toMatchObject({ state: 'ok', detail: expect.stringContaining(scratch) });
    expect(await find('udp ports', {})).toMatchObject({ state: 'ok' });
    expect(await find('stun and turn', {})).toMatchObject({ state: 'ok' });
    expect(await find('live model (realtime)', {})).toMatchObject({ state: 'ok' });
  });

  it('knows every model that is shipped', async () => {
    const shipped = readdirSync(modelsDir).filter((name) => name.endsWith('.onnx')).length;
    // The others are the face basis, the priors of eyes and head, and the phonemes.
    expect((await find('models', {})).detail).toContain(`All ${shipped + 4} models`);
  });

  it('warns of networks on which something will be missing', async () => {
    const env = { VISAVIS__SERVER__HOST: '0.0.0.0' };
    expect(await find('microphone', env)).toMatchObject({ state: 'warning', remedy: expect.stringContaining('HTTPS') });
    expect(await find('stun and turn', env)).toMatchObject({
      state: 'warning',
      remedy: expect.stringContaining('iceServers'),
    });
  });

  it('knows that the running server takes all callers behind a proxy for one', async () => {
    await using ours = await MockProvider.start();
    let detail = '0 trusted';
    ours.on('GET /readyz', (_, response) => json(response, { checks: [{ name: 'proxies', isOk: true, detail }] }));
    const env = { VISAVIS__SERVER__PORT: new URL(ours.url).port };
    expect(await find('callers’ addresses', env)).toMatchObject({ state: 'ok' });
    detail = 'requests come through a proxy (X-Forwarded-For), but server.trustedProxies is 0';
    expect(await find('callers’ addresses', env)).toMatchObject({
      state: 'problem',
      remedy: expect.stringContaining('server.trustedProxies'),
    });
    expect(await find('callers’ addresses', { ...env, VISAVIS__SERVER__TRUSTED_PROXIES: '1' })).toMatchObject({
      state: 'ok',
    });
  });

  it('knows a port that is taken, and by whom', async () => {
    const other = createServer((socket) => socket.end('220 mail\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    expect(await find('port', { VISAVIS__SERVER__PORT: String(port) })).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining(String(port)),
      remedy: expect.stringContaining('--port'),
    });
    other.close();
    await using ours = await MockProvider.start();
    ours.on('GET /healthz', (_, response) => json(response, { status: 'ok' }));
    const env = { VISAVIS__SERVER__PORT: new URL(ours.url).port };
    expect(await find('port', env)).toMatchObject({ state: 'ok', detail: expect.stringMatching(/is running/) });
    expect(await find('port', { VISAVIS__SERVER__HOST: '203.0.113.7' })).toMatchObject({ state: 'problem' });
  });

  it('says who gets in', async () => {
    const keysFile = { VISAVIS__SERVER__KEYS_FILE: join(scratch, 'no-keys.json') };
    expect(await find('access', keysFile)).toMatchObject({ state: 'ok' });
    const everywhere = { ...keysFile, VISAVIS__SERVER__HOST: '0.0.0.0' };
    expect(await find('access', everywhere)).toMatchObject({
      state: 'problem',
      detail: expect.stringContaining('0.0.0.0'),
    });
    const wanted = { ...everywhere, VISAVIS__SERVER__OPEN_TO_EVERYONE: 'true' };
    expect(await find('access', wanted)).toMatchObject({ state: 'warning', remedy: expect.stringContaining('keys') });
    expect(await find('access', { ...keysFile, VISAVIS__SERVER__TRUSTED_PROXIES: '1' })).toMatchObject({
      state: 'warning',
    });
    const closed = { ...everywhere, VISAVIS__SERVER__ACCESS: 'keys' };
    expect(await find('access', closed)).toMatchObject({
      state: 'warning',
      detail: /nobody gets in/,
      remedy: /access link/,
    });
    writeFileSync(join(scratch, 'bad-keys.json'), '{');
    const damaged = { ...closed, VISAVIS__SERVER__KEYS_FILE: join(scratch, 'bad-keys.json') };
    expect(await find('access', damaged)).toMatchObject({ state: 'problem', detail: /bad-keys/ });
  });

  it('reads the certificate, and sees its end coming', async () => {
    expect(await find('certificate', {})).toMatchObject({ state: 'ok' });
    const tls = makeCertificate(scratch, 'face.example');
    const env = { VISAVIS__SERVER__TLS: JSON.stringify(tls), VISAVIS__SERVER__HOST: '0.0.0.0' };
    expect(await find('certificate', env)).toMatchObject({ state: 'ok', detail: /good for 29 days/ });
    expect(await find('microphone', env)).toMatchObject({ state: 'ok' });
    expect(await find('certificate', { ...env, VISAVIS__SERVER__HOSTS: '["other.example"]' })).toMatchObject({
      state: 'warning',
      detail: /other\.example/,
    });
    const config = loadConfig(env);
    const inDays = (days: number) => checkCertificate(config, Date.now() + days * 86_400_000);
    expect(inDays(15)).toMatchObject({ state: 'warning', detail: /expires in 14 days/ });
    expect(inDays(31)).toMatchObject({ state: 'problem', detail: /has expired/ });
    const missing = { VISAVIS__SERVER__TLS: JSON.stringify({ ...tls, key: '/no/such.pem' }) };
    expect(await find('certificate', missing)).toMatchObject({ state: 'problem', detail: /no\/such\.pem/ });
  });

  it('knows a server of ours with a certificate of its own', async () => {
    const tls = makeCertificate(scratch, 'face.example', 'running');
    const pair = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
    const server = createTlsServer(pair, (_request, response) => response.end('{"status":"ok"}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const env = { VISAVIS__SERVER__TLS: JSON.stringify(tls), VISAVIS__SERVER__PORT: String(port) };
    expect(await find('port', env)).toMatchObject({ state: 'ok', detail: expect.stringMatching(/is running/) });
    server.close();
  });

  it('says that a folder cannot be written', async () => {
    const file = join(scratch, 'file');
    writeFileSync(file, '');
    expect(await find('folders', { VISAVIS__CACHE__DIR: join(file, 'cache') })).toMatchObject({
      state: 'problem',
      remedy: expect.stringContaining('cache.dir'),
    });
  });

  it.each([
    [
      'brain (llm)',
      { VISAVIS__LLM: '{"kind":"openai","baseUrl":"http://127.0.0.1:1/v1"}' },
      /127\.0\.0\.1:1.*reached/,
      /llm\.baseUrl/,
    ],
    [
      'brain (llm)',
      { VISAVIS__LLM: '{"kind":"openai","apiKeyVariable":"VISAVIS_NO_SUCH_KEY"}' },
      /missing/,
      /VISAVIS_NO_SUCH_KEY/,
    ],
    ['recogniser (stt)', { VISAVIS__STT: '{"kind":"sherpa","modelDir":"/no/such"}' }, /no\/such/, /path/],
    [
      'voice (tts)',
      { VISAVIS__TTS: `{"kind":"sherpa","voiceDir":"${scratch}"}` },
      /No voice is installed/,
      /voices install/,
    ],
    [
      'live model (realtime)',
      { VISAVIS__REALTIME: '{"kind":"openai","baseUrl":"http://127.0.0.1:1/v1"}' },
      /reached/,
      /realtime\.baseUrl/,
    ],
  ])('tells what is wrong with a provider: %s %j', async (name, env, detail, remedy) => {
    expect(await find(name, env as Record<string, string>)).toMatchObject({ state: 'problem', detail, remedy });
  });

  it('warns of a model that the endpoint does not list', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /v1/models', (_, response) => json(response, { data: [{ id: 'phi' }] }));
    const env = { VISAVIS__LLM: JSON.stringify({ kind: 'openai', baseUrl: `${mock.url}/v1`, model: 'llama' }) };
    expect(await find('brain (llm)', env)).toMatchObject({ state: 'warning', remedy: expect.stringContaining('phi') });
  });

  it('goes on when a check hangs, and lets it say what it waited for', async () => {
    const hangs: Check = { name: 'deaf', limitMs: 20, run: () => new Promise(() => {}) };
    expect(await runCheck(hangs, never)).toMatchObject({
      state: 'problem',
      detail: expect.stringMatching(/"deaf".*no answer/),
    });
    const polite: Check = {
      name: 'polite',
      limitMs: 20,
      run: (signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => resolve({ state: 'warning', detail: 'Waited.' })),
        ),
    };
    expect(await runCheck(polite, never)).toEqual({ state: 'warning', detail: 'Waited.' });
  });

  it('turns whatever is thrown into words', () => {
    expect(findingFromError(new AppError('MODEL_MISSING', 'The model x is missing: restore it.'))).toEqual({
      state: 'problem',
      detail: 'The model x is missing.',
      remedy: 'Restore it.',
    });
    expect(findingFromError(new Error("Cannot find package 'node-av' imported from here"))).toMatchObject({
      detail: expect.stringContaining('node-av'),
      remedy: expect.stringContaining('npm ci'),
    });
  });
});

describe('STUN and TURN servers', () => {
  it.each([
    ['stun:stun.example.org', { kind: 'stun', host: 'stun.example.org', port: 3478, isTcp: false }],
    ['turn:10.0.0.1:5000?transport=tcp', { kind: 'turn', host: '10.0.0.1', port: 5000, isTcp: true }],
    ['turns:turn.example.org', { kind: 'turns', host: 'turn.example.org', port: 5349, isTcp: true }],
    ['stun:[::1]:3479', { kind: 'stun', host: '::1', port: 3479, isTcp: false }],
    ['https://example.org', undefined],
    ['stun:host:99999', undefined],
  ])('%s', (url, address) => expect(parseIceUrl(url)).toEqual(address));

  it('are asked as calls would ask them', async () => {
    const server = createSocket('udp4');
    server.on('message', (request, from) => {
      // Somebody else's answer first.
      server.send(Buffer.alloc(20), from.port, from.address);
      const reply = Buffer.alloc(32);
      reply.writeUInt16BE(0x0101, 0);
      reply.writeUInt16BE(12, 2);
      request.copy(reply, 4, 4, 20);
      reply.writeUInt16BE(0x0020, 20);
      reply.writeUInt16BE(8, 22);
      reply[25] = 1;
      for (const [i, byte] of [198, 51, 100, 7].entries()) reply[28 + i] = byte ^ request[4 + i];
      server.send(reply, from.port, from.address);
    });
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    const url = `stun:127.0.0.1:${server.address().port}`;
    expect(await find(url, { VISAVIS__WEBRTC__ICE_SERVERS: JSON.stringify([{ urls: url }]) })).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining('198.51.100.7'),
    });
    server.close();
  });

  it('that are silent are given up', async () => {
    const deaf = createSocket('udp4');
    await new Promise<void>((resolve) => deaf.bind(0, '127.0.0.1', resolve));
    const address = parseIceUrl(`turn:127.0.0.1:${deaf.address().port}`)!;
    await expect(probeIce(address, AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' });
    deaf.close();
  });

  it('over TCP take a connection or not', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = parseIceUrl(`turn:127.0.0.1:${(server.address() as AddressInfo).port}?transport=tcp`)!;
    expect(await probeIce(address, never)).toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
    await expect(probeIce(address, never)).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('the command line', () => {
  let stdout: string[] = [];
  let stderr: string[] = [];
  beforeEach(() => {
    stdout = [];
    stderr = [];
    vi.spyOn(console, 'log').mockImplementation((text) => void stdout.push(String(text)));
    vi.spyOn(console, 'error').mockImplementation((text) => void stderr.push(String(text)));
    return () => vi.unstubAllEnvs();
  });

  it('ends with 1 where something has to be mended, and prints one object', async () => {
    vi.stubEnv('VISAVIS__TTS__KIND', 'gramophone');
    expect(await runCli(['doctor', '--json'])).toBe(1);
    expect(stdout).toHaveLength(1);
    expect(JSON.parse(stdout[0])).toMatchObject({
      isOk: false,
      checks: [{ name: 'configuration', state: 'problem', detail: expect.stringContaining('tts.kind') }],
    });
    expect(stderr).toEqual([]);
  });

  it('lists voices', async () => {
    vi.stubEnv('VISAVIS__TTS__VOICE_DIR', join(scratch, 'voices'));
    expect(await runCli(['voices', '--json'])).toBe(0);
    const { embedded, installed } = JSON.parse(stdout[0]);
    expect(embedded.length).toBeGreaterThan(100);
    expect(installed).toEqual([]);
  });

  it.each([
    [['voices', 'install', 'https://voices.example/x.tar.bz2'], 'BAD_USAGE', /--sha256/],
    [['voices', 'install', 'x.tar.bz2', '--sha256', 'beef'], 'BAD_USAGE', /64/],
    [['voices', 'install', '/no/such.tar.bz2'], 'FILE_NOT_FOUND', /no\/such/],
    [['voices', 'remove', 'nobody'], 'VOICE_UNKNOWN', /nobody/],
    [['voices', 'install'], 'BAD_USAGE', /source/],
  ])('refuses %j', async (args, code, message) => {
    vi.stubEnv('VISAVIS__TTS__VOICE_DIR', join(scratch, 'voices'));
    expect(await runCli(args)).toBe(2);
    expect(stderr).toEqual([expect.stringContaining(code)]);
    expect(stderr[0]).toMatch(message);
  });
});
