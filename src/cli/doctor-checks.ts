/**
 * What `visavis doctor` looks at, one check each. In: the configuration; out: findings in plain words with a remedy. A check may throw or hang:
 * whoever runs it limits its time and turns what it throws into a finding.
 */
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { json as readJson } from 'node:stream/consumers';
import type { Health } from '../agent/health.ts';
import { type Config, environmentSecrets } from '../config.ts';
import type { CudaReport } from '../cuda.ts';
import { AppError } from '../errors.ts';
import { clientDir, modelsDir, packageFile, wasmDir } from '../paths.ts';
import { isLoopbackHost } from '../signaling/host-names.ts';
import { createLogger } from '../telemetry.ts';
import { checkAccess, checkCertificate, checkSecureContext, checkTicketSecret } from './doctor-access.ts';
import { findChromium } from './find-chromium.ts';
import { parseIceUrl, probeIce } from './stun-probe.ts';

export interface Finding {
  /** A warning does not make the doctor's exit code 1. */
  state: 'ok' | 'warning' | 'problem';
  detail: string;
  remedy?: string;
}

export interface Check {
  name: string;
  limitMs: number;
  run(signal: AbortSignal): Promise<Finding>;
}

const QUICK_MS = 5000;
const SLOW_MS = 60_000;

const ok = (detail: string): Finding => ({ state: 'ok', detail });
const warning = (detail: string, remedy: string): Finding => ({ state: 'warning', detail, remedy });
const problem = (detail: string, remedy: string): Finding => ({ state: 'problem', detail, remedy });

const NETWORKS = [
  ...['articulation', 'head-flow', 'face-detector-near', 'face-detector-far', 'face-mesh', 'person-matte'],
  ...['silero-vad', 'moonshine-tiny-en-encoder', 'moonshine-tiny-en-decoder'],
];
const OTHER_FILES = ['eye-prior.json', 'face-basis.bin', 'head-prior.json', 'phonemes.json'];
export function checksOf(config: Config): Check[] {
  return [
    { name: 'node', limitMs: QUICK_MS, run: checkNode },
    { name: 'ffmpeg', limitMs: SLOW_MS, run: checkFfmpeg },
    { name: 'pictures', limitMs: SLOW_MS, run: checkPictures },
    { name: 'inference', limitMs: SLOW_MS, run: () => checkInference(config) },
    { name: 'models', limitMs: SLOW_MS, run: checkModels },
    { name: 'built files', limitMs: QUICK_MS, run: checkBuild },
    { name: 'folders', limitMs: QUICK_MS, run: () => checkFolders(config) },
    { name: 'port', limitMs: QUICK_MS, run: (signal) => checkPort(config, signal) },
    { name: 'callers’ addresses', limitMs: QUICK_MS, run: (signal) => checkAddresses(config, signal) },
    { name: 'udp ports', limitMs: QUICK_MS, run: () => checkUdp(config) },
    ...iceChecks(config),
    { name: 'access', limitMs: QUICK_MS, run: async () => checkAccess(config) },
    { name: 'tickets', limitMs: QUICK_MS, run: async () => checkTicketSecret(config) },
    { name: 'certificate', limitMs: QUICK_MS, run: async () => checkCertificate(config) },
    { name: 'microphone', limitMs: QUICK_MS, run: async () => checkSecureContext(config) },
    ...providerChecks(config),
    { name: 'browser for tests', limitMs: QUICK_MS, run: checkBrowser },
  ];
}

async function checkNode(): Promise<Finding> {
  const { engines } = JSON.parse(await readFile(packageFile, 'utf8')) as { engines: { node: string } };
  const wanted = engines.node.replace(/^>=/, '');
  const number = (version: string): number =>
    version
      .split('.')
      .map(Number)
      .reduce((sum, part, i) => sum + part * 1000 ** (2 - i), 0);
  const found = process.versions.node;
  if (number(found) >= number(wanted.split('.').length === 2 ? `${wanted}.0` : wanted))
    return ok(`Node ${found} on ${process.platform} ${process.arch}.`);
  return problem(`Node ${found} is too old.`, `Install Node ${wanted} or newer.`);
}

async function checkFfmpeg(): Promise<Finding> {
  const { findEncoder } = await import('../media/ffmpeg.ts');
  const needed = ['libvpx', 'libopus'].filter((name) => findEncoder(name) === null);
  if (needed.length > 0)
    return problem(`The FFmpeg inside node-av has no ${needed.join(', ')}.`, 'Reinstall with "npm ci".');
  if (findEncoder('libx264') === null)
    return warning('The FFmpeg inside node-av has no libx264.', 'Films are written with OpenH264, a little worse.');
  return ok('FFmpeg with VP8, H.264 and Opus.');
}

async function checkPictures(): Promise<Finding> {
  await import('../media/image.ts');
  return ok('Photos can be decoded (sharp).');
}

