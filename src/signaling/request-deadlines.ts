/**
 * How long a request's body may take, instead of Node's one limit for every request: a stream of speech lasts as long as it likes once its sender was
 * found to be invited; everybody else who sends slowly is answered 408 and disconnected. Slow headers are Node's own `headersTimeout`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../errors.ts';
import type { Failure } from './protocol.ts';

const BODY_MS = 60_000;
/** A photo over a slow line. */
const UPLOAD_MS = 300_000;
/** Of a body whose request was answered before it was complete, as those that are refused are: its sender gets to read why. */
const ANSWERED_MS = 5000;

export class RequestDeadlines {
  private readonly limitMs: (request: IncomingMessage) => number;
  private readonly answeredMs: number;
  private readonly timers = new WeakMap<IncomingMessage, NodeJS.Timeout>();

  constructor(
    limitMs: (request: IncomingMessage) => number = ({ url = '' }) =>
      url.split('?', 1)[0] === '/api/portraits' ? UPLOAD_MS : BODY_MS,
    answeredMs = ANSWERED_MS,
  ) {
    this.limitMs = limitMs;
    this.answeredMs = answeredMs;
  }

  /** For every request, before anybody reads it. */
  readonly guard = (request: IncomingMessage, response: ServerResponse): void => {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || request.headers['content-length'] !== undefined;
    if (!hasBody) return;
    const limitMs = this.limitMs(request);
    const timer = setTimeout(() => {
      if (!request.complete) refuse(request, response, limitMs);
    }, limitMs);
    timer.unref();
    this.timers.set(request, timer);
    for (const end of ['end', 'close']) request.once(end, () => clearTimeout(timer));
    response.once('finish', () => {
      if (request.complete) return;
      const { socket } = request;
      const rest = setTimeout(() => {
        if (!request.complete) socket.destroy();
      }, this.answeredMs);
      rest.unref();
      socket.once('close', () => clearTimeout(rest));
    });
  };

  /** The request takes as long as it likes. */
  lift(request: IncomingMessage): void {
    clearTimeout(this.timers.get(request));
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, limitMs: number): void {
  const { code, message } = new AppError(
    'REQUEST_TIMEOUT',
    `The request was not complete after ${limitMs / 1000} s; send it faster.`,
  );
  const disconnect = (): void => void request.destroy();
  if (response.headersSent) {
    disconnect();
    return;
  }
  response.once('finish', disconnect);
  response
    .writeHead(408, { 'content-type': 'application/json', connection: 'close' })
    .end(JSON.stringify({ error: { code, message } } satisfies Failure));
}
