/**
 * The server's outside, put together: HTTP routes, one socket per call, the door for programs. Knows nothing of rendering or speech:
 * `CallHost` opens sessions, `PortraitGallery` has the faces.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Logger, Metrics } from '../telemetry.ts';
import { acceptCalls } from './call-sockets.ts';
import { describeFailure } from './failure.ts';
import type { CallHost, PortraitGallery } from './hosting.ts';
import { httpRoutes } from './http-routes.ts';
import { iceServersOf } from './ice-servers.ts';
import { ConnectionGate, PerMinute } from './limits.ts';
import { LiveCalls } from './live-calls.ts';
import { OriginPolicy } from './origins.ts';
import type { ReadinessCheck } from './readiness.ts';
import { SpeechApi } from './speech-api.ts';
import { TicketOffice } from './tickets.ts';
import { WeriftPeer } from './werift-peer.ts';

export interface ServerParts {
  config: Config;
  host: CallHost;
  gallery: PortraitGallery;
  logger: Logger;
  metrics: Metrics;
  clientDir: string;
  /** What must be true before callers are sent here: `/readyz`. */
  readiness: readonly ReadinessCheck[];
}

export interface RunningServer extends AsyncDisposable {
  url: string;
}

/** @throws AppError PORT_UNAVAILABLE. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { config, host, logger } = parts;
  const tickets = new TicketOffice(config.server.ticketSecret);
  const calls = new LiveCalls();
  const { server: settings, limits, webrtc } = config;
  const origins = new OriginPolicy(settings.allowedOrigins, settings.host);
  const gate = new ConnectionGate(limits.connections);
  const joins = new PerMinute('joins', limits.joinsPerMinute);
  const speech = new SpeechApi({
    tickets,
    calls,
    origins,
    gate,
    limits,
    trustedProxies: settings.trustedProxies,
    describe: (error) => describeFailure(error, logger),
  });
  const { gallery, metrics, clientDir, readiness } = parts;
  const { uploadLimitMb, trustedProxies } = settings;
  const shared = { host, tickets, logger, origins, trustedProxies };
  const http = createServer(
    httpRoutes({ ...shared, gallery, speech, metrics, readiness, clientDir, uploadLimitMb, limits }),
  );
  const sockets = acceptCalls(http, {
    ...shared,
    calls,
    gate,
    joins,
    messagesPerSecond: limits.messagesPerSecond,
    iceServers: (name) => iceServersOf(webrtc, name, Date.now()),
    openPeer: (events, onCandidate, render, iceServers) =>
      new WeriftPeer({
        iceServers,
        ...(webrtc.portRange ? { portRange: webrtc.portRange } : {}),
        announcedAddresses: webrtc.announcedAddresses,
        useIpv6: webrtc.ipv6,
        codecs: webrtc.codecs,
        render,
        onCandidate,
        events,
      }),
  });
  http.on('upgrade', (request, stream, head) => speech.upgrade(request, stream, head));

  await listen(http, config);
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://${config.server.host === '0.0.0.0' ? 'localhost' : config.server.host}:${port}/`,
    async [Symbol.asyncDispose]() {
      speech.close();
      await sockets.close();
      joins[Symbol.dispose]();
      http.closeAllConnections();
    },
  };
}

function listen(http: HttpServer, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) => {
      const { host, port } = config.server;
      const why =
        cause.code === 'EADDRINUSE'
          ? 'is already in use; choose another with --port, or --port 0 for a free one'
          : `cannot be opened (${cause.code})`;
      reject(new AppError('PORT_UNAVAILABLE', `Port ${port} on ${host} ${why}.`, { cause }));
    });
    http.listen(config.server.port, config.server.host, resolve);
  });
}
