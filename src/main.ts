/** Composition root of the server: gallery, engine, speech synthesiser and sessions, joined behind the signaling server's ports. */
import { openBrain, openLiveModel, openRecognizer, openSynthesizer, rememberedHealth } from './agent/providers.ts';
import { Vad } from './agent/vad.ts';
import { createCallHost, PICTURE_PX } from './call-host.ts';
import { availableCores, Capacity } from './capacity.ts';
import { type Config, environmentSecrets } from './config.ts';
import { AvatarEngine } from './engine/avatar-engine.ts';
import { calibrate } from './engine/calibration.ts';
import { Bakery } from './engine/portrait/bakery.ts';
import { Gallery } from './gallery.ts';
import { Scope } from './media/scope.ts';
import { createMetrics, watchMainLoop } from './metrics.ts';
import { clientDir, packageVersion } from './paths.ts';
import { rehearse } from './rehearsal.ts';
import { openDoorWarning, requireChosenAccess } from './signaling/access.ts';
import type { ReadinessCheck } from './signaling/readiness.ts';
import { type RunningServer, startServer } from './signaling/server.ts';
import { createLogger, type Logger } from './telemetry.ts';
import { WarmUp } from './warm-up.ts';

/** @throws AppError PORT_UNAVAILABLE, CONFIG_INVALID, … @returns the running server; dispose it to end every call. */
export async function serve(config: Config): Promise<RunningServer> {
  requireChosenAccess(config);
  const logger = createLogger(config.log.level);
  const metrics = createMetrics(packageVersion());
  const scope = new Scope();
  const cores = availableCores();
  const workers = Math.ceil(cores);
  try {
    scope.use(watchMainLoop(metrics));
    const warning = openDoorWarning(config);
    if (warning) logger.warn({ warning }, 'this server is open to everyone');
    const openBakery = (): Bakery => new Bakery({ killed: () => metrics.workerRestarts.inc({ worker: 'analysis' }) });
    const gallery = scope.use(await Gallery.open(config.cache.dir, config.server.portraitDirs, { logger, openBakery }));
    const engine = scope.use(
      new AvatarEngine(workers, config.motion, (worker) => metrics.workerRestarts.inc({ worker })),
    );
    const providers = { config, secrets: environmentSecrets, logger, metrics };
    const synthesizer = scope.use(openSynthesizer(providers));
    const brain = scope.use(openBrain(providers));
    const recognizer = openRecognizer(providers);
    if (recognizer) scope.use(recognizer);
    const liveModel = openLiveModel(providers);
    if (liveModel) scope.use(liveModel);
    const { fps } = config.motion;
    const { maxCalls } = config.server;
    let rehearsals = 0;
    const callCount = (): number => engine.sessionCount - rehearsals;
    const capacity = scope.use(
      new Capacity({ cores, workers, fps, maxCalls, callCount, estimated: (most) => metrics.callsCapacity.set(most) }),
    );
    const talkers = { brain, recognizer, synthesizer, liveModel };
    const parts = { config, engine, gallery, ...talkers, capacity, logger, metrics };
    const host = createCallHost(parts);
    const warmUp = scope.use(new WarmUp(logger));
    const answer = (): Promise<void> => engine.answer();
    const readiness: ReadinessCheck[] = [
      warmUp.check,
      { name: 'engine', check: () => answer().then(() => undefined) },
      { name: 'portraits', check: () => gallery.problem(), detail: () => gallery.detail },
      { name: 'capacity', status: 'full', check: () => capacity.refusal('server') },
      ...Object.entries({ tts: synthesizer, llm: brain, stt: recognizer, realtime: liveModel }).flatMap(
        ([name, provider]) => (provider ? [providerReadiness(name, provider)] : []),
      ),
    ];
    const apiKeys = environmentSecrets('VISAVIS_API_KEYS') ?? '';
    const server = scope.use(
      await startServer({ config, host, gallery, logger, metrics, apiKeys, readiness, answer, clientDir }),
    );
    const life = new AbortController();
    scope.use({ [Symbol.dispose]: () => life.abort(new Error('the server stops')) });
    const rehearseCall = async (): Promise<void> => {
      if (callCount() > 0) return; // who came back after a restart is not to share the machine with nobody
      // It takes nobody's place, and no number tells of it.
      const quiet = { capacity: { admit() {}, report() {} }, metrics: createMetrics(packageVersion(), false) };
      const isVoiceFree = config.tts.kind === 'embedded' || config.tts.kind === 'sherpa';
      rehearsals += 1;
      await rehearse({
        host: createCallHost({ ...parts, ...quiet }),
        portraitId: await firstFace(gallery),
        codec: config.webrtc.codecs[0]!,
        text: isVoiceFree ? 'Hello.' : undefined,
        signal: life.signal,
      }).finally(() => {
        rehearsals -= 1;
      });
    };
    const measure = () => measureCapacity(config, gallery, workers, logger);
    const loadEars = async (): Promise<void> => {
      await Vad.load();
      if (config.stt.kind === 'embedded' || config.stt.kind === 'sherpa') await recognizer?.check(life.signal);
    };
    const loadMotion = async (): Promise<void> => {
      const { provider, notes } = await engine.warmUp();
      logger.info({ provider, notes }, 'motion is ready');
    };
    warmUp
      .run([
        [{ name: 'first face', run: async () => gallery.rigPath(await firstFace(gallery)) }],
        [
          { name: 'network', run: () => server.warmedUp },
          { name: 'picture and voice', run: rehearseCall },
        ],
        [
          { name: 'ears', run: loadEars },
          { name: 'motion', run: loadMotion },
        ],
        // Last, for it keeps every thread busy: a caller who came meanwhile would wait, and spoil what is measured.
        [{ name: 'capacity', run: () => capacity.measure(measure) }],
      ])
      .then(() => gallery.warmUp())
      // Callers who were back before the first measurement would be the only ones that a strong machine takes.
      .then(() =>
        capacity.measureAgain(measure, {
          signal: life.signal,
          failed: (err) => logger.warn({ err }, 'what a picture costs could not be measured; it is tried again'),
        }),
      );
    return {
      url: server.url,
      metricsPort: server.metricsPort,
      warmedUp: server.warmedUp,
      drain: (limitMs, stop) => server.drain(limitMs, stop),
      [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

function providerReadiness(name: string, provider: Parameters<typeof rememberedHealth>[0]): ReadinessCheck {
  const health = rememberedHealth(provider);
  let detail = '';
  return {
    name,
    async check() {
      const { isOk, detail: said, remedy } = await health();
      detail = [said, remedy].filter(Boolean).join(' ');
      return isOk ? undefined : detail;
    },
    detail: () => detail,
  };
}

async function firstFace(gallery: Gallery): Promise<string> {
  const [first] = await gallery.list();
  if (!first) throw new Error('there is no face');
  return first.id;
}

/** Calls are taken meanwhile, few until it is done. @returns ms; undefined where there is no face, or a number of calls is configured. */
async function measureCapacity(
  config: Config,
  gallery: Gallery,
  workers: number,
  logger: Logger,
): Promise<number | undefined> {
  const [first] = await gallery.list();
  if (!first || config.server.maxCalls > 0) return undefined;
  const rigPath = await gallery.rigPath(first.id);
  const [codec] = config.webrtc.codecs;
  const bitrateBps = config.webrtc.bitrateKbps * 1000;
  const { fps } = config.motion;
  const task = { rigPath, sizePx: PICTURE_PX, fps, codec: codec!, bitrateBps };
  const { pictureMs, encoders } = await calibrate(task, workers);
  logger.info({ pictureMs: Math.round(pictureMs * 10) / 10, encoders }, 'measured what a picture costs');
  return pictureMs;
}
