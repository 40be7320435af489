/**
 * The server's outside: the page and its gallery over HTTP, calls over one socket each. Knows nothing of rendering or speech:
 * `CallHost` opens sessions, `PortraitGallery` has the faces; the composition root supplies both.
 */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { type Socket, Server as SocketServer } from 'socket.io';
import { z } from 'zod';
import type { Config } from '../config.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Logger, Metrics } from '../telemetry.ts';
import { LiveCalls } from './live-calls.ts';
import type { IceCandidate, MediaPeer, PeerEvents } from './peer.ts';
import {
  answerSchema,
  type CaptionMessage,
  type ClientToServerEvents,
  type ControlsMessage,
  candidateSchema,
  controlsSchema,
  type Failure,
  type Joined,
  joinSchema,
  mirrorSchema,
  type PortraitInfo,
  type Reply,
  type ServerToClientEvents,
  type StatsMessage,
  speakSchema,
  type TurnMessage,
  type VoiceInfo,
} from './protocol.ts';
import { SpeechApi } from './speech-api.ts';
import { CALL_ROOM, INVITATION_LIFETIME_S, TicketOffice } from './tickets.ts';
import { WeriftPeer } from './werift-peer.ts';

/** One call, as the socket sees it. */
export interface HostedCall {
  events: PeerEvents;
  speak(message: { text: string; voice?: string | undefined }): number;
  /** A turn of bare sound; ends what was being said. */
  openSound(): SoundIntake;
  /** The face says what the caller's microphone hears, or no longer. */
  setMirror(isOn: boolean): void;
  /** Silence, now. @param turnId only if this turn is under way. */
  stop(turnId?: number): void;
  setControls(controls: ControlsMessage): void;
  close(reason: string): Promise<void>;
}

/** Where a turn's bare sound goes. */
export interface SoundIntake {
  readonly turnId: number;
  /** The turn was cut off: further sound is ignored. */
  readonly isOver: boolean;
  /** @param samples 48 kHz mono. @returns when there is room for more. */
  push(samples: Float32Array): Promise<void>;
  end(): void;
}

export interface CallAudience {
  caption(message: CaptionMessage): void;
  turn(message: TurnMessage): void;
  stats(message: StatsMessage): void;
  failed(failure: Failure): void;
  ended(reason: string): void;
}

export interface CallHost {
  readonly fps: number;
  /** @throws AppError SERVER_BUSY when another call would take pictures from the running ones. */
  open(
    portraitId: string,
    controls: ControlsMessage,
    peer: () => MediaPeer,
    audience: CallAudience,
  ): Promise<HostedCall>;
  voices(): Promise<VoiceInfo[]>;
}

export interface PortraitGallery {
  list(): Promise<PortraitInfo[]>;
  /** @throws AppError PORTRAIT_UNKNOWN. */
  thumbnail(id: string): Promise<Uint8Array>;
  /** @throws AppError as the analysis of a photo does. */
  add(photo: Uint8Array, name: string): Promise<PortraitInfo>;
}

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

const HTTP_STATUS: Partial<Record<ErrorCode, number>> = {
  PORTRAIT_UNKNOWN: 404,
  TICKET_INVALID: 403,
  SESSION_GONE: 410,
  SERVER_BUSY: 503,
  TTS_UNAVAILABLE: 503,
};

