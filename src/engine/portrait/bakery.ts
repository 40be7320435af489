/**
 * Pictures analysed in a process of its own, one at a time, each within limits. In: a picture; out: the path of its rig, or the rig itself. A
 * picture that takes too much costs its own request only: the process is killed, and the next picture goes to another.
 */
import { totalmem } from 'node:os';
import { AppError } from '../../errors.ts';
import { LimitedProcess, ProcessEnded } from '../../media/limited-process.ts';
import { repliedOrThrown } from '../../media/worker-requests.ts';
import type { AnalysisReply, AnalysisRequest, BakedPortrait } from './analysis-process.ts';
import type { Portrait } from './portrait.ts';

export type { BakedPortrait } from './analysis-process.ts';

/** A photo of 50 megapixels takes 700 MB with the networks; the largest that is accepted, 1.3 GB. */
const MEMORY_MB = { least: 900, most: 1536 };
/** A large photo takes 6 s on a slow core. */
const CPU_S = 20;
const TIME_S = 90;
const RETRY_AFTER_S = 60;

export interface BakeryOptions {
  /** False where a person waits at a terminal for this picture and nobody for anything else. */
  isLowPriority?: boolean;
  /** Told of each process that ended in the midst of its work. */
  killed?: () => void;
}

export class Bakery implements AsyncDisposable {
  private readonly process: LimitedProcess<AnalysisRequest, AnalysisReply>;
  private readonly killed: () => void;

  constructor({ isLowPriority = true, killed = () => {} }: BakeryOptions = {}) {
    this.killed = killed;
    const limits = { memoryMb: memoryLimitMb(), cpuS: CPU_S, timeS: TIME_S, isLowPriority };
    this.process = new LimitedProcess(new URL('./analysis-process.ts', import.meta.url), limits);
  }

  /**
   * @param cacheDir folder of the rig; made if need be.
   * @throws AppError as the analysis of the photo does; IMAGE_INVALID when it takes too much; SERVER_BUSY when the machine has no time for it.
   */
  async bake(photo: string | Uint8Array, name: string, cacheDir: string): Promise<BakedPortrait> {
    return (await this.ask({ kind: 'bake', photo, name, cacheDir }, name)) as BakedPortrait;
  }

  /** The rig and what was learnt of the photo. @param cacheDir null neither reads nor writes one. @throws AppError as `bake`. */
  async portrait(photo: string, cacheDir: string | null): Promise<Portrait> {
    return (await this.ask({ kind: 'portrait', photo, cacheDir }, photo)) as Portrait;
  }

  /** 160 px, WebP. @throws AppError as `bake`. */
  async thumbnail(photo: string, name: string): Promise<Uint8Array> {
    const reply = (await this.ask({ kind: 'thumbnail', photo, name }, name)) as { thumbnail: Uint8Array };
    return reply.thumbnail;
  }

  /** What is wrong, in one sentence; undefined when pictures can be analysed. What pictures do to the process is not in it. */
  get problem(): string | undefined {
    const { failedStarts } = this.process;
    return failedStarts === 0 ? undefined : `the analysis of portraits did not start, ${failedStarts} times in a row`;
  }

  /** Of the process at work. */
  get pid(): number | undefined {
    return this.process.pid;
  }

  private async ask(request: AnalysisRequest, name: string): Promise<AnalysisReply> {
    try {
      return repliedOrThrown(await this.process.ask(request));
    } catch (error) {
      if (!(error instanceof ProcessEnded)) throw error;
      if (error.why !== 'disposed') this.killed();
      throw explained(error, name) ?? error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

/** @returns what it means for whoever sent the picture; how the process ended is the cause. */
function explained(cause: ProcessEnded, name: string): AppError | undefined {
  const { why } = cause;
  const remedy = 'save it anew as a plain JPEG, or choose another picture';
  if (why === 'memory' || why === 'crash')
    return new AppError('IMAGE_INVALID', `${name} takes more memory to open than a photo does: ${remedy}.`, { cause });
  if (why === 'cpu')
    return new AppError('IMAGE_INVALID', `${name} takes longer to open than a photo does: ${remedy}.`, { cause });
  if (why === 'time')
    return new AppError('SERVER_BUSY', `The machine has no time to analyse ${name} now; try again in a minute.`, {
      retryAfterS: RETRY_AFTER_S,
      cause,
    });
  if (why === 'start')
    return new AppError('SERVER_BUSY', 'The analysis of pictures does not start; run visavis doctor on the server.', {
      retryAfterS: RETRY_AFTER_S,
      cause,
    });
  return undefined;
}

/** Less on a small machine, container limits included. */
function memoryLimitMb(): number {
  const constrained = process.constrainedMemory();
  const availableMb = Math.min(totalmem(), constrained > 0 ? constrained : Number.POSITIVE_INFINITY) / 2 ** 20;
  return Math.round(Math.min(MEMORY_MB.most, Math.max(MEMORY_MB.least, availableMb * 0.4)));
}
