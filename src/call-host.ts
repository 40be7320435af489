/**
 * Opens calls: admission, the chosen face, an engine session and what speaks, put together as one `Session`. In: what a visitor asks for; out:
 * the hosted call. The benchmarks open theirs here too, so that they measure what callers get.
 */
import type { SpeechSynthesizer } from './agent/tts.ts';
import type { Capacity } from './capacity.ts';
import type { Config } from './config.ts';
import type { EngineListener, EngineSession } from './engine/avatar-engine.ts';
import type { SessionSettings } from './engine/avatar-messages.ts';
import { resolveControls } from './engine/controls.ts';
import { systemClock } from './media/clock.ts';
import { Session } from './session.ts';
import type { CallHost } from './signaling/hosting.ts';
import type { Logger, Metrics } from './telemetry.ts';

export const PICTURE_PX = 512;

export interface CallHostParts {
  config: Config;
  engine: { open(settings: SessionSettings, listener: EngineListener): EngineSession };
  gallery: { rigPath(portraitId: string): Promise<string> };
  synthesizer: SpeechSynthesizer;
  capacity: Pick<Capacity, 'admit' | 'report'>;
  logger: Logger;
  metrics: Metrics;
}

export function createCallHost(parts: CallHostParts): CallHost {
  const { capacity, config, engine, gallery, synthesizer, logger, metrics } = parts;
  const { fps } = config.motion;
  return {
    fps,
    admit: () => capacity.admit('server'),
    async open({ portraitId, controls, render }, peer, audience) {
      const rigPath = await gallery.rigPath(portraitId);
      capacity.admit(render);
      const call = {}; // stands for this call in what is reported
      const settings = { rigPath, fps, sizePx: PICTURE_PX, controls: resolveControls(controls), render };
      return new Session({
        peer,
        openEngine: (listener) => engine.open(settings, listener),
        synthesizer,
        clock: systemClock,
        audience: {
          ...audience,
          stats: (stats) => {
            capacity.report(call, render, stats);
            audience.stats(stats);
          },
        },
        logger,
        metrics,
        settings: {
          render,
          fps,
          bitrateBps: config.webrtc.bitrateKbps * 1000,
          // A page that draws waits for the sound by itself.
          videoDelayUs: render === 'client' ? 0 : config.webrtc.videoDelayMs * 1000,
          voice: config.speech.voice,
          ratePercent: config.speech.ratePercent,
          maxCharacters: config.speech.maxCharacters,
        },
      });
    },
    async voices() {
      const voices = await synthesizer.voices();
      return voices.map(({ id, name, languages }) => ({ id, title: name, language: languages[0] ?? '' }));
    },
  };
}
