// NVIDIA's GPUs: when networks are tried on them, and what the doctor says is missing. The machine is made up.
import { describe, expect, it } from 'vitest';
import { inferenceFinding } from '../../src/cli/doctor-checks.ts';
import { type CudaMachine, cudaReport, hasCudaProvider } from '../../src/cuda.ts';
import { candidateProviders } from '../../src/inference.ts';

const BINDING = '/opt/visavis/node_modules/onnxruntime-node/bin/napi-v6/linux/x64';
const PROVIDER = [`${BINDING}/libonnxruntime_providers_cuda.so`, `${BINDING}/libonnxruntime_providers_shared.so`];
const CUDA = ['libcudart.so.12', 'libcublas.so.12', 'libcublasLt.so.12', 'libcufft.so.11', 'libcurand.so.10'];
const DRIVER_LINE = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15';

function machine({
  files = [] as string[],
  libraries = [] as string[],
  hasDriver = true,
  arch = 'x64',
} = {}): CudaMachine {
  return {
    platform: 'linux',
    arch,
    bindingDir: BINDING,
    exists: (path) => files.includes(path) || (hasDriver && path === '/proc/driver/nvidia'),
    read: (path) => (hasDriver && path === '/proc/driver/nvidia/version' ? `${DRIVER_LINE}\nGCC version` : undefined),
    hasLibrary: (name) => libraries.includes(name),
  };
}

describe('auto', () => {
  it('tries CUDA where its libraries lie beside the binding, though the runtime does not call it bundled', () => {
    expect(hasCudaProvider(machine({ files: PROVIDER }))).toBe(true);
    expect(candidateProviders('auto', ['cpu', 'webgpu'], true)).toEqual(['cuda', 'webgpu']);
  });

  it('does not where one of them is missing, or the binding cannot be found', () => {
    for (const files of [[], PROVIDER.slice(0, 1), PROVIDER.slice(1)])
      expect(hasCudaProvider(machine({ files }))).toBe(false);
    expect(hasCudaProvider({ ...machine({ files: PROVIDER }), bindingDir: undefined })).toBe(false);
    expect(candidateProviders('auto', ['cpu', 'webgpu'], false)).toEqual(['webgpu']);
    expect(candidateProviders('auto', ['cpu'], false)).toEqual([]);
  });

  it('is not asked for a provider that was named', () => {
    expect(candidateProviders('cuda', ['cpu'], false)).toEqual(['cuda']);
    expect(candidateProviders('webgpu', ['cpu'], true)).toEqual(['webgpu']);
  });
});

describe('the doctor', () => {
  it('says nothing of GPUs where there is none and none is asked for', () => {
    const report = cudaReport(machine({ hasDriver: false }));
    expect(inferenceFinding('auto', ['cpu', 'webgpu'], report)).toEqual({
      state: 'ok',
      detail: 'ONNX Runtime with cpu, webgpu; motion.provider is auto.',
    });
  });

  it('names all that is missing beside a driver, with the command', () => {
    const { state, detail, remedy } = inferenceFinding('auto', ['cpu'], cudaReport(machine()));
    expect([state, detail]).toEqual(['warning', expect.stringContaining(DRIVER_LINE)]);
    for (const part of ['CUDA 12', 'libcublas.so.12', 'cuDNN 9', 'ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/'])
      expect(remedy).toContain(part);
    expect(remedy).not.toContain("NVIDIA's driver");
  });

  it('names only what is missing', () => {
    const libraries = [...CUDA, 'libcudnn.so.9'];
    expect(cudaReport(machine({ files: PROVIDER, libraries })).missing).toEqual([]);
    expect(cudaReport(machine({ files: PROVIDER, libraries: CUDA })).missing).toEqual([
      expect.stringContaining('cuDNN 9'),
    ]);
    expect(cudaReport(machine({ libraries })).missing).toEqual([expect.stringContaining('CUDA provider')]);
    expect(cudaReport(machine({ files: PROVIDER, libraries: libraries.slice(1) })).missing).toEqual([
      "CUDA 12 on the loader's path (libcudart.so.12)",
    ]);
    expect(cudaReport(machine({ files: PROVIDER, libraries, hasDriver: false })).missing).toEqual([
      expect.stringContaining("NVIDIA's driver"),
    ]);
    expect(cudaReport(machine({ files: PROVIDER, libraries, arch: 'arm64' })).missing).toEqual([
      expect.stringContaining('Linux on x64'),
    ]);
  });

  it('calls it a problem where CUDA was asked for by name, and says how to use one that is ready', () => {
    expect(inferenceFinding('cuda', ['cpu'], cudaReport(machine({ hasDriver: false }))).state).toBe('problem');
    const ready = cudaReport(machine({ files: PROVIDER, libraries: [...CUDA, 'libcudnn.so.9'] }));
    expect(inferenceFinding('cpu', ['cpu'], ready)).toMatchObject({
      state: 'ok',
      detail: expect.stringContaining('set motion.provider to auto'),
    });
    expect(inferenceFinding('cuda', ['cpu'], ready).state).toBe('ok');
  });
});
