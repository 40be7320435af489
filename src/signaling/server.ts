/**
 * The server's outside, put together: HTTP routes, one socket per call, the door for programs. Knows nothing of rendering or speech:
 * `CallHost` opens sessions, `PortraitGallery` has the faces.
 */
import { createHash } from 'node:crypto';
import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { Metrics } from '../metrics.ts';
import type { Logger } from '../telemetry.ts';
import { Access } from './access.ts';
import { KeyRing } from './access-keys.ts';
import type { CallSocketParts } from './call-socket.ts';
import { acceptCalls } from './call-sockets.ts';
import { Drain, dismissed } from './drain.ts';
import { describer } from './failure.ts';
import { HostPolicy, isLoopbackHost } from './host-names.ts';
import type { CallHost, PortraitGallery } from './hosting.ts';
import { httpRoutes } from './http-routes.ts';
import { type IceServer, iceServersOf } from './ice-servers.ts';
import { ConnectionGate, PerMinute, proxyWarning } from './limits.ts';
import { LiveCalls } from './live-calls.ts';
import { Liveness } from './liveness.ts';
import { MediasoupRoom } from './mediasoup-room.ts';
import { Sfu } from './mediasoup-worker.ts';
import { openMetricsPort } from './metrics-page.ts';
import { OpenConnections } from './open-connections.ts';
import { OriginPolicy } from './origins.ts';
import { PeerFan } from './peer-fan.ts';
import { warmUpPeer } from './peer-warm-up.ts';
import { Readiness, type ReadinessCheck } from './readiness.ts';
import { RequestDeadlines } from './request-deadlines.ts';
import { Returns } from './returns.ts';
import { Rooms } from './rooms.ts';
import { SpeechApi } from './speech-api.ts';
import { CALL_ROOM, TicketOffice } from './tickets.ts';
import { readTlsFiles, type TlsFiles, type TlsIdentity, watchTlsFiles } from './tls-files.ts';
import { UsedTickets } from './used-tickets.ts';
import { WeriftPeer } from './werift-peer.ts';

const HEADERS_TIMEOUT_MS = 30_000;
/** How often Node looks for headers that take too long. */
const HEADERS_CHECK_MS = 5000;
const TLS_OPTIONS = { minVersion: 'TLSv1.2' } as const;

export interface ServerParts {
  config: Config;
  host: CallHost;
  gallery: PortraitGallery;
  logger: Logger;
  metrics: Metrics;
  clientDir: string;
  /** VISAVIS_API_KEYS. */
  apiKeys?: string;
  /** What must be true before callers are sent here: `/readyz`. */
  readiness: readonly ReadinessCheck[];
  /** Resolves when every thread has answered: `/healthz`. */
  answer?: () => Promise<void>;
}

export interface RunningServer extends AsyncDisposable {
  url: string;
  /** Where metrics have a port of their own. */
  metricsPort: number | undefined;
  /** Settles when a call that nobody sees has gone through the network: what is slow only once is behind us. */
  warmedUp: Promise<unknown>;
  /**
   * No new calls from now on; those there are end by themselves, or when `limitMs` have passed.
   * @param stop aborted: they end now.
   */
  drain(limitMs: number, stop: AbortSignal): Promise<void>;
}

/** With a secret that outlives the process its tickets do, too, and so does what is known of them. */
function openTickets({ server: { ticketSecret }, cache }: Config, logger: Logger): TicketOffice {
  if (ticketSecret === '') return new TicketOffice('');
  const secretHash = createHash('sha256').update(`used tickets of ${ticketSecret}`).digest('hex').slice(0, 16);
  const used = new UsedTickets({
    dir: join(cache.dir, 'used-tickets', secretHash),
    unkept: (err) => logger.warn({ err }, 'a used ticket could not be noted: after a restart it would open once more'),
  });
  return new TicketOffice(ticketSecret, Date.now, used);
}

