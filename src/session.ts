/**
 * One call, wired: `Microphone` → conversation → `Speaking` → engine (worker) → pacer → Opus, VP8 or H.264 → peer. Sees only ports.
 * Control flows back through turns that are cut off, playout reports, keyframe requests and free slots. Everything it starts ends with `close`.
 */
import type { Conversation, ConversationAudience, Face } from './agent/conversation.ts';
import type { SpeechSynthesizer } from './agent/tts.ts';
import type { AvatarControls } from './engine/controls.ts';
import type { EngineListener, EngineSession } from './engine/engine-session.ts';
import { AppError } from './errors.ts';
import { DirectedFace } from './face.ts';
import { AvPacer, type PacerAction } from './media/av-pacer.ts';
import { BitrateControl } from './media/bitrate-control.ts';
import type { Clock } from './media/clock.ts';
import { OpusEncoder } from './media/opus.ts';
import { type BufferReport, PictureDelay } from './media/picture-delay.ts';
import { PictureThinning } from './media/picture-thinning.ts';
import type { CallOutcome, Metrics } from './metrics.ts';
import { Microphone } from './microphone.ts';
import { SessionStatistics } from './session-statistics.ts';
import { SHUTDOWN } from './signaling/call-ends.ts';
import type { CallAudience, HostedCall, SoundIntake } from './signaling/hosting.ts';
import type { LinkReport, MediaOutlet, PeerEvents } from './signaling/peer.ts';
import type { Render } from './signaling/protocol.ts';
import { Speaking } from './speaking.ts';
import type { Logger } from './telemetry.ts';

const STATS_US = 1_000_000;
const CLOSE_LIMIT_US = 5_000_000;

export interface SessionParts {
  peer: () => MediaOutlet;
  openEngine: (listener: EngineListener) => EngineSession;
  /** Who talks through the face. */
  openConversation: (face: Face, audience: ConversationAudience) => Conversation;
  synthesizer: SpeechSynthesizer;
  controls: AvatarControls;
  clock: Clock;
  audience: CallAudience;
  logger: Logger;
  metrics: Metrics;
  /** Where sound is encoded and the caller heard; Opus when missing. */
  openEncoder?: () => Pick<OpusEncoder, 'encode' | typeof Symbol.dispose>;
  openMicrophone?: (...parts: ConstructorParameters<typeof Microphone>) => Microphone;
  settings: {
    render: Render;
    fps: number;
    bitrateBps: number;
    /** Until the viewer's browser has reported its buffers. */
    videoDelayUs: number;
    voice?: string | undefined;
    ratePercent: number;
    maxCharacters: number;
  };
}

export class Session implements HostedCall {
  readonly events: PeerEvents;
  private readonly parts: SessionParts;
  private readonly engine: EngineSession;
  private readonly pacer: AvPacer;
  private readonly bitrate: BitrateControl;
  private readonly thinning = new PictureThinning();
  private readonly delay: PictureDelay;
  private mediaUs = 0;
  private readonly opus: Pick<OpusEncoder, 'encode' | typeof Symbol.dispose>;
  private readonly life = new AbortController();
  private readonly tasks = new Set<Promise<void>>();
  private readonly speaking: Speaking;
  private readonly face: DirectedFace;
  private readonly conversation: Conversation;
  private readonly microphone: Microphone;
  private readonly statistics = new SessionStatistics();
  /** The pace's sleep under way. */
  private nap: { untilUs: number; alarm: AbortController } | undefined;

  /** @throws whatever one of the parts throws while it is opened; those before it are closed then. */
  constructor(parts: SessionParts) {
    this.parts = parts;
    this.bitrate = new BitrateControl(parts.settings);
    const { render, videoDelayUs } = parts.settings;
    // A page that draws waits for the sound by itself.
    this.delay = new PictureDelay(render === 'client' ? undefined : videoDelayUs);
    this.pacer = new AvPacer({ pictureDelayUs: this.delay.currentUs });
    const { openEncoder = () => new OpusEncoder(), openMicrophone = (...given) => new Microphone(...given) } = parts;
    parts.metrics.calls.inc();
    const opened: (() => unknown)[] = [];
    const open = <T>(part: T, close: (part: T) => unknown): T => {
      opened.push(() => close(part));
      return part;
    };
    try {
      this.opus = open(openEncoder(), (opus) => opus[Symbol.dispose]());
      this.engine = open(this.openEngine(), (engine) => engine.close());
      this.speaking = this.openSpeaking();
      this.face = new DirectedFace(this.speaking, this.engine, parts.controls);
      this.conversation = open(this.openConversation(), (conversation) => conversation.close());
      const openSound = (): SoundIntake | undefined => (this.speaking.isSilent ? this.openSound() : undefined);
      this.microphone = open(openMicrophone(this.conversation, openSound), (microphone) =>
        microphone[Symbol.dispose](),
      );
      // A part may have failed in the meantime, which has been told.
      this.life.signal.throwIfAborted();
    } catch (error) {
      if (!this.life.signal.aborted) parts.metrics.calls.dec();
      this.life.abort();
      void settled(opened.reverse());
      throw error;
    }
    this.events = {
      connected: () => this.start(),
      keyframeRequest: () => this.engine.requestKeyframe(),
      microphone: (packet) => this.microphone.receive(packet),
      link: (report) => this.follow(report),
      closed: (reason) => this.end(reason),
    };
  }

