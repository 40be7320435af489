/**
 * Worker thread that draws and encodes the faces of several sessions. In: speech, controls, and which picture to encode. Out:
 * ticks (sound at once, then the picture's slot) and encoded frames. A free slot is the credit to draw, so memory and work
 * done ahead are bounded; messages are answered between any two pictures.
 */
import { parentPort } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import { i420Bytes } from '../media/frames.ts';
import { LiveVideoEncoder } from '../media/live-video-encoder.ts';
import { Resampler } from '../media/resampler.ts';
import type { SpeechChunk } from '../media/speech.ts';
import type { FromWorker, SessionSettings, ToWorker } from './avatar-messages.ts';
import type { FaceRig } from './face-rig.ts';
import { LivePerformer } from './motion/live-performer.ts';
import { loadRig } from './portrait/rig-store.ts';
import { FaceRenderer } from './render/face-renderer.ts';

const AUDIO_RATE_HZ = 48_000;
/** Pictures that may wait, drawn, for their sound. */
const SLOTS = 8;
/** While nothing is said, only so many, so that speech is seen soon. */
const IDLE_AHEAD = 2;

const port = parentPort!;
const rigs = new Map<string, Promise<FaceRig>>();
const sessions = new Map<number, WorkerSession>();
/** Messages for sessions whose rig is still being read. */
const opening = new Map<number, ToWorker[]>();
let isPumping = false;

const post = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** Sound of one turn at 48 kHz, waiting to be cut into ticks. */
interface Turn {
  id: number;
  parts: Float32Array[];
  /** Samples already taken from parts[0]. */
  offset: number;
  queued: number;
  /** Samples that have been announced. */
  taken: number;
  resampler: { fromHz: number; stream: Resampler } | undefined;
  hasEnded: boolean;
}

class WorkerSession {
  private readonly id: number;
  private readonly settings: SessionSettings;
  private readonly renderer: FaceRenderer;
  private readonly performer: LivePerformer;
  private readonly slots: Uint8Array[];
  private readonly freeSlots: number[];
  private readonly tickSamples: number;
  private encoder: LiveVideoEncoder | undefined;
  private turn: Turn | undefined;
  private nextTick: number;

  constructor(id: number, rig: FaceRig, settings: SessionSettings, firstTick: number) {
    this.id = id;
    this.settings = settings;
    this.renderer = new FaceRenderer(rig, { sizePx: settings.sizePx });
    this.performer = new LivePerformer({ fps: settings.fps, controls: settings.controls });
    this.slots = Array.from({ length: SLOTS }, () => new Uint8Array(i420Bytes(settings.sizePx, settings.sizePx)));
    this.freeSlots = this.slots.map((_, i) => i);
    this.tickSamples = AUDIO_RATE_HZ / settings.fps;
    this.nextTick = firstTick;
  }

  get picturesAhead(): number {
    return SLOTS - this.freeSlots.length;
  }

  get wantsToDraw(): boolean {
    return this.freeSlots.length > 0 && (this.hasSpeech || this.picturesAhead < IDLE_AHEAD);
  }

  private get hasSpeech(): boolean {
    const { turn } = this;
    return turn !== undefined && (turn.queued >= this.tickSamples || turn.hasEnded);
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
    this.renderer.render(frame, this.slots[slot]!);
    post({ kind: 'picture', sessionId: this.id, index, slot, renderMs: performance.now() - startMs });
  }

  private takeSound(): { samples: Float32Array; speechS: number | undefined; turnId?: number; isLast: boolean } {
    const samples = new Float32Array(this.tickSamples);
    const { turn } = this;
    if (!turn || !this.hasSpeech) return { samples, speechS: undefined, isLast: false };
    const speechS = turn.taken / AUDIO_RATE_HZ;
    let filled = 0;
    while (filled < samples.length && turn.parts.length > 0) {
      const part = turn.parts[0]!;
      const count = Math.min(samples.length - filled, part.length - turn.offset);
      samples.set(part.subarray(turn.offset, turn.offset + count), filled);
      filled += count;
      turn.offset += count;
      turn.queued -= count;
      turn.taken += count;
      if (turn.offset === part.length) {
        turn.parts.shift();
        turn.offset = 0;
      }
    }
    const isLast = turn.hasEnded && turn.queued === 0;
    if (isLast) this.turn = undefined;
    return { samples, speechS, turnId: turn.id, isLast };
  }