export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { config, logger } = parts;
  const tickets = new TicketOffice(config.server.ticketSecret);
  const calls = new LiveCalls();
  const speech = new SpeechApi({
    tickets,
    calls,
    isAllowed: ({ headers }) => isAllowedOrigin(headers.origin, headers.host, config),
    describe: (error) => describe(error, logger).failure,
  });
  const app = express();
  app.disable('x-powered-by');
  app.use(
    helmet({
      contentSecurityPolicy: {
        directives: {
          'default-src': ["'self'"],
          'connect-src': ["'self'", 'ws:', 'wss:'],
          'img-src': ["'self'", 'blob:', 'data:'],
          'media-src': ["'self'", 'blob:'],
          'style-src': ["'self'", "'unsafe-inline'"],
          'upgrade-insecure-requests': null,
        },
      },
      // The page may be embedded where its host allows it; see allowedOrigins.
      crossOriginEmbedderPolicy: false,
    }),
  );
  app.get('/healthz', (_req, res) => void res.json({ status: 'ok' }));
  app.get(
    '/metrics',
    async (_req, res) => void res.type(parts.metrics.registry.contentType).send(await parts.metrics.registry.metrics()),
  );
  app.post('/api/tickets', async (_req, res) => void res.json({ ticket: await tickets.issue(CALL_ROOM) }));
  app.get('/api/portraits', async (_req, res) => void res.json(await parts.gallery.list()));
  app.get('/api/portraits/:id/thumbnail', async (req, res) => {
    res
      .type('image/webp')
      .set('cache-control', 'max-age=3600')
      .send(Buffer.from(await parts.gallery.thumbnail(req.params.id)));
  });
  app.post(
    '/api/portraits',
    express.raw({ type: 'image/*', limit: `${config.server.uploadLimitMb}mb` }),
    async (req, res) => {
      if (req.get('x-portrait-consent') !== 'yes')
        throw new AppError(
          'CONSENT_MISSING',
          'Confirm that you may use this picture of this person (header x-portrait-consent: yes).',
        );
      if (!Buffer.isBuffer(req.body) || req.body.length === 0)
        throw new AppError(
          'IMAGE_INVALID',
          'The upload is empty; send the picture itself with an image/… content type.',
        );
      const name = decodeURIComponent(req.get('x-file-name') ?? 'upload');
      res.status(201).json(await parts.gallery.add(req.body, name));
    },
  );
  app.get('/api/voices', async (_req, res) => void res.json(await parts.host.voices()));
  app.post('/api/speech', (req, res) => speech.post(req, res));
  app.delete('/api/speech', (req, res) => speech.clear(req, res));
  app.use(express.static(parts.clientDir));
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const { failure, status } = describe(error, logger);
    if (failure.error.retryAfterS) res.set('retry-after', String(failure.error.retryAfterS));
    res.status(status).json(failure);
  });

  const http = createServer(app);
  const io = new SocketServer<ClientToServerEvents, ServerToClientEvents>(http, {
    maxHttpBufferSize: 256 * 1024,
    serveClient: false,
    allowRequest: (req, accept) => accept(null, isAllowedOrigin(req.headers.origin, req.headers.host, config)),
  });
  http.on('upgrade', (request, stream, head) => speech.upgrade(request, stream, head));
  io.on('connection', (socket) => attachCall(socket, parts, tickets, calls));

  await listen(http, config);
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://${config.server.host === '0.0.0.0' ? 'localhost' : config.server.host}:${port}/`,
    async [Symbol.asyncDispose]() {
      speech.close();
      await io.close();
      http.closeAllConnections();
    },
  };
}

