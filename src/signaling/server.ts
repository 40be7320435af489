/**
 * The server's outside, put together: HTTP routes, one socket per call, the door for programs. Knows nothing of rendering or speech:
 * `CallHost` opens sessions, `PortraitGallery` has the faces.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Logger, Metrics } from '../telemetry.ts';
import { acceptCalls } from './call-socket.ts';
import { describeFailure } from './failure.ts';
import type { CallHost, PortraitGallery } from './hosting.ts';
import { httpRoutes } from './http-routes.ts';
import { LiveCalls } from './live-calls.ts';
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
}

export interface RunningServer extends AsyncDisposable {
  url: string;
}

/** @throws AppError PORT_UNAVAILABLE. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { config, host, logger } = parts;
  const tickets = new TicketOffice(config.server.ticketSecret);
  const calls = new LiveCalls();
  const isAllowed = (origin: string | undefined, hostName: string | undefined): boolean =>
    isAllowedOrigin(origin, hostName, config.server.allowedOrigins);
  const speech = new SpeechApi({
    tickets,
    calls,
    isAllowed: ({ headers }) => isAllowed(headers.origin, headers.host),
    describe: (error) => describeFailure(error, logger).failure,
  });
  const { gallery, metrics, clientDir } = parts;
  const { uploadLimitMb } = config.server;
  const http = createServer(httpRoutes({ host, gallery, tickets, speech, logger, metrics, clientDir, uploadLimitMb }));
  const { webrtc } = config;
  const sockets = acceptCalls(http, {
    host,
    tickets,
    calls,
    logger,
    isAllowed,
    iceServers: webrtc.iceServers,
    openPeer: (events, onCandidate) =>
      new WeriftPeer({
        iceServers: webrtc.iceServers,
        ...(webrtc.portRange ? { portRange: webrtc.portRange } : {}),
        announcedAddresses: webrtc.announcedAddresses,
        useIpv6: webrtc.ipv6,
        codecs: webrtc.codecs,
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
      http.closeAllConnections();
    },
  };
}

function isAllowedOrigin(origin: string | undefined, host: string | undefined, allowed: string[]): boolean {
  if (origin === undefined) return true; // not a browser: the ticket decides
  if (allowed.includes(origin)) return true;
  try {
    return new URL(origin).host === host;
  } catch {
    return false;
  }
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