  private openEngine(): EngineSession {
    return this.parts.openEngine({
      tick: (tick) => {
        this.pacer.pushTick(tick);
        this.wakeIfDue();
        this.speaking.announced(tick.turnId, tick.samples.length);
      },
      picture: (index, slot, renderMs) => {
        this.statistics.rendered(renderMs);
        this.pacer.pushPicture(index, slot);
        this.wakeIfDue();
      },
      encoded: (frame, encodeMs) => {
        this.statistics.encoded(frame.data.length, encodeMs);
        this.delay.push(frame);
        this.wakeIfDue();
      },
      restarted: () => this.pacer.forgetPictures(),
      failed: (error) => this.fail(error),
    });
  }

  private openSpeaking(): Speaking {
    return new Speaking({
      ...this.parts,
      engine: this.engine,
      interrupted: (turnId) => {
        this.pacer.interrupt(turnId);
        this.wakeIfDue();
      },
      run: (task) => this.run(task),
    });
  }

  private openConversation(): Conversation {
    const { audience } = this.parts;
    return this.parts.openConversation(this.face, {
      ...audience,
      handoff: () => audience.handoff(),
      broken: (error) => this.fail(error),
      hangUp: () => this.end('goodbye'),
    });
  }

  /** A task of this session: its failure is the session's, and `close` waits for it. */
  private run(task: Promise<void>): void {
    const owned = task.catch((error) => {
      if (!this.life.signal.aborted) this.fail(error);
    });
    this.tasks.add(owned);
    void owned.finally(() => this.tasks.delete(owned));
  }

