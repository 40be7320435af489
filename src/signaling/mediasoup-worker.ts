/**
 * mediasoup's worker process, where the optional package is installed: loaded at boot, opened again after it died. Where it cannot be had,
 * that is said once and rooms do without; nothing here throws for it.
 */
import { z } from 'zod';
import type { LiveCodec } from '../media/live-video-encoder.ts';
import type { Logger } from '../telemetry.ts';
import type { MediasoupModule, MediasoupRouter, MediasoupWorker } from './mediasoup-api.ts';
import { mediaCodecs } from './mediasoup-codecs.ts';

/** A worker that has not started by then never will. */
const START_TIMEOUT_MS = 15_000;

export interface SfuOptions {
  portRange: [number, number] | null;
  logger: Logger;
  /** Told of each worker that died and was replaced. */
  restarted?: () => void;
  /** @throws whatever an import throws. */
  load?: () => Promise<unknown>;
}

const moduleSchema = z.object({ version: z.string(), createWorker: z.function() });

export class Sfu implements Disposable {
  private readonly options: SfuOptions;
  private module: MediasoupModule | undefined;
  private worker: Promise<MediasoupWorker | undefined> | undefined;
  private missing: string | undefined;

  private constructor(options: SfuOptions) {
    this.options = options;
  }

  /** Loads the package and starts its worker, so that a reason why rooms must do without is known from the start. */
  static async open(options: SfuOptions): Promise<Sfu> {
    const sfu = new Sfu(options);
    try {
      sfu.module = await loadModule(options.load ?? (() => import('mediasoup' as string)));
    } catch (error) {
      sfu.giveUp(error);
      return sfu;
    }
    await sfu.startWorker();
    return sfu;
  }

  /** For people: which version serves, or why none does. */
  get detail(): string {
    return this.missing ?? `mediasoup ${this.module?.version}`;
  }

  /** A router for one room. @returns undefined where there is no worker. */
  async openRouter(videoCodec: LiveCodec): Promise<MediasoupRouter | undefined> {
    let worker = await this.worker;
    if (worker?.closed) {
      this.options.restarted?.();
      worker = await this.startWorker();
    }
    return worker?.createRouter({ mediaCodecs: mediaCodecs(videoCodec) });
  }

  private startWorker(): Promise<MediasoupWorker | undefined> {
    this.worker = this.createWorker().catch((error) => {
      this.giveUp(error);
      return undefined;
    });
    return this.worker;
  }

  private async createWorker(): Promise<MediasoupWorker> {
    const { portRange, logger } = this.options;
    const starting = this.module!.createWorker({
      logLevel: 'warn',
      ...(portRange ? { rtcMinPort: portRange[0], rtcMaxPort: portRange[1] } : {}),
    });
    const worker = await inTime(starting);
    worker.on('died', (err) => logger.error({ err }, 'the mediasoup worker died; the next room starts another'));
    logger.info({ version: this.module!.version }, 'rooms are served by mediasoup');
    return worker;
  }

  private giveUp(error: unknown): void {
    const reason = (error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND' ? 'it is not installed' : String(error);
    this.missing = `mediasoup cannot be used (${reason}); rooms are served peer to peer`;
    this.options.logger.warn({ reason }, 'mediasoup cannot be used; rooms are served peer to peer');
  }

  [Symbol.dispose](): void {
    void this.worker?.then((worker) => worker?.close());
  }
}

/** Releases before 3.9 are CommonJS: what they export is the default of the import. */
async function loadModule(load: () => Promise<unknown>): Promise<MediasoupModule> {
  const loaded = (await load()) as { default?: unknown; createWorker?: unknown };
  const found = loaded.createWorker ? loaded : loaded.default;
  if (!moduleSchema.safeParse(found).success) throw new Error('the package has no createWorker');
  return found as MediasoupModule;
}

async function inTime(starting: Promise<MediasoupWorker>): Promise<MediasoupWorker> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('its worker did not start')), START_TIMEOUT_MS);
  });
  try {
    return await Promise.race([starting, late]);
  } catch (error) {
    starting.then((worker) => worker.close()).catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
