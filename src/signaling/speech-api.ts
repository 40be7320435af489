/**
 * The door for programs: PCM or text into a call that is under way, playout events with true positions out. WebSocket `/api/speech` for
 * streams, HTTP `POST /api/speech` for one turn (answered when it has been played), `DELETE` for silence. Every request carries an
 * invitation to its call. Bounded: who sends faster than is spoken is made to wait by the network itself.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { PcmDecoder } from '../media/pcm-decoder.ts';
import type { SoundIntake } from './hosting.ts';
import { addressOf, type ConnectionGate, MessageBudget } from './limits.ts';
import type { CallWatcher, LiveCall, LiveCalls } from './live-calls.ts';
import { type OriginPolicy, originRefused } from './origins.ts';
import { type Failure, speakSchema, type TurnMessage } from './protocol.ts';
import type { TicketOffice } from './tickets.ts';

const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_TEXT_BYTES = 400_000;
/**
 * Sound that a socket may have waiting here; beyond that it is not read until half of it has been taken. Who sends still further ahead
 * clears by HTTP, because a `clear` on the socket would be read last.
 */
const MAX_WAITING_SAMPLES = 48_000 * 10;

const messageSchema = z.discriminatedUnion('type', [
  /** Begins a turn of PCM; binary messages follow. */
  z.strictObject({ type: z.literal('start'), sampleRateHz: z.number(), channels: z.number().default(1) }),
  /** The turn's sound is complete. */
  z.strictObject({ type: z.literal('end') }),
  z.strictObject({ type: z.literal('text'), ...speakSchema.shape }),
  /** Silence, now. */
  z.strictObject({ type: z.literal('clear') }),
]);

export type SpeechApiMessage =
  | { type: 'ready'; sessionId: string }
  | { type: 'started'; turnId: number }
  | { type: 'ended'; turnId: number; playedMs: number; interrupted: boolean }
  | { type: 'error'; code: string; message: string };

export interface SpeechApiParts {
  tickets: TicketOffice;
  calls: LiveCalls;
  origins: OriginPolicy;
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
    if (new URL(request.url ?? '/', 'http://host').pathname !== '/api/speech') return;
    const { describe, gate, limits, origins, trustedProxies } = this.parts;
    const address = addressOf(request, trustedProxies);
    try {
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
    const { room, canSpeak } = await this.parts.tickets.verify(token);
    if (!canSpeak) throw new AppError('TICKET_INVALID', 'This ticket is for watching; ask for one that may speak.');
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
    const decoder = new PcmDecoder({
      sampleRateHz: Number(given.get('rate') ?? Number.NaN),
      channels: Number(given.get('channels') ?? 1),
    });
    let intake: SoundIntake | undefined;
    const played = this.answerWhenPlayed(live, response, () => {
      intake = live.call.openSound();
      return intake.turnId;
    });
    try {
      for await (const bytes of request) {
        if (intake!.isOver) break;
        await intake!.push(decoder.push(bytes as Uint8Array));
      }
      if (!intake!.isOver) await intake!.push(decoder.flush());
      intake!.end();
    } catch (error) {
      live.call.stop(intake!.turnId);
      if (!response.destroyed) throw error;
    }
    await played;
  }

