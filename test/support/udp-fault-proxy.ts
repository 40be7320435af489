/**
 * A bad network between a caller and the server, by UDP: seeded loss (single and in bursts), jitter, reordering, a narrow place with a
 * queue, blackout, and a change of the caller's address. It stands between the two by rewriting the server's candidates to its own port
 * and taking the caller's away, so that no other way leads around it.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { random } from './random.ts';

export interface Faults {
  /** Part of the packets that vanish. */
  loss?: number;
  /** Lost packets come in runs of so many on average. */
  burstLength?: number;
  /** Each packet is late by up to this much; later ones may overtake it. */
  jitterMs?: number;
  /** The narrow place, with half a second of queue. */
  capacityBps?: number;
  isBlackedOut?: boolean;
}

type Direction = 'up' | 'down';
const LOCALHOST = '127.0.0.1';
const MAX_QUEUE_MS = 500;

export class UdpFaultProxy implements AsyncDisposable {
  /** Packets, by direction. */
  readonly counts = { up: { passed: 0, lost: 0 }, down: { passed: 0, lost: 0 } };
  /** Faces the caller. */
  private readonly front: Socket;
  /** Faces the server; replaced when the caller's address changes. */
  private back: Socket;
  private caller: { address: string; port: number } | undefined;
  private serverPort = 0;
  private readonly faults: Record<Direction, Faults> = { up: {}, down: {} };
  private readonly random: () => number;
  private readonly burst = { up: false, down: false };
  private readonly freeAtMs = { up: 0, down: 0 };
  private readonly timers = new Set<NodeJS.Timeout>();
  private isOpen = true;

  private constructor(front: Socket, back: Socket, seed: number) {
    this.front = front;
    this.back = back;
    this.random = random(seed);
    front.on('message', (data, from) => {
      this.caller = from;
      this.pass('up', () => this.back.send(data, this.serverPort, LOCALHOST), data.length);
    });
    this.listenToServer(back);
  }

  static async open(seed: number): Promise<UdpFaultProxy> {
    return new UdpFaultProxy(await bound(), await bound(), seed);
  }

  private listenToServer(back: Socket): void {
    back.on('message', (data) => {
      const { caller } = this;
      if (caller) this.pass('down', () => this.front.send(data, caller.port, caller.address), data.length);
    });
  }

  /** From now on; both directions where none is named. */
  set(faults: Faults, direction?: Direction): void {
    for (const each of ['up', 'down'] as const) if (!direction || direction === each) this.faults[each] = faults;
  }

  /** The caller goes on from another address, as after a change of network. */
  async changeAddress(): Promise<void> {
    const old = this.back;
    this.back = await bound();
    this.listenToServer(this.back);
    old.close();
  }

  /** An offer of the server whose only way leads through here. */
  rewriteOffer(sdp: string): string {
    return sdp
      .split('\r\n')
      .flatMap((line) => (line.startsWith('a=candidate:') ? (this.rewriteCandidate(line) ?? []) : line))
      .join('\r\n');
  }

  /** @returns undefined for a way that leads around us. */
  rewriteCandidate(candidate: string): string | undefined {
    const [, , , , address, port] = candidate.split(' ');
    if (address !== LOCALHOST) return undefined;
    this.serverPort = Number(port);
    return candidate.replace(/(\S+) \d+ typ/, `$1 ${(this.front.address() as AddressInfo).port} typ`);
  }

  /** The caller's answer without its addresses, as if they were still to come. */
  static hideAddresses(sdp: string): string {
    return sdp
      .split('\r\n')
      .filter((line) => !/^a=(candidate:|end-of-candidates)/.test(line))
      .join('\r\n');
  }

  private pass(direction: Direction, send: () => void, bytes: number): void {
    const { jitterMs = 0, capacityBps } = this.faults[direction];
    const nowMs = performance.now();
    const beginMs = Math.max(nowMs, this.freeAtMs[direction]);
    if (this.isLost(direction) || (capacityBps && beginMs - nowMs > MAX_QUEUE_MS)) {
      this.counts[direction].lost += 1;
      return;
    }
    this.counts[direction].passed += 1;
    if (capacityBps) this.freeAtMs[direction] = beginMs + ((bytes + 28) * 8000) / capacityBps;
    const waitMs = (capacityBps ? this.freeAtMs[direction] - nowMs : 0) + jitterMs * this.random();
    if (waitMs < 1) {
      if (this.isOpen) send();
      return;
    }
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (this.isOpen) send();
    }, waitMs);
    this.timers.add(timer);
  }

  /** Gilbert's two states; with a burst length of 1 each packet is on its own. */
  private isLost(direction: Direction): boolean {
    const { loss = 0, burstLength = 1, isBlackedOut = false } = this.faults[direction];
    if (isBlackedOut) return true;
    const staysLost = 1 - 1 / burstLength;
    const becomesLost = ((1 - staysLost) * loss) / Math.max(1e-9, 1 - loss);
    this.burst[direction] = this.random() < (this.burst[direction] ? staysLost || loss : becomesLost);
    return this.burst[direction];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOpen = false;
    for (const timer of this.timers) clearTimeout(timer);
    this.front.close();
    this.back.close();
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, LOCALHOST);
  await once(socket, 'listening');
  return socket;
}
