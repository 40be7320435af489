/**
 * The server over HTTP: the page, its gallery and tickets, the speech API, health and metrics. Every error leaves as one JSON body
 * with a code and a sentence.
 */
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { ProcessEnded } from '../media/limited-process.ts';
import type { Door, Metrics, RefusalReason, UploadOutcome } from '../metrics.ts';
import type { Access, Grant } from './access.ts';
import type { Drain } from './drain.ts';
import type { Describe } from './failure.ts';
import { type HostPolicy, hostRefused } from './host-names.ts';
import type { CallHost, PortraitGallery } from './hosting.ts';
import { addressOf, limitRequests } from './limits.ts';
import type { Liveness } from './liveness.ts';
import { isLocal } from './local-callers.ts';
import { metricsPage } from './metrics-page.ts';
import { type OriginPolicy, originRefused } from './origins.ts';
import { type AccessInfo, ticketQuerySchema } from './protocol.ts';
import type { Readiness } from './readiness.ts';
import { securityHeaders } from './security-headers.ts';
import type { SpeechApi } from './speech-api.ts';
import { issueTicket, type TicketRequestParts } from './ticket-requests.ts';
import { UPLOAD_LIMITS, Uploads, uploadName } from './uploads.ts';

export interface HttpParts extends TicketRequestParts {
  host: CallHost;
  gallery: PortraitGallery;
  access: Access;
  speech: SpeechApi;
  describe: Describe;
  metrics: Metrics;
  /** Who may read the metrics. */
  metricsSettings: Config['metrics'];
  readiness: Readiness;
  liveness: Pick<Liveness, 'problem'>;
  drain: Drain;
  origins: OriginPolicy;
  hosts: HostPolicy;
  hstsS: number;
  limits: Config['limits'];
  trustedProxies: number;
  clientDir: string;
  uploadLimitMb: number;
}

/** What each address under /api takes; told to who asks otherwise. */
const API_METHODS: readonly [RegExp, string][] = [
  [/^\/(access|voices)\/?$/, 'GET'],
  [/^\/tickets\/?$/, 'POST'],
  [/^\/portraits\/?$/, 'GET, POST'],
  [/^\/portraits\/[^/]+(\/(thumbnail|poster|rig))?\/?$/, 'GET'],
  [/^\/speech\/?$/, 'POST, DELETE'],
];

export function httpRoutes(parts: HttpParts): Express {
  const { access, describe, drain, gallery, host, metrics, origins, speech } = parts;
  const app = express();
  app.disable('x-powered-by');
  // Checks by path, below and elsewhere, are not to be escaped by another spelling.
  app.enable('case sensitive routing');
  app.use((req, _res, next) => next(parts.hosts.isAllowed(req.headers.host) ? undefined : hostRefused()));
  app.use(securityHeaders(origins, parts));
  app.use(welcomeOrigins(origins));
  const limit = (what: string, perMinute: number) => limitRequests(what, perMinute, parts.trustedProxies);
  app.use('/api', limit('requests', parts.limits.requestsPerMinute));
  const ticketLimit = limitRequests('tickets', parts.limits.ticketsPerMinute, parts.trustedProxies, (res) =>
    // Many visitors ask through one back end: its key has a limit of its own.
    Boolean((res.locals.grant as Grant).key),
  );
  const uploadLimit = limit('uploads', parts.limits.uploadsPerMinute);
  const uploads = new Uploads<Request>(
    { ...UPLOAD_LIMITS, maxBytes: parts.uploadLimitMb * 1e6 },
    (req) => addressOf(req, parts.trustedProxies),
    async (req) => {
      consented(req);
      await access.requireUpload(req);
    },
  );
  app.get('/healthz', (req, res) => {
    const { problem } = parts.liveness;
    const detail = problem !== undefined && isLocal(req) ? { detail: problem } : {};
    res.status(problem === undefined ? 200 : 503).json({ status: problem === undefined ? 'ok' : 'stuck', ...detail });
  });
  app.get('/readyz', async (req, res) => {
    const readiness = await parts.readiness.ask();
    const { status } = readiness;
    // The reasons name services and their addresses: they are for the operator.
    res.status(status === 'ready' ? 200 : 503).json(isLocal(req) ? readiness : { status });
  });
  app.get('/metrics', metricsPage({ settings: parts.metricsSettings, metrics }));
  const identify: RequestHandler = async (req, res, next) => {
    res.locals.grant = await access.grantOf(req);
    next();
  };
  app.get('/api/access', async (req, res) => {
    const info = await access.grantOf(req).then(
      ({ rights: { canUpload, portraits } }): AccessInfo => ({
        isAdmitted: true,
        canUpload,
        ...(portraits ? { portraits } : {}),
      }),
      (error): AccessInfo => ({ isAdmitted: false, canUpload: false, ...describe(error, 'request').failure }),
    );
    res.set('cache-control', 'no-store').json(info);
  });
  app.post('/api/tickets', identify, ticketLimit, async (req, res) => {
    const grant = res.locals.grant as Grant;
    const { success, data } = ticketQuerySchema.safeParse(req.query);
    if (!success)
      throw new AppError(
        'SIGNALING_INVALID',
        'A room is named by up to 64 letters, digits, spaces, dots, - and _; "as" is speaker or viewer.',
      );
    drain.admit();
    await access.countTicket(grant);
    res.set('cache-control', 'no-store').json({ ticket: await issueTicket(parts, grant, data) });
  });
  app.get('/api/portraits', async (_req, res) => void res.json(await gallery.list()));
  app.get('/api/portraits/:id', async (req, res) => void res.json(await gallery.info(req.params.id)));
  app.get('/api/portraits/:id/thumbnail', async (req, res) => {
    res
      .type('image/webp')
      .set('cache-control', 'private, max-age=3600')
      .send(Buffer.from(await gallery.thumbnail(req.params.id)));
  });
  app.get('/api/portraits/:id/poster', async (req, res) => {
    const poster = await gallery.poster(req.params.id);
    res.type('image/webp').set('cache-control', 'private, max-age=3600').send(Buffer.from(poster));
  });
  app.get('/api/portraits/:id/rig', async (req, res) => {
    // Revalidated each time: the same portrait may have been baked anew.
    res.set('cache-control', 'no-cache').type('application/octet-stream');
    res.sendFile(await gallery.rigPath(req.params.id), { dotfiles: 'allow' });
  });
  app.post('/api/portraits', uploadLimit, uploads.receive, async (req, res) => {
    const measured = metrics.portraitAnalysis.startTimer();
    const face = await gallery.add(req.body, uploadName(req));
    measured();
    metrics.uploads.inc({ outcome: 'ok' });
    res.status(201).json(face);
  });
  app.get('/api/voices', async (_req, res) => void res.json(await host.voices()));
  app.post('/api/speech', (req, res) => speech.post(req, res));
  app.delete('/api/speech', (req, res) => speech.clear(req, res));
  app.use('/api', (req, res) => {
    const methods = API_METHODS.find(([path]) => path.test(req.path))?.[1];
    if (!methods)
      throw new AppError('NOT_FOUND', 'There is nothing under this address; the API is described in README and docs.');
    res.set('allow', methods);
    throw new AppError('METHOD_NOT_ALLOWED', `This address takes ${methods}.`);
  });
  app.use(express.static(parts.clientDir));
  app.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const door = doorOf(req);
    const { failure, status } = describe(error, door);
    if (door === 'upload') metrics.uploads.inc({ outcome: uploadOutcome(failure.error.code, error) });
    if (status === 401) res.set('www-authenticate', 'Bearer');
    if (failure.error.retryAfterS) res.set('retry-after', String(failure.error.retryAfterS));
    // Whatever the answer was to be, and for how long it was to be kept.
    res.set('cache-control', 'no-store').type('json').status(status).json(failure);
  });
  return app;
}

