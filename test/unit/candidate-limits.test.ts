// A peer sends packets to few addresses of its viewer's choice, whatever way they are named: in the answer, one by one, after a restart of ICE, as a name.
import { afterEach, describe, expect, it } from 'vitest';
import { RTCPeerConnection, useOPUS, useVP8 } from 'werift';
import { CandidateBudget } from '../../src/signaling/candidates.ts';
import { WeriftPeer } from '../../src/signaling/werift-peer.ts';

interface Ice {
  remoteCandidates: { host: string; port: number; type: string }[];
  candidatePairs: { remoteCandidate: { host: string; port: number } }[];
  lookup?: { lookup(name: string): Promise<string>; close(): void };
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function offered(rules = { allowLoopback: true, denyPrivate: false }) {
  const ignore = (): void => {};
  let nowMs = 0;
  const peer = new WeriftPeer({
    iceServers: [],
    announcedAddresses: ['127.0.0.1'],
    useIpv6: false,
    codecs: ['VP8'],
    onCandidate: ignore,
    candidates: new CandidateBudget(rules, () => nowMs),
    events: { connected: ignore, keyframeRequest: ignore, microphone: ignore, link: ignore, closed: ignore },
  });
  const caller = new RTCPeerConnection({ codecs: { audio: [useOPUS()], video: [useVP8()] }, iceServers: [] });
  for (const { connection } of caller.iceTransports) delete connection.stunServer;
  closing.push(
    () => peer.close(),
    () => caller.close(),
  );
  const answer = async (lines: string[], options: { iceRestart?: boolean } = {}): Promise<string> => {
    await caller.setRemoteDescription({ type: 'offer', sdp: await peer.createOffer(options) });
    await caller.setLocalDescription(await caller.createAnswer());
    const own = caller
      .localDescription!.sdp.split('\r\n')
      .filter((line) => !/^a=(candidate|end-of-candidates)/.test(line));
    const media = own.findIndex((line) => line.startsWith('a=mid:'));
    return [...own.slice(0, media), ...lines.map((line) => `a=${line}`), ...own.slice(media)].join('\r\n');
  };
  const ice = (peer as unknown as { connection: { iceTransports: { connection: Ice }[] } }).connection.iceTransports[0]!
    .connection;
  return {
    peer,
    ice,
    answer,
    later: (ms: number) => {
      nowMs += ms;
    },
    /** Where packets go, or would. */
    reached: () =>
      new Set(
        [...ice.remoteCandidates, ...ice.candidatePairs.map((pair) => pair.remoteCandidate)].map(
          ({ host, port }) => `${host}:${port}`,
        ),
      ),
  };
}

const candidate = (host: string, port: number, n = port): string =>
  `candidate:${n} 1 udp ${n} ${host} ${port} typ host`;
const many = (from: number, count = 150): string[] =>
  Array.from({ length: count }, (_, i) => candidate('127.0.0.1', from + i));

describe('network candidates', () => {
  it('in one answer: twenty of a hundred and fifty', async () => {
    const { peer, answer, reached } = await offered();
    await peer.accept(await answer(many(20_000)));
    expect(reached().size).toBe(20);
  });

  it('one by one: none after those of the answer, until time has passed', async () => {
    const { peer, answer, reached, later } = await offered();
    await peer.accept(await answer(many(20_000, 20)));
    for (const line of many(30_000, 30)) await peer.addCandidate({ candidate: line, sdpMid: '0', sdpMLineIndex: 0 });
    expect(reached().size).toBe(20);
    later(3000);
    for (const line of many(40_000, 30)) await peer.addCandidate({ candidate: line, sdpMid: '0', sdpMLineIndex: 0 });
    expect(reached().size).toBe(23);
  });

  it('after a restart: no more than that', async () => {
    const { peer, answer, reached } = await offered();
    await peer.accept(await answer(many(20_000)));
    const before = reached();
    await peer.accept(await answer(many(30_000), { iceRestart: true }));
    const all = new Set([...before, ...reached()]);
    expect(all.size).toBe(20);
  });

  it('to addresses that are nobody’s business, or over TCP: none', async () => {
    const { peer, answer, reached } = await offered({ allowLoopback: false, denyPrivate: true });
    const lines = ['127.0.0.1', '169.254.169.254', '10.0.0.1', '224.0.0.1', '::1', 'evil.example', 'abc-def.local'].map(
      (host) => candidate(host, 40_000),
    );
    await peer.accept(await answer([...lines, 'candidate:1 1 tcp 1 203.0.113.7 40000 typ host tcptype passive']));
    expect(reached().size).toBe(0);
  });

  it('behind a name: the address that it stands for is judged', async () => {
    const { peer, ice, answer, reached } = await offered({ allowLoopback: false, denyPrivate: false });
    const addresses: Record<string, string> = { 'good-name.local': '192.168.7.7', 'bad-name.local': '169.254.169.254' };
    ice.lookup = { lookup: async (name) => addresses[name]!, close: () => {} };
    await peer.accept(await answer(['good-name.local', 'bad-name.local'].map((host) => candidate(host, 40_000))));
    await Promise.resolve();
    const paired = ice.candidatePairs.map(({ remoteCandidate }) => remoteCandidate.host);
    expect(reached()).toContain('192.168.7.7:40000');
    expect(paired).not.toContain('169.254.169.254');
  });
});
