/**
 * AvatarEngine: a pool of worker threads that draw and encode faces. In: sessions and what they say. Out, to each session's listener:
 * ticks, pictures in slots, encoded frames. A worker that dies is replaced at once and its sessions go on where they were; where
 * its successors die young too, each after a longer pause. The speech of the turn under way is kept here until it has been announced.
 */
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Provider } from '../inference.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { SpeechChunk } from '../media/speech.ts';
import { spawnWorker } from '../media/worker-thread.ts';
import type { Activity, CallerSound, FromWorker, SessionSettings, ToWorker } from './avatar-messages.ts';
import type { AvatarControls } from './controls.ts';
import { Listening } from './listening.ts';
import { ArticulationModel } from './motion/articulation-model.ts';
import type { HeadPlanner, HeadPlanRequest } from './motion/head-plan.ts';
import { HeadPlanModel } from './motion/head-plan-model.ts';
import type { PerformanceKind } from './motion/performance-source.ts';

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
const END_LIMIT_MS = 5000;
/** A worker that lasted so long did not die of its start. */
const STEADY_MS = 5000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** In messages that concern the worker as a whole. */
const NO_SESSION = 0;

export class EngineSession {
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

class PooledWorker {
  readonly sessions = new Map<number, EngineSession>();
  private readonly thread: Worker;
  private readonly hasEnded: Promise<void>;
  /** How many before it died young, one after the other. */
  readonly earlyDeaths: number;
  private readonly startedMs = performance.now();
  private isDisposed = false;
  isGone = false;
  private pendingAnswer: Promise<void> | undefined;
  private reason = 'it ends by itself';

  constructor(onLost: (worker: PooledWorker) => void, earlyDeaths = 0) {
    this.earlyDeaths = earlyDeaths;
    this.thread = spawnWorker(new URL('./avatar-worker.ts', import.meta.url));
    this.thread.on('message', (message: FromWorker) => this.sessions.get(message.sessionId)?.receive(message));
    this.thread.on('error', (error: unknown) => {
      this.reason = error instanceof Error ? error.message : String(error); // 'exit' follows
    });
    this.hasEnded = new Promise((resolve) => {
      this.thread.once('exit', () => {
        this.isGone = true;
        if (!this.isDisposed) onLost(this);
        resolve();
      });
    });
  }

  get isSteady(): boolean {
    return performance.now() - this.startedMs >= STEADY_MS;
  }

  post(message: ToWorker): void {
    this.thread.postMessage(message);
  }

  /** Resolves when the thread has answered, that is when it is not stuck; rejects when it ends first. */
  answer(): Promise<void> {
    // Asked again while it is stuck, it is not pinged again.
    this.pendingAnswer ??= this.ping().finally(() => {
      this.pendingAnswer = undefined;
    });
    return this.pendingAnswer;
  }

  private ping(): Promise<void> {
    if (this.isGone) return Promise.reject(new Error(`an engine worker keeps dying at its start: ${this.reason}`));
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => () => {
        this.thread.off('message', onMessage).off('exit', onExit);
        settle();
      };
      const onAnswer = done(resolve);
      const onMessage = (message: FromWorker): void => {
        if (message.kind === 'pong') onAnswer();
      };
      const onExit = done(() => reject(new Error('an engine worker has just died')));
      this.thread.on('message', onMessage).once('exit', onExit);
      this.post({ kind: 'ping', sessionId: NO_SESSION });
    });
  }

  add(session: EngineSession): void {
    this.sessions.set(session.id, session);
  }

  remove(session: EngineSession): void {
    this.sessions.delete(session.id);
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    await this.end();
  }

  /** For tests of the recovery: the thread is gone with all that it knew, as after a crash. */
  async crash(): Promise<void> {
    await this.end();
  }

  private async end(): Promise<void> {
    this.post({ kind: 'end', sessionId: NO_SESSION });
    // A thread that is stuck is in no native code that could mind.
    const force = setTimeout(() => void this.thread.terminate(), END_LIMIT_MS);
    await this.hasEnded;
    clearTimeout(force);
  }
}

