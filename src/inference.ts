/**
 * Neural models: a name in, a ready session out. The only file that imports onnxruntime-node.
 *
 * A model is `models/NAME.onnx`, loaded once per process and kept. Everything runs on one thread unless asked otherwise,
 * because sessions share the machine with renderers and encoders. `run` blocks the calling thread while the model
 * computes, so calls belong into workers wherever someone is waiting. A GPU is used only after it has given the CPU's numbers,
 * and the CPU stays ready to take over.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { hasCudaProvider } from './cuda.ts';
import { AppError } from './errors.ts';
import { modelsDir } from './paths.ts';

/** ONNX Runtime's names. */
export type Provider = 'cpu' | 'cuda' | 'webgpu';

/** A dense float32 array, row-major; `dims` multiply to `data.length`. */
export interface TensorValue {
  data: Float32Array;
  dims: readonly number[];
}

/** What a model may be given: numbers, token ids (int64) or truth values (0 and 1). */
export type TensorInput =
  | TensorValue
  | { data: BigInt64Array; dims: readonly number[] }
  | { data: Uint8Array; dims: readonly number[] };

export interface Model {
  readonly name: string;
  readonly provider: Provider;
  /** All of the model's inputs by name → all of its outputs by name. The outputs belong to the caller. */
  run(inputs: Record<string, TensorInput>): Promise<Record<string, TensorValue>>;
}

export interface ModelOptions {
  provider?: Provider;
  /** Threads one `run` may use. */
  threads?: number;
  /** Folder of the model file; only tests name another than the package's own. */
  directory?: string;
}

const models = new Map<string, Promise<Model>>();

/**
 * Loads `models/NAME.onnx`, or returns it if this process has it already.
 *
 * @throws AppError MODEL_MISSING (no such file), MODEL_CORRUPT (not a model that this runtime can load) or
 * PROVIDER_UNAVAILABLE.
 */
export function loadModel(name: string, options: ModelOptions = {}): Promise<Model> {
  const { provider = 'cpu', threads = 1, directory = modelsDir } = options;
  const key = `${directory}\n${name}\n${provider}\n${threads}`;
  let model = models.get(key);
  if (!model) {
    model = openModel(name, join(directory, `${name}.onnx`), provider, threads);
    models.set(key, model);
    // A failure is not remembered: the file may be put back while the process lives.
    model.catch(() => models.delete(key));
  }
  return model;
}

