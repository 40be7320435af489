// Whoever stops an npm script stops what it runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> };

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('npm scripts', () => {
  it('run Node in the place of the shell, which would keep signals to itself', () => {
    const programs = Object.entries(scripts).filter(([, command]) => /\bnode\b/.test(command));
    expect(programs.length).toBeGreaterThan(5);
    for (const [name, command] of programs) expect(command, name).toMatch(/^exec node [^&|;]+$/);
  });

  it.skipIf(process.platform === 'win32').each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'end their programs on %s, and then themselves',
    async (signal) => {
      const program = 'console.log(process.pid); setInterval(() => {}, 1000)';
      const script = `import { runChild } from '${root}scripts/child.mjs'; await runChild(process.execPath, ['-e', ${JSON.stringify(program)}]);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [data] = await once(child.stdout, 'data');
      const pid = Number(data.toString());
      expect(isAlive(pid)).toBe(true);
      child.kill(signal);
      const [code] = await once(child, 'close');
      expect(code).toBeGreaterThan(128);
      expect(isAlive(pid)).toBe(false);
    },
  );
});
