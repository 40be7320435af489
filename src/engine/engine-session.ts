/**
 * EngineSession: one face in a worker of the engine. In: what it says and how it looks. Out, to its listener: ticks, pictures in slots,
 * encoded frames. The speech of the turn under way is kept here until it has been announced, for the worker may be lost.
 */
import { AppError, type ErrorCode } from '../errors.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { Activity, CallerSound, FromWorker, SessionSettings, ToWorker } from './avatar-messages.ts';
import type { AvatarControls } from './controls.ts';
import { Listening } from './listening.ts';
import type { ArticulationModel } from './motion/articulation-model.ts';
import type { HeadPlanner, HeadPlanRequest } from './motion/head-plan.ts';
import type { PooledWorker, WorkerSession } from './pooled-worker.ts';

export interface EngineListener {
  tick(tick: { index: number; samples: Float32Array; turnId?: number; isLast: boolean }): void;
  picture(index: number, slot: number, renderMs: number): void;
  encoded(frame: EncodedFrame, encodeMs: number): void;
  /** The worker was lost: every slot that was handed out is gone. Pictures go on soon. */
  restarted(): void;
  failed(error: Error): void;
}

/** The turn under way, kept until all of it has been announced. */
interface PendingTurn {
  id: number;
  chunks: SpeechChunk[];
  /** Bare sound that has not been announced in full; what has is forgotten, as such a turn may last for hours. */
  sound: Float32Array[];
  listening: Listening | undefined;
  hasEnded: boolean;
  /** Of `chunks`; with bare sound, of what `sound` still holds. */
  announcedSamples: number;
}

const MAX_RESTARTS = 3;

export class EngineSession implements WorkerSession {
  readonly id: number;
  readonly listener: EngineListener;
  private readonly settings: SessionSettings;
  private readonly articulation: () => Promise<ArticulationModel>;
  private readonly planHead: HeadPlanner | undefined;
  private worker: PooledWorker;
  private turn: PendingTurn | undefined;
  private lastTick = -1;
  private encoder: { codec: LiveCodec; bitrateBps: number; fps: number } | undefined;
  private activity: Activity = 'idle';
  private restarts = 0;

  constructor(
    id: number,
    worker: PooledWorker,
    settings: SessionSettings,
    listener: EngineListener,
    articulation: () => Promise<ArticulationModel>,
    planHead: HeadPlanner | undefined,
  ) {
    this.id = id;
    this.articulation = articulation;
    this.worker = worker;
    this.planHead = planHead;
    this.settings = { ...settings, learnedHead: planHead !== undefined };
    this.listener = listener;
    worker.add(this);
    this.post({ kind: 'open', settings: this.settings, firstTick: 0 });
  }

  private post(message: DistributiveOmit<ToWorker, 'sessionId'>): void {
    this.worker.post({ ...message, sessionId: this.id } as ToWorker);
  }

  /** Opens the encoder once the codec is agreed on; again for another. */
  setEncoder(codec: LiveCodec, bitrateBps: number): void {
    this.encoder = { codec, bitrateBps, fps: this.settings.fps };
    this.post({ kind: 'encoder', ...this.encoder });
  }

  speak(turnId: number, chunk: SpeechChunk): void {
    this.turnOf(turnId).chunks.push(chunk);
    this.post({ kind: 'speak', turnId, chunk });
  }

  /** Speech of which only the sound is known, 48 kHz mono. A turn is either this or `speak`. */
  hear(turnId: number, samples: Float32Array): void {
    const turn = this.turnOf(turnId);
    turn.sound.push(samples);
    turn.listening ??= this.listenTo(turn);
    turn.listening.push(samples);
  }

  private listenTo(turn: PendingTurn): Listening {
    return new Listening(
      this.articulation(),
      (piece) => this.post({ kind: 'hear', turnId: turn.id, piece }),
      (error) => this.listener.failed(error),
    );
  }

  private turnOf(id: number): PendingTurn {
    if (this.turn?.id !== id) {
      this.turn?.listening?.close();
      this.turn = { id, chunks: [], sound: [], listening: undefined, hasEnded: false, announcedSamples: 0 };
    }
    return this.turn;
  }

  endTurn(turnId: number): void {
    const turn = this.turn?.id === turnId ? this.turn : undefined;
    if (turn) turn.hasEnded = true;
    if (turn?.listening) turn.listening.end();
    else this.post({ kind: 'end-turn', turnId });
  }

