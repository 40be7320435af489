/**
 * What the face of one session says: one turn at a time, a text through the synthesiser or bare sound. In: texts, sound, and what the engine
 * has announced. Out: speech to the engine, at most a little ahead of what was announced, and what the audience is told.
 */
import type { SpeechSynthesizer } from './agent/tts.ts';
import type { EngineSession } from './engine/avatar-engine.ts';
import { AppError } from './errors.ts';
import type { Clock } from './media/clock.ts';
import type { CallAudience, SoundIntake } from './signaling/hosting.ts';
import type { Metrics } from './telemetry.ts';

/** Speech given to the engine ahead of what it has announced; more would only make interruptions waste work. */
const MAX_AHEAD_US = 2_000_000;
const ENGINE_RATE_HZ = 48_000;

export interface SpeakingParts {
  engine: EngineSession;
  synthesizer: SpeechSynthesizer;
  clock: Clock;
  audience: CallAudience;
  metrics: Metrics;
  settings: { voice: string; ratePercent: number; maxCharacters: number };
  /** Called with each turn that is cut off. */
  interrupted: (turnId: number) => void;
  /** Takes a task into the session's care. */
  run: (task: Promise<void>) => void;
}

interface Turn {
  id: number;
  abort: AbortController;
  /** Speech handed to the engine and not yet announced by it. */
  aheadUs: number;
  /** Wakes whoever waits for `aheadUs` to fall. */
  wake: () => void;
}

export class Speaking {
  private readonly parts: SpeakingParts;
  private turn: Turn | undefined;
  private nextTurnId = 1;

  constructor(parts: SpeakingParts) {
    this.parts = parts;
  }

  /** The engine has given out this much of a turn. */
  announced(turnId: number | undefined, samples: number): void {
    if (!this.turn || turnId !== this.turn.id) return;
    this.turn.aheadUs -= (samples / ENGINE_RATE_HZ) * 1e6;
    this.turn.wake();
  }

  get isSilent(): boolean {
    return this.turn === undefined;
  }

  /** The last of a turn has been played. */
  ended(turnId: number): void {
    if (this.turn?.id === turnId) this.turn = undefined;
  }

  /** @throws AppError TEXT_TOO_LONG. @returns the turn's number. */
  speak({ text, voice }: { text: string; voice?: string | undefined }): number {
    const { maxCharacters } = this.parts.settings;
    if (text.length > maxCharacters)
      throw new AppError(
        'TEXT_TOO_LONG',
        `The text has ${text.length} characters; at most ${maxCharacters} are spoken at once.`,
      );
    const turn = this.begin();
    this.parts.metrics.speechRequests.inc();
    this.parts.run(this.synthesize(turn, text, voice));
    return turn.id;
  }

  /** A turn of bare sound, as long as its sender likes. */
  openSound(): SoundIntake {
    const { engine } = this.parts;
    const turn = this.begin();
    const { signal } = turn.abort;
    return {
      turnId: turn.id,
      get isOver() {
        return signal.aborted;
      },
      push: async (samples) => {
        if (signal.aborted || samples.length === 0) return;
        turn.aheadUs += (samples.length / ENGINE_RATE_HZ) * 1e6;
        engine.hear(turn.id, samples);
        await this.room(turn);
      },
      end: () => {
        if (!signal.aborted) engine.endTurn(turn.id);
      },
    };
  }

  private begin(): Turn {
    this.stop();
    const turn = { id: this.nextTurnId++, abort: new AbortController(), aheadUs: 0, wake: () => {} };
    this.turn = turn;
    this.parts.audience.turn({ turnId: turn.id, state: 'started' });
    return turn;
  }

  /** Resolves when the engine wants more of the turn, or the turn has been cut off. */
  private async room(turn: Turn): Promise<void> {
    while (turn.aheadUs > MAX_AHEAD_US && !turn.abort.signal.aborted) {
      await new Promise<void>((resolve) => {
        turn.wake = resolve;
      });
    }
  }

  private async synthesize(turn: Turn, text: string, voice: string | undefined): Promise<void> {
    const { settings, audience, clock, engine, metrics, synthesizer } = this.parts;
    const { signal } = turn.abort;
    const startUs = clock.nowUs();
    let hasSounded = false;
    try {
      const speech = synthesizer.synthesize(text, {
        voice: voice ?? settings.voice,
        ratePercent: settings.ratePercent,
        signal,
      });
      for await (const chunk of speech) {
        if (signal.aborted) return;
        if (!hasSounded) metrics.ttsTtfbMs.observe((clock.nowUs() - startUs) / 1000);
        hasSounded = true;
        turn.aheadUs += (chunk.samples.length / chunk.sampleRateHz) * 1e6;
        const caption = chunk.words.map((word) => word.text).join(' ');
        if (caption) audience.caption({ turnId: turn.id, text: caption });
        engine.speak(turn.id, chunk);
        await this.room(turn);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AppError)) throw error;
      audience.failed({ error: { code: error.code, message: error.message } });
    }
    if (!signal.aborted) engine.endTurn(turn.id);
  }

  /** Silence, now. @param turnId only if this turn is under way. */
  stop(turnId?: number): void {
    const { turn } = this;
    if (!turn || (turnId !== undefined && turnId !== turn.id)) return;
    this.turn = undefined;
    turn.abort.abort();
    turn.wake();
    this.parts.engine.interrupt(turn.id);
    this.parts.interrupted(turn.id);
  }
}
