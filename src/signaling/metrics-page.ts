/**
 * `/metrics`, and who may read it: with a token whoever shows it; without one programs of this machine, or on a port of its own whoever
 * reaches that port. In: a request; out: the registry as Prometheus reads it. @throws AppError NOT_ALLOWED, PORT_UNAVAILABLE.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Describe } from './failure.ts';
import { type HostPolicy, hostRefused } from './host-names.ts';
import { isLocal } from './local-callers.ts';
import { type OriginPolicy, originRefused } from './origins.ts';

export interface MetricsPageParts {
  settings: Config['metrics'];
  metrics: Pick<Metrics, 'registry'>;
}

/** Answers a request for `/metrics` on the server's own port. */
export function metricsPage(
  parts: MetricsPageParts,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { token, port } = parts.settings;
  return async (request, response) => {
    if (port !== null) throw new AppError('NOT_ALLOWED', 'Metrics have a port of their own here; collect them there.');
    if (token === '' && !isLocal(request))
      throw new AppError(
        'NOT_ALLOWED',
        'Metrics are for programs on the server’s own machine; collect them there, or set metrics.token.',
      );
    await answer(parts, request, response);
  };
}

/** Whether a request shows the token; compared in a time that does not tell how much of it is right. */
function showsToken(request: IncomingMessage, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const shown = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digest(shown), digest(token));
}

async function answer(
  { settings, metrics }: MetricsPageParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (settings.token !== '' && !showsToken(request, settings.token))
    throw new AppError('NOT_ALLOWED', 'Metrics need the header "Authorization: Bearer …" with metrics.token.');
  const page = await metrics.registry.metrics();
  response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(page);
}

/** Opens the port of its own, where one is set. @returns where it listens; undefined where none is set. */
export async function openMetricsPort(
  parts: MetricsPageParts & { describe: Describe; origins: OriginPolicy; hosts: HostPolicy },
): Promise<(Disposable & { port: number }) | undefined> {
  const { settings, describe, origins, hosts } = parts;
  const { host, port } = settings;
  if (port === null) return undefined;
  const http = createServer((request, response) => {
    respond(request, response).catch((error) => {
      const { failure, status } = describe(error, 'request');
      if (!response.headersSent) response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(failure));
    });
  });
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request;
    if (method !== 'GET' || url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('There is only GET /metrics here.\n');
      return;
    }
    if (!hosts.isAllowed(headers.host)) throw hostRefused();
    if (!origins.isAllowed(headers.origin, headers.host)) throw originRefused();
    await answer(parts, request, response);
  }
  await new Promise<void>((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new AppError(
          'PORT_UNAVAILABLE',
          `Port ${port} on ${host} for metrics cannot be opened (${cause.code}); choose another in metrics.port.`,
          { cause },
        ),
      ),
    );
    http.listen(port, host, resolve);
  });
  return {
    port: (http.address() as AddressInfo).port,
    [Symbol.dispose]() {
      http.close();
      http.closeAllConnections();
    },
  };
}
