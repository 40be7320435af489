/**
 * One call, wired: text → speech synthesiser → engine (worker) → pacer → Opus, VP8 or H.264 → peer. Sees only ports. Control flows back
 * through keyframe requests, playout reports and free slots. Everything it starts ends with `close`.
 */
import type { SpeechSynthesizer } from './agent/tts.ts';
import type { EngineListener, EngineSession } from './engine/avatar-engine.ts';
import type { AvatarControls } from './engine/controls.ts';
import { AppError } from './errors.ts';
import { AvPacer, type PacerAction } from './media/av-pacer.ts';
import type { Clock } from './media/clock.ts';
import { OpusEncoder } from './media/opus.ts';
import type { MediaPeer, PeerEvents } from './signaling/peer.ts';
import type { CallAudience, HostedCall } from './signaling/server.ts';
import type { Logger, Metrics } from './telemetry.ts';

const POLL_US = 5_000;
const STATS_US = 1_000_000;
/** Speech synthesised ahead of what the engine has announced; more would only make interruptions waste work. */
const MAX_SPEECH_AHEAD_US = 2_000_000;

export interface SessionParts {
  peer: () => MediaPeer;
  openEngine: (listener: EngineListener) => EngineSession;
  synthesizer: SpeechSynthesizer;
  clock: Clock;
  audience: CallAudience;
  logger: Logger;
  metrics: Metrics;
  settings: { bitrateBps: number; videoDelayUs: number; voice: string; ratePercent: number; maxCharacters: number };
}

interface SpeakingTurn {
  id: number;
  abort: AbortController;
  /** Speech handed to the engine and not yet announced by it. */
  aheadUs: number;
  /** Wakes the synthesiser when `aheadUs` has fallen. */
  wake: () => void;
  startedUs: number;
  hasSounded: boolean;
}

interface Window {
  pictures: number;
  bytes: number;
  skewsUs: number[];
  renderMs: number[];
  encodeMs: number[];
}

const emptyWindow = (): Window => ({ pictures: 0, bytes: 0, skewsUs: [], renderMs: [], encodeMs: [] });

