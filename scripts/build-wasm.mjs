// Compiles the rasteriser (AssemblyScript) to build/raster.wasm. `buildWasm` is called by setup; run alone it does the same.
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import asc from 'assemblyscript/asc';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src/engine/render/wasm/raster.ts');
const target = join(root, 'build/raster.wasm');

/** @returns {Promise<boolean>} whether anything had to be compiled. */
export async function buildWasm({ force = false } = {}) {
  if (!force && existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return false;
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
  return true;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildWasm({ force: true });
  console.log(`${target}: ${statSync(target).size} bytes`);
}