async function openModel(name: string, path: string, provider: Provider, threads: number): Promise<Model> {
  const restore = 'restore it with `git checkout models` in a checkout, or reinstall the package';
  try {
    await access(path);
  } catch (cause) {
    throw new AppError('MODEL_MISSING', `The model ${path} is missing: ${restore}.`, { cause });
  }
  const runtime = await import('onnxruntime-node');
  let session: InferenceSession;
  try {
    session = await runtime.InferenceSession.create(await readFile(path), {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    if (provider !== 'cpu') {
      const reason = firstLine(cause);
      throw new AppError(
        'PROVIDER_UNAVAILABLE',
        `${name} cannot run on ${provider} (${reason}): choose another provider, or cpu.`,
        { cause },
      );
    }
    throw new AppError('MODEL_CORRUPT', `The model ${path} cannot be loaded: ${restore}.`, { cause });
  }
  return {
    name,
    provider,
    async run(inputs) {
      const feeds: Record<string, Tensor> = {};
      for (const [key, { data, dims }] of Object.entries(inputs)) {
        if (data instanceof Float32Array) feeds[key] = new runtime.Tensor('float32', data, dims);
        else if (data instanceof BigInt64Array) feeds[key] = new runtime.Tensor('int64', data, dims);
        else feeds[key] = new runtime.Tensor('bool', data, dims);
      }
      const outputs = await session.run(feeds);
      const values: Record<string, TensorValue> = {};
      for (const [key, tensor] of Object.entries(outputs)) {
        values[key] = { data: tensor.data as Float32Array, dims: tensor.dims };
      }
      return values;
    },
  };
}

/** Execution providers that this installation brings along. */
export async function bundledProviders(): Promise<string[]> {
  const { listSupportedBackends } = await import('onnxruntime-node');
  return listSupportedBackends().flatMap(({ name, bundled }) => (bundled ? [name] : []));
}

/** What a provider must get right before it is trusted. */
export interface SelfCheck {
  inputs: Record<string, TensorValue>;
  /** Largest accepted difference from the CPU, relative to the largest value of that output. */
  tolerance: number;
}

/** 'auto' (also when missing): whichever works best. */
export type ModelChoiceOptions = Omit<ModelOptions, 'provider'> & { provider?: Provider | 'auto' };

export interface ModelChoice {
  model: Model;
  /** One sentence for each provider that was tried and not taken, and later for one that failed. */
  notes: string[];
}

/**
 * The model on the fastest provider that works: of `cuda` and `webgpu` the first that gives the CPU's numbers and is not slower,
 * else the CPU. A named provider is taken whatever its speed. If it fails later, the CPU goes on from the same `run`.
 *
 * @throws AppError like `loadModel`; a named provider that is not there or computes nonsense is PROVIDER_UNAVAILABLE.
 */
export async function loadBestModel(
  name: string,
  check: SelfCheck,
  options: ModelChoiceOptions = {},
): Promise<ModelChoice> {
  const { provider = 'auto', ...rest } = options;
  const cpu = await loadModel(name, rest);
  if (provider === 'cpu') return { model: cpu, notes: [] };
  const { listSupportedBackends } = await import('onnxruntime-node');
  const bundled = listSupportedBackends().flatMap((backend) => (backend.bundled ? [backend.name] : []));
  const candidates = candidateProviders(provider, bundled, hasCudaProvider()).map((candidate) => ({
    provider: candidate,
    load: () => loadModel(name, { ...rest, provider: candidate }),
  }));
  const choice = await chooseModel(cpu, candidates, check, provider === 'auto');
  if (provider !== 'auto' && choice.model.provider !== provider)
    throw new AppError('PROVIDER_UNAVAILABLE', choice.notes[0]);
  return choice;
}

/**
 * What may be tried, best first.
 * @param bundled as the runtime says, which never names `cuda`: its libraries are added later.
 */
export function candidateProviders(
  wanted: Provider | 'auto',
  bundled: readonly string[],
  hasCuda: boolean,
): Exclude<Provider, 'cpu'>[] {
  const isThere = (candidate: string): boolean => bundled.includes(candidate) || (candidate === 'cuda' && hasCuda);
  return (['cuda', 'webgpu'] as const).filter((candidate) =>
    wanted === 'auto' ? isThere(candidate) : candidate === wanted,
  );
}

/** The choice itself: `candidates` in order of preference; with `mustBeFaster`, a slower one than the CPU is passed over. */
export async function chooseModel(
  cpu: Model,
  candidates: { provider: Provider; load: () => Promise<Model> }[],
  check: SelfCheck,
  mustBeFaster: boolean,
): Promise<ModelChoice> {
  const notes: string[] = [];
  const expected = await cpu.run(check.inputs);
  for (const { provider, load } of candidates) {
    try {
      const model = await load();
      const difference = largestDifference(await model.run(check.inputs), expected);
      if (!(difference <= check.tolerance)) {
        notes.push(
          `${cpu.name} on ${provider} differs from the cpu by ${difference.toExponential(1)}: not used, choose cpu.`,
        );
      } else if (mustBeFaster && (await isSlower(model, cpu, check))) {
        notes.push(`${cpu.name} is slower on ${provider} than on the cpu: not used.`);
      } else {
        return { model: withFallback(model, cpu, notes), notes };
      }
    } catch (error) {
      notes.push(
        error instanceof AppError
          ? error.message
          : `${cpu.name} fails on ${provider} (${firstLine(error)}): choose cpu.`,
      );
    }
  }
  return { model: cpu, notes };
}

function withFallback(fast: Model, cpu: Model, notes: string[]): Model {
  let current = fast;
  return {
    name: fast.name,
    get provider() {
      return current.provider;
    },
    async run(inputs) {
      if (current === cpu) return cpu.run(inputs);
      try {
        return await current.run(inputs);
      } catch (error) {
        notes.push(`${cpu.name} failed on ${fast.provider} (${firstLine(error)}) and goes on on the cpu.`);
        current = cpu;
        return cpu.run(inputs);
      }
    },
  };
}

/** Relative to each output's largest value; infinite where shapes differ or a value is not finite. */
function largestDifference(got: Record<string, TensorValue>, expected: Record<string, TensorValue>): number {
  let worst = 0;
  for (const [key, { data }] of Object.entries(expected)) {
    const other = got[key]?.data;
    if (other?.length !== data.length) return Infinity;
    let difference = 0;
    let size = 1e-12;
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(other[i])) return Infinity;
      difference = Math.max(difference, Math.abs(other[i] - data[i]));
      size = Math.max(size, Math.abs(data[i]));
    }
    worst = Math.max(worst, difference / size);
  }
  return worst;
}

async function isSlower(model: Model, cpu: Model, check: SelfCheck): Promise<boolean> {
  const cpuMs = await bestRunMs(cpu, check);
  return (await bestRunMs(model, check, cpuMs)) > cpuMs;
}

/** The best of three, so that a busy moment does not decide; one is enough where it is far above `limitMs`. */
async function bestRunMs(model: Model, { inputs }: SelfCheck, limitMs = Infinity): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < 3 && (i === 0 || best < 5 * limitMs); i++) {
    const start = performance.now();
    await model.run(inputs);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
