/**
 * The door for programs: PCM or text into a call that is under way, playout events with true positions out. WebSocket `/api/speech` for
 * streams, HTTP `POST /api/speech` for one turn (answered when it has been played), `DELETE` for silence. Every request carries an
 * invitation to its call. Bounded: who sends faster than is spoken is made to wait by the network itself.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { AppError } from '../errors.ts';
import { ProgramPcm } from '../media/program-pcm.ts';
import type { Access } from './access.ts';
import { type HostPolicy, hostRefused } from './host-names.ts';
import { addressOf, type ConnectionGate, MessageBudget } from './limits.ts';
import type { CallWatcher, LiveCall, LiveCalls } from './live-calls.ts';
import { type OriginPolicy, originRefused } from './origins.ts';
import { ProgramSocket, readJson, type SpeechApiMessage } from './program-socket.ts';
import { type Failure, speakSchema } from './protocol.ts';
import type { RequestDeadlines } from './request-deadlines.ts';
import type { TicketOffice } from './tickets.ts';

const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_TEXT_BYTES = 400_000;

export interface SpeechApiParts {
  tickets: TicketOffice;
  access: Pick<Access, 'requireInForce'>;
  calls: LiveCalls;
  origins: OriginPolicy;
  hosts: HostPolicy;
  deadlines: Pick<RequestDeadlines, 'lift'>;
  gate: ConnectionGate;
  limits: { messagesPerSecond: number };
  trustedProxies: number;
  describe: (error: unknown) => { failure: Failure; status: number };
}

export class SpeechApi {
  private readonly parts: SpeechApiParts;
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });

  constructor(parts: SpeechApiParts) {
    this.parts = parts;
  }

  /** Takes over upgrade requests for its path; others are left alone. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    // Not taken for a URL before it is known: what is none would end the process here.
    if (request.url?.split('?', 1)[0] !== '/api/speech') return;
    const { describe, gate, hosts, limits, origins, trustedProxies } = this.parts;
    const address = addressOf(request, trustedProxies);
    try {
      if (!hosts.isAllowed(request.headers.host)) throw hostRefused();
      if (!origins.isAllowed(request.headers.origin, request.headers.host)) throw originRefused();
      gate.enter(address, stream);
    } catch (error) {
      refuse(stream, describe(error));
      return;
    }
    stream.once('close', () => gate.leave(address, stream));
    this.sockets.handleUpgrade(request, stream, head, (socket) => {
      // What comes before the invitation has been checked waits in the network.
      socket.pause();
      socket.on('error', () => socket.terminate());
      this.invited(request)
        .then(({ sessionId, live }) => {
          new ProgramSocket(socket, sessionId, live, new MessageBudget(limits.messagesPerSecond), this.describe);
          socket.resume();
        })
        .catch((error) => {
          const { code, message } = this.describe(error).error;
          socket.send(JSON.stringify({ type: 'error', code, message } satisfies SpeechApiMessage));
          socket.close(4403, code);
          socket.resume();
        });
    });
  }

  private readonly describe = (error: unknown): Failure => this.parts.describe(error).failure;

  private async invited(request: IncomingMessage): Promise<{ sessionId: string; live: LiveCall }> {
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const token = bearer ?? new URL(request.url ?? '/', 'http://host').searchParams.get('ticket') ?? '';
    const ticket = await this.parts.tickets.verify(token);
    const { room, canSpeak, canProgram } = ticket;
    if (!canSpeak) throw new AppError('TICKET_INVALID', 'This ticket is for watching; ask for one that may speak.');
    if (!canProgram)
      throw new AppError('NOT_ALLOWED', 'This ticket does not let programs speak; ask for one with canProgram.');
    this.parts.access.requireInForce(ticket);
    return { sessionId: room, live: this.parts.calls.get(room) };
  }

  /** One turn: JSON `{text, voice?}`, or PCM as `audio/pcm;rate=16000;channels=1`, streamed as long as it likes. */
  async post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { live } = await this.invited(request);
    const [type, ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim());
    if (type === 'application/json') {
      const message = readJson(speakSchema, await readText(request));
      await this.answerWhenPlayed(live, response, () => live.call.speak(message));
      return;
    }
    if (type !== 'audio/pcm')
      throw new AppError(
        'AUDIO_INVALID',
        'Send application/json with {"text": …}, or audio/pcm;rate=16000;channels=1 with 16-bit little-endian samples.',
      );
    const given = new Map(parameters.map((part) => part.split('=', 2) as [string, string]));
    const decoder = new ProgramPcm({
      sampleRateHz: Number(given.get('rate') ?? Number.NaN),
      channels: Number(given.get('channels') ?? 1),
    });
    // Before anybody waits for it to be played: a refusal is thrown from here.
    const intake = live.call.openSound();
    this.parts.deadlines.lift(request);
    const played = this.answerWhenPlayed(
      live,
      response,
      () => intake.turnId,
      () => decoder.warning,
    );
    try {
      for await (const bytes of request) {
        if (intake.isOver) break;
        await intake.push(decoder.push(bytes as Uint8Array));
      }
      if (!intake.isOver) await intake.push(decoder.flush());
      intake.end();
    } catch (error) {
      live.call.stop(intake.turnId);
      if (!response.destroyed) throw error;
    }
    await played;
  }

  private answerWhenPlayed(
    live: LiveCall,
    response: ServerResponse,
    begin: () => number,
    warningOf: () => string | undefined = () => undefined,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let turnId = 0;
      let failure: Failure | undefined;
      const finish = (status: number, body: object): void => {
        live.watchers.delete(watcher);
        if (!response.headersSent && !response.destroyed)
          response
            .writeHead(status, { 'content-type': 'application/json' })
            .end(JSON.stringify({ ...body, warning: warningOf() }));
        resolve();
      };
      const watcher: CallWatcher = {
        turn: (message) => {
          if (message.turnId !== turnId || message.state !== 'ended') return;
          if (failure) finish(400, failure);
          else finish(200, { turnId, playedMs: message.playedMs ?? 0, interrupted: message.interrupted ?? false });
        },
        failed: (told) => {
          failure = told;
        },
        ended: (reason) => finish(410, { error: { code: 'SESSION_GONE', message: `The call has ended: ${reason}.` } }),
      };
      live.watchers.add(watcher);
      // A program that goes away takes its turn with it.
      response.once('close', () => {
        if (response.writableFinished) return;
        live.call.stop(turnId);
        finish(499, {});
      });
      try {
        turnId = begin();
      } catch (error) {
        live.watchers.delete(watcher);
        reject(error);
      }
    });
  }

  async clear(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { live } = await this.invited(request);
    live.call.stop();
    response.writeHead(204).end();
  }

  close(): void {
    for (const socket of this.sockets.clients) socket.close(1001, 'the server stops');
    this.sockets.close();
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > MAX_TEXT_BYTES) throw new AppError('TEXT_TOO_LONG', 'The request is too large; send a shorter text.');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Before there is a WebSocket, a refusal is an HTTP answer. */
function refuse(stream: Duplex, { failure, status }: { failure: Failure; status: number }): void {
  const body = JSON.stringify(failure);
  const retry = failure.error.retryAfterS ? `retry-after: ${failure.error.retryAfterS}\r\n` : '';
  stream.on('error', () => stream.destroy());
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n${retry}\r\n${body}`,
  );
}