  speak(turnId: number, chunk: SpeechChunk): void {
    this.turn ??= { id: turnId, parts: [], offset: 0, queued: 0, taken: 0, resampler: undefined, hasEnded: false };
    const { turn } = this;
    if (turn.id !== turnId || turn.hasEnded) return; // a straggler of a turn that has ended
    this.performer.pushSpeech(chunk);
    if (turn.resampler?.fromHz !== chunk.sampleRateHz)
      turn.resampler = { fromHz: chunk.sampleRateHz, stream: new Resampler(chunk.sampleRateHz, AUDIO_RATE_HZ, 1) };
    this.enqueue(turn, turn.resampler.stream.push(chunk.samples));
  }

  private enqueue(turn: Turn, samples: Float32Array): void {
    if (samples.length === 0) return;
    turn.parts.push(samples);
    turn.queued += samples.length;
  }

  endTurn(turnId: number): void {
    const { turn } = this;
    if (turn?.id !== turnId) {
      // A turn without any sound still has to be reported as over.
      if (!turn)
        this.turn = { id: turnId, parts: [], offset: 0, queued: 0, taken: 0, resampler: undefined, hasEnded: true };
      return;
    }
    if (turn.resampler) this.enqueue(turn, turn.resampler.stream.flush());
    turn.hasEnded = true;
  }

  seek(turnId: number, playedSamples: number): void {
    if (this.turn?.id !== turnId) return;
    for (let left = Math.floor(playedSamples / this.tickSamples); left > 0 && this.hasSpeech; left--) {
      this.performer.next(this.takeSound().speechS);
    }
  }

  interrupt(turnId: number): void {
    if (this.turn?.id !== turnId) return;
    this.turn = undefined;
    this.performer.endSpeech();
  }

  handle(message: Exclude<ToWorker, { kind: 'open' | 'close' }>): void {
    switch (message.kind) {
      case 'encoder':
        this.encoder?.[Symbol.dispose]();
        this.encoder = new LiveVideoEncoder({
          codec: message.codec,
          sizePx: this.settings.sizePx,
          fps: this.settings.fps,
          bitrateBps: message.bitrateBps,
        });
        break;
      case 'speak':
        this.speak(message.turnId, message.chunk);
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
      case 'encode':
        this.encode(message.slot, message.timestampUs);
        break;
      case 'drop':
        this.freeSlots.push(message.slot);
        break;
      case 'keyframe':
        this.encoder?.requestKeyframe();
        break;
      case 'bitrate':
        this.encoder?.setBitrate(message.bitrateBps);
        break;
    }
  }

  private encode(slot: number, timestampUs: number): void {
    const startMs = performance.now();
    const frame = this.encoder?.encode(this.slots[slot]!, timestampUs);
    this.freeSlots.push(slot);
    if (frame)
      post({ kind: 'encoded', sessionId: this.id, frame, encodeMs: performance.now() - startMs }, [
        frame.data.buffer as ArrayBuffer,
      ]);
  }

  close(): void {
    this.encoder?.[Symbol.dispose]();
  }
}

async function open({ sessionId, settings, firstTick }: Extract<ToWorker, { kind: 'open' }>): Promise<void> {
  const waiting: ToWorker[] = [];
  opening.set(sessionId, waiting);
  try {
    let rig = rigs.get(settings.rigPath);
    if (!rig) {
      rig = loadRig(settings.rigPath);
      rigs.set(settings.rigPath, rig);
      rig.catch(() => rigs.delete(settings.rigPath));
    }
    sessions.set(sessionId, new WorkerSession(sessionId, await rig, settings, firstTick));
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