  interrupt(turnId: number): void {
    if (this.turn?.id === turnId) {
      this.turn.listening?.close();
      this.turn = undefined;
    }
    this.post({ kind: 'interrupt', turnId });
  }

  setControls(controls: Partial<AvatarControls>): void {
    Object.assign(this.settings.controls, controls);
    this.post({ kind: 'controls', controls });
  }

  setActivity(activity: Activity): void {
    this.activity = activity;
    this.post({ kind: 'activity', activity });
  }

  /** How the caller sounds; a face that listens answers to it. */
  hearCaller(caller: CallerSound): void {
    this.post({ kind: 'caller', caller });
  }

  /** Encodes the picture in `slot`; the slot is free again afterwards. */
  encode(slot: number, timestampUs: number): void {
    this.post({ kind: 'encode', slot, timestampUs });
  }

  drop(slot: number): void {
    this.post({ kind: 'drop', slot });
  }

  requestKeyframe(): void {
    this.post({ kind: 'keyframe' });
  }

  /** @param fps how many of the pictures will be encoded; the face goes on at its own rate. */
  setRate({ bitrateBps, fps }: { bitrateBps: number; fps: number }): void {
    if (this.encoder) Object.assign(this.encoder, { bitrateBps, fps });
    this.post({ kind: 'rate', bitrateBps, fps });
  }

  close(): void {
    this.turn?.listening?.close();
    this.post({ kind: 'close' });
    this.worker.remove(this);
  }

  /** What has not been announced is heard anew, for the worker that knew it is gone. */
  private listenAgain(turn: PendingTurn): void {
    turn.listening?.close();
    const [first, ...rest] = turn.sound;
    turn.sound = first ? [first.slice(turn.announcedSamples), ...rest] : [];
    turn.announcedSamples = 0;
    turn.listening = this.listenTo(turn);
    for (const samples of turn.sound) turn.listening.push(samples);
    if (turn.hasEnded) turn.listening.end();
  }

  /** Only the worker that asked is answered; another one's head knows nothing of it. */
  private async answerHeadPlan(planId: number, request: HeadPlanRequest): Promise<void> {
    const { worker } = this;
    const plan = await this.planHead?.(request).catch(() => undefined);
    if (worker === this.worker) this.post({ kind: 'head-plan', planId, plan });
  }

  receive(message: FromWorker): void {
    switch (message.kind) {
      case 'tick':
        this.lastTick = message.index;
        if (this.turn && message.turnId === this.turn.id) {
          this.turn.announcedSamples += message.samples.length;
          this.turn.listening?.played(message.samples.length);
          forgetAnnounced(this.turn);
          if (message.isLast) this.turn = undefined;
        }
        this.listener.tick(message);
        break;
      case 'picture':
        this.listener.picture(message.index, message.slot, message.renderMs);
        break;
      case 'encoded':
        this.listener.encoded(message.frame, message.encodeMs);
        break;
      case 'head-plan':
        void this.answerHeadPlan(message.planId, message.request);
        break;
      case 'failed':
        this.worker.remove(this);
        this.listener.failed(new AppError(message.code as ErrorCode, message.message));
        break;
    }
  }

  /** Goes on in another worker, from the tick after the last one announced. */
  moveTo(worker: PooledWorker): void {
    if (++this.restarts > MAX_RESTARTS) {
      this.listener.failed(new Error('the engine keeps dying under this session'));
      return;
    }
    this.worker = worker;
    worker.add(this);
    this.listener.restarted();
    this.post({ kind: 'open', settings: this.settings, firstTick: this.lastTick + 1 });
    if (this.encoder) this.post({ kind: 'encoder', ...this.encoder });
    this.post({ kind: 'activity', activity: this.activity });
    const { turn } = this;
    if (!turn) return;
    for (const chunk of turn.chunks) this.post({ kind: 'speak', turnId: turn.id, chunk });
    if (turn.listening) {
      this.listenAgain(turn);
      return;
    }
    if (turn.hasEnded) this.post({ kind: 'end-turn', turnId: turn.id });
    this.post({ kind: 'seek', turnId: turn.id, playedSamples: turn.announcedSamples });
  }
}

function forgetAnnounced(turn: PendingTurn): void {
  while (turn.sound.length > 0 && turn.announcedSamples >= turn.sound[0]!.length)
    turn.announcedSamples -= turn.sound.shift()!.length;
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
