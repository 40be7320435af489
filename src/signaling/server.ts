/**
 * The server's outside, put together: HTTP routes, one socket per call, the door for programs. Knows nothing of rendering or speech:
 * `CallHost` opens sessions, `PortraitGallery` has the faces.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { Metrics } from '../metrics.ts';
import type { Logger } from '../telemetry.ts';
import type { CallSocketParts } from './call-socket.ts';
import { acceptCalls } from './call-sockets.ts';
import { describer } from './failure.ts';
import type { CallHost, PortraitGallery } from './hosting.ts';
import { httpRoutes } from './http-routes.ts';
import { type IceServer, iceServersOf } from './ice-servers.ts';
import { ConnectionGate, PerMinute, proxyWarning } from './limits.ts';
import { LiveCalls } from './live-calls.ts';
import { MediasoupRoom } from './mediasoup-room.ts';
import { Sfu } from './mediasoup-worker.ts';
import { openMetricsPort } from './metrics-page.ts';
import { OriginPolicy } from './origins.ts';
import { PeerFan } from './peer-fan.ts';
import { warmUpPeer } from './peer-warm-up.ts';
import type { ReadinessCheck } from './readiness.ts';
import { Returns } from './returns.ts';
import { Rooms } from './rooms.ts';
import { SpeechApi } from './speech-api.ts';
import { CALL_ROOM, TicketOffice } from './tickets.ts';
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
  /** Where metrics have a port of their own. */
  metricsPort: number | undefined;
}

/** @throws AppError PORT_UNAVAILABLE. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { config, host, logger, metrics } = parts;
  const describe = describer(logger, metrics);
  const tickets = new TicketOffice(config.server.ticketSecret);
  const calls = new LiveCalls();
  const { server: settings, limits, webrtc } = config;
  const origins = new OriginPolicy(settings.allowedOrigins, settings.host);
  const gate = new ConnectionGate(limits.connections);
  const joins = new PerMinute('joins from this address', limits.joinsPerMinute);
  const returns = new Returns(tickets, limits.returnsPerMinute);
  const speech = new SpeechApi({
    tickets,
    calls,
    origins,
    gate,
    limits,
    trustedProxies: settings.trustedProxies,
    describe: (error) => describe(error, 'program'),
  });
  const iceServers = (name: string): IceServer[] => iceServersOf(webrtc, name, Date.now());
  const openPeer: CallSocketParts['openPeer'] = (events, onCandidate, render, servers, codecs = webrtc.codecs) =>
    new WeriftPeer({
      iceServers: servers,
      ...(webrtc.portRange ? { portRange: webrtc.portRange } : {}),
      announcedAddresses: webrtc.announcedAddresses,
      useIpv6: webrtc.ipv6,
      codecs,
      render,
      onCandidate,
      events,
    });
  const metricsPort = await openMetricsPort({
    settings: config.metrics,
    metrics,
    describe,
    origins: new OriginPolicy([], config.metrics.host),
  });
  const sfu =
    webrtc.mode === 'sfu'
      ? await Sfu.open({
          portRange: webrtc.portRange,
          logger,
          restarted: () => metrics.workerRestarts.inc({ worker: 'sfu' }),
        })
      : undefined;
  const [roomCodec] = webrtc.codecs as [LiveCodec];
  const rooms = new Rooms({
    calls,
    maxViewers: webrtc.roomViewers,
    async openMedia(events) {
      const router = await sfu?.openRouter(roomCodec);
      const { announcedAddresses, ipv6, bitrateKbps } = webrtc;
      return router
        ? MediasoupRoom.open(router, {
            videoCodec: roomCodec,
            bitrateBps: bitrateKbps * 1000,
            announcedAddresses,
            useIpv6: ipv6,
            events,
          })
        : new PeerFan(roomCodec, (peerEvents, onCandidate, codecs) =>
            openPeer(peerEvents, onCandidate, 'server', iceServers('room'), codecs),
          );
    },
  });
  const roomService: ReadinessCheck = {
    name: 'rooms',
    check: () => undefined,
    detail: () => sfu?.detail ?? 'rooms are served peer to peer',
  };
  const { gallery, clientDir } = parts;
  const readiness = [...parts.readiness, roomService];
  const { uploadLimitMb, trustedProxies } = settings;
  const shared = { host, tickets, logger, metrics, describe, origins, trustedProxies };
  const http = createServer(
    httpRoutes({
      ...shared,
      gallery,
      speech,
      readiness,
      metricsSettings: config.metrics,
      clientDir,
      uploadLimitMb,
      limits,
    }),
  );
  const sockets = acceptCalls(http, {
    ...shared,
    calls,
    gate,
    joins,
    returns,
    messagesPerSecond: limits.messagesPerSecond,
    silenceS: limits.silenceS,
    rooms,
    iceServers,
    openPeer,
  });
  const noteProxy = proxyWarning(trustedProxies, logger);
  http.on('request', noteProxy);
  http.on('upgrade', noteProxy);
  http.on('upgrade', (request, stream, head) => speech.upgrade(request, stream, head));

  try {
    await listen(http, config);
  } catch (error) {
    sfu?.[Symbol.dispose]();
    metricsPort?.[Symbol.dispose]();
    throw error;
  }
  // Nobody waits for it: a caller who is faster pays as much as without.
  const warmedUp = Promise.all([
    warmUpPeer(webrtc.codecs[0]!),
    tickets.issue(CALL_ROOM).then((ticket) => tickets.redeem(ticket)),
  ]).catch((err) => logger.warn({ err }, 'warming up the network failed'));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://${config.server.host === '0.0.0.0' ? 'localhost' : config.server.host}:${port}/`,
    metricsPort: metricsPort?.port,
    async [Symbol.asyncDispose]() {
      await warmedUp;
      speech.close();
      await sockets.close();
      joins[Symbol.dispose]();
      returns[Symbol.dispose]();
      sfu?.[Symbol.dispose]();
      metricsPort?.[Symbol.dispose]();
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
