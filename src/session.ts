/**
 * One call, wired: text or sound → `Speaking` → engine (worker) → pacer → Opus, VP8 or H.264 → peer. Sees only ports. Control flows back
 * through keyframe requests, playout reports and free slots. Everything it starts ends with `close`.
 */
import type { SpeechSynthesizer } from './agent/tts.ts';
import type { EngineListener, EngineSession } from './engine/avatar-engine.ts';
import type { AvatarControls } from './engine/controls.ts';
import { AppError } from './errors.ts';
import { AvPacer, type PacerAction } from './media/av-pacer.ts';
import { BitrateControl } from './media/bitrate-control.ts';
import type { Clock } from './media/clock.ts';
import { OpusEncoder } from './media/opus.ts';
import { PictureThinning } from './media/picture-thinning.ts';
import { quantile } from './media/quantile.ts';
import { Mirror } from './mirror.ts';
import type { CallAudience, HostedCall, SoundIntake } from './signaling/hosting.ts';
import type { LinkReport, MediaOutlet, PeerEvents } from './signaling/peer.ts';
import type { Render } from './signaling/protocol.ts';
import { Speaking } from './speaking.ts';
import type { Logger, Metrics } from './telemetry.ts';

const POLL_US = 5_000;
const STATS_US = 1_000_000;

export interface SessionParts {
  peer: () => MediaOutlet;
  openEngine: (listener: EngineListener) => EngineSession;
  synthesizer: SpeechSynthesizer;
  clock: Clock;
  audience: CallAudience;
  logger: Logger;
  metrics: Metrics;
  settings: {
    render: Render;
    fps: number;
    bitrateBps: number;
    videoDelayUs: number;
    voice: string;
    ratePercent: number;
    maxCharacters: number;
  };
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
  private readonly bitrate: BitrateControl;
  private readonly thinning = new PictureThinning();
  private mediaUs = 0;
  private readonly opus = new OpusEncoder();
  private readonly life = new AbortController();
  private readonly tasks = new Set<Promise<void>>();
  private readonly speaking: Speaking;
  /** The caller's own voice, while it is wanted. */
  private mirror: Mirror | undefined;
  private window = emptyWindow();
  private held = 0;
  private dropped = 0;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.bitrate = new BitrateControl(parts.settings);
    this.pacer = new AvPacer({ videoDelayUs: parts.settings.videoDelayUs });
    this.engine = parts.openEngine({
      tick: (tick) => {
        this.pacer.pushTick(tick);
        this.speaking.announced(tick.turnId, tick.samples.length);
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
    this.speaking = new Speaking({
      ...parts,
      engine: this.engine,
      interrupted: (turnId) => this.pacer.interrupt(turnId),
      run: (task) => this.run(task),
    });
    this.events = {
      connected: () => this.start(),
      keyframeRequest: () => this.engine.requestKeyframe(),
      microphone: (packet) => this.mirror?.receive(packet),
      link: (report) => this.follow(report),
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
    if (this.life.signal.aborted) return;
    const { render, bitrateBps } = this.parts.settings;
    if (render === 'server') {
      const codec = this.parts.peer().videoCodec;
      if (!codec) return;
      this.engine.setEncoder(codec, bitrateBps);
    }
    this.run(this.pace());
  }

  /** The link carries less, or more again: bits and pictures follow it; the sound never does. */
  private follow(report: LinkReport): void {
    const rate = this.bitrate.report(report, this.parts.clock.nowUs());
    if (!rate) return;
    this.engine.setRate(rate);
    this.thinning.setRate(rate.fps);
    this.thinning.pause(this.mediaUs, rate.pauseUs);
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
        this.mirror?.tick();
        this.mediaUs = action.timestampUs;
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
        if (!this.thinning.takes(action.timestampUs)) {
          this.engine.drop(action.slot);
          break;
        }
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
        this.speaking.ended(turnId);
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
      targetFps: this.bitrate.rate.fps,
      estimatedKbps: Math.round(this.bitrate.estimateBps / 1000),
      lossPercent: Math.round(this.bitrate.link.loss * 1000) / 10,
      ...(this.bitrate.link.rttMs === undefined ? {} : { rttMs: Math.round(this.bitrate.link.rttMs) }),
    });
  }

  speak(message: { text: string; voice?: string | undefined }): number {
    return this.speaking.speak(message);
  }

  openSound(): SoundIntake {
    return this.speaking.openSound();
  }

  setMirror(isOn: boolean): void {
    if (isOn) this.mirror ??= new Mirror(() => (this.speaking.isSilent ? this.openSound() : undefined));
    else this.endMirror();
  }

  private endMirror(): void {
    this.mirror?.[Symbol.dispose]();
    this.mirror = undefined;
  }

  stop(turnId?: number): void {
    this.speaking.stop(turnId);
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
    this.endMirror();
    this.stop();
    this.life.abort();
    this.engine.close();
    this.parts.metrics.sessions.dec();
    await Promise.allSettled([...this.tasks]);
    this.opus[Symbol.dispose]();
  }
}
