/**
 * Worker thread that draws and encodes the faces of several sessions. In: speech, controls, and which picture to encode. Out:
 * ticks (sound at once, then the picture's slot) and encoded frames; for viewers that draw themselves, motion in the pictures' place. A free slot is the credit to draw, so memory and work
 * done ahead are bounded; messages are answered between any two pictures.
 */
import { parentPort } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { FromWorker, SessionSettings, ToWorker } from './avatar-messages.ts';
import { type FaceOutput, MotionOutput, PictureOutput } from './face-output.ts';
import type { FaceRig } from './face-rig.ts';
import type { HeardPiece } from './listening.ts';
import type { HeadPlanRequest } from './motion/head-plan.ts';
import { LivePerformer } from './motion/live-performer.ts';
import { loadRig } from './portrait/rig-store.ts';
import { ENGINE_RATE_HZ, SpokenTurn } from './spoken-turn.ts';

/** Pictures that may wait, drawn, for their sound. */
const SLOTS = 8;
/** While nothing is said, only so many, so that speech is seen soon. */
const IDLE_AHEAD = 2;
/** In a pause of a turn under way: an idle tick delays what is still to come, so none is drawn before it must be. */
const PAUSE_AHEAD = 1;

const port = parentPort!;
const rigs = new Map<string, Promise<FaceRig>>();
const sessions = new Map<number, WorkerSession>();
/** Messages for sessions whose rig is still being read. */
const opening = new Map<number, ToWorker[]>();
let isPumping = false;

const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

class WorkerSession {
  private readonly id: number;
  private readonly output: FaceOutput;
  private readonly performer: LivePerformer;
  private readonly freeSlots: number[];
  private readonly tickSamples: number;
  private readonly planning = new Map<number, (plan: Float32Array | undefined) => void>();
  private lastPlanId = 0;
  private turn: SpokenTurn | undefined;
  /** Turns up to this one are over; what is still on its way for them is ignored. */
  private settledTurn = 0;
  private nextTick: number;

  constructor(id: number, output: FaceOutput, settings: SessionSettings, firstTick: number) {
    this.id = id;
    this.output = output;
    this.performer = new LivePerformer({
      fps: settings.fps,
      controls: settings.controls,
      headPlanner: settings.learnedHead ? (request) => this.planHead(request) : undefined,
    });
    this.freeSlots = Array.from({ length: SLOTS }, (_, i) => i);
    this.tickSamples = ENGINE_RATE_HZ / settings.fps;
    this.nextTick = firstTick;
  }

  get picturesAhead(): number {
    return SLOTS - this.freeSlots.length;
  }

  get wantsToDraw(): boolean {
    if (this.freeSlots.length === 0) return false;
    return this.turn?.isReady || this.picturesAhead < (this.turn ? PAUSE_AHEAD : IDLE_AHEAD);
  }

  /** One tick: its sound is announced before its picture is drawn, because sound must not wait for pictures. */
  draw(): void {
    const index = this.nextTick++;
    const { samples, speechS, turnId, isLast } = this.takeSound();
    const frame = this.performer.next(speechS);
    if (isLast) this.performer.endSpeech();
    const announced = { kind: 'tick', sessionId: this.id, index, samples, isLast } as const;
    post(turnId === undefined ? announced : { ...announced, turnId }, [samples.buffer as ArrayBuffer]);
    const startMs = performance.now();
    const slot = this.freeSlots.pop()!;
    this.output.fill(slot, frame);
    post({ kind: 'picture', sessionId: this.id, index, slot, renderMs: performance.now() - startMs });
  }

  private planHead(request: HeadPlanRequest): Promise<Float32Array> {
    const planId = ++this.lastPlanId;
    post({ kind: 'head-plan', sessionId: this.id, planId, request });
    return new Promise((resolve, reject) => {
      this.planning.set(planId, (plan) => (plan ? resolve(plan) : reject(new Error('no plan to be had'))));
    });
  }

  private takeSound(): { samples: Float32Array; speechS: number | undefined; turnId?: number; isLast: boolean } {
    const { turn } = this;
    if (!turn?.isReady) return { samples: new Float32Array(this.tickSamples), speechS: undefined, isLast: false };
    const tick = turn.take();
    if (tick.isLast) {
      this.turn = undefined;
      this.settledTurn = turn.id;
    }
    return { ...tick, turnId: turn.id };
  }

  speak(turnId: number, chunk: SpeechChunk): void {
    this.turn ??= new SpokenTurn(turnId, this.tickSamples);
    if (this.turn.id !== turnId || this.turn.hasEnded) return; // a straggler of a turn that has ended
    this.performer.pushSpeech(chunk);
    this.turn.push(chunk);
  }

  hear(turnId: number, { samples, frames, isLast }: HeardPiece): void {
    if (turnId <= this.settledTurn) return;
    if (!this.turn) {
      this.turn = new SpokenTurn(turnId, this.tickSamples, { isBare: true });
      this.performer.startSpeech(this.turn.heard!);
    }
    if (this.turn.id !== turnId) return;
    this.turn.hear(samples, isLast ? [] : frames);
    if (isLast) this.turn.end(frames);
  }

