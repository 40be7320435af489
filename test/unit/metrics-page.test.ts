// Who may read the metrics: programs of this machine, whoever shows the token, whoever reaches a port of their own.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createMetrics } from '../../src/metrics.ts';
import { describer } from '../../src/signaling/failure.ts';
import { HostPolicy } from '../../src/signaling/host-names.ts';
import { metricsPage, openMetricsPort } from '../../src/signaling/metrics-page.ts';
import { OriginPolicy } from '../../src/signaling/origins.ts';

const TOKEN = 'a token that is long enough to be one';
const metrics = createMetrics();
const describeFailure = describer(pino({ level: 'silent' }), metrics);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const settings = { token: '', port: null, host: '127.0.0.1' };

async function statusOf(port: number, headers: Record<string, string> = {}, path = '/metrics'): Promise<number> {
  const asked = request({ port, host: '127.0.0.1', path, headers }).end();
  const [response] = await once(asked, 'response');
  response.resume();
  return response.statusCode;
}

/** A server that answers every request with the metrics, as the product's own port does. */
async function asked(config: Parameters<typeof metricsPage>[0]['settings'], headers = {}): Promise<number> {
  const answer = metricsPage({ settings: config, metrics });
  const http = createServer((req, res) => {
    answer(req, res).catch((error) => void res.writeHead(describeFailure(error, 'request').status).end());
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const status = await statusOf((http.address() as AddressInfo).port, headers);
  http.close();
  return status;
}

it('gives them to programs of this machine, and to nobody for whom a proxy asks', async () => {
  expect(await asked(settings)).toBe(200);
  expect(await asked(settings, { 'x-forwarded-for': '192.0.2.1' })).toBe(403);
});

it('gives them by token to whoever shows it, through a proxy too, and to nobody else', async () => {
  const withToken = { ...settings, token: TOKEN };
  expect(await asked(withToken, { ...bearer(TOKEN), 'x-forwarded-for': '192.0.2.1' })).toBe(200);
  expect(await asked(withToken, { authorization: `bearer ${TOKEN}` })).toBe(200);
  for (const headers of [{}, bearer(''), bearer(`${TOKEN}x`), { authorization: TOKEN }])
    expect(await asked(withToken, headers)).toBe(403);
});

it('gives them on a port of their own, and there alone', async () => {
  const own = { ...settings, port: 0 };
  expect(await asked(own)).toBe(403);
  using page = (await openMetricsPort({
    settings: own,
    metrics,
    describe: describeFailure,
    origins: new OriginPolicy([], own.host),
    hosts: new HostPolicy([], [], own.host),
  }))!;
  expect(await statusOf(page.port)).toBe(200);
  expect(await statusOf(page.port, { origin: 'https://evil.example' })).toBe(403);
  expect(await statusOf(page.port, { host: 'evil.example' })).toBe(403);
  expect(await statusOf(page.port, {}, '/')).toBe(404);
});

it('asks for the token on that port too', async () => {
  const own = { token: TOKEN, port: 0, host: '127.0.0.1' };
  const origins = new OriginPolicy([], own.host);
  const hosts = new HostPolicy([], [], own.host);
  using page = (await openMetricsPort({ settings: own, metrics, describe: describeFailure, origins, hosts }))!;
  expect(await statusOf(page.port)).toBe(403);
  expect(await statusOf(page.port, bearer(TOKEN))).toBe(200);
});

it('takes no short token', () => {
  expect(() => loadConfig({ VISAVIS__METRICS__TOKEN: 'short' })).toThrow(/metrics.token.*32 bytes/);
  expect(loadConfig({ VISAVIS__METRICS__TOKEN: TOKEN }).metrics.token).toBe(TOKEN);
});
