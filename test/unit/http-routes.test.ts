// What the server tells of its insides, and to whom.
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { ProcessEnded } from '../../src/media/limited-process.ts';
import { createMetrics } from '../../src/metrics.ts';
import { Drain } from '../../src/signaling/drain.ts';
import { describer } from '../../src/signaling/failure.ts';
import { HostPolicy } from '../../src/signaling/host-names.ts';
import { type HttpParts, httpRoutes } from '../../src/signaling/http-routes.ts';
import { isLocal } from '../../src/signaling/local-callers.ts';
import { OriginPolicy } from '../../src/signaling/origins.ts';
import { Readiness } from '../../src/signaling/readiness.ts';
import { openAccess } from '../support/open-access.ts';

const SECRET = 'http://llm.internal:11434/v1 refused the connection';
const metrics = createMetrics();
const liveness: { problem: string | undefined } = { problem: undefined };
const PNG_START = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
let uploadFailure = new Error();
const server = createServer(
  httpRoutes({
    describe: describer(pino({ level: 'silent' }), metrics),
    metrics,
    metricsSettings: { token: '', port: null, host: '127.0.0.1' },
    readiness: new Readiness([{ name: 'llm', check: () => SECRET }]),
    liveness,
    drain: new Drain(),
    origins: new OriginPolicy([], '127.0.0.1'),
    hosts: new HostPolicy([], [], '127.0.0.1'),
    hstsS: 0,
    access: openAccess,
    limits: { requestsPerMinute: 0, ticketsPerMinute: 0, uploadsPerMinute: 0 },
    trustedProxies: 0,
    gallery: {
      add: async () => {
        throw uploadFailure;
      },
      ...Object.fromEntries(
        ['info', 'thumbnail', 'poster', 'rigPath'].map((name) => [
          name,
          async () => {
            throw new AppError('PORTRAIT_UNKNOWN', 'There is no such portrait.');
          },
        ]),
      ),
    },
    clientDir: '/nowhere',
    uploadLimitMb: 1,
  } as unknown as HttpParts),
);
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => void server.close());