  endTurn(turnId: number): void {
    // A turn without any sound still has to be reported as over.
    if (!this.turn && turnId > this.settledTurn) this.turn = new SpokenTurn(turnId, this.tickSamples);
    if (this.turn?.id === turnId) this.turn.end();
  }

  seek(turnId: number, playedSamples: number): void {
    if (this.turn?.id !== turnId) return;
    for (let left = Math.floor(playedSamples / this.tickSamples); left > 0 && this.turn?.isReady; left--)
      this.performer.next(this.takeSound().speechS);
  }

  interrupt(turnId: number): void {
    this.settledTurn = Math.max(this.settledTurn, turnId);
    if (this.turn?.id !== turnId) return;
    this.turn = undefined;
    this.performer.endSpeech();
  }

  handle(message: Exclude<ToWorker, { kind: 'open' | 'close' | 'ping' | 'end' }>): void {
    switch (message.kind) {
      case 'encoder':
        this.output.setEncoder(message.codec, message);
        break;
      case 'speak':
        this.speak(message.turnId, message.chunk);
        break;
      case 'hear':
        this.hear(message.turnId, message.piece);
        break;
      case 'end-turn':
        this.endTurn(message.turnId);
        break;
      case 'seek':
        this.seek(message.turnId, message.playedSamples);
        break;
      case 'interrupt':
        this.interrupt(message.turnId);
        break;
      case 'controls':
        this.performer.setControls(message.controls);
        break;
      case 'activity':
        this.performer.setActivity(message.activity);
        break;
      case 'caller':
        this.performer.hearCaller(message.caller);
        break;
      case 'head-plan':
        this.planning.get(message.planId)?.(message.plan);
        this.planning.delete(message.planId);
        break;
      case 'encode':
        this.encode(message.slot, message.timestampUs);
        break;
      case 'drop':
        this.freeSlots.push(message.slot);
        break;
      case 'keyframe':
        this.output.requestKeyframe();
        break;
      case 'rate':
        this.output.setRate(message);
        break;
    }
  }

  private encode(slot: number, timestampUs: number): void {
    const startMs = performance.now();
    const frame = this.output.encode(slot, timestampUs);
    this.freeSlots.push(slot);
    if (frame)
      post({ kind: 'encoded', sessionId: this.id, frame, encodeMs: performance.now() - startMs }, [
        frame.data.buffer as ArrayBuffer,
      ]);
  }

  close(): void {
    this.output[Symbol.dispose]();
  }
}

function sharedRig(path: string): Promise<FaceRig> {
  let rig = rigs.get(path);
  if (!rig) {
    rig = loadRig(path);
    rigs.set(path, rig);
    rig.catch(() => rigs.delete(path));
  }
  return rig;
}

async function open({ sessionId, settings, firstTick }: Extract<ToWorker, { kind: 'open' }>): Promise<void> {
  const waiting: ToWorker[] = [];
  opening.set(sessionId, waiting);
  try {
    const output =
      settings.render === 'client'
        ? new MotionOutput(settings.fps)
        : new PictureOutput(await sharedRig(settings.rigPath), SLOTS, settings);
    sessions.set(sessionId, new WorkerSession(sessionId, output, settings, firstTick));
  } catch (error) {
    fail(sessionId, error);
  }
  opening.delete(sessionId);
  for (const message of waiting) receive(message);
  pump();
}

function receive(message: ToWorker): void {
  if (message.kind === 'open') {
    void open(message);
    return;
  }
  if (message.kind === 'end') process.exit(); // of this thread
  if (message.kind === 'ping') {
    post({ kind: 'pong', sessionId: message.sessionId });
    return;
  }
  const waiting = opening.get(message.sessionId);
  if (waiting) {
    waiting.push(message);
    return;
  }
  const session = sessions.get(message.sessionId);
  if (!session) return;
  if (message.kind === 'close') {
    session.close();
    sessions.delete(message.sessionId);
    return;
  }
  try {
    session.handle(message);
  } catch (error) {
    fail(message.sessionId, error);
  }
  pump();
}

/** A session that fails is told so and goes; the others go on. */
function fail(sessionId: number, error: unknown): void {
  sessions.get(sessionId)?.close();
  sessions.delete(sessionId);
  const isOurs = error instanceof AppError;
  post({
    kind: 'failed',
    sessionId,
    code: isOurs ? error.code : 'INTERNAL',
    message: error instanceof Error ? error.message : String(error),
  });
}

/** Draws for whoever has the least in hand, one picture at a time, letting messages in between. */
function pump(): void {
  if (isPumping) return;
  const step = (): void => {
    let neediest: [number, WorkerSession] | undefined;
    for (const entry of sessions)
      if (entry[1].wantsToDraw && (!neediest || entry[1].picturesAhead < neediest[1].picturesAhead)) neediest = entry;
    isPumping = neediest !== undefined;
    if (!neediest) return;
    try {
      neediest[1].draw();
    } catch (error) {
      fail(neediest[0], error);
    }
    setImmediate(step);
  };
  step();
}

port.on('message', receive);
