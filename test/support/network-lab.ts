/**
 * A network of one's own on this machine: a server's side, a caller's side, and a router between them that can swallow everything. Of network
 * namespaces, so root and Linux only. In: what happens to the network. Out: how to start a program on either side. Nothing is left behind.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** By which the tests of a run find the network that they run in. */
const VARIABLE = 'VISAVIS_NETWORK_LAB';
const CALLER_ADDRESSES = ['10.77.2.2', '10.77.2.3'] as const;

export const SERVER_ADDRESS = '10.77.1.2';

function run(...command: string[]): void {
  execFileSync(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** @returns what is missing on this machine, and how to get it; undefined where a lab can be opened. */
export function missingForLab(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root';
  for (const tool of ['ip', 'iptables'])
    if (!['/sbin', '/usr/sbin', '/bin', '/usr/bin'].some((folder) => existsSync(`${folder}/${tool}`)))
      return `"${tool}" is missing; install the packages iproute2 and iptables`;
  const probe = `visavis-probe-${process.pid}`;
  try {
    run('ip', 'netns', 'add', probe);
    run('ip', 'netns', 'delete', probe);
    return undefined;
  } catch {
    return 'this machine does not allow network namespaces (in a container: run it with CAP_SYS_ADMIN)';
  }
}

export class NetworkLab implements Disposable {
  private readonly prefix: string;
  private address: (typeof CALLER_ADDRESSES)[number] = CALLER_ADDRESSES[0];

  private constructor(prefix: string) {
    this.prefix = prefix;
  }

  static open(): NetworkLab {
    const lab = new NetworkLab(`visavis-${process.pid}`);
    const { server, router, caller } = lab;
    for (const name of [server, router, caller]) {
      run('ip', 'netns', 'add', name);
      run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    }
    for (const [side, net] of [
      [server, '10.77.1'],
      [caller, '10.77.2'],
    ] as const) {
      const port = side === server ? 'to-server' : 'to-caller';
      run('ip', '-n', router, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'net0', 'netns', side);
      run('ip', '-n', router, 'address', 'add', `${net}.1/24`, 'dev', port);
      run('ip', '-n', router, 'link', 'set', port, 'up');
      run('ip', '-n', side, 'address', 'add', `${net}.2/24`, 'dev', 'net0');
      run('ip', '-n', side, 'link', 'set', 'net0', 'up');
      run('ip', '-n', side, 'route', 'add', 'default', 'via', `${net}.1`);
    }
    run('ip', 'netns', 'exec', router, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
    return lab;
  }

  /** @returns the lab on whose caller's side this process runs; undefined where it does not. */
  static current(): NetworkLab | undefined {
    const prefix = process.env[VARIABLE];
    return prefix ? new NetworkLab(prefix) : undefined;
  }

  get environment(): Record<string, string> {
    return { [VARIABLE]: this.prefix };
  }

  private get server(): string {
    return `${this.prefix}-server`;
  }
  private get router(): string {
    return `${this.prefix}-router`;
  }
  private get caller(): string {
    return `${this.prefix}-caller`;
  }

  /** What stands before a command that is to run there. */
  on(side: 'server' | 'caller'): string[] {
    return ['ip', 'netns', 'exec', side === 'server' ? this.server : this.caller];
  }

  /** Everything is swallowed on its way, and nobody is told. */
  cut(): void {
    run('ip', 'netns', 'exec', this.router, 'iptables', '-P', 'FORWARD', 'DROP');
  }

  mend(): void {
    run('ip', 'netns', 'exec', this.router, 'iptables', '-P', 'FORWARD', 'ACCEPT');
  }

  /** As with a cable that is pulled: the caller's machine knows. */
  unplug(): void {
    run('ip', '-n', this.caller, 'link', 'set', 'net0', 'down');
  }

  plugIn(): void {
    run('ip', '-n', this.caller, 'link', 'set', 'net0', 'up');
    run('ip', '-n', this.caller, 'route', 'replace', 'default', 'via', '10.77.2.1');
  }

  /** The caller's machine gets another address in the place of its own. */
  changeAddress(): void {
    const before = this.address;
    this.address = CALLER_ADDRESSES.find((address) => address !== before)!;
    run('ip', '-n', this.caller, 'address', 'delete', `${before}/24`, 'dev', 'net0');
    run('ip', '-n', this.caller, 'address', 'add', `${this.address}/24`, 'dev', 'net0');
    run('ip', '-n', this.caller, 'route', 'replace', 'default', 'via', '10.77.2.1');
  }

  [Symbol.dispose](): void {
    for (const name of [this.server, this.router, this.caller])
      try {
        run('ip', 'netns', 'delete', name);
      } catch {
        // it was never made
      }
  }
}
