// Rooms over a whole server: one face and several callers, first over peers, then over mediasoup with a worker that is played.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Failure, Joined, RoomState, SfuJoined } from '../../src/signaling/protocol.ts';
import type { SfuPeer } from '../../src/signaling/room-media.ts';
import { FakeMediasoup, FakeViewer } from '../support/fake-mediasoup.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

const PORTRAIT = 'mona-lisa';
const fake = new FakeMediasoup();
vi.mock('mediasoup', () => fake.module);

const code = (reply: object): string | undefined => (reply as Failure).error?.code;

/** A caller with tickets to a room. */
class RoomClient extends LoopbackClient {
  readonly rooms: RoomState[] = [];
  readonly reasons: string[] = [];
  private readonly query: string;

  constructor(url: string, query: string) {
    super(url);
    this.query = query;
    this.socket.on('room', (state) => void this.rooms.push(state));
    this.socket.on('ended', ({ reason }) => void this.reasons.push(reason));
  }

  override async ticket(): Promise<string> {
    const response = await fetch(new URL(`api/tickets?${this.query}`, this.url), { method: 'POST' });
    const reply = (await response.json()) as { ticket: string } | Failure;
    if ('error' in reply) throw new Error(`${reply.error.code}: ${reply.error.message}`);
    return reply.ticket;
  }

  /** A busy machine bakes a face, opens a room and fills a second one in its own time. */
  override until(what: string, condition: () => boolean, timeoutMs = 60_000): Promise<void> {
    return super.until(what, condition, timeoutMs);
  }

  get state(): RoomState | undefined {
    return this.rooms.at(-1);
  }
}