/** Which door a request knocked at; in labels there are no paths, for anyone can send any. */
function doorOf({ method, path }: Request): Door {
  if (path === '/api/speech') return 'program';
  if (method === 'POST' && path === '/api/tickets') return 'ticket';
  return method === 'POST' && path === '/api/portraits' ? 'upload' : 'request';
}

const UPLOAD_OUTCOMES: Partial<Record<RefusalReason, UploadOutcome>> = {
  IMAGE_INVALID: 'invalid',
  IMAGE_TOO_SMALL: 'invalid',
  IMAGE_TOO_LARGE: 'too_big',
  NO_FACE: 'no_face',
  FACE_TOO_SMALL: 'no_face',
  FACE_PROFILE: 'no_face',
  INTERNAL: 'failed',
};

function uploadOutcome(code: string, error: unknown): UploadOutcome {
  const cause = error instanceof AppError ? error.cause : undefined;
  if (!(cause instanceof ProcessEnded)) return UPLOAD_OUTCOMES[code as RefusalReason] ?? 'refused';
  const { why } = cause;
  if (why === 'cpu' || why === 'time') return 'killed_time';
  return why === 'start' ? 'failed' : 'killed_memory';
}

/** @throws AppError CONSENT_MISSING. */
function consented(req: Request): void {
  if (req.get('x-portrait-consent') !== 'yes')
    throw new AppError(
      'CONSENT_MISSING',
      'Confirm that you may use this picture of this person (header x-portrait-consent: yes).',
    );
}

/** Answers pages of allowed origins as CORS asks; turns those of others away from everything under /api. */
function welcomeOrigins(origins: OriginPolicy): RequestHandler {
  return (req, res, next) => {
    const { origin } = req.headers;
    if (!origins.isAllowed(origin, req.headers.host)) {
      if (!req.path.startsWith('/api/')) return next();
      return next(originRefused());
    }
    if (origin !== undefined && origins.allowed.includes(origin)) {
      res.set({ 'access-control-allow-origin': origin, vary: 'origin' });
      if (req.method === 'OPTIONS') {
        res
          .set({
            'access-control-allow-methods': 'GET, POST, DELETE',
            'access-control-allow-headers': 'authorization, content-type, x-file-name, x-portrait-consent',
            'access-control-max-age': '600',
          })
          .status(204)
          .end();
        return;
      }
    }
    next();
  };
}
