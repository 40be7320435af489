/**
 * One program's WebSocket: what it says and how long its sound waits. In: JSON messages and PCM; out: the turns that it began, how much of each
 * was played, and what was wrong. Bounded: a socket that is far ahead is not read.
 */
import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { ProgramPcm } from '../media/program-pcm.ts';
import { issueOf } from './failure.ts';
import type { SoundIntake } from './hosting.ts';
import type { MessageBudget } from './limits.ts';
import type { CallWatcher, LiveCall } from './live-calls.ts';
import { type Failure, speakSchema, type TurnMessage } from './protocol.ts';

/**
 * Sound that a socket may have waiting here; beyond that it is not read until half of it has been taken. Who sends still further ahead
 * clears by HTTP, because a `clear` on the socket would be read last.
 */
const MAX_WAITING_SAMPLES = 48_000 * 10;

/** Sent and not read: beyond that a program is cut off. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const noSoundOpen = (): AppError =>
  new AppError('SIGNALING_INVALID', 'No sound is open; begin with {"type":"start","sampleRateHz":…}.');

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

/** A turn of PCM on its way from a socket to the face. */
interface Upload {
  intake: SoundIntake;
  decoder: ProgramPcm;
  waiting: Float32Array[];
  waitingSamples: number;
  isComplete: boolean;
}

export class ProgramSocket implements CallWatcher {
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
    if (this.socket.bufferedAmount > MAX_UNREAD_BYTES) this.socket.terminate();
    else this.socket.send(JSON.stringify(message));
  }

  private tellError(error: unknown): void {
    const { code, message } = this.describe(error).error;
    this.send({ type: 'error', code, message });
  }

  private receive(data: RawData, isBinary: boolean): void {
    try {
      if (isBinary && this.upload) {
        this.receiveSound(this.upload, data as Buffer);
        return;
      }
      const verdict = this.budget.take();
      if (verdict === 'cut-off') this.socket.close(4429, 'RATE_LIMITED');
      else if (verdict === 'refuse')
        throw new AppError('RATE_LIMITED', 'Too many messages on this connection; send fewer.', { retryAfterS: 1 });
      else if (isBinary) throw noSoundOpen();
      else this.obey(readJson(messageSchema, String(data)));
    } catch (error) {
      this.tellError(error);
    }
  }

  private obey(message: z.infer<typeof messageSchema>): void {
    switch (message.type) {
      case 'start': {
        const decoder = new ProgramPcm(message);
        const intake = this.live.call.openSound();
        this.upload = { intake, decoder, waiting: [], waitingSamples: 0, isComplete: false };
        this.begun(intake.turnId);
        this.pass(this.upload).catch((error) => this.tellError(error));
        break;
      }
      case 'end': {
        const { upload } = this;
        if (!upload) throw noSoundOpen();
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

  private receiveSound(upload: Upload, bytes: Buffer): void {
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

/** @throws AppError SIGNALING_INVALID naming the field. */
export function readJson<S extends z.ZodType>(schema: S, text: string): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError('SIGNALING_INVALID', 'The message is not valid JSON.');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError('SIGNALING_INVALID', `The message is not acceptable: ${issueOf(parsed.error)}.`);
}
