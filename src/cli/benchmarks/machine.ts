/** The machine that the numbers belong to. */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';

export interface Machine {
  cpu: string;
  cores: number;
  gpu: string | null;
  node: string;
  provider: string;
  /** Threads that wanted a core, mean of the last minute before the benchmark: above `cores`, the numbers are too low. */
  load: number;
}

/** @param provider what the models ran on. */
export function describeMachine(provider: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    gpu: nvidiaModel(),
    node: process.versions.node,
    provider,
    load: Math.round(loadavg()[0] * 10) / 10,
  };
}

/** What the NVIDIA driver says; null where there is none. */
function nvidiaModel(): string | null {
  const folder = '/proc/driver/nvidia/gpus';
  try {
    const [first] = readdirSync(folder);
    return /^Model:\s*(.+)$/m.exec(readFileSync(join(folder, first, 'information'), 'utf8'))?.[1].trim() ?? null;
  } catch {
    return null;
  }
}