  private end(reason: string): void {
    if (this.life.signal.aborted) return;
    this.parts.audience.ended(reason);
    this.run(this.close(reason));
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
      this.sendPictures();
      if (clock.nowUs() >= nextStatsUs) {
        nextStatsUs += STATS_US;
        this.parts.audience.stats(this.statistics.take(this.bitrate, this.delay.currentUs));
      }
      const nap = { untilUs: this.nextDueUs, alarm: new AbortController() };
      this.nap = nap;
      // Ends by itself, or is ended because something is due sooner, or everything is over.
      await clock.sleepUntil(nap.untilUs, nap.alarm.signal).catch(() => {});
      this.nap = undefined;
    }
  }

  private get nextDueUs(): number {
    const { nextDueUs } = this.pacer;
    return Math.min(nextDueUs, this.pacer.clockUsAt(this.delay.nextDueUs));
  }

  /** What has just come to the pacer or from the encoder may have to leave before the next packet of sound. */
  private wakeIfDue(): void {
    if (this.nap && this.nextDueUs < this.nap.untilUs) this.nap.alarm.abort();
  }

  private sendPictures(): void {
    const mediaUs = this.pacer.mediaUsAt(this.parts.clock.nowUs());
    for (const { picture, lateUs } of this.delay.release(mediaUs)) {
      this.statistics.shown(lateUs);
      this.parts.peer().send(picture);
    }
    this.pacer.setPictureDelay(this.delay.currentUs);
  }

  followBuffers(report: BufferReport): void {
    this.delay.report(report, this.pacer.mediaUsAt(this.parts.clock.nowUs()));
    if (report.skewMs !== undefined) this.parts.metrics.browserSkew.observe(Math.abs(report.skewMs) / 1000);
  }

  private perform(action: PacerAction): void {
    switch (action.kind) {
      case 'audio': {
        this.microphone.tick(action.samples);
        this.mediaUs = action.timestampUs;
        this.parts.peer().send({
          kind: 'audio',
          mimeType: 'audio/opus',
          data: this.opus.encode(action.samples),
          timestampUs: action.timestampUs,
          durationUs: 20_000,
          isKeyframe: true,
        });
        this.speaking.sent((turnId) => this.pacer.playedUs(turnId));
        break;
      }
      case 'picture':
        if (!this.thinning.takes(action.timestampUs)) {
          this.engine.drop(action.slot);
          break;
        }
        this.engine.encode(action.slot, action.timestampUs);
        break;
      case 'drop':
        this.statistics.dropped += 1;
        this.parts.metrics.queueDropped.inc({ queue: 'pictures' });
        this.engine.drop(action.slot);
        break;
      case 'hold':
        this.statistics.held += 1;
        this.parts.metrics.picturesHeld.inc();
        break;
      case 'underrun':
        break;
      case 'report':
        this.speaking.settled(action.report);
        break;
    }
  }

  speak(message: { text: string; voice?: string | undefined }): number {
    return this.conversation.guest((listener) => this.speaking.speak(message, listener));
  }

  openSound(): SoundIntake {
    let intake: SoundIntake | undefined;
    this.conversation.guest((listener) => {
      intake = this.speaking.openSound(listener);
      return intake.turnId;
    });
    return intake!;
  }

  say(text: string, voice?: string): void {
    if (voice !== undefined) this.conversation.setVoice(voice);
    this.conversation.say(text);
  }

  setTalk(isOn: boolean, voice?: string): void {
    if (voice !== undefined) this.conversation.setVoice(voice);
    this.microphone.setTalk(isOn);
  }

  setHears(isOn: boolean, wasGreeted: boolean, voice?: string): void {
    if (voice !== undefined) this.conversation.setVoice(voice);
    this.conversation.setHears(isOn, wasGreeted);
  }

  hold(isDown: boolean): void {
    this.conversation.hold(isDown);
  }

  setMirror(isOn: boolean): void {
    this.microphone.setMirror(isOn);
  }

  stop(turnId?: number): void {
    this.speaking.stop(turnId);
  }

  setControls(controls: Partial<AvatarControls>): void {
    this.face.setControls(controls);
  }

  private fail(error: unknown): void {
    this.parts.logger.error({ err: error }, 'session failed');
    // What fails while everything ends has been told already.
    if (this.life.signal.aborted) return;
    const known = error instanceof AppError;
    this.run(this.close('broken'));
    this.parts.audience.failed({
      error: {
        code: known ? error.code : 'INTERNAL',
        message: known ? error.message : 'The call broke on the server; joining again.',
      },
    });
    this.parts.audience.ended('failed');
  }

  /** @throws what one of the parts throws while it is closed, once all have been. */
  async close(reason: string): Promise<void> {
    if (this.life.signal.aborted) return;
    const silenced = settled([() => this.stop()]);
    this.life.abort();
    this.nap?.alarm.abort();
    const { clock, metrics } = this.parts;
    metrics.calls.dec();
    metrics.callsEnded.inc({ outcome: outcomeOf(reason) });
    const engine = settled([() => this.engine.close()]);
    const patience = new AbortController();
    // A service that does not let go keeps neither the codecs nor whoever waits for the call's end.
    const late = clock.sleepUntil(clock.nowUs() + CLOSE_LIMIT_US, patience.signal).catch(() => {});
    const others = settled([() => this.conversation.close(), ...[...this.tasks].map((task) => () => task)]);
    await Promise.race([others, late]);
    patience.abort();
    const codecs = settled([() => this.microphone[Symbol.dispose](), () => this.opus[Symbol.dispose]()]);
    const failures = (await Promise.all([silenced, engine, Promise.race([others, []]), codecs])).flat();
    if (failures.length > 0) throw failures[0];
  }
}

/** Does all of it, whatever throws. @returns what was thrown. */
async function settled(steps: readonly (() => unknown)[]): Promise<unknown[]> {
  const results = await Promise.allSettled(steps.map(async (step) => step()));
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
}

const OUTCOMES: Record<string, CallOutcome> = {
  left: 'left',
  goodbye: 'goodbye',
  disconnected: 'disconnected',
  'joined again': 'replaced',
  gone: 'silent',
  'never connected': 'never_connected',
  'join failed': 'not_opened',
  'could not enter': 'not_opened',
  'the room could not be opened': 'not_opened',
  closed: 'transport_failed',
  failed: 'transport_failed',
  revoked: 'revoked',
  expired: 'expired',
  replaced: 'replaced',
  [SHUTDOWN]: 'drained',
  broken: 'failed',
};

/** The reasons that calls are closed with are for people; anything may be among them. */
const outcomeOf = (reason: string): CallOutcome => OUTCOMES[reason] ?? 'other';
