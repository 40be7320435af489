/**
 * A caller without media: the page's own call, with all its recovery, over a link that answers every offer and only says that it is connected. Many of
 * them cost a server nothing but signaling. In: where the server is. Out: what state the call is in, and since when.
 */
import { Call, type CallEvents, type CallState } from '../../client/call.ts';
import type { OpenLink } from '../../client/call-connection.ts';

const ignore = (): void => {};
const IGNORED: Omit<CallEvents, 'state' | 'failed'> = {
  stream: ignore,
  motion: ignore,
  caption: ignore,
  turn: ignore,
  heard: ignore,
  activity: ignore,
  handoff: ignore,
  hint: ignore,
  stats: ignore,
  room: ignore,
};

/** Takes what is offered, from nowhere: no candidates, and a certificate that nobody has. */
function inertAnswer(offerSdp: string): string {
  return offerSdp
    .split('\r\n')
    .filter((line) => !/^a=(candidate|end-of-candidates|ssrc|msid)/.test(line))
    .join('\r\n')
    .replace(/a=setup:actpass/g, 'a=setup:active')
    .replace(/a=sendonly/g, 'a=recvonly')
    .replace(/a=ice-ufrag:.*/g, 'a=ice-ufrag:none')
    .replace(/a=ice-pwd:.*/g, 'a=ice-pwd:nobody-comes-from-here-0')
    .replace(/a=fingerprint:.*/g, `a=fingerprint:sha-256 ${Array(32).fill('00').join(':')}`);
}

const openInertLink: OpenLink = (_iceServers, events) => {
  const link = {
    isConnected: false,
    audioReceiver: undefined,
    async answer(offerSdp: string) {
      setTimeout(() => {
        link.isConnected = true;
        events.state('connected');
      }, 50);
      return inertAnswer(offerSdp);
    },
    addCandidate() {},
    renewIceServers() {},
    async setMicrophone() {},
    getStats: async () => new Map() as unknown as RTCStatsReport,
    close() {
      link.isConnected = false;
    },
  };
  return link;
};

export class SignalingCaller implements Disposable {
  readonly call: Call;
  readonly states: { state: CallState; atMs: number }[] = [];
  readonly failures: string[] = [];

  constructor(url: string, events: Partial<CallEvents> = {}) {
    this.call = new Call(
      url,
      {
        ...IGNORED,
        ...events,
        state: (state) => void this.states.push({ state, atMs: Date.now() }),
        failed: ({ code, message }) => void this.failures.push(`${code}: ${message}`),
      },
      openInertLink,
    );
  }

  /** @returns since when the call is live; undefined while it is not. */
  get liveSinceMs(): number | undefined {
    return this.call.state === 'live' ? this.states.findLast(({ state }) => state === 'live')?.atMs : undefined;
  }

  [Symbol.dispose](): void {
    this.call.end();
  }
}
