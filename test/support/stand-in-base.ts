/**
 * A stand-in for the Node image that docker/Dockerfile builds on, where no image registry can be reached: Debian from its mirror, this machine's
 * Node, npm and certificates. In: the tag that it stands in for. Out: an image in a storage of this run's own; only Debian is kept from run to run, in
 * a folder below the temporary one. Never shipped.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const CACHE = process.env.VISAVIS_CONTAINER_CACHE ?? join(tmpdir(), 'visavis-containers');
const DEBOOTSTRAP_LIMIT_MS = 20 * 60_000;

const scratch = mkdtempSync(join(tmpdir(), 'visavis-images-'));
/** Frees the disk of all images and containers of this run. */
export const removeImages = (): void => {
  spawnSync('buildah', buildahArguments('rm', '--all'));
  rmSync(scratch, { recursive: true, force: true });
};

/** Every call of buildah needs the same storage. */
const STORAGE = ['--storage-driver', 'vfs', '--root', join(scratch, 'storage'), '--runroot', join(scratch, 'run')];
export const buildahArguments = (...args: string[]): string[] => [...STORAGE, ...args];
export const buildah = (...args: string[]): string =>
  execFileSync('buildah', buildahArguments(...args), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** Why no image can be built here; undefined: one can. */
export function noContainers(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'building an image needs root on Linux';
  for (const program of ['buildah', 'debootstrap', 'npm'])
    if (spawnSync(program, ['--version']).error) return `${program} is missing`;
  return undefined;
}

/** @throws where Debian's mirror cannot be reached, or buildah cannot work here. */
export function makeStandInBase(tag: string): void {
  const rootfs = join(CACHE, 'debian-bookworm.tar');
  if (!existsSync(rootfs)) {
    const debian = join(scratch, 'debian');
    const packages = ['--variant=minbase', '--include=ca-certificates', 'bookworm', debian];
    execFileSync('debootstrap', packages, { stdio: ['ignore', 'ignore', 'pipe'], timeout: DEBOOTSTRAP_LIMIT_MS });
    mkdirSync(CACHE, { recursive: true });
    const part = `${rootfs}.${process.pid}`;
    execFileSync('tar', ['-C', debian, '-cf', part, '.']);
    renameSync(part, rootfs);
    rmSync(debian, { recursive: true, force: true });
  }
  const context = join(scratch, 'context');
  mkdirSync(context);
  cpSync(rootfs, join(context, 'rootfs.tar'));
  const local = join(context, 'local');
  const npm = dirname(dirname(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())));
  cpSync(realpathSync(process.execPath), join(local, 'bin/node'));
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx'])
    execFileSync('ln', ['-s', `../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name)]);
  // What npm needs to reach the registry of this machine.
  const npmSetting = (name: string): string =>
    execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
  mkdirSync(join(local, 'etc'), { recursive: true });
  writeFileSync(join(local, 'etc/npmrc'), `registry=${npmSetting('registry')}\n`);
  const authorities = process.env.NODE_EXTRA_CA_CERTS ?? '/etc/ssl/certs/ca-certificates.crt';
  cpSync(realpathSync(authorities), join(context, 'ca.crt'));
  const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  writeFileSync(
    join(context, 'Containerfile'),
    [
      'FROM scratch',
      'ADD rootfs.tar /',
      'COPY local /usr/local',
      'COPY ca.crt /etc/ssl/certs/local-ca.crt',
      'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/local-ca.crt',
      'RUN echo "node:x:1000:1000::/home/node:/bin/sh" >> /etc/passwd && echo "node:x:1000:" >> /etc/group',
      ...proxies.flatMap((name) => (process.env[name] ? [`ENV ${name}=${process.env[name]}`] : [])),
      'CMD ["node"]',
      '',
    ].join('\n'),
  );
  buildah('bud', '--isolation', 'chroot', '--pull-never', '--quiet', '--tag', tag, context);
}
