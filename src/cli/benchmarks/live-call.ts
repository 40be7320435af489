/**
 * A call without a network: the real host, session, engine and encoder, with an outlet that notes when what left. In: sound pushed at the pace of
 * speech; out: the instants, ms of `performance.now()`, from which latency, skew and rate are computed.
 */
import type { Brain } from '../../agent/brain.ts';
import type { Recognizer } from '../../agent/recognizer.ts';
import type { SpeechSynthesizer } from '../../agent/tts.ts';
import { createCallHost } from '../../call-host.ts';
import type { Config } from '../../config.ts';
import type { AvatarEngine } from '../../engine/avatar-engine.ts';
import type { EncodedFrame } from '../../media/frames.ts';
import { OpusDecoder } from '../../media/opus.ts';
import { createMetrics } from '../../metrics.ts';
import type { HostedCall } from '../../signaling/hosting.ts';
import type { MediaOutlet } from '../../signaling/peer.ts';
import type { TurnMessage } from '../../signaling/protocol.ts';
import { createLogger } from '../../telemetry.ts';

/** Root mean square of a packet that carries speech. */
const LOUD = 0.02;
const PIECE_SAMPLES = 960;
const SPEECH_RATE_HZ = 48_000;

export interface LiveCallParts {
  config: Config;
  engine: Pick<AvatarEngine, 'open'>;
  rigPath: string;
  synthesizer: SpeechSynthesizer;
  brain: Brain;
  recognizer?: Recognizer;
}

/** A packet of sound or an encoded picture, when it was handed to the network. */
export interface Departure {
  atMs: number;
  timestampUs: number;
}

export class LiveCall implements AsyncDisposable {
  readonly pictures: Departure[] = [];
  readonly turns: TurnMessage[] = [];
  heldPictures = 0;
  /** When the picture of a turn's first sound was handed to the encoder, by turn. */
  readonly firstPictureMs = new Map<number, number>();
  private readonly decoder = new OpusDecoder();
  private readonly heard: (Departure & { isLoud: boolean })[] = [];
  /** Packets nobody has asked about yet: decoding is the caller's work, and would count as the call's if it were done while that is measured. */
  private readonly unheard: (Departure & { opus: Uint8Array })[] = [];
  private hosted: HostedCall | undefined;

  static async open(parts: LiveCallParts): Promise<LiveCall> {
    const { config, engine, rigPath, synthesizer, brain, recognizer } = parts;
    const live = new LiveCall();
    const host = createCallHost({
      config,
      gallery: { rigPath: async () => rigPath },
      engine: followFirstPictures(engine, (turnId) => live.firstPictureMs.set(turnId, performance.now())),
      synthesizer,
      brain,
      recognizer,
      liveModel: undefined,
      capacity: { admit: () => {}, report: () => {} },
      logger: createLogger('warn'),
      metrics: createMetrics(),
    });
    const outlet: MediaOutlet = {
      videoCodec: 'VP8',
      send: (frame) => live.note(frame),
      close: async () => {},
    };
    const request = { sessionId: 'bench', portraitId: 'bench', controls: {}, render: 'server' as const };
    live.hosted = await host.open(request, () => outlet, {
      caption: () => {},
      turn: (message) => void live.turns.push(message),
      heard: () => {},
      activity: () => {},
      handoff: () => {},
      hint: () => {},
      stats: ({ heldFrames }) => {
        live.heldPictures = heldFrames;
      },
      failed: ({ error }) => {
        throw new Error(`the call failed: ${error.message}`);
      },
      ended: () => {},
    });
    live.hosted.events.connected();
    return live;
  }

  private note(frame: EncodedFrame): void {
    const departure = { atMs: performance.now(), timestampUs: frame.timestampUs };
    if (frame.kind === 'video') this.pictures.push(departure);
    else this.unheard.push({ ...departure, opus: frame.data });
  }

  get packets(): readonly (Departure & { isLoud: boolean })[] {
    for (const { opus, ...departure } of this.unheard.splice(0))
      this.heard.push({ ...departure, isLoud: loudness(this.decoder.decode(opus)) > LOUD });
    return this.heard;
  }

  get call(): HostedCall {
    return this.hosted!;
  }

  /** As `say` below, into this call. */
  async say(samples: Float32Array, signal: AbortSignal): Promise<{ turnId: number; startMs: number }> {
    return await say(this.call, samples, signal);
  }

  async until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > deadlineMs) throw new Error(`the benchmark waited in vain for ${what}`);
      await pause(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hosted?.close('done');
    this.decoder[Symbol.dispose]();
  }
}

/** Pushes sound as a microphone would: a piece of 20 ms when it has been spoken. @returns when the first piece was accepted, and the turn. */
export async function say(
  call: HostedCall,
  samples: Float32Array,
  signal: AbortSignal,
): Promise<{ turnId: number; startMs: number }> {
  const intake = call.openSound();
  const startMs = performance.now();
  for (let at = 0; at < samples.length; at += PIECE_SAMPLES) {
    signal.throwIfAborted();
    if (intake.isOver) break;
    void intake.push(samples.slice(at, at + PIECE_SAMPLES));
    const dueMs = startMs + ((at + PIECE_SAMPLES) / SPEECH_RATE_HZ) * 1000;
    await pause(dueMs - performance.now());
  }
  intake.end();
  return { turnId: intake.turnId, startMs };
}

/** An engine that tells when the picture with which a turn begins is handed to the encoder, and under which media time. */
export function followFirstPictures(
  engine: Pick<AvatarEngine, 'open'>,
  encoding: (turnId: number, timestampUs: number) => void,
): Pick<AvatarEngine, 'open'> {
  return {
    open(settings, listener) {
      const firstTicks = new Map<number, number>();
      const seen = new Set<number>();
      const slots = new Map<number, number>();
      const session = engine.open(settings, {
        ...listener,
        tick: (tick) => {
          if (tick.turnId !== undefined && !seen.has(tick.turnId)) {
            seen.add(tick.turnId);
            firstTicks.set(tick.index, tick.turnId);
          }
          listener.tick(tick);
        },
        picture: (index, slot, renderMs) => {
          const turnId = firstTicks.get(index);
          if (turnId !== undefined) slots.set(slot, turnId);
          listener.picture(index, slot, renderMs);
        },
      });
      const encode = session.encode.bind(session);
      session.encode = (slot, timestampUs) => {
        const turnId = slots.get(slot);
        if (turnId !== undefined) encoding(turnId, timestampUs);
        slots.delete(slot);
        encode(slot, timestampUs);
      };
      return session;
    },
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

function loudness(samples: Float32Array): number {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return Math.sqrt(energy / Math.max(1, samples.length));
}

/** Voice-like sound at 48 kHz: a 120 Hz buzz, loud from its first sample, whose level rises and falls four times a second. */
export function voice(seconds: number): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * SPEECH_RATE_HZ) }, (_, i) => {
    const timeS = i / SPEECH_RATE_HZ;
    return (0.2 + 0.1 * Math.cos(2 * Math.PI * 4 * timeS)) * (2 * ((120 * timeS) % 1) - 1);
  });
}
