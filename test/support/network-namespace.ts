/**
 * Machines of their own for a test: Linux network namespaces, joined by a cable. In: names and addresses. Out: programs that run inside; what a
 * namespace has is gone with it. Needs root and iproute2.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });

/** Why no namespace can be made here; undefined: it can. */
export function noNamespaces(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need root on Linux';
  const name = `probe-${process.pid}`;
  const made = spawnSync('ip', ['netns', 'add', name]);
  if (made.error) return 'ip (iproute2) is missing';
  if (made.status !== 0) return `network namespaces cannot be made: ${made.stderr.toString().trim()}`;
  ip('netns', 'delete', name);
  return undefined;
}

export class NetworkNamespace implements Disposable {
  readonly name: string;

  constructor(label: string) {
    this.name = `visavis-${label}-${process.pid}`;
    ip('netns', 'add', this.name);
    this.ip('link', 'set', 'lo', 'up');
  }

  /** The `ip` command inside. */
  ip(...args: string[]): string {
    return ip('-netns', this.name, ...args);
  }

  /** A network card with these addresses, such as 10.0.0.1/24, whose other end is in `peer` (or here as well). */
  cable(card: string, addresses: string[], peer: NetworkNamespace, peerCard: string, peerAddresses: string[]): void {
    this.ip('link', 'add', card, 'type', 'veth', 'peer', 'name', peerCard, 'netns', peer.name);
    for (const [end, name, own] of [
      [this, card, addresses],
      [peer, peerCard, peerAddresses],
    ] as const) {
      for (const address of own) end.ip('address', 'add', address, 'dev', name);
      end.ip('link', 'set', name, 'up');
    }
  }

  /** What names mean inside. */
  hosts(addressOf: Record<string, string>): void {
    mkdirSync(this.folder, { recursive: true });
    const lines = Object.entries({ localhost: '127.0.0.1', ...addressOf }).map(
      ([name, address]) => `${address} ${name}`,
    );
    writeFileSync(join(this.folder, 'hosts'), `${lines.join('\n')}\n`);
  }

  spawn(command: string, args: string[], options: SpawnOptions = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.name, command, ...args], options);
  }

  /** Runs to its end. @returns its output. @throws what it wrote to stderr. */
  run(command: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, command, ...args], { encoding: 'utf8' });
  }

  /** The body of a page, as seen from inside. */
  fetch(url: string): string {
    const script = 'fetch(process.argv[1]).then((r) => r.text()).then((text) => process.stdout.write(text))';
    return this.run(process.execPath, '-e', script, url);
  }

  /** Whether a program inside listens on this TCP port. */
  isListening(port: number): boolean {
    return this.run('ss', '--tcp', '--listening', '--numeric', '--no-header', `sport = :${port}`) !== '';
  }

  [Symbol.dispose](): void {
    for (const pid of ip('netns', 'pids', this.name).split('\n').filter(Boolean))
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    ip('netns', 'delete', this.name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** `ip netns exec` puts the files here in the place of those in /etc. */
  private get folder(): string {
    return join('/etc/netns', this.name);
  }
}