/** @throws AppError PORT_UNAVAILABLE. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { config, logger, metrics } = parts;
  const drain = new Drain();
  const host = drain.guard(parts.host);
  const describe = describer(logger, metrics);
  const tickets = openTickets(config, logger);
  const calls = new LiveCalls();
  const { server: settings, limits, webrtc } = config;
  const origins = new OriginPolicy(settings.allowedOrigins, settings.host, settings.hosts);
  const hosts = new HostPolicy(settings.hosts, settings.allowedOrigins, settings.host);
  const gate = new ConnectionGate(limits.connections);
  const joins = new PerMinute('joins from this address', limits.joinsPerMinute);
  const wrongKeys = new PerMinute('wrong keys from this address', limits.wrongKeysPerMinute);
  const keyTickets = new PerMinute('tickets of this key', 0);
  const keys = new KeyRing(settings.keysFile, parts.apiKeys, (err) =>
    logger.error({ err }, 'the changed key file was not taken over; the keys before stay'),
  );
  const { trustedProxies } = settings;
  const access = new Access({ mode: settings.access, tickets, keys, wrongKeys, keyTickets, trustedProxies });
  const deadlines = new RequestDeadlines();
  const tls = settings.tls.cert === '' ? undefined : openTls(settings.tls, logger);
  const returns = new Returns(tickets, limits);
  const speech = new SpeechApi({
    ...{ tickets, access, calls, origins, hosts, gate, deadlines, limits, trustedProxies },
    describe: (error) => describe(error, 'program'),
  });
  const iceServers = (name: string, callEndsS?: number): IceServer[] =>
    iceServersOf(webrtc, name, Date.now(), callEndsS);
  const openPeer: CallSocketParts['openPeer'] = (events, onCandidate, options) =>
    new WeriftPeer({
      codecs: webrtc.codecs,
      ...options,
      ...(webrtc.portRange ? { portRange: webrtc.portRange } : {}),
      announcedAddresses: webrtc.announcedAddresses,
      useIpv6: webrtc.ipv6,
      onCandidate,
      events,
    });
  const metricsPort = await openMetricsPort({
    settings: config.metrics,
    metrics,
    describe,
    origins: new OriginPolicy([], config.metrics.host),
    hosts: new HostPolicy(settings.hosts, [], config.metrics.host),
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
        : new PeerFan(roomCodec, (peerEvents, onCandidate, codecs, candidates) =>
            openPeer(peerEvents, onCandidate, { render: 'server', iceServers: iceServers('room'), codecs, candidates }),
          );
    },
  });
  const roomService: ReadinessCheck = {
    name: 'rooms',
    check: () => undefined,
    detail: () => sfu?.detail ?? 'rooms are served peer to peer',
  };
  const { gallery, clientDir } = parts;
  let isProxyUnknown = false;
  const proxies: ReadinessCheck = {
    name: 'proxies',
    check: () => undefined,
    detail: () =>
      isProxyUnknown
        ? 'requests come through a proxy (X-Forwarded-For), but server.trustedProxies is 0: all callers behind it count as one address'
        : `${trustedProxies} trusted`,
  };
  const draining: ReadinessCheck = {
    name: 'drain',
    status: 'draining',
    check: () => (drain.isOn ? 'the server is about to stop' : undefined),
  };
  const readiness = new Readiness([...parts.readiness, roomService, proxies, draining], ({ status, checks }) =>
    logger.info({ status, failed: checks.filter(({ isOk }) => !isOk) }, 'readiness changed'),
  );
  const liveness = new Liveness(parts.answer ?? (() => Promise.resolve()));
  const shared = {
    host,
    tickets,
    access,
    calls,
    rooms,
    logger,
    metrics,
    describe,
    drain,
    origins,
    hosts,
    trustedProxies,
  };
  const routes = httpRoutes({
    ...shared,
    gallery,
    speech,
    readiness,
    liveness,
    metricsSettings: config.metrics,
    clientDir,
    uploadLimitMb: settings.uploadLimitMb,
    hstsS: settings.hstsS,
    limits,
  });
  // Node's limit for whole requests would end a stream of speech: RequestDeadlines has one for each.
  const timeouts = {
    requestTimeout: 0,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: HEADERS_CHECK_MS,
  };
  const http = tls
    ? createTlsServer({ ...timeouts, ...TLS_OPTIONS, ...tls.identity }, routes)
    : createServer(timeouts, routes);
  const connections = new OpenConnections(http);
  const certificate = tls?.renew(http as TlsServer);
  const sockets = acceptCalls(http, {
    ...shared,
    gate,
    joins,
    returns,
    maxCallS: limits.callS,
    candidateRules: { allowLoopback: isLoopbackHost(settings.host), denyPrivate: webrtc.denyPrivateCandidates },
    messagesPerSecond: limits.messagesPerSecond,
    silenceS: limits.silenceS,
    iceServers,
    openPeer,
  });
  // Before all others, the sockets' polling included.
  http.prependListener('request', deadlines.guard);
  const noteProxy = proxyWarning(trustedProxies, logger, () => {
    isProxyUnknown = true;
  });
  http.on('request', noteProxy);
  http.on('upgrade', noteProxy);
  http.on('upgrade', (request, stream, head) => speech.upgrade(request, stream, head));

  const closers = [keys, wrongKeys, keyTickets, certificate];
  try {
    await listen(http, config);
  } catch (error) {
    for (const each of closers) each?.[Symbol.dispose]();
    liveness[Symbol.dispose]();
    sfu?.[Symbol.dispose]();
    metricsPort?.[Symbol.dispose]();
    throw error;
  }
  const life = new AbortController();
  // Nobody waits for it: a caller who is faster pays as much as without.
  const warmedUp = Promise.all([
    warmUpPeer(webrtc.codecs[0]!, life.signal),
    tickets.issue(CALL_ROOM).then((ticket) => tickets.redeem(ticket)),
  ]).catch((err) => {
    if (!life.signal.aborted) logger.warn({ err }, 'warming up the network failed');
  });
  const { port } = http.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${config.server.host === '0.0.0.0' ? 'localhost' : config.server.host}:${port}/`,
    metricsPort: metricsPort?.port,
    warmedUp,
    async drain(limitMs, stop) {
      logger.info({ calls: calls.count, limitMs }, 'draining');
      metrics.draining.set(1);
      readiness.forget();
      await drain.run(calls, sockets, limitMs, stop);
      logger.info({}, 'drained');
    },
    async [Symbol.asyncDispose]() {
      life.abort();
      liveness[Symbol.dispose]();
      await dismissed(sockets);
      speech.close();
      await connections.end(() => sockets.close());
      for (const each of [joins, ...closers]) each?.[Symbol.dispose]();
      returns[Symbol.dispose]();
      sfu?.[Symbol.dispose]();
      metricsPort?.[Symbol.dispose]();
    },
  };
}

/** @throws AppError TLS_INVALID. @returns the certificate, and how a server keeps to it. */
function openTls(files: TlsFiles, logger: Logger): { identity: TlsIdentity; renew(server: TlsServer): Disposable } {
  return {
    identity: readTlsFiles(files),
    renew: (server) =>
      watchTlsFiles(
        files,
        (identity) => {
          server.setSecureContext({ ...identity, ...TLS_OPTIONS });
          logger.info({ expires: new Date(identity.expiresMs) }, 'the certificate was taken over');
        },
        (err) => logger.error({ err }, 'the changed certificate was not taken over; the one before stays'),
      ),
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
