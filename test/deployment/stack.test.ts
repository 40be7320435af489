// The composed stack as plain processes, from the very files of docker/: the server in a network namespace, Caddy, coturn and Prometheus in another,
// and a caller's Chromium in a third, whose network lets nothing through but the page and one way to the relay.
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findChromium } from '../../src/cli/find-chromium.ts';
import { chromiumArguments } from '../support/browser.ts';
import { type CallElement, inbound, joinCall, openPage, screenshot, untilInbound } from '../support/call-page.ts';
import { dockerFolder, envExample, readCompose } from '../support/compose-file.ts';
import { NetworkNamespace, noNamespaces } from '../support/network-namespace.ts';

const CLI = fileURLToPath(new URL('../../bin/visavis.mjs', import.meta.url));
/** A name that Caddy certifies itself; made for networks like this one. */
const DOMAIN = 'visavis.local';
const PUBLIC = '203.0.113.1';
const SERVER = '172.31.240.10';
/** Of Caddy, coturn and Prometheus on the network that compose makes. */
const EDGE = '172.31.240.11';
const PATIENCE_MS = 60_000;

const programs = ['caddy', 'turnserver', 'prometheus', 'certutil', 'iptables'];
const missing = [
  ...programs.filter((program) => spawnSync(program, ['--help']).error !== undefined),
  ...(findChromium() ? [] : ['chromium']),
  ...[noNamespaces() ?? []].flat(),
];
if (missing.length > 0) console.log(`The stack is not run: ${missing.join(', ')} not there.`);

const folder = mkdtempSync(join(tmpdir(), 'visavis-stack-'));
const settings = {
  ...envExample(),
  DOMAIN,
  PUBLIC_ADDRESS: PUBLIC,
  TURN_SECRET: 'a secret that only this test has, long enough',
};
const { services } = readCompose(settings);
let inner: NetworkNamespace;
let edge: NetworkNamespace;
let caller: NetworkNamespace;
let browser: Browser | undefined;
const children: ChildProcess[] = [];
const said: Record<string, string> = {};
const links: Record<string, string> = {};

/** A service of the compose file as a process; what has another place than in its image is named in `places`. */
function start(
  name: string,
  where: NetworkNamespace,
  command: string,
  args: string[],
  places: Record<string, string> = {},
): void {
  const env = { ...process.env, ...services[name]?.environment, ...places };
  const child = where.spawn(command, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  said[name] = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (data: Buffer) => {
      said[name] += data.toString();
    });
}

