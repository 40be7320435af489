/**
 * What NVIDIA's GPUs need, and whether it is there. In: a look at the machine; out: whether networks may be tried on CUDA, and what is missing
 * with what to do. Which providers ONNX Runtime says are bundled is compiled into it and tells nothing of files that were added later.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loaderPath } from './config.ts';

/** The machine, as far as it matters here. */
export interface CudaMachine {
  platform: string;
  arch: string;
  /** Where the runtime's binding lies; undefined where it cannot be found. */
  bindingDir: string | undefined;
  exists(path: string): boolean;
  /** @returns undefined for what cannot be read. */
  read(path: string): string | undefined;
  /** Whether the loader would find a shared library of this name. */
  hasLibrary(name: string): boolean;
}

const DRIVER = '/proc/driver/nvidia';
const PROVIDER_LIBRARIES = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
/** Of CUDA 12, what the provider is linked with. */
const CUDA_LIBRARIES = ['libcudart.so.12', 'libcublas.so.12', 'libcublasLt.so.12', 'libcufft.so.11', 'libcurand.so.10'];
const CUDNN_LIBRARY = 'libcudnn.so.9';
const INSTALL = 'ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install';

/** Whether the CUDA provider lies beside the runtime's binding, which is where it is looked for. */
export function hasCudaProvider({ bindingDir, exists }: CudaMachine = thisMachine()): boolean {
  return bindingDir !== undefined && PROVIDER_LIBRARIES.every((name) => exists(join(bindingDir, name)));
}

export interface CudaReport {
  /** As the driver calls itself; undefined where there is none. */
  driver: string | undefined;
  /** What to install, each in one sentence; empty when networks can be tried on the GPU. */
  missing: string[];
}

export function cudaReport(machine: CudaMachine = thisMachine()): CudaReport {
  const { platform, arch, exists, read, hasLibrary } = machine;
  const driver = exists(DRIVER)
    ? (read(join(DRIVER, 'version'))?.split('\n', 1)[0] ?? 'of unknown version')
    : undefined;
  const missing: string[] = [];
  if (platform !== 'linux' || arch !== 'x64')
    missing.push(
      `a machine that runs Linux on x64: the CUDA provider exists for no other (this is ${platform} ${arch})`,
    );
  if (driver === undefined) missing.push(`NVIDIA's driver (there is no ${DRIVER})`);
  const absent = CUDA_LIBRARIES.filter((name) => !hasLibrary(name));
  if (absent.length > 0) missing.push(`CUDA 12 on the loader's path (${absent.join(', ')})`);
  if (!hasLibrary(CUDNN_LIBRARY)) missing.push(`cuDNN 9 for CUDA 12 on the loader's path (${CUDNN_LIBRARY})`);
  if (!hasCudaProvider(machine)) missing.push(`ONNX Runtime's CUDA provider: run "${INSTALL}" (it downloads 200 MB)`);
  return { driver, missing };
}

function thisMachine(): CudaMachine {
  const { platform, arch } = process;
  let cache: string | undefined;
  return {
    platform,
    arch,
    bindingDir: findBinding(platform, arch),
    exists: existsSync,
    read: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return undefined;
      }
    },
    hasLibrary: (name) => {
      cache ??= loaderCache();
      const onPath = loaderPath()
        .split(':')
        .some((folder) => folder !== '' && existsSync(join(folder, name)));
      return onPath || cache.includes(`\t${name} `);
    },
  };
}

function findBinding(platform: string, arch: string): string | undefined {
  try {
    const bin = join(dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node'))), 'bin');
    return readdirSync(bin)
      .map((version) => join(bin, version, platform, arch))
      .find((folder) => existsSync(folder));
  } catch {
    return undefined;
  }
}

/** Libraries that the loader knows, as `ldconfig` prints them. */
function loaderCache(): string {
  for (const command of ['ldconfig', '/sbin/ldconfig']) {
    try {
      return execFileSync(command, ['-p'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 });
    } catch {
      // not on this path, or no such program here
    }
  }
  return '';
}