  private answerWhenPlayed(live: LiveCall, response: ServerResponse, begin: () => number): Promise<void> {
    return new Promise((resolve, reject) => {
      let turnId = 0;
      let failure: Failure | undefined;
      const finish = (status: number, body: object): void => {
        live.watchers.delete(watcher);
        if (!response.headersSent && !response.destroyed)
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
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

/** A turn of PCM on its way from a socket to the face. */
interface Upload {
  intake: SoundIntake;
  decoder: PcmDecoder;
  waiting: Float32Array[];
  waitingSamples: number;
  isComplete: boolean;
}

class ProgramSocket implements CallWatcher {
  private readonly socket: WebSocket;
  private readonly live: LiveCall;
  /** For what is said, not for sound, which is held back by the pace of speech. */
  private readonly budget: MessageBudget;
  private readonly describe: (error: unknown) => Failure;
  private upload: Upload | undefined;
  /** Turns that this program began; of others it hears nothing. */
  private readonly ownTurns = new Set<number>();

  constructor(
    socket: WebSocket,
    sessionId: string,
    live: LiveCall,
    budget: MessageBudget,
    describe: (error: unknown) => Failure,
  ) {
    this.socket = socket;
    this.live = live;
    this.budget = budget;
    this.describe = describe;
    live.watchers.add(this);
    socket.on('message', (data, isBinary) => this.receive(data, isBinary));
    socket.on('close', () => {
      live.watchers.delete(this);
      for (const turnId of this.ownTurns) live.call.stop(turnId);
    });
    this.send({ type: 'ready', sessionId });
  }

  private send(message: SpeechApiMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  private tellError(error: unknown): void {
    const { code, message } = this.describe(error).error;
    this.send({ type: 'error', code, message });
  }

  private receive(data: RawData, isBinary: boolean): void {
    try {
      if (isBinary) {
        this.receiveSound(data as Buffer);
        return;
      }
      const verdict = this.budget.take();
      if (verdict === 'cut-off') this.socket.close(4429, 'RATE_LIMITED');
      else if (verdict === 'refuse')
        throw new AppError('RATE_LIMITED', 'Too many messages on this connection; send fewer.', { retryAfterS: 1 });
      else this.obey(readJson(messageSchema, String(data)));
    } catch (error) {
      this.tellError(error);
    }
  }

  private obey(message: z.infer<typeof messageSchema>): void {
    switch (message.type) {
      case 'start': {
        const decoder = new PcmDecoder(message);
        const intake = this.live.call.openSound();
        this.upload = { intake, decoder, waiting: [], waitingSamples: 0, isComplete: false };
        this.begun(intake.turnId);
        this.pass(this.upload).catch((error) => this.tellError(error));
        break;
      }
      case 'end': {
        const upload = this.openUpload();
        upload.isComplete = true;
        this.upload = undefined;
        if (upload.intake.isOver) return;
        this.enqueue(upload, upload.decoder.flush());
        break;
      }
      case 'text':
        this.begun(this.live.call.speak(message));
        break;
      case 'clear':
        this.live.call.stop();
        break;
    }
  }

  private openUpload(): Upload {
    if (!this.upload)
      throw new AppError('SIGNALING_INVALID', 'No sound is open; begin with {"type":"start","sampleRateHz":…}.');
    return this.upload;
  }

  private receiveSound(bytes: Buffer): void {
    const upload = this.openUpload();
    if (upload.intake.isOver) return; // sent before its sender knew that the turn was cut off
    this.enqueue(upload, upload.decoder.push(bytes));
    if (upload.waitingSamples > MAX_WAITING_SAMPLES) this.socket.pause();
  }

  private wake: () => void = () => {};

  private enqueue(upload: Upload, samples: Float32Array): void {
    upload.waiting.push(samples);
    upload.waitingSamples += samples.length;
    this.wake();
  }

  /** Hands the upload's sound on at the pace at which it is spoken, until its end or until it is cut off. */
  private async pass(upload: Upload): Promise<void> {
    const { intake } = upload;
    while (!intake.isOver && this.socket.readyState === this.socket.OPEN) {
      const samples = upload.waiting.shift();
      if (samples) {
        upload.waitingSamples -= samples.length;
        if (upload.waitingSamples < MAX_WAITING_SAMPLES / 2) this.socket.resume();
        await intake.push(samples);
      } else if (upload.isComplete) {
        intake.end();
        return;
      } else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
    this.socket.resume();
  }

  private begun(turnId: number): void {
    this.ownTurns.add(turnId);
    this.send({ type: 'started', turnId });
  }

  turn({ turnId, state, playedMs = 0, interrupted = false }: TurnMessage): void {
    if (state !== 'ended' || !this.ownTurns.delete(turnId)) return;
    this.wake();
    this.send({ type: 'ended', turnId, playedMs, interrupted });
  }

  failed({ error }: Failure): void {
    this.send({ type: 'error', code: error.code, message: error.message });
  }

  ended(reason: string): void {
    this.socket.close(4404, `the call has ended: ${reason}`.slice(0, 120));
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

/** @throws AppError SIGNALING_INVALID naming the field. */
function readJson<S extends z.ZodType>(schema: S, text: string): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('SIGNALING_INVALID', 'The message is not valid JSON.');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new AppError(
    'SIGNALING_INVALID',
    `The message is not acceptable: ${issue.path.join('.') || 'value'}: ${issue.message}.`,
  );
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