function isAllowedOrigin(origin: string | undefined, host: string | undefined, config: Config): boolean {
  if (origin === undefined) return true; // not a browser: the ticket decides
  if (config.server.allowedOrigins.includes(origin)) return true;
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

/** AppErrors reach the other side as they are; anything else is a bug of ours, logged and told without its insides. */
function describe(error: unknown, logger: Logger): { failure: Failure; status: number } {
  if (error instanceof AppError) {
    const retryAfterS = error.code === 'SERVER_BUSY' ? 10 : undefined;
    return {
      failure: { error: { code: error.code, message: error.message, ...(retryAfterS ? { retryAfterS } : {}) } },
      status: HTTP_STATUS[error.code] ?? 400,
    };
  }
  const status = (error as { status?: number }).status;
  if (status === 413)
    return {
      failure: { error: { code: 'IMAGE_TOO_LARGE', message: 'The picture file is too large; send a smaller one.' } },
      status,
    };
  logger.error({ err: error }, 'request failed');
  return {
    failure: { error: { code: 'INTERNAL', message: 'Something went wrong on the server; try again.' } },
    status: 500,
  };
}

const emptySchema = z.object({}).optional();

type CallSocket = Socket<ClientToServerEvents, ServerToClientEvents>;

function attachCall(
  socket: CallSocket,
  { config, host, logger }: ServerParts,
  tickets: TicketOffice,
  calls: LiveCalls,
): void {
  let call: HostedCall | undefined;
  let peer: WeriftPeer | undefined;

  /** Checks a message, runs its handler, answers in every case. */
  function on<S extends z.ZodType, R extends object>(
    name: keyof ClientToServerEvents,
    schema: S,
    handle: (message: z.infer<S>) => R | Promise<R>,
  ): void {
    const listener = async (raw: unknown, reply?: unknown): Promise<void> => {
      const answer: Reply<R> = typeof reply === 'function' ? (reply as Reply<R>) : () => {};
      try {
        const parsed = schema.safeParse(raw);
        if (!parsed.success) {
          const issue = parsed.error.issues[0]!;
          throw new AppError(
            'SIGNALING_INVALID',
            `Message "${name}" is not acceptable: ${issue.path.join('.') || 'value'}: ${issue.message}.`,
          );
        }
        answer(await handle(parsed.data));
      } catch (error) {
        answer(describe(error, logger).failure);
      }
    };
    socket.on(name, listener as never);
  }

  const inCall = (): { call: HostedCall; peer: WeriftPeer } => {
    if (!call || !peer) throw new AppError('SIGNALING_INVALID', 'There is no call on this connection; join first.');
    return { call, peer };
  };

  async function leave(reason: string): Promise<void> {
    const [oldCall, oldPeer] = [call, peer];
    call = undefined;
    peer = undefined;
    calls.remove(socket.id, reason);
    await oldCall?.close(reason);
    await oldPeer?.close();
  }

  on('join', joinSchema, async (message): Promise<Joined> => {
    await tickets.redeem(message.ticket);
    await leave('joined again');
    try {
      return await open(message);
    } catch (error) {
      await leave('join failed');
      throw error;
    }
  });
  async function open(message: z.infer<typeof joinSchema>): Promise<Joined> {
    const audience: CallAudience = {
      caption: (m) => void socket.emit('caption', m),
      turn: (m) => {
        socket.emit('turn', m);
        calls.tell(socket.id, (watcher) => watcher.turn(m));
      },
      stats: (m) => void socket.emit('stats', m),
      failed: (m) => {
        socket.emit('failed', m);
        calls.tell(socket.id, (watcher) => watcher.failed(m));
      },
      ended: (reason) => {
        socket.emit('ended', { reason });
        calls.remove(socket.id, reason);
      },
    };
    const onCandidate = (candidate: IceCandidate): void => void socket.emit('candidate', candidate);
    // The call is opened first: a busy server answers before any port is taken.
    call = await host.open(message.portraitId, message.controls ?? {}, () => peer!, audience);
    calls.add(socket.id, call);
    const { events } = call;
    peer = new WeriftPeer({
      iceServers: config.webrtc.iceServers,
      ...(config.webrtc.portRange ? { portRange: config.webrtc.portRange } : {}),
      announcedAddresses: config.webrtc.announcedAddresses,
      useIpv6: config.webrtc.ipv6,
      codecs: config.webrtc.codecs,
      onCandidate,
      events,
    });
    if (socket.disconnected) throw new AppError('SIGNALING_INVALID', 'The connection closed while joining.');
    return {
      sessionId: socket.id,
      offerSdp: await peer.createOffer(),
      iceServers: config.webrtc.iceServers,
      fps: host.fps,
    };
  }
  on('answer', answerSchema, async (message) => {
    await inCall().peer.accept(message.sdp);
    return {};
  });
  on('candidate', candidateSchema, async (message) => {
    await peer?.addCandidate({ ...message, candidate: message.candidate } as IceCandidate);
    return {};
  });
  on('restart', emptySchema, async () => ({ offerSdp: await inCall().peer.createOffer({ iceRestart: true }) }));
  on('speak', speakSchema, (message) => ({ turnId: inCall().call.speak(message) }));
  on('stop', emptySchema, () => {
    inCall().call.stop();
    return {};
  });
  on('mirror', mirrorSchema, ({ isOn }) => {
    inCall().call.setMirror(isOn);
    return {};
  });
  on('invite', emptySchema, async () => {
    inCall();
    const ticket = await tickets.issue(socket.id, true, INVITATION_LIFETIME_S);
    return { sessionId: socket.id, ticket, expiresInS: INVITATION_LIFETIME_S };
  });
  on('controls', controlsSchema, (message) => {
    inCall().call.setControls(message);
    return {};
  });
  on('leave', emptySchema, async () => {
    await leave('left');
    return {};
  });
  socket.on('disconnect', () => {
    leave('disconnected').catch((err) => logger.error({ err }, 'closing a call failed'));
  });
}
