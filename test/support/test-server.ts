/**
 * A whole server for loopback and browser tests: free port, quiet; disposed with everything it started. The portraits that it bakes are
 * kept for the other servers of a run of `npm test`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../../src/config.ts';
import { serve } from '../../src/main.ts';

export interface TestServer extends AsyncDisposable {
  url: string;
}

export async function startTestServer(change: (config: Config) => void = () => {}): Promise<TestServer> {
  const sharedCacheDir = process.env.VISAVIS_TEST_CACHE;
  const cacheDir = sharedCacheDir ?? mkdtempSync(join(tmpdir(), 'visavis-server-'));
  const config = structuredClone(loadConfig({}));
  config.server.port = 0;
  config.cache.dir = cacheDir;
  config.server.keysFile = join(cacheDir, 'access-keys.json');
  config.log.level = 'warn';
  // A machine that is busy with other tests is not to refuse their callers.
  config.server.maxCalls = 20;
  // … nor to believe them gone because they had to wait for a core.
  config.limits.silenceS = 30;
  change(config);
  const server = await serve(config);
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      if (!sharedCacheDir) rmSync(cacheDir, { recursive: true, force: true });
    },
  };
}
