// Configuration: precedence, and an error that names the key.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';

const scratch = mkdtempSync(join(tmpdir(), 'visavis-config-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function file(content: string): string {
  const path = join(scratch, `${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(path, content);
  return path;
}

describe('configuration', () => {
  it('starts from the shipped defaults', () => {
    const config = loadConfig({ XDG_CACHE_HOME: '/cache' });
    expect(config.server.host).toBe('127.0.0.1');
    expect(config.cache.dir).not.toBe('');
  });

  it('lets the file override the defaults and the environment override the file', () => {
    const path = file('{"server":{"port":1000,"host":"0.0.0.0"}}');
    const config = loadConfig({
      VISAVIS_CONFIG: path,
      VISAVIS__SERVER__PORT: '2000',
      VISAVIS__SERVER__ALLOWED_ORIGINS: '["https://a.example"]',
    });
    expect(config.server).toMatchObject({ port: 2000, host: '0.0.0.0', allowedOrigins: ['https://a.example'] });
  });

  it.each([
    [{ VISAVIS__SERVER__PROT: '1' }, 'server.prot'],
    [{ VISAVIS__SERVER__PORT: 'many' }, 'server.port'],
    [{ VISAVIS__MOTION__FPS: '31' }, 'motion.fps'],
  ])('names the key that is wrong: %j', (env, key) => {
    expect(() => loadConfig(env)).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`"${key}"`) }),
    );
  });

  it('lists what would be right where there are few', () => {
    expect(() => loadConfig({ VISAVIS__MOTION__FPS: '33' })).toThrow(/one of 25, 30, 40, 50, 60/);
  });

  it('names the file that is wrong', () => {
    const broken = file('{');
    expect(() => loadConfig({ VISAVIS_CONFIG: broken })).toThrowError(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(broken) }),
    );
    expect(() => loadConfig({ VISAVIS_CONFIG: '/no/such/file.json' })).toThrowError(/no\/such\/file/);
  });
});
