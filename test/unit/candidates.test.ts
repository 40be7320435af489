// Where a caller may make the server send packets, and how often it may ask for that.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CandidateBudget, mayReach, readCandidate } from '../../src/signaling/candidates.ts';

const OPEN = { allowLoopback: false, denyPrivate: false };
const udp = (host: string, port = 50_000) => ({ host, port, transport: 'udp' });

describe('addresses', () => {
  it.each([
    ['203.0.113.7', true],
    ['2001:4860:4860::8888', true],
    ['192.168.1.20', true],
    ['10.1.2.3', true],
    ['fd12:3456::1', true],
    ['0e1b2c3d-1111-2222-3333-444455556666.local', true],
    ['127.0.0.1', false],
    ['::1', false],
    ['0.0.0.0', false],
    ['169.254.169.254', false],
    ['100.100.100.200', false],
    ['fd00:ec2::254', false],
    ['224.0.0.251', false],
    ['239.1.2.3', false],
    ['255.255.255.255', false],
    ['240.0.0.1', false],
    ['ff02::fb', false],
    ['fe80::1', false],
    ['fe80::1%eth0', false],
    ['::', false],
    ['::ffff:169.254.169.254', false],
    ['::ffff:127.0.0.1', false],
    ['::ffff:203.0.113.7', false],
    ['64:ff9b::a9fe:a9fe', false],
    ['2002:7f00:1::', false],
    ['metadata.google.internal', false],
    ['evil.example', false],
    ['a.local.evil.example', false],
    ['x.y.local', false],
    ['', false],
    ['256.1.1.1', false],
    ['0x7f000001', false],
  ])('%s: %s', (host, expected) => expect(mayReach(host, OPEN)).toBe(expected));

  it('of private networks are denied where the operator wants it, names that hide them too', () => {
    const rules = { allowLoopback: false, denyPrivate: true };
    for (const host of [
      '10.1.2.3',
      '172.16.0.1',
      '172.31.255.1',
      '192.168.1.20',
      '100.64.1.1',
      'fd12:3456::1',
      'a-b.local',
    ])
      expect(mayReach(host, rules), host).toBe(false);
    for (const host of ['203.0.113.7', '172.32.0.1', '2001:4860::1']) expect(mayReach(host, rules), host).toBe(true);
  });

  it('of this machine are for servers that only this machine reaches', () => {
    const rules = { allowLoopback: true, denyPrivate: false };
    expect(mayReach('127.0.0.1', rules)).toBe(true);
    expect(mayReach('::1', rules)).toBe(true);
    expect(mayReach('::ffff:127.0.0.1', rules)).toBe(false);
  });
});

describe('a candidate', () => {
  it.each([
    ['candidate:1 1 udp 2122260223 192.0.2.1 54400 typ host generation 0 ufrag x', udp('192.0.2.1', 54_400)],
    [
      'a=candidate:1 1 UDP 1 2001:db8::1 9000 typ srflx raddr 0.0.0.0 rport 0',
      { ...udp('2001:db8::1', 9000), transport: 'UDP' },
    ],
    [
      'candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active',
      { host: '192.0.2.1', port: 9, transport: 'tcp' },
    ],
    ['', undefined],
    ['candidate:1 1 udp x', undefined],
  ])('is read: %s', (line, expected) => expect(readCandidate(line)).toEqual(expected));

  it('over TCP, or to the port of a well-known service, is not sent to', () => {
    const budget = new CandidateBudget(OPEN);
    expect(budget.take({ ...udp('203.0.113.7'), transport: 'tcp' })).toBe('ignored');
    for (const port of [0, 53, 123, 1023, 65_536])
      expect(budget.take(udp('203.0.113.7', port)), String(port)).toBe('ignored');
    expect(budget.take(udp('169.254.169.254'))).toBe('ignored');
    expect(budget.take(udp('203.0.113.7', 1024))).toBe('taken');
  });
});

describe('the budget', () => {
  it('takes twenty at once, named again they cost nothing, then one each second', () => {
    let nowMs = 0;
    const budget = new CandidateBudget(OPEN, () => nowMs);
    const take = (n: number) => budget.take(udp('203.0.113.7', 20_000 + n));
    for (let n = 0; n < 20; n++) expect(take(n)).toBe('taken');
    expect(take(20)).toBe('too many');
    expect(take(3)).toBe('taken');
    nowMs = 5000;
    expect([20, 21, 22, 23, 24, 25].map(take)).toEqual([...Array<string>(5).fill('taken'), 'too many']);
  });

  it('lets nobody reach more ports than that, in whatever order and time they are named', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ port: fc.integer({ min: 1024, max: 65_535 }), waitMs: fc.nat(3000) })),
        (steps) => {
          let nowMs = 0;
          const budget = new CandidateBudget(OPEN, () => nowMs);
          const reached = new Set<number>();
          for (const { port, waitMs } of steps) {
            nowMs += waitMs;
            if (budget.take(udp('203.0.113.7', port)) === 'taken') reached.add(port);
          }
          expect(reached.size).toBeLessThanOrEqual(20 + nowMs / 1000);
        },
      ),
    );
  });

  it('is enough for who changes networks every ten seconds, with six new candidates each time', () => {
    let nowMs = 0;
    let port = 20_000;
    const budget = new CandidateBudget(OPEN, () => nowMs);
    for (let change = 0; change < 60; change++) {
      expect(budget.restart(), `restart ${change}`).toBe(0);
      for (let i = 0; i < 6; i++) expect(budget.take(udp('203.0.113.7', port++))).toBe('taken');
      nowMs += 10_000;
    }
  });

  it('lets ICE restart five times at once, and says when again', () => {
    let nowMs = 0;
    const budget = new CandidateBudget(OPEN, () => nowMs);
    for (let i = 0; i < 5; i++) expect(budget.restart()).toBe(0);
    expect(budget.restart()).toBe(10);
    nowMs = 9000;
    expect(budget.restart()).toBe(1);
    nowMs = 10_000;
    expect(budget.restart()).toBe(0);
  });
});
