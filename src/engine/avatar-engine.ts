/**
 * AvatarEngine: a pool of worker threads that draw and encode faces. In: how many, and sessions to open. Out: sessions, shared among the
 * workers. A worker that dies is replaced at once and its sessions go on where they were; where its successors die young too, each
 * after a longer pause.
 */
import { availableParallelism } from 'node:os';
import type { Provider } from '../inference.ts';
import type { SessionSettings } from './avatar-messages.ts';
import { type EngineListener, EngineSession } from './engine-session.ts';
import { InferenceThread } from './inference-thread.ts';
import { ArticulationModel } from './motion/articulation-model.ts';
import { HeadPlanModel } from './motion/head-plan-model.ts';
import type { PerformanceKind } from './motion/performance-source.ts';
import { PooledWorker } from './pooled-worker.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/** How faces move, for all sessions of an engine. */
export interface EngineMotion {
  provider?: Provider | 'auto';
  performance?: PerformanceKind;
}

export class AvatarEngine implements AsyncDisposable {
  private readonly workers: PooledWorker[];
  /** Where all sessions' networks compute: neither a call's sound nor a picture waits for them. */
  private readonly networks: InferenceThread;
  /** The network that hears lips in bare sound, shared by all sessions; loaded by `warmUp` or for the first turn that needs it. */
  private articulation: Promise<ArticulationModel> | undefined;
  private nextSessionId = 1;
  private isDisposed = false;

  private headPlans: Promise<HeadPlanModel> | undefined;
  private readonly motion: EngineMotion;
  private readonly workerRestarted: (worker: 'engine' | 'networks') => void;

  /**
   * @param workerCount threads to share the sessions among; one per core by default.
   * @param workerRestarted told of each thread that died and was replaced.
   * @param motion what the networks run on, the CPU when missing, and which head there is, the fitted one when missing.
   */
  constructor(
    workerCount = availableParallelism(),
    motion: EngineMotion = {},
    workerRestarted: (worker: 'engine' | 'networks') => void = () => {},
  ) {
    this.motion = motion;
    this.workerRestarted = workerRestarted;
    this.networks = new InferenceThread(undefined, () => workerRestarted('networks'));
    this.workers = Array.from({ length: Math.max(1, workerCount) }, () => this.spawn());
  }

  private get providerChoice(): { provider?: Provider | 'auto' } {
    return this.motion.provider === undefined ? {} : { provider: this.motion.provider };
  }

  private spawn(earlyDeaths = 0): PooledWorker {
    return new PooledWorker((lost) => this.replace(lost), earlyDeaths);
  }

  private replace(lost: PooledWorker): void {
    const earlyDeaths = lost.isSteady ? 0 : lost.earlyDeaths;
    const install = (): void => {
      if (this.isDisposed) return;
      this.workerRestarted('engine');
      const fresh = this.spawn(earlyDeaths + 1);
      this.workers[this.workers.indexOf(lost)] = fresh;
      for (const session of lost.sessions.values()) session.moveTo(fresh);
    };
    if (earlyDeaths === 0) install();
    // Sessions wait in the pool's place of the one that was lost.
    else setTimeout(install, Math.min(FIRST_PAUSE_MS * 2 ** (earlyDeaths - 1), LONGEST_PAUSE_MS)).unref();
  }

  get sessionCount(): number {
    return this.workers.reduce((sum, worker) => sum + worker.sessions.size, 0);
  }

  /** Resolves when every worker has answered. */
  async answer(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.answer()));
  }

  /** Opens a session on the worker with the fewest; pictures begin to come at once. */
  open(settings: SessionSettings, listener: EngineListener): EngineSession {
    const alive = this.workers.filter(({ isGone }) => !isGone);
    const worker = (alive.length > 0 ? alive : this.workers).reduce((least, w) =>
      w.sessions.size < least.sessions.size ? w : least,
    );
    return new EngineSession(
      this.nextSessionId++,
      worker,
      settings,
      listener,
      () => this.loadArticulation(),
      this.motion.performance === 'learned' ? async (request) => (await this.loadHeadPlans()).plan(request) : undefined,
    );
  }

  /** Loads what the first turn would wait for. @throws AppError MODEL_MISSING, MODEL_CORRUPT, PROVIDER_UNAVAILABLE. */
  async warmUp(): Promise<{ provider: Provider; notes: readonly string[] }> {
    const articulation = await this.loadArticulation();
    if (this.motion.performance === 'learned') await this.loadHeadPlans();
    return articulation;
  }

  private loadHeadPlans(): Promise<HeadPlanModel> {
    this.headPlans ??= HeadPlanModel.load(this.providerChoice, this.networks.loadBestModel).catch((error: unknown) => {
      this.headPlans = undefined;
      throw error;
    });
    return this.headPlans;
  }

  private loadArticulation(): Promise<ArticulationModel> {
    this.articulation ??= ArticulationModel.load(this.providerChoice, this.networks.loadBestModel).catch(
      (error: unknown) => {
        // A failure is not remembered: the file may be put back while the server runs.
        this.articulation = undefined;
        throw error;
      },
    );
    return this.articulation;
  }

  /** For tests: every worker dies as in a crash. */
  async crashWorkers(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.crash()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    await Promise.all([...this.workers.map((worker) => worker.dispose()), this.networks[Symbol.asyncDispose]()]);
  }
}