async function checkInference(config: Config): Promise<Finding> {
  const [{ bundledProviders }, { cudaReport }] = await Promise.all([import('../inference.ts'), import('../cuda.ts')]);
  return inferenceFinding(config.motion.provider, await bundledProviders(), cudaReport());
}

/** What networks run on. Of a GPU only those hear who have one of NVIDIA's, or ask for it. */
export function inferenceFinding(
  wanted: Config['motion']['provider'],
  bundled: readonly string[],
  { driver, missing }: CudaReport,
): Finding {
  const found = `ONNX Runtime with ${bundled.join(', ')}; motion.provider is ${wanted}.`;
  if (driver === undefined && wanted !== 'cuda') return ok(found);
  const gpu = driver === undefined ? '' : ` A GPU of NVIDIA's is here (${driver})`;
  if (missing.length === 0)
    return ok(
      `${found}${gpu}, with all that CUDA needs${wanted === 'cpu' ? '; set motion.provider to auto to use it' : ''}.`,
    );
  const said = `${found}${gpu === '' ? '' : `${gpu}, but it cannot be used yet.`}`;
  const remedy = `For CUDA, install ${missing.join('; ')}.`;
  return wanted === 'cuda' ? problem(said, remedy) : warning(said, remedy);
}

async function checkModels(signal: AbortSignal): Promise<Finding> {
  const { loadModel } = await import('../inference.ts');
  let bytes = 0;
  for (const file of OTHER_FILES) {
    const found = await stat(join(modelsDir, file)).catch(() => null);
    if (found === null || found.size === 0)
      return problem(`${join(modelsDir, file)} is missing.`, 'Restore it: "git checkout models", or reinstall.');
    bytes += found.size;
  }
  for (const name of NETWORKS) {
    signal.throwIfAborted();
    await loadModel(name);
    bytes += (await stat(join(modelsDir, `${name}.onnx`))).size;
  }
  return ok(`All ${NETWORKS.length + OTHER_FILES.length} models load (${Math.round(bytes / 1e6)} MB).`);
}

async function checkBuild(): Promise<Finding> {
  const missing = [join(wasmDir, 'raster.wasm'), join(clientDir, 'index.html')].filter((path) => !existsSync(path));
  if (missing.length === 0) return ok('The renderer and the call page are built.');
  return problem(`Not built: ${missing.join(', ')}.`, 'Build them with "npm run build".');
}

async function checkFolders({ cache }: Config): Promise<Finding> {
  try {
    await mkdir(cache.dir, { recursive: true });
    await access(cache.dir, constants.W_OK);
    return ok(`${cache.dir} keeps baked portraits.`);
  } catch {
    return problem(`The cache folder ${cache.dir} cannot be written.`, 'Set cache.dir to a folder that can.');
  }
}

async function checkPort({ server }: Config, signal: AbortSignal): Promise<Finding> {
  const { host, port } = server;
  if (port === 0) return ok('Any free port is taken.');
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
  if (!error) return ok(`${host}:${port} is free.`);
  if (error.code === 'EADDRINUSE' && (await isOurs(server, signal)))
    return ok(`A Visavis server is running on ${host}:${port}.`);
  if (error.code === 'EADDRINUSE')
    return problem(`Another program uses ${host}:${port}.`, 'Stop it, or choose another with --port or server.port.');
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND')
    return problem(`This machine has no address ${host}.`, 'Set server.host to 127.0.0.1, 0.0.0.0 or an own address.');
  return problem(`${host}:${port} cannot be used (${error.code}).`, 'Choose another with --port or server.port.');
}

/** Asks the server that runs there; its certificate is made for another name than the one by which we ask. */
function askHere({ host, port, tls }: Config['server'], path: string, signal: AbortSignal): Promise<unknown> {
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const { get } = tls.cert === '' ? http : https;
  return new Promise((resolve, reject) => {
    get({ host: address, port, path, signal, rejectUnauthorized: false }, (response) => {
      readJson(response).then(resolve, reject);
    }).on('error', reject);
  });
}

/** Limits are per address: behind a proxy that nobody told the server about all callers have one. */
async function checkAddresses({ server, limits }: Config, signal: AbortSignal): Promise<Finding> {
  const { trustedProxies } = server;
  const limit = limits.connections === 0 ? 'no limit of' : `at most ${limits.connections}`;
  const counted = `${limit} connections from each address; who comes back after a cut has a place of their own.`;
  if (trustedProxies > 0) return ok(`The caller's address comes from ${trustedProxies} trusted proxies: ${counted}`);
  const readiness = await askHere(server, '/readyz', signal).catch(() => undefined);
  const { checks } = (readiness ?? {}) as { checks?: { name: string; detail?: string }[] };
  const proxies = checks?.find(({ name }) => name === 'proxies')?.detail ?? '';
  if (!proxies.includes('X-Forwarded-For')) return ok(`Callers are told apart by their own address: ${counted}`);
  return problem(
    'The running server is reached through a reverse proxy, but server.trustedProxies is 0: all callers behind it share the limits of one address.',
    'Set server.trustedProxies to the number of proxies in front.',
  );
}

