/**
 * The server over HTTP: the page, its gallery and tickets, the speech API, health and metrics. Every error leaves as one JSON body
 * with a code and a sentence.
 */
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { AppError } from '../errors.ts';
import type { Logger, Metrics } from '../telemetry.ts';
import { describeFailure } from './failure.ts';
import type { CallHost, PortraitGallery } from './hosting.ts';
import type { SpeechApi } from './speech-api.ts';
import { CALL_ROOM, type TicketOffice } from './tickets.ts';

export interface HttpParts {
  host: CallHost;
  gallery: PortraitGallery;
  tickets: TicketOffice;
  speech: SpeechApi;
  logger: Logger;
  metrics: Metrics;
  clientDir: string;
  uploadLimitMb: number;
}

export function httpRoutes(parts: HttpParts): Express {
  const { gallery, host, logger, metrics, speech, tickets } = parts;
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
    async (_req, res) => void res.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  app.post('/api/tickets', async (_req, res) => void res.json({ ticket: await tickets.issue(CALL_ROOM) }));
  app.get('/api/portraits', async (_req, res) => void res.json(await gallery.list()));
  app.get('/api/portraits/:id/thumbnail', async (req, res) => {
    res
      .type('image/webp')
      .set('cache-control', 'max-age=3600')
      .send(Buffer.from(await gallery.thumbnail(req.params.id)));
  });
  app.post('/api/portraits', express.raw({ type: 'image/*', limit: `${parts.uploadLimitMb}mb` }), async (req, res) => {
    if (req.get('x-portrait-consent') !== 'yes')
      throw new AppError(
        'CONSENT_MISSING',
        'Confirm that you may use this picture of this person (header x-portrait-consent: yes).',
      );
    if (!Buffer.isBuffer(req.body) || req.body.length === 0)
      throw new AppError('IMAGE_INVALID', 'The upload is empty; send the picture itself with an image/… content type.');
    const name = decodeURIComponent(req.get('x-file-name') ?? 'upload');
    res.status(201).json(await gallery.add(req.body, name));
  });
  app.get('/api/voices', async (_req, res) => void res.json(await host.voices()));
  app.post('/api/speech', (req, res) => speech.post(req, res));
  app.delete('/api/speech', (req, res) => speech.clear(req, res));
  app.use(express.static(parts.clientDir));
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const { failure, status } = describeFailure(error, logger);
    if (failure.error.retryAfterS) res.set('retry-after', String(failure.error.retryAfterS));
    res.status(status).json(failure);
  });
  return app;
}
