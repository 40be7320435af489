/** What goes wrong, as the other side is told: one sentence with a code and, over HTTP, a status. Bugs are logged, not told. */
import type { ZodError } from 'zod';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Door, Metrics } from '../metrics.ts';
import type { Logger } from '../telemetry.ts';
import type { Failure } from './protocol.ts';
import { visitorSentence } from './visitor-words.ts';

const HTTP_STATUS: Partial<Record<ErrorCode, number>> = {
  PORTRAIT_UNKNOWN: 404,
  PORTRAIT_UNAVAILABLE: 503,
  TICKET_INVALID: 403,
  ACCESS_REQUIRED: 401,
  KEY_INVALID: 401,
  HOST_REFUSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  SESSION_GONE: 410,
  NOT_ALLOWED: 403,
  FLOOR_TAKEN: 409,
  ORIGIN_REFUSED: 403,
  RATE_LIMITED: 429,
  SERVER_BUSY: 503,
  SERVER_DRAINING: 503,
  UPLOAD_INCOMPLETE: 408,
  TTS_UNAVAILABLE: 503,
};

const MAX_ISSUE_CHARACTERS = 200;

/** What a schema has against a message. It may name what was sent, which may be long. */
export function issueOf(error: ZodError): string {
  const { path, message } = error.issues[0]!;
  const text = `${path.join('.') || 'value'}: ${message}`;
  return text.length > MAX_ISSUE_CHARACTERS ? `${text.slice(0, MAX_ISSUE_CHARACTERS)}…` : text;
}

/** Says what went wrong at a door, and counts it there. */
export type Describe = (error: unknown, door: Door) => { failure: Failure; status: number };

export function describer(logger: Logger, metrics: Pick<Metrics, 'refusals'>): Describe {
  return (error, door) => {
    const told = describeFailure(error, logger);
    metrics.refusals.inc({ door, reason: told.failure.error.code });
    return told;
  };
}

/**
 * AppErrors about what visitors sent reach them as they are; those about the server are logged, and told in words for visitors; anything
 * else is a bug of ours, logged and told without its insides.
 */
export function describeFailure(error: unknown, logger: Logger): { failure: Failure; status: number } {
  if (error instanceof AppError) {
    const { code, message, retryAfterS } = error;
    const instead = visitorSentence(code);
    if (instead !== undefined) logger.warn({ err: error }, 'a visitor was told less than this');
    return {
      failure: { error: { code, message: instead ?? message, ...(retryAfterS ? { retryAfterS } : {}) } },
      status: HTTP_STATUS[code] ?? (instead === undefined ? 400 : 503),
    };
  }
  const status = (error as { status?: number }).status;
  if (status === 413)
    return {
      failure: { error: { code: 'IMAGE_TOO_LARGE', message: 'The picture file is too large; send a smaller one.' } },
      status,
    };
  // What express and its parsers refuse by themselves: a path or a body that cannot be decoded.
  if (status !== undefined && status >= 400 && status < 500)
    return {
      failure: { error: { code: 'SIGNALING_INVALID', message: 'The request is malformed; check its path and body.' } },
      status,
    };
  logger.error({ err: error }, 'request failed');
  return {
    failure: { error: { code: 'INTERNAL', message: 'Something went wrong on the server; try again.' } },
    status: 500,
  };
}