async function isOurs(server: Config['server'], signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await askHere(server, '/healthz', signal);
    return (answer as { status?: unknown }).status === 'ok';
  } catch {
    return false;
  }
}

async function checkUdp({ webrtc: { portRange } }: Config): Promise<Finding> {
  const [from, to] = portRange ?? [0, 0];
  for (let port = from; port <= to; port++)
    if (await canBind(port))
      return ok(portRange === null ? 'Any UDP port is used for media.' : `UDP ${from} to ${to} are there for media.`);
  return problem(
    portRange === null ? 'No UDP port can be opened.' : `No UDP port from ${from} to ${to} can be opened.`,
    'Media travel over UDP: change webrtc.portRange, or what forbids it on this machine.',
  );
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}

function iceChecks({ webrtc: { iceServers, turn, announcedAddresses }, server: { host } }: Config): Check[] {
  const urls = [...iceServers.map((server) => server.urls), ...turn.urls];
  if (urls.length === 0) {
    const isPublic = !isLoopbackHost(host) && announcedAddresses.every((address) => address.startsWith('127.'));
    const finding = isPublic
      ? warning(
          'No STUN or TURN server and no public address are configured.',
          'Calls work within this network; beyond it set webrtc.announcedAddresses, webrtc.iceServers or webrtc.turn.',
        )
      : ok('No STUN or TURN server is configured; none is needed on one network.');
    return [{ name: 'stun and turn', limitMs: QUICK_MS, run: async () => finding }];
  }
  return urls.map((url) => ({
    name: url,
    limitMs: 5000,
    async run(signal) {
      const address = parseIceUrl(url);
      if (!address)
        return problem(`"${url}" is no STUN or TURN address.`, 'Write it as stun:HOST:PORT or turn:HOST:PORT.');
      try {
        const seen = await probeIce(address, signal);
        return ok(seen === undefined ? `${url} takes connections.` : `${url} answers and sees us at ${seen}.`);
      } catch (error) {
        return problem(
          `${url} does not answer (${signal.aborted ? 'nothing came' : (error as Error).message}).`,
          'Check the address, the server and the firewall between.',
        );
      }
    },
  }));
}

/** The chosen ones; each is opened, asked and closed. */
function providerChecks(config: Config): Check[] {
  const secrets = environmentSecrets;
  const logger = createLogger('silent');
  const parts = { config, secrets, logger };
  type Provider = AsyncDisposable & { name: string; check(signal: AbortSignal): Promise<Health> };
  const check = (name: string, nothing: string, open: () => Promise<Provider | undefined>): Check => ({
    name,
    limitMs: SLOW_MS,
    async run(signal) {
      const provider = await open();
      if (!provider) return ok(nothing);
      try {
        return findingOf(await provider.check(signal));
      } finally {
        await provider[Symbol.asyncDispose]();
      }
    },
  });
  const adapters = () => import('../agent/providers.ts');
  return [
    check('voice (tts)', '', async () => (await adapters()).openSynthesizer(parts)),
    check('brain (llm)', '', async () => (await adapters()).openBrain(parts)),
    check('recogniser (stt)', 'None is wanted: callers type.', async () => (await adapters()).openRecognizer(parts)),
    check('live model (realtime)', 'None is configured.', async () => (await adapters()).openLiveModel(parts)),
  ];
}

function findingOf({ isOk, detail, remedy }: Health): Finding {
  if (isOk && remedy === undefined) return ok(detail);
  return { state: isOk ? 'warning' : 'problem', detail, ...(remedy === undefined ? {} : { remedy }) };
}

async function checkBrowser(): Promise<Finding> {
  const path = findChromium();
  if (path !== undefined) return ok(`${path} runs the browser tests.`);
  return warning(
    'There is no Chromium here.',
    'Only the browser tests need one; install it or name it in CHROMIUM_PATH.',
  );
}

/** What a check threw, in our words. */
export function findingFromError(error: unknown): Finding {
  if (error instanceof AppError) {
    const cut = Math.max(error.message.lastIndexOf('; '), error.message.lastIndexOf(': '));
    const [detail, remedy] = [error.message.slice(0, cut), error.message.slice(cut + 2)];
    if (cut < 0) return { state: 'problem', detail: error.message };
    return problem(`${detail}.`, remedy.slice(0, 1).toUpperCase() + remedy.slice(1));
  }
  const words = error instanceof Error ? error.message : String(error);
  const missing = /Cannot find (?:package|module) '([^']+)'/.exec(words);
  if (missing) return problem(`The package ${missing[1]} is not installed.`, 'Install with "npm ci".');
  return problem(words.split('\n')[0], 'Reinstall with "npm ci"; if that does not help, this is a bug.');
}
