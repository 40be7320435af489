/** Composition root of the server: gallery, engine, speech synthesiser and sessions, joined behind the signaling server's ports. */
import { availableParallelism } from 'node:os';
import { EmbeddedSynthesizer } from './agent/embedded-synthesizer.ts';
import { createCallHost } from './call-host.ts';
import type { Config } from './config.ts';
import { AvatarEngine } from './engine/avatar-engine.ts';
import { AppError } from './errors.ts';
import { Gallery } from './gallery.ts';
import { Scope } from './media/scope.ts';
import { clientDir } from './paths.ts';
import type { ReadinessCheck } from './signaling/readiness.ts';
import { type RunningServer, startServer } from './signaling/server.ts';
import { createLogger, createMetrics } from './telemetry.ts';

/** Talking 512 × 512 sessions at 25 to 30 fps that one core draws and encodes with room to spare. */
const CALLS_PER_CORE = 2;
const BUSY_RETRY_S = 10;

/** @throws AppError PORT_UNAVAILABLE, CONFIG_INVALID, … @returns the running server; dispose it to end every call. */
export async function serve(config: Config): Promise<RunningServer> {
  const logger = createLogger(config.log.level);
  const metrics = createMetrics();
  const scope = new Scope();
  try {
    const gallery = scope.use(await Gallery.open(config.cache.dir, config.server.portraitDirs));
    const engine = scope.use(new AvatarEngine());
    const synthesizer = scope.use(new EmbeddedSynthesizer());
    const maxCalls = config.server.maxCalls || Math.max(1, CALLS_PER_CORE * availableParallelism());
    const admit = (): void => {
      if (engine.sessionCount >= maxCalls)
        throw new AppError('SERVER_BUSY', `All ${maxCalls} lines are taken; try again in a moment.`, {
          retryAfterS: BUSY_RETRY_S,
        });
    };
    const host = createCallHost({ config, engine, gallery, synthesizer, admit, logger, metrics });
    const readiness: ReadinessCheck[] = [
      { name: 'engine', check: () => engine.answer().then(() => undefined) },
      { name: 'portraits', check: () => gallery.problem },
    ];
    const server = scope.use(await startServer({ config, host, gallery, logger, metrics, readiness, clientDir }));
    gallery.warmUp().catch((err) => logger.warn({ err }, 'warming up portraits failed'));
    return { url: server.url, [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}