export class Session implements HostedCall {
  readonly events: PeerEvents;
  private readonly parts: SessionParts;
  private readonly engine: EngineSession;
  private readonly pacer: AvPacer;
  private readonly opus = new OpusEncoder();
  private readonly life = new AbortController();
  private readonly tasks = new Set<Promise<void>>();
  private turn: SpeakingTurn | undefined;
  private nextTurnId = 1;
  private window = emptyWindow();
  private held = 0;
  private dropped = 0;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.pacer = new AvPacer({ videoDelayUs: parts.settings.videoDelayUs });
    this.engine = parts.openEngine({
      tick: (tick) => {
        this.pacer.pushTick(tick);
        if (this.turn && tick.turnId === this.turn.id) {
          this.turn.aheadUs -= (tick.samples.length / 48_000) * 1e6;
          this.turn.wake();
        }
      },
      picture: (index, slot, renderMs) => {
        this.window.renderMs.push(renderMs);
        this.pacer.pushPicture(index, slot);
      },
      encoded: (frame, encodeMs) => {
        this.window.encodeMs.push(encodeMs);
        this.window.bytes += frame.data.length;
        this.parts.peer().send(frame);
      },
      restarted: () => this.pacer.forgetPictures(),
      failed: (error) => this.fail(error),
    });
    this.events = {
      connected: () => this.start(),
      keyframeRequest: () => this.engine.requestKeyframe(),
      microphone: () => {},
      link: () => {},
      closed: (reason) => {
        if (this.life.signal.aborted) return;
        this.parts.audience.ended(reason);
        this.run(this.close(reason));
      },
    };
    parts.metrics.sessions.inc();
  }

  /** A task of this session: its failure is the session's, and `close` waits for it. */
  private run(task: Promise<void>): void {
    const owned = task.catch((error) => {
      if (!this.life.signal.aborted) this.fail(error);
    });
    this.tasks.add(owned);
    void owned.finally(() => this.tasks.delete(owned));
  }

  private start(): void {
    const codec = this.parts.peer().videoCodec;
    if (!codec || this.life.signal.aborted) return;
    this.engine.setEncoder(codec, this.parts.settings.bitrateBps);
    this.run(this.pace());
  }

  private async pace(): Promise<void> {
    const { clock } = this.parts;
    const { signal } = this.life;
    let nextStatsUs = clock.nowUs() + STATS_US;
    while (!signal.aborted) {
      for (const action of this.pacer.poll(clock.nowUs())) this.perform(action);
      if (clock.nowUs() >= nextStatsUs) {
        nextStatsUs += STATS_US;
        this.reportStats();
      }
      await clock.sleepUntil(clock.nowUs() + POLL_US, signal);
    }
  }

  private perform(action: PacerAction): void {
    switch (action.kind) {
      case 'audio':
        this.parts.peer().send({
          kind: 'audio',
          mimeType: 'audio/opus',
          data: this.opus.encode(action.samples),
          timestampUs: action.timestampUs,
          durationUs: 20_000,
          isKeyframe: true,
        });
        break;
      case 'picture':
        this.window.pictures += 1;
        this.window.skewsUs.push(Math.abs(action.skewUs));
        this.engine.encode(action.slot, action.timestampUs);
        break;
      case 'drop':
        this.dropped += 1;
        this.engine.drop(action.slot);
        break;
      case 'hold':
        this.held += 1;
        this.parts.metrics.framesHeld.inc();
        break;
      case 'underrun':
        break;
      case 'report': {
        const { turnId, playedUs, interrupted } = action.report;
        this.parts.audience.turn({ turnId, state: 'ended', playedMs: Math.round(playedUs / 1000), interrupted });
        break;
      }
    }
  }

  private reportStats(): void {
    const { pictures, bytes, skewsUs, renderMs, encodeMs } = this.window;
    this.window = emptyWindow();
    this.parts.audience.stats({
      fps: pictures,
      bitrateKbps: Math.round((bytes * 8) / 1000),
      skewP95Ms: quantile(skewsUs, 0.95) / 1000,
      heldFrames: this.held,
      droppedFrames: this.dropped,
      renderMs: quantile(renderMs, 0.5),
      encodeMs: quantile(encodeMs, 0.5),
    });
  }

  speak({ text, voice }: { text: string; voice?: string | undefined }): number {
    const { maxCharacters } = this.parts.settings;
    if (text.length > maxCharacters)
      throw new AppError(
        'TEXT_TOO_LONG',
        `The text has ${text.length} characters; at most ${maxCharacters} are spoken at once.`,
      );
    this.stop();
    const turn: SpeakingTurn = {
      id: this.nextTurnId++,
      abort: new AbortController(),
      aheadUs: 0,
      wake: () => {},
      startedUs: this.parts.clock.nowUs(),
      hasSounded: false,
    };
    this.turn = turn;
    this.parts.metrics.speechRequests.inc();
    this.run(this.synthesize(turn, text, voice));
    return turn.id;
  }

  private async synthesize(turn: SpeakingTurn, text: string, voice: string | undefined): Promise<void> {
    const { settings, audience, clock, metrics } = this.parts;
    const { signal } = turn.abort;
    audience.turn({ turnId: turn.id, state: 'started' });
    try {
      const speech = this.parts.synthesizer.synthesize(text, {
        voice: voice ?? settings.voice,
        ratePercent: settings.ratePercent,
        signal,
      });
      for await (const chunk of speech) {
        if (signal.aborted) return;
        if (!turn.hasSounded) metrics.ttsTtfbMs.observe((clock.nowUs() - turn.startedUs) / 1000);
        turn.hasSounded = true;
        turn.aheadUs += (chunk.samples.length / chunk.sampleRateHz) * 1e6;
        const caption = chunk.words.map((word) => word.text).join(' ');
        if (caption) audience.caption({ turnId: turn.id, text: caption });
        this.engine.speak(turn.id, chunk);
        while (turn.aheadUs > MAX_SPEECH_AHEAD_US && !signal.aborted) {
          await new Promise<void>((resolve) => {
            turn.wake = resolve;
          });
        }
      }
      this.engine.endTurn(turn.id);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AppError)) throw error;
      audience.failed({ error: { code: error.code, message: error.message } });
      this.engine.endTurn(turn.id);
    }
  }

  stop(): void {
    const { turn } = this;
    if (!turn) return;
    this.turn = undefined;
    turn.abort.abort();
    turn.wake();
    this.engine.interrupt(turn.id);
    this.pacer.interrupt(turn.id);
  }

  setControls(controls: Partial<AvatarControls>): void {
    this.engine.setControls(controls);
  }

  private fail(error: unknown): void {
    this.parts.logger.error({ err: error }, 'session failed');
    const known = error instanceof AppError;
    this.parts.audience.failed({
      error: {
        code: known ? error.code : 'INTERNAL',
        message: known ? error.message : 'The call broke on the server; joining again.',
      },
    });
    this.parts.audience.ended('failed');
    this.run(this.close('failed'));
  }

  async close(_reason: string): Promise<void> {
    if (this.life.signal.aborted) return;
    this.stop();
    this.life.abort();
    this.engine.close();
    this.parts.metrics.sessions.dec();
    await Promise.allSettled([...this.tasks]);
    this.opus[Symbol.dispose]();
  }
}

function quantile(values: number[], q: number): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