async function until(what: string, isThere: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isThere()) {
    if (performance.now() > deadline)
      throw new Error(
        `waited in vain for ${what}\n${Object.entries(said)
          .map(([name, text]) => `${name}: ${text.slice(-1500)}`)
          .join('\n')}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The caller's network lets these TCP ports through, and nothing else. */
function letThrough(...ports: number[]): void {
  const rule = (...args: string[]): string => edge.run('iptables', ...args);
  rule('--flush');
  for (const port of ports) {
    rule(
      '--append',
      'INPUT',
      '--in-interface',
      'public',
      '--protocol',
      'tcp',
      '--dport',
      String(port),
      '--jump',
      'ACCEPT',
    );
    rule(
      '--append',
      'OUTPUT',
      '--out-interface',
      'public',
      '--protocol',
      'tcp',
      '--sport',
      String(port),
      '--jump',
      'ACCEPT',
    );
  }
  for (const [chain, side] of [
    ['INPUT', '--in-interface'],
    ['OUTPUT', '--out-interface'],
  ] as const)
    rule('--append', chain, side, 'public', '--jump', 'DROP');
}

function accessLink(): string {
  const env = { ...process.env, ...services.visavis!.environment, ...serverPlaces };
  const out = execFileSync(process.execPath, [CLI, 'access', 'link', '--json'], { env, encoding: 'utf8' });
  return JSON.parse(out).link;
}

/** How the browser's own candidate of the chosen pair reaches the server. */
function path(page: Page): Promise<{ candidateType: string; relayProtocol: string }> {
  return page.evaluate(async () => {
    const element = document.querySelector('visavis-call') as unknown as CallElement;
    const stats = [...(await element.call.getStats()).values()];
    const { selectedCandidatePairId } = stats.find(({ type }) => type === 'transport');
    const pair = stats.find(({ id }) => id === selectedCandidatePairId);
    return stats.find(({ id }) => id === pair.localCandidateId);
  });
}

const query = (expr: string): { status: string; error?: string; data: { result: { value: [number, string] }[] } } =>
  JSON.parse(edge.fetch(`http://prometheus:9090/api/v1/query?query=${encodeURIComponent(expr)}`));
const measured = (expr: string): number => Number(query(expr).data.result[0]?.value[1]);

/** What the image sets by itself, in this test's places. */
const serverPlaces = {
  VISAVIS__SERVER__HOST: '0.0.0.0',
  VISAVIS__CACHE__DIR: process.env.VISAVIS_TEST_CACHE ?? join(folder, 'cache'),
  VISAVIS__MOTION__FPS: '25',
  XDG_DATA_HOME: join(folder, 'data'),
};

describe.skipIf(missing.length > 0)('the stack of docker/', () => {
  beforeAll(async () => {
    inner = new NetworkNamespace('inner');
    edge = new NetworkNamespace('edge');
    caller = new NetworkNamespace('caller');
    edge.cable('public', [`${PUBLIC}/24`], caller, 'uplink', ['203.0.113.2/24']);
    edge.cable('inner0', [`${EDGE}/24`], inner, 'eth0', [`${SERVER}/24`]);
    inner.ip('route', 'add', 'default', 'via', EDGE);
    edge.run('iptables', '--policy', 'FORWARD', 'DROP');
    const names = { visavis: SERVER, prometheus: EDGE, coturn: EDGE, caddy: EDGE, [DOMAIN]: EDGE };
    inner.hosts(names);
    edge.hosts(names);
    caller.hosts({ [DOMAIN]: PUBLIC });
    letThrough();

    start('visavis', inner, process.execPath, [CLI, 'serve'], serverPlaces);
    const caddyData = join(folder, 'caddy-data');
    const caddyPlaces = { XDG_DATA_HOME: caddyData, HOME: folder };
    start('caddy', edge, 'caddy', ['run', '--config', join(dockerFolder, 'caddy/Caddyfile')], caddyPlaces);
    const run = join(folder, 'run');
    mkdirSync(run);
    const coturnPlaces = { CERTIFICATES: join(caddyData, 'caddy/certificates'), RUN_FOLDER: run, TURN_PEER: SERVER };
    start('coturn', edge, 'sh', [join(dockerFolder, 'coturn/start.sh')], coturnPlaces);
    const [config, , ...rest] = services.prometheus!.command!;
    expect(config).toBe('--config.file=/etc/prometheus/prometheus.yml');
    const ours = `--config.file=${join(dockerFolder, 'prometheus/prometheus.yml')}`;
    start('prometheus', edge, 'prometheus', [ours, `--storage.tsdb.path=${join(folder, 'tsdb')}`, ...rest]);

    await until('the server', () => said.visavis!.includes('is ready'));
    await until('the relay', () => edge.isListening(5349));
    const authority = join(caddyData, 'caddy/pki/authorities/local/root.crt');
    const trusted = join(folder, 'home/.pki/nssdb');
    mkdirSync(trusted, { recursive: true });
    execFileSync('certutil', ['-d', `sql:${trusted}`, '-N', '--empty-password']);
    execFileSync('certutil', ['-d', `sql:${trusted}`, '-A', '-n', 'caddy', '-t', 'C,,', '-i', authority]);
    const wrapper = join(folder, 'chromium');
    writeFileSync(
      wrapper,
      `#!/bin/sh\nexec ip netns exec ${caller.name} env HOME=${join(folder, 'home')} ${findChromium()} "$@"\n`,
    );
    chmodSync(wrapper, 0o755);
    // Made before they are needed: the server learns of new ones in a second or two.
    for (const protocol of ['tls', 'tcp']) links[protocol] = accessLink();
    browser = await chromium.launch({ executablePath: wrapper, args: chromiumArguments({}) });
  }, 150_000);

  afterAll(async () => {
    await browser?.close().catch(() => {});
    for (const child of children) child.kill();
    for (const namespace of [inner, edge, caller]) namespace?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['TLS', 5349, 'tls'],
    ['TCP', 3478, 'tcp'],
  ] as const)(
    'carries a call of somebody whose network only lets %s through to the relay',
    async (_, port, protocol) => {
      letThrough(443, port);
      const { page, errors } = await openPage(browser!, links[protocol]!);
      await joinCall(page).catch((error) => {
        throw new Error(
          `${error}\n${Object.entries(said)
            .map(([name, text]) => `${name}: ${text.slice(-2500)}`)
            .join('\n')}`,
        );
      });
      const silent = await inbound(page);
      await page.getByLabel('Your message').fill('When are you open on Saturday?');
      await page.getByLabel('Your message').press('Enter');
      await untilInbound(page, 'the answer', ({ soundEnergy }) => soundEnergy > silent.soundEnergy + 1e-3);
      expect(await path(page)).toMatchObject({ candidateType: 'relay', relayProtocol: protocol });
      const before = await inbound(page);
      await untilInbound(page, 'a second of pictures', ({ pictures }) => pictures > before.pictures + 20);
      await until('Prometheus to see the call', () => measured('sum(visavis_calls)') === 1);
      await screenshot(page, `relay-${protocol}`);
      expect(errors).toEqual([]);
      await page.close();
      await until('Prometheus to see its end', () => measured('sum(visavis_calls)') === 0);
    },
    180_000,
  );

  it.each([
    ['the server', SERVER, false],
    ['itself', PUBLIC, true],
    ['this machine', '127.0.0.1', true],
    ['another machine of the inner network', '172.31.240.11', true],
    ['another caller', '203.0.113.2', true],
  ])('is asked to relay to %s, and does so for the server only', (_, peer, isRefused) => {
    letThrough(3478);
    const client = ['-t', '-c', '-n', '1', '-u', 'caller', '-W', settings.TURN_SECRET, '-e', peer, PUBLIC];
    const said = spawnSync('timeout', ['4', 'ip', 'netns', 'exec', caller.name, 'turnutils_uclient', ...client], {
      encoding: 'utf8',
    });
    expect(said.stdout).toMatch(isRefused ? /403 \(Forbidden IP\)/ : /start_mclient/);
  });

  it('counts the relayed calls, and raises no alarm', async () => {
    await until('the relayed connections', () => measured('sum(visavis_connections_total{path="relay"})') >= 2);
    expect(query('up{job="visavis"}').data.result[0]!.value[1]).toBe('1');
    expect(query('ALERTS{alertstate="firing"}').data.result).toEqual([]);
  });

  it('draws the board from metrics that exist', async () => {
    const live = edge.fetch('http://visavis:9464/metrics');
    const names = new Set([...live.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!));
    const board = JSON.parse(readFileSync(join(dockerFolder, 'grafana/dashboards/visavis.json'), 'utf8'));
    const alerts = parse(readFileSync(join(dockerFolder, 'prometheus/alerts.yml'), 'utf8'));
    const exprs: string[] = [
      ...board.panels.flatMap((panel: { targets: { expr: string }[] }) => panel.targets.map(({ expr }) => expr)),
      ...alerts.groups.flatMap((group: { rules: { expr: string }[] }) => group.rules.map(({ expr }) => expr)),
    ];
    expect(exprs.length).toBeGreaterThan(20);
    for (const expr of exprs) {
      const { status, error } = query(expr);
      expect(status, `${expr}: ${error}`).toBe('success');
      for (const [name] of expr.matchAll(/\b(visavis|process|nodejs)_\w+/g))
        expect(names, expr).toContain(name.replace(/_(bucket|sum|count)$/, ''));
    }
    const ids = board.panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
