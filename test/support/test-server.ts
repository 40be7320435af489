/** A whole server for loopback and browser tests: own cache folder, free port, quiet; disposed with everything it started. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../src/config.ts';
import { serve } from '../../src/main.ts';

export interface TestServer extends AsyncDisposable {
  url: string;
}

export async function startTestServer(change: (config: Config) => void = () => {}): Promise<TestServer> {
  const cacheDir = mkdtempSync(join(tmpdir(), 'visavis-server-'));
  const config = structuredClone(loadConfig({}));
  config.server.port = 0;
  config.cache.dir = cacheDir;
  config.log.level = 'warn';
  // A machine that is busy with other tests is not to refuse their callers.
  config.server.maxCalls = 20;
  change(config);
  const server = await serve(config);
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(cacheDir, { recursive: true, force: true });
    },
  };
}
