/**
 * Neural models: a name in, a ready session out. The only file that imports onnxruntime-node.
 *
 * A model is `models/NAME.onnx`, loaded once per process and kept. Everything runs on one thread unless asked otherwise,
 * because sessions share the machine with renderers and encoders. `run` blocks the calling thread while the model
 * computes, so calls belong into workers wherever someone is waiting.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { AppError } from './errors.ts';
import { modelsDir } from './paths.ts';

/** Execution providers in the order of ONNX Runtime's names. */
export type Provider = 'cpu' | 'cuda' | 'webgpu';

/** A dense float32 array, row-major; `dims` multiply to `data.length`. */
export interface TensorValue {
  data: Float32Array;
  dims: readonly number[];
}

export interface Model {
  readonly name: string;
  readonly provider: Provider;
  /** All of the model's inputs by name → all of its outputs by name. The outputs belong to the caller. */
  run(inputs: Record<string, TensorValue>): Promise<Record<string, TensorValue>>;
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
 * @throws AppError MODEL_MISSING (no such file) or MODEL_CORRUPT (not a model that this runtime can load).
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
    throw new AppError('MODEL_CORRUPT', `The model ${path} cannot be loaded: ${restore}.`, { cause });
  }
  return {
    name,
    provider,
    async run(inputs) {
      const feeds: Record<string, Tensor> = {};
      for (const [key, value] of Object.entries(inputs))
        feeds[key] = new runtime.Tensor('float32', value.data, value.dims);
      const outputs = await session.run(feeds);
      const values: Record<string, TensorValue> = {};
      for (const [key, tensor] of Object.entries(outputs)) {
        values[key] = { data: tensor.data as Float32Array, dims: tensor.dims };
      }
      return values;
    },
  };
}
