// The files of docker/ and deploy/ agree with one another, with the server's settings, and with the programs that read them.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { composeText, dockerFolder, envExample, readCompose } from '../support/compose-file.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

const filled = {
  ...envExample(),
  TURN_SECRET: 'x'.repeat(64),
  DOMAIN: 'face.example.org',
  PUBLIC_ADDRESS: '203.0.113.1',
};
const { services } = readCompose(filled);
const visavis = services.visavis!;
const settings = (environment: Record<string, string>) =>
  loadConfig(Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('VISAVIS__'))));
const config = settings(visavis.environment!);
const seconds = (text: string): number => Number(/^(\d+)s?$/.exec(text)![1]);

const dockerfile = read('docker/Dockerfile');
/** Instructions of one stage, as they stand. */
const stage = (name: string): string =>
  dockerfile.split(/^(?=FROM )/m).find((text) => text.split('\n')[0]!.endsWith(` AS ${name}`))!;

describe('docker/compose.yaml', () => {
  it('follows the schema, by dclint', () => {
    const tool = join(root, 'node_modules/.bin/dclint');
    const { status, stdout } = spawnSync(tool, ['-c', `${dockerFolder}.dclintrc.yaml`, `${dockerFolder}compose.yaml`], {
      encoding: 'utf8',
    });
    expect(status, stdout).toBe(0);
  });

  it('pins every image', () => {
    const bases = [...dockerfile.matchAll(/^ARG \w+_IMAGE=(\S+)$/gm)].map(([, image]) => image!);
    expect(bases.length).toBe(2);
    for (const image of [...Object.values(services).map(({ image }) => image), ...bases])
      expect(image, image).toMatch(/^[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*$/);
    expect(visavis.image).toBe(`visavis:${JSON.parse(read('package.json')).version}`);
  });

  it('asks for what .env.example explains, and for nothing else', () => {
    const used = new Set([...composeText().matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    expect([...used].sort()).toEqual(Object.keys(envExample()).sort());
  });

  it('says which value is missing before anything starts', () => {
    expect(() => readCompose(envExample())).toThrow(/TURN_SECRET: .*openssl rand/);
  });

  it('gives the server settings that it knows, and closes the door', () => {
    expect(config.server.access).toBe('keys');
    expect(config.server.allowedOrigins).toEqual(['https://face.example.org']);
    expect(config.server.trustedProxies).toBe(1);
    expect(() => settings({ ...visavis.environment, VISAVIS__SERVER__NO_SUCH: '1' })).toThrow(/nosuch|no_such/i);
  });

  it('opens the ports that the server and the relay use', () => {
    const [from, to] = config.webrtc.portRange!;
    expect(visavis.ports).toEqual([`0.0.0.0:${from}-${to}:${from}-${to}/udp`]);
    const relayPorts = services.coturn!.ports!;
    for (const url of config.webrtc.turn.urls) {
      const [, port, transport] = /^turns?:face\.example\.org:(\d+)\?transport=(udp|tcp)$/.exec(url)!;
      expect(relayPorts).toContain(`0.0.0.0:${port}:${port}/${transport}`);
    }
    const relay = read('docker/coturn/turnserver.conf');
    expect(relay).toMatch(/^listening-port=3478$/m);
    expect(relay).toMatch(/^tls-listening-port=5349$/m);
    expect(read('docker/caddy/Caddyfile')).toContain(`visavis:${loadConfig({}).server.port}`);
    expect(read('docker/prometheus/prometheus.yml')).toContain(`visavis:${config.metrics.port}`);
  });

  it('lets the relay reach the server, and nobody from outside the measurements', () => {
    const { networks } = visavis as unknown as { networks: { default: { ipv4_address: string } } };
    expect(services.coturn!.environment!.TURN_PEER).toBe(networks.default.ipv4_address);
    for (const name of ['prometheus', 'grafana'])
      for (const port of services[name]!.ports!) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(visavis.ports!.some((port) => port.includes(String(config.metrics.port)))).toBe(false);
  });

  it('gives calls the time to end that the server takes', () => {
    expect(seconds(visavis.stop_grace_period!)).toBeGreaterThan(config.shutdown.drainS + 5);
  });

  it('needs Grafana only where it is asked for', () => {
    expect(services.grafana!.profiles).toEqual(['grafana']);
    expect(read('NOTICE')).toContain(services.grafana!.image);
  });
});

describe('docker/Dockerfile', () => {
  it('is well formed, every stage of it', () => {
    expect(validate(dockerfile).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  it('copies only from stages that there are, and builds the server where none is named', () => {
    const names = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, name]) => name!);
    expect(names.at(-1)).toBe('visavis');
    for (const [, from] of dockerfile.matchAll(/^COPY --from=(\S+)/gm)) expect(names).toContain(from);
  });

  it('runs the GPU image as it runs the other', () => {
    const tail = (name: string): string =>
      stage(name)
        .slice(stage(name).indexOf('USER '))
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .join('\n');
    expect(tail('visavis-gpu')).toBe(tail('visavis'));
    expect(tail('visavis')).toMatch(/USER 1000:1000[\s\S]*HEALTHCHECK[\s\S]*ENTRYPOINT \["node"/);
  });

  it('sets what the server knows', () => {
    for (const name of ['visavis', 'visavis-gpu']) {
      const pairs = [...stage(name).matchAll(/(VISAVIS__\w+)=(\S+)/g)].map(([, key, value]) => [key!, value!] as const);
      expect(settings(Object.fromEntries(pairs)).server.host).toBe('0.0.0.0');
    }
  });
});

describe('docker/coturn/start.sh', () => {
  it('is a script that any shell reads', () => {
    expect(spawnSync('sh', ['-n', `${dockerFolder}coturn/start.sh`]).status).toBe(0);
  });
});

describe.skipIf(!has('promtool', '--version'))('docker/prometheus', () => {
  const promtool = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync('promtool', args, { cwd: `${dockerFolder}prometheus`, encoding: 'utf8' });

  it('is configured well', () => {
    const { status, stderr } = promtool('check', 'config', 'prometheus.yml');
    expect(status, stderr).toBe(0);
  });

  it('raises the alarms that it should, and no others', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', 'alerts.test.yml');
    expect(status, stdout + stderr).toBe(0);
  });
});

describe('deploy/visavis.env.example', () => {
  it('sets what the server knows, and less time to drain than the unit gives', () => {
    const lines = read('deploy/visavis.env.example').match(/^VISAVIS__.*$/gm)!;
    const { server, shutdown } = settings(Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2))));
    expect(server.access).toBe('keys');
    const [, stopS] = /^TimeoutStopSec=(\d+)$/m.exec(read('deploy/visavis.service'))!;
    expect(Number(stopS)).toBeGreaterThan(shutdown.drainS + 5);
  });
});

describe.skipIf(!has('systemd-analyze', '--version'))('deploy/visavis.service', () => {
  it('is a unit that systemd understands', () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(root, 'deploy/visavis.service')], {
      encoding: 'utf8',
    });
    // Node and the program lie elsewhere where this is tested.
    const complaints = stderr.split('\n').filter((line) => line !== '' && !/is not executable/.test(line));
    expect(complaints).toEqual([]);
    expect(status === 0 || /is not executable/.test(stderr)).toBe(true);
  });

  it('leaves the server few rights', () => {
    const { stdout } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', join(root, 'deploy/visavis.service')],
      { encoding: 'utf8' },
    );
    const line = stdout.trim().split('\n').at(-1)!;
    console.log(line);
    expect(Number(/([\d.]+) \w+/.exec(line)![1])).toBeLessThan(2);
  });
});