describe('a room over peers', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer((config) => {
      config.server.maxCalls = 1;
      config.webrtc.roomViewers = 2;
      config.motion.fps = 25;
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it('shows one face to everyone, goes on when one leaves and makes room when all have left', async () => {
    await using first = new RoomClient(server.url, 'room=hall');
    await using second = new RoomClient(server.url, 'room=hall');
    await using third = new RoomClient(server.url, 'room=hall');
    await using alone = new LoopbackClient(server.url);
    await first.join(PORTRAIT);
    await second.join(PORTRAIT);
    await expect(third.join(PORTRAIT)).rejects.toThrow(/SERVER_BUSY.*full/);
    await second.until('pictures for both', () => first.pictures.length > 8 && second.pictures.length > 8);
    expect(second.state).toMatchObject({ name: 'hall', portraitId: PORTRAIT, viewers: 2, floor: 'free' });

    expect(await first.request('speak', { text: 'One, two.' })).toEqual({ turnId: 1 });
    const isOver = ({ turns }: LoopbackClient): boolean => turns.some(({ state }) => state === 'ended');
    await second.until('the turn, for both', () => isOver(first) && isOver(second));
    for (const { captions, levels } of [first, second]) {
      expect(captions.map(({ text }) => text).join(' ')).toMatch(/One/);
      expect(Math.max(...levels)).toBeGreaterThan(0.02);
    }

    await first.request('leave', {});
    const { length } = second.pictures;
    await second.until('more pictures', () => second.pictures.length > length + 8);
    expect(second.reasons).toEqual([]);
    expect(second.state!.viewers).toBe(1);
    // The room is the machine's only call: another is possible when the last has left.
    await expect(alone.join(PORTRAIT)).rejects.toThrow(/SERVER_BUSY/);
    await second.request('leave', {});
    await alone.join(PORTRAIT);
    await alone.request('leave', {});
  });

  it('hears one microphone at a time, and nothing from a viewer', async () => {
    await using speaker = new RoomClient(server.url, 'room=stage&as=speaker');
    await using viewer = new RoomClient(server.url, 'room=stage&as=viewer');
    await speaker.join(PORTRAIT);
    await viewer.join(PORTRAIT);
    expect(viewer.state).toMatchObject({ maySpeak: false, viewers: 2 });
    for (const [name, message] of [
      ['speak', { text: 'x' }],
      ['say', { text: 'x' }],
      ['mirror', { isOn: true }],
      ['talk', { isOn: true }],
      ['controls', { headDistance: 1 }],
      ['stop', {}],
      ['invite', {}],
    ] as const)
      expect(code(await viewer.request(name, message)), name).toBe('NOT_ALLOWED');
    await speaker.request('mirror', { isOn: true });
    await viewer.until('the floor', () => viewer.state?.floor === 'taken');
    expect(speaker.state!.floor).toBe('mine');
    await viewer.until('pictures', () => viewer.pictures.length > 3);
    const voice = new Float32Array(48_000).map((_, i) => 0.3 * Math.sin(i / 20) * Math.sin(i / 3000));
    await speaker.say(voice);
    await viewer.until('the voice, out of the face', () => viewer.levels.some((level) => level > 0.03));
  });

  it('refuses names that are none, and a viewer without a room', async () => {
    for (const query of ['room=', 'room=../x', `room=${'x'.repeat(65)}`, 'as=boss', 'room=a&room=b']) {
      const response = await fetch(new URL(`api/tickets?${query}`, server.url), { method: 'POST' });
      expect(response.status, query).toBe(400);
      expect(code((await response.json()) as object)).toBe('SIGNALING_INVALID');
    }
    await using viewer = new RoomClient(server.url, 'as=viewer');
    await expect(viewer.join(PORTRAIT)).rejects.toThrow(/TICKET_INVALID/);
  });
});

describe('a room over mediasoup', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer((config) => {
      config.webrtc.mode = 'sfu';
      config.motion.fps = 25;
      config.log.level = 'silent';
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** The viewer's door, through the socket. */
  function through(client: RoomClient, joined: SfuJoined): SfuPeer {
    async function ask<T extends object>(...request: Parameters<RoomClient['request']>): Promise<T> {
      const reply = await client.request<T>(...request);
      if ('error' in reply) throw new Error(`${reply.error.code}: ${reply.error.message}`);
      return reply;
    }
    return {
      offer: joined.sfu,
      receive: async (rtpCapabilities) => (await ask<{ streams: never[] }>('sfuReceive', { rtpCapabilities })).streams,
      connect: async (transportId, dtlsParameters) => {
        await ask('sfuConnect', { transportId, dtlsParameters });
      },
      ready: async () => {
        await ask('sfuReady', {});
      },
      openMicrophone: () => ask('sfuMicrophone', {}),
      produce: async (rtpParameters) => (await ask<{ id: string }>('sfuProduce', { rtpParameters })).id,
      restartIce: async () => (await ask<{ transports: never[] }>('sfuRestart', {})).transports,
      close: async () => {
        await ask('leave', {});
      },
    };
  }

  async function join(client: RoomClient): Promise<FakeViewer> {
    const joined = await client.request<Joined | SfuJoined>('join', {
      ticket: await client.ticket(),
      portraitId: PORTRAIT,
    });
    if (!('sfu' in joined)) throw new Error(JSON.stringify(joined));
    return new FakeViewer(through(client, joined), fake);
  }

  it('says which version serves', async () => {
    const readiness = (await (await fetch(new URL('readyz', server.url))).json()) as {
      checks: { name: string; detail?: string }[];
    };
    expect(readiness.checks.find(({ name }) => name === 'rooms')).toEqual({
      name: 'rooms',
      isOk: true,
      detail: 'mediasoup 0.0.0-fake',
    });
  });

  it('feeds every viewer from one encoder, hears the speaker and gives back what a viewer held', async () => {
    await using a = new RoomClient(server.url, 'room=hall');
    await using b = new RoomClient(server.url, 'room=hall&as=speaker');
    const [first, second] = [await join(a), await join(b)];
    await first.connect();
    await a.until('pictures', () => first.pictures.length > 5 && first.sounds > 5);
    expect(second.pictures).toEqual([]);
    await second.connect();
    await b.until('pictures', () => second.pictures.length > 5 && second.sounds > 5);
    // The same packets: the same clock.
    expect(first.pictures).toContain(second.pictures[0]);

    await second.openMicrophone();
    await b.request('mirror', { isOn: true });
    expect(code(await a.request('speak', { text: 'x' }))).toBe('FLOOR_TAKEN');
    expect(await second.peer.restartIce()).toHaveLength(2);
    expect(fake.openTransports).toBe(4); // one into the worker, one to each viewer, the microphone's
    await b.request('leave', {});
    await a.until('the transports of the one who left to close', () => fake.openTransports === 2);
    const { length } = first.pictures;
    await a.until('more pictures', () => first.pictures.length > length + 5);
    await a.until('the floor to be free', () => a.state?.floor === 'free');
    await a.request('leave', {});
    await a.until('the room to close', () => fake.openTransports === 0);
  });

  it('answers every malformed or early message with one sentence, and goes on', async () => {
    await using client = new RoomClient(server.url, 'room=attic');
    expect(code(await client.request('sfuReady', {}))).toBe('SIGNALING_INVALID');
    const viewer = await join(client);
    const codecs = viewer.peer.offer.rtpCapabilities.codecs;
    const bad: [Parameters<RoomClient['request']>[0], unknown][] = [
      ['answer', { sdp: 'v=0' }],
      ['restart', {}],
      ['sfuReceive', null],
      ['sfuReceive', { rtpCapabilities: { codecs: 'all' } }],
      ['sfuReceive', { rtpCapabilities: { codecs: Array.from({ length: 200 }, () => codecs[0]) } }],
      ['sfuConnect', { transportId: 'x', dtlsParameters: { fingerprints: [] } }],
      [
        'sfuConnect',
        { transportId: 'x', dtlsParameters: { fingerprints: [{ algorithm: 'sha-256', value: '<script>' }] } },
      ],
      ['sfuConnect', { transportId: viewer.peer.offer.transport.id, dtlsParameters: { role: 'boss' } }],
      ['sfuProduce', { rtpParameters: { codecs: [], encodings: [] } }],
      [
        'sfuProduce',
        {
          rtpParameters: {
            codecs: [{ mimeType: 'audio/opus', payloadType: 1, clockRate: 48_000 }],
            encodings: [{ ssrc: -1 }],
          },
        },
      ],
    ];
    for (const [name, message] of bad)
      expect(code(await client.request(name, message)), `${name} ${JSON.stringify(message)?.slice(0, 60)}`).toBe(
        'SIGNALING_INVALID',
      );
    await viewer.connect();
    await client.until('pictures all the same', () => viewer.pictures.length > 3);
  });

  it('lets a viewer watch, and opens no microphone for one', async () => {
    await using client = new RoomClient(server.url, 'room=gallery&as=viewer');
    const viewer = await join(client);
    await viewer.connect();
    await client.until('pictures', () => viewer.pictures.length > 3);
    await expect(viewer.openMicrophone()).rejects.toThrow(/NOT_ALLOWED/);
  });

  it('keeps one stream of each kind for a viewer who asks for many at once', async () => {
    await using client = new RoomClient(server.url, 'room=rush');
    const viewer = await join(client);
    const { rtpCapabilities } = viewer.peer.offer;
    const replies = await Promise.all([1, 2, 3].map(() => client.request('sfuReceive', { rtpCapabilities })));
    expect(replies.map(code)).toEqual([undefined, 'SIGNALING_INVALID', 'SIGNALING_INVALID']);
    const rtpParameters = {
      codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
      encodings: [{ ssrc: 5 }],
    };
    const offers = await Promise.all([1, 2, 3].map(() => client.request<{ id: string }>('sfuMicrophone', {})));
    expect(new Set(offers.map((offer) => ('id' in offer ? offer.id : offer))).size).toBe(1);
    await Promise.all([1, 2, 3].map(() => client.request('sfuProduce', { rtpParameters })));
    expect(fake.openMicrophones).toBe(1);
  });

  it('leaves a viewer whose transport ended behind, and nobody else', async () => {
    await using lost = new RoomClient(server.url, 'room=ferry');
    await using other = new RoomClient(server.url, 'room=ferry');
    const [first, second] = [await join(lost), await join(other)];
    await first.connect();
    await second.connect();
    await other.until('pictures', () => second.pictures.length > 3);
    first.vanish();
    await lost.until('the end', () => lost.reasons.length > 0);
    const { length } = second.pictures;
    await other.until('more pictures', () => second.pictures.length > length + 5);
    expect(other.state!.viewers).toBe(1);
    expect(other.reasons).toEqual([]);
  });

  it('ends the rooms of a worker that died, and opens the next over another', async () => {
    await using client = new RoomClient(server.url, 'room=phoenix');
    const viewer = await join(client);
    await viewer.connect();
    await client.until('pictures', () => viewer.pictures.length > 3);
    const workers = fake.workers.length;
    fake.workers.at(-1)!.die();
    await client.until('the end', () => client.reasons.length > 0);
    const again = await join(client);
    await again.connect();
    await client.until('pictures', () => again.pictures.length > 3);
    expect(fake.workers.length).toBe(workers + 1);
    // What cannot be replaced is done without: the next room is served by peers.
    fake.failure = new Error('spawn ENOENT');
    fake.workers.at(-1)!.die();
    await client.until('the second end', () => client.reasons.length > 1);
    await client.join(PORTRAIT);
    await client.until('pictures over a peer', () => client.pictures.length > 3);
    expect(await (await fetch(new URL('readyz', server.url))).text()).toContain('rooms are served peer to peer');
  });
});
