// Compiles the rasteriser (AssemblyScript) to build/raster.wasm; setup runs it.
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src/engine/render/wasm/raster.ts');
const target = join(root, 'build/raster.wasm');

mkdirSync(dirname(target), { recursive: true });
// A half-written file is never left under the final name.
const partial = `${target}.${process.pid}.tmp`;
const { error, stderr } = await asc.main(
  [
    source,
    '--outFile',
    partial,
    '--baseDir',
    root,
    '--runtime',
    'stub',
    '--importMemory',
    '--enable',
    'simd',
    '-O3',
    '--noAssert',
    '--use',
    'abort=',
  ],
  {},
);
if (error) throw new Error(`the rasteriser did not compile: ${error.message}\n${stderr.toString()}`);
renameSync(partial, target);
console.log(`${target}: ${statSync(target).size} bytes`);
