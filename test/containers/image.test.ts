// The unchanged docker/Dockerfile, built and run by buildah on a stand-in for its base image. What this shows: the file builds, the image starts
// as its own user, serves a call and renders a film. What it does not: another engine, the real base, a read-only root that is enforced.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoopbackClient } from '../support/loopback-client.ts';
import { buildah, buildahArguments, makeStandInBase, noContainers, removeImages } from '../support/stand-in-base.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dockerfile = readFileSync(`${root}docker/Dockerfile`, 'utf8');
const base = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile)![1]!;
const IMAGE = 'localhost/visavis-test';
/** Without the base image, which the registry's own does not weigh the same. */
const SIZE_LIMIT_MB = 520;

let why = noContainers();
if (!why)
  try {
    makeStandInBase(base);
  } catch (error) {
    why = `no stand-in for ${base}: ${String((error as { stderr?: Buffer }).stderr || error).slice(-300)}`;
  }
if (why) console.log(`The image is not built: ${why}.`);

interface ImageConfig {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd: string[];
  Healthcheck: { Test: string[] };
  Volumes: Record<string, object>;
  StopSignal: string;
}

let container: string;
let config: ImageConfig;
let server: ChildProcess | undefined;
let output = '';

/** As the image's user, in its environment. */
function inside(command: string[], env: Record<string, string> = {}): string[] {
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return buildahArguments('run', '--isolation', 'chroot', ...variables, container, '--', ...command);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

async function until(what: string, isThere: () => boolean | Promise<boolean>, limitMs = 90_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isThere())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}: ${output.slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

describe.skipIf(why !== undefined)('the image', () => {
  let port: number;
  const url = (): string => `http://127.0.0.1:${port}/`;

  beforeAll(() => {
    const startMs = performance.now();
    const file = ['--format', 'docker', '--file', 'docker/Dockerfile', '--tag', IMAGE, '.'];
    const built = spawnSync('buildah', buildahArguments('bud', '--isolation', 'chroot', '--pull-never', ...file), {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (built.status !== 0) throw new Error(`the image was not built: ${(built.stdout + built.stderr).slice(-3000)}`);
    console.log(`built in ${Math.round((performance.now() - startMs) / 1000)} s`);
    config = JSON.parse(buildah('inspect', '--type', 'image', IMAGE)).Docker.config;
    container = buildah('from', '--pull-never', IMAGE);
  }, 600_000);

  afterAll(async () => {
    if (server && server.exitCode === null) server.kill('SIGKILL');
    removeImages();
  });

  it('is small, and runs as a user without rights, with a health check, volumes and a stop signal', () => {
    const sizeOf = (image: string): number =>
      Number(JSON.parse(buildah('images', '--json', image))[0].size.match(/[\d.]+/)[0]);
    const mb = sizeOf(IMAGE) - sizeOf(base);
    console.log(`the image weighs ${Math.round(mb)} MB more than its base`);
    expect(mb).toBeLessThan(SIZE_LIMIT_MB);
    expect(config.User).toBe('1000:1000');
    expect(config.StopSignal).toBe('SIGTERM');
    expect(Object.keys(config.Volumes).sort()).toEqual(['/var/cache/visavis', '/var/lib/visavis']);
    expect(config.Entrypoint[0]).toBe('node');
  });

  it('may write to its volumes and temporary folders only', () => {
    const found = spawnSync(
      'buildah',
      inside([
        'sh',
        '-c',
        'id -u; find / -xdev -writable ! -type l ! -path "/proc/*" ! -path "/dev/*" ! -path "/sys/*" 2>/dev/null; true',
      ]),
      { encoding: 'utf8' },
    );
    const [user, ...writable] = found.stdout.trim().split('\n');
    expect(user).toBe('1000');
    const allowed = /^\/(tmp|var\/tmp|run\/lock|run\/user|var\/cache\/visavis|var\/lib\/visavis|dev|proc|sys)(\/|$)/;
    expect(writable.filter((path) => !allowed.test(path))).toEqual([]);
  });

  it('starts, is healthy and ready, and serves the page', async () => {
    port = await freePort();
    const env = {
      VISAVIS__SERVER__HOST: '127.0.0.1',
      VISAVIS__SERVER__PORT: String(port),
      VISAVIS__SERVER__MAX_CALLS: '4',
      VISAVIS__MOTION__FPS: '25',
    };
    const startMs = performance.now();
    server = spawn('buildah', inside([...config.Entrypoint, ...config.Cmd], env), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [server.stdout!, server.stderr!])
      stream.on('data', (data: Buffer) => {
        output += data.toString();
      });
    await until('the URL', () => output.includes('is ready: open'));
    console.log(`the URL was there after ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
    const [, ...healthcheck] = config.Healthcheck.Test;
    expect(spawnSync('buildah', inside(healthcheck, env)).status).toBe(0);
    expect(await (await fetch(url())).text()).toContain('<title>');
    await until('readiness', async () => (await fetch(new URL('readyz', url()))).ok, 150_000);
    console.log(`ready after ${((performance.now() - startMs) / 1000).toFixed(1)} s, every face prepared`);
  }, 240_000);

  it('is unhealthy where no server answers', async () => {
    const [, ...healthcheck] = config.Healthcheck.Test;
    const env = { VISAVIS__SERVER__PORT: String(await freePort()) };
    expect(spawnSync('buildah', inside(healthcheck, env)).status).toBe(1);
  });

  it('shows the face to a caller, with sound', async () => {
    await using client = new LoopbackClient(url());
    await client.join('mona-lisa', 'VP8');
    await client.until('pictures', () => client.screen.shown.length > 12, 60_000);
    await client.until('sound', () => client.sounds.length > 25);
  }, 120_000);

  it('renders a film', () => {
    const command =
      'node bin/visavis.mjs render --portrait assets/portraits/mona-lisa.jpg --text Hello. --out /tmp/film.mp4 >&2 && wc -c < /tmp/film.mp4';
    const { status, stdout, stderr } = spawnSync('buildah', inside(['sh', '-c', command]), { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
    expect(Number(stdout)).toBeGreaterThan(10_000);
  }, 180_000);

  it('ends in order when it is told to stop', async () => {
    const pid = Number(/"pid":(\d+)/.exec(output)![1]);
    process.kill(pid, 'SIGTERM');
    await until('its end', () => server!.exitCode !== null, 60_000);
    expect(server!.exitCode).toBe(0);
    expect(output).toContain('Closing');
  }, 90_000);
});