it('tells programs of this machine what is wrong, and gives them its metrics', async () => {
  const readiness = await fetch(`${url}readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.json()).toEqual({
    status: 'not ready',
    checks: [{ name: 'llm', isOk: false, detail: SECRET }],
  });
  expect((await fetch(`${url}metrics`)).status).toBe(200);
});

it.each(['x-forwarded-for', 'forwarded'])('tells others its state alone (%s)', async (header) => {
  const headers = { [header]: '127.0.0.1' };
  const readiness = await fetch(`${url}readyz`, { headers });
  expect(readiness.status).toBe(503);
  expect(await readiness.json()).toEqual({ status: 'not ready' });
  const page = await fetch(`${url}metrics`, { headers });
  expect(page.status).toBe(403);
  expect(await page.json()).toMatchObject({ error: { code: 'NOT_ALLOWED' } });
});

it('says that the process does not live when its threads do not answer, and why to programs of this machine alone', async () => {
  const health = async (headers = {}) => {
    const response = await fetch(`${url}healthz`, { headers });
    return { status: response.status, body: await response.json() };
  };
  expect(await health()).toEqual({ status: 200, body: { status: 'ok' } });
  liveness.problem = 'the threads are stuck';
  expect(await health()).toEqual({ status: 503, body: { status: 'stuck', detail: 'the threads are stuck' } });
  expect(await health({ 'x-forwarded-for': '192.0.2.1' })).toEqual({ status: 503, body: { status: 'stuck' } });
  liveness.problem = undefined;
});

it.each([
  ['invalid', new AppError('IMAGE_INVALID', 'It is no picture.')],
  ['too_big', new AppError('IMAGE_TOO_LARGE', 'It is too large.')],
  ['no_face', new AppError('NO_FACE', 'There is no face.')],
  ['refused', new AppError('SERVER_BUSY', 'Others come first.')],
  ['killed_memory', new AppError('IMAGE_INVALID', 'Too much.', { cause: new ProcessEnded('memory', '') })],
  ['killed_time', new AppError('IMAGE_INVALID', 'Too long.', { cause: new ProcessEnded('cpu', '') })],
  ['killed_time', new AppError('SERVER_BUSY', 'No time.', { cause: new ProcessEnded('time', '') })],
  ['failed', new TypeError('a bug')],
])('counts an upload by what came of it: %s', async (outcome, error) => {
  uploadFailure = error;
  metrics.uploads.reset();
  const headers = { 'content-type': 'image/png', 'x-portrait-consent': 'yes' };
  const response = await fetch(`${url}api/portraits`, { method: 'POST', headers, body: PNG_START });
  expect(response.ok).toBe(false);
  expect((await metrics.uploads.get()).values).toEqual([{ labels: { outcome }, value: 1 }]);
});

it.each([
  ['127.0.0.1', true],
  ['127.3.2.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['192.0.2.7', false],
  ['::ffff:192.0.2.7', false],
  ['fd00::1', false],
  ['fe80::1%eth0', false],
  [undefined, false],
])('knows whether %s is this machine', (remoteAddress, expected) => {
  expect(isLocal({ headers: {}, socket: { remoteAddress } })).toBe(expected);
});

describe('an address under /api', () => {
  it.each([
    ['GET', 'api/nothing', 404],
    ['POST', 'api/nothing', 404],
    ['DELETE', 'api', 404],
    ['GET', 'api/portraits/a/b', 404],
    ['GET', 'api/portraits/a/nothing', 404],
    ['GET', 'api/tickets', 405],
    ['PUT', 'api/tickets', 405],
    ['DELETE', 'api/portraits', 405],
    ['POST', 'api/portraits/maya', 405],
    ['POST', 'api/voices', 405],
    ['GET', 'api/speech', 405],
    ['PATCH', 'api/speech', 405],
  ])('%s /%s answers %i in JSON', async (method, path, status) => {
    const response = await fetch(`${url}${path}`, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: { code: status === 404 ? 'NOT_FOUND' : 'METHOD_NOT_ALLOWED', message: expect.any(String) },
    });
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/);
  });

  it('written otherwise does not escape what is checked there', async () => {
    for (const path of ['API/tickets', 'Api/tickets', '/api/tickets', 'api//tickets']) {
      const response = await fetch(`${url}${path}`, { method: 'POST', headers: { origin: 'https://evil.example' } });
      expect([403, 404, 405], path).toContain(response.status);
    }
  });
});

describe('a request for another host', () => {
  const ask = (host: string, path: string): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const { port } = new URL(url);
      request({ port, host: '127.0.0.1', path, headers: { host } }, (response) => {
        let text = '';
        response.on('data', (data) => {
          text += String(data);
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
      })
        .on('error', reject)
        .end();
    });

  it.each(['/', '/metrics', '/readyz', '/healthz', '/api/portraits', '/api/access', '/nothing'])(
    'is told nothing: GET %s',
    async (path) => {
      const { status, text } = await ask('evil.example:8080', path);
      expect([status, JSON.parse(text).error.code]).toEqual([403, 'HOST_REFUSED']);
      expect((await ask('localhost:8080', path)).text).not.toContain('"code":"HOST_REFUSED"');
    },
  );
});

it('tells browsers what our pages may do, and to insist on HTTPS only where the operator wants it', async () => {
  const { headers } = await fetch(`${url}healthz`);
  const { host } = new URL(url);
  expect(headers.get('content-security-policy')).toContain(`connect-src 'self' ws://${host} wss://${host};`);
  expect(headers.get('content-security-policy')).not.toMatch(/connect-src[^;]*\sws:\s|unsafe-eval/);
  expect(headers.get('permissions-policy')).toMatch(/microphone=\(self\).*camera=\(\)/);
  expect(headers.get('strict-transport-security')).toBeNull();
});

it.each(['', '/thumbnail', '/poster', '/rig'])(
  'says in JSON, for nobody to keep, that there is no such face (%s)',
  async (part) => {
    const response = await fetch(`${url}api/portraits/nobody${part}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toMatchObject({ error: { code: 'PORTRAIT_UNKNOWN' } });
  },
);