/** How faces move, for all sessions of an engine. */
export interface EngineMotion {
  provider?: Provider | 'auto';
  performance?: PerformanceKind;
}

export class AvatarEngine implements AsyncDisposable {
  private readonly workers: PooledWorker[];
  /** The network that hears lips in bare sound, shared by all sessions; loaded by `warmUp` or for the first turn that needs it. */
  private articulation: Promise<ArticulationModel> | undefined;
  private nextSessionId = 1;
  private isDisposed = false;

  private headPlans: Promise<HeadPlanModel> | undefined;
  private readonly motion: EngineMotion;

  /**
   * @param workerCount threads to share the sessions among; one per core by default.
   * @param motion what the networks run on, the CPU when missing, and which head there is, the fitted one when missing.
   */
  constructor(workerCount = availableParallelism(), motion: EngineMotion = {}) {
    this.motion = motion;
    this.workers = Array.from({ length: Math.max(1, workerCount) }, () => this.spawn());
  }

  private get providerChoice(): { provider?: Provider | 'auto' } {
    return this.motion.provider === undefined ? {} : { provider: this.motion.provider };
  }

  private spawn(earlyDeaths = 0): PooledWorker {
    return new PooledWorker((lost) => this.replace(lost), earlyDeaths);
  }

  private replace(lost: PooledWorker): void {
    const earlyDeaths = lost.isSteady ? 0 : lost.earlyDeaths;
    const install = (): void => {
      if (this.isDisposed) return;
      const fresh = this.spawn(earlyDeaths + 1);
      this.workers[this.workers.indexOf(lost)] = fresh;
      for (const session of lost.sessions.values()) session.moveTo(fresh);
    };
    if (earlyDeaths === 0) install();
    // Sessions wait in the pool's place of the one that was lost.
    else setTimeout(install, Math.min(FIRST_PAUSE_MS * 2 ** (earlyDeaths - 1), LONGEST_PAUSE_MS)).unref();
  }

  get sessionCount(): number {
    return this.workers.reduce((sum, worker) => sum + worker.sessions.size, 0);
  }

  /** Resolves when every worker has answered. */
  async answer(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.answer()));
  }

  /** Opens a session on the worker with the fewest; pictures begin to come at once. */
  open(settings: SessionSettings, listener: EngineListener): EngineSession {
    const alive = this.workers.filter(({ isGone }) => !isGone);
    const worker = (alive.length > 0 ? alive : this.workers).reduce((least, w) =>
      w.sessions.size < least.sessions.size ? w : least,
    );
    return new EngineSession(
      this.nextSessionId++,
      worker,
      settings,
      listener,
      () => this.loadArticulation(),
      this.motion.performance === 'learned' ? async (request) => (await this.loadHeadPlans()).plan(request) : undefined,
    );
  }

  /** Loads what the first turn would wait for. @throws AppError MODEL_MISSING, MODEL_CORRUPT, PROVIDER_UNAVAILABLE. */
  async warmUp(): Promise<{ provider: Provider; notes: readonly string[] }> {
    const articulation = await this.loadArticulation();
    if (this.motion.performance === 'learned') await this.loadHeadPlans();
    return articulation;
  }

  private loadHeadPlans(): Promise<HeadPlanModel> {
    this.headPlans ??= HeadPlanModel.load(this.providerChoice).catch((error: unknown) => {
      this.headPlans = undefined;
      throw error;
    });
    return this.headPlans;
  }

  private loadArticulation(): Promise<ArticulationModel> {
    this.articulation ??= ArticulationModel.load(this.providerChoice).catch((error: unknown) => {
      // A failure is not remembered: the file may be put back while the server runs.
      this.articulation = undefined;
      throw error;
    });
    return this.articulation;
  }

  /** For tests: every worker dies as in a crash. */
  async crashWorkers(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.crash()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    await Promise.all(this.workers.map((worker) => worker.dispose()));
  }
}
