// The page's own call against a real signaling server without faces: what comes back after it was cut off, and what is told when it cannot.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { AppError } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { clientDir } from '../../src/paths.ts';
import type { CallAudience, CallHost, CallRequest, HostedCall } from '../../src/signaling/hosting.ts';
import { type RunningServer, startServer } from '../../src/signaling/server.ts';
import { SignalingCaller } from '../support/signaling-caller.ts';

const OPTIONS = { portraitId: 'somebody', controls: {}, render: 'server' } as const;

/** Calls that only write down what they are told. */
class NotingHost implements CallHost {
  readonly fps = 25;
  readonly opened: { request: CallRequest; audience: CallAudience; notes: string[] }[] = [];
  refusal: AppError | undefined;
  forbidsTalk = false;
  refusals = 0;

  admit(): void {
    if (!this.refusal) return;
    this.refusals += 1;
    throw this.refusal;
  }

  async open(request: CallRequest, _peer: unknown, audience: CallAudience): Promise<HostedCall> {
    this.admit();
    const notes: string[] = [];
    this.opened.push({ request, audience, notes });
    const note = (text: string): void => void notes.push(text);
    const ignore = (): void => {};
    return {
      events: { connected: ignore, keyframeRequest: ignore, microphone: ignore, link: ignore, closed: ignore },
      speak: ({ text, voice }) => notes.push(`speak ${text} ${voice}`),
      openSound: () => {
        throw new Error('no sound here');
      },
      setMirror: (isOn) => note(`mirror ${isOn}`),
      say: (text, voice) => note(`say ${text} ${voice}`),
      setTalk: (isOn, voice) => {
        if (this.forbidsTalk) throw new AppError('FLOOR_TAKEN', 'Someone else in this room is speaking.');
        note(`talk ${isOn} ${voice}`);
      },
      setHears: ignore,
      hold: ignore,
      stop: ignore,
      followBuffers: ignore,
      setControls: (controls) => note(`controls ${JSON.stringify(controls)}`),
      close: async () => note('closed'),
    } as HostedCall;
  }

  async voices(): Promise<[]> {
    return [];
  }
}

let port = 0;
const open: (SignalingCaller | RunningServer)[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse())
    if (each instanceof SignalingCaller) each[Symbol.dispose]();
    else await each[Symbol.asyncDispose]();
  port = 0;
});

async function start(host: CallHost): Promise<RunningServer> {
  const config = structuredClone(loadConfig({}));
  config.server.port = port;
  config.server.ticketSecret = 'known to the server and to its successor';
  const server = await startServer({
    config,
    host,
    gallery: {} as never,
    logger: pino({ level: 'silent' }),
    metrics: createMetrics(),
    clientDir,
    readiness: [],
  });
  port = Number(new URL(server.url).port);
  open.push(server);
  return server;
}

async function stop(server: RunningServer): Promise<void> {
  open.splice(open.indexOf(server), 1);
  await server[Symbol.asyncDispose]();
}

async function callerOf(server: RunningServer): Promise<SignalingCaller> {
  const caller = new SignalingCaller(server.url);
  open.push(caller);
  await caller.call.join(OPTIONS);
  return caller;
}

async function until(what: string, isThere: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!isThere()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const statesOf = (caller: SignalingCaller): string[] => caller.states.map(({ state }) => state);
/** What carries the call; private to everybody else. */
interface Carrier {
  check(): Promise<void>;
  signaling: {
    socket: { io: { engine: { close(): void; transport: { ws: { _socket: { pause(): void; resume(): void } } } } } };
  };
}
const carrierOf = ({ call }: SignalingCaller): Carrier => (call as unknown as { connection: Carrier }).connection;
const breakSocket = (caller: SignalingCaller): void => carrierOf(caller).signaling.socket.io.engine.close();

describe('a call that is cut off', () => {
  it('has everything on again that was on before, and what was typed meanwhile', async () => {
    const host = new NotingHost();
    const caller = await callerOf(await start(host));
    const { call } = caller;
    await call.setVoice('de');
    await call.setTalk(true);
    await call.setMirror(true);
    await call.setControls({ headDistance: 1.5 });
    breakSocket(caller);
    await until('the loss', () => call.state === 'reconnecting');
    const answers = Promise.all([call.say('Are you there?'), call.speak('I am.')]);
    await until('the return', () => call.state === 'live');
    await answers;
    const [before, after] = host.opened;
    expect(before!.notes).toContain('closed');
    expect(after!.request.controls).toEqual({ headDistance: 1.5 });
    expect(after!.notes).toEqual(
      expect.arrayContaining(['mirror true', 'talk true de', 'say Are you there? de', 'speak I am. de']),
    );
    expect(host.opened).toHaveLength(2);
    expect(caller.failures).toEqual([]);
    expect(statesOf(caller)).toEqual(['joining', 'live', 'reconnecting', 'live']);
  });

  it('comes back to the server that took the place of one that crashed, without asking for a ticket', async () => {
    const caller = await callerOf(await start(new NotingHost()));
    await stop(open[0] as RunningServer);
    await until('the loss', () => caller.call.state === 'reconnecting');
    const host = new NotingHost();
    host.admit = () => {
      throw new AppError('SERVER_BUSY', 'A ticket was asked for.');
    };
    host.open = NotingHost.prototype.open.bind(Object.assign(new NotingHost(), { opened: host.opened }));
    await start(host);
    await until('the return', () => caller.call.state === 'live');
    expect(host.opened).toHaveLength(1);
    expect(caller.failures).toEqual([]);
  });

  it('takes another connection where its own is dead and nobody said so, and stays with one that answers', async () => {
    const host = new NotingHost();
    const caller = await callerOf(await start(host));
    const { signaling } = carrierOf(caller);
    await carrierOf(caller).check();
    expect(carrierOf(caller).signaling).toBe(signaling);
    const { _socket } = signaling.socket.io.engine.transport.ws;
    _socket.pause();
    await carrierOf(caller).check();
    await until('the return', () => host.opened.length === 2 && caller.call.state === 'live');
    expect(host.opened[0]!.notes).toContain('closed');
    expect(caller.failures).toEqual([]);
    _socket.resume(); // else the server waits for its end
  });

  it('opens no socket in vain while nobody is there, for Firefox would wait longer after each', async () => {
    const caller = await callerOf(await start(new NotingHost()));
    await stop(open[0] as RunningServer);
    const asked = { plainly: 0, forSockets: 0 };
    // A proxy that answers for the server that is away.
    const proxy = createServer((_request, response) => {
      asked.plainly += 1;
      response.writeHead(502).end();
    });
    proxy.on('upgrade', (_request, socket) => {
      asked.forSockets += 1;
      socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
    });
    await once(proxy.listen(port, '127.0.0.1'), 'listening');
    await until('some attempts', () => asked.plainly + asked.forSockets >= 5);
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
    expect(asked.forSockets).toBeLessThanOrEqual(1);
    await start(new NotingHost());
    await until('the return', () => caller.call.state === 'live');
    expect(caller.failures).toEqual([]);
  });

  it('comes back with fifty others behind the same address, after a silence that the server took for their end and after a crash', async () => {
    const before = await start(new NotingHost());
    const callers = await Promise.all(Array.from({ length: 50 }, () => callerOf(before)));
    const allBack = async (): Promise<string> => {
      await until('all of them', () => callers.every(({ call }) => call.state === 'live'));
      const liveMs = callers.map(({ liveSinceMs }) => liveSinceMs!);
      return `${((Math.max(...liveMs) - Math.min(...liveMs)) / 1000).toFixed(2)} s`;
    };
    for (const caller of callers) breakSocket(caller);
    await until('the loss', () => callers.every(({ states }) => states.length >= 3));
    console.info(`fifty callers back after their connections broke, within ${await allBack()}`);
    await stop(before);
    await until('the loss', () => callers.every(({ states }) => states.length >= 5));
    const successor = new NotingHost();
    await start(successor);
    console.info(`fifty callers back after a server's end, within ${await allBack()}`);
    expect(successor.opened).toHaveLength(50);
    expect(callers.flatMap(({ failures }) => failures)).toEqual([]);
  });

  it('goes on without its voice where another has the floor, and says so', async () => {
    const host = new NotingHost();
    const caller = await callerOf(await start(host));
    await caller.call.setTalk(true);
    host.forbidsTalk = true;
    breakSocket(caller);
    await until('the return', () => host.opened.length === 2 && caller.call.state === 'live');
    expect(caller.failures).toEqual([expect.stringMatching(/^FLOOR_TAKEN/)]);
  });
});

describe('a call that was ended', () => {
  it('is over where somebody wanted that, and comes back where nobody did', async () => {
    const host = new NotingHost();
    const server = await start(host);
    const [left, failed, late] = [await callerOf(server), await callerOf(server), await callerOf(server)];
    host.opened[2]!.audience.ended('expired');
    host.opened[0]!.audience.ended('goodbye');
    host.opened[1]!.audience.ended('failed');
    await until('the return', () => host.opened.length === 4 && failed.call.state === 'live');
    expect(left.call.state).toBe('ended');
    expect([...left.failures, ...failed.failures]).toEqual([]);
    expect(late.call.state).toBe('ended');
    expect(late.failures).toEqual([expect.stringMatching(/^EXPIRED: .*join again/)]);
  });

  it('by a server that stops waits for the next one, and names the cause', async () => {
    const server = await start(new NotingHost());
    const hints: string[] = [];
    const caller = new SignalingCaller(server.url, { hint: ({ text }) => void hints.push(text) });
    open.push(caller);
    await caller.call.join(OPTIONS);
    await server.drain(0, AbortSignal.abort());
    await until('the end', () => caller.call.state === 'reconnecting');
    expect(caller.call.cause).toBe('shutdown');
    await stop(server);
    const successor = new NotingHost();
    await start(successor);
    await until('the return', () => caller.call.state === 'live');
    expect(hints.length).toBeLessThanOrEqual(1);
    expect(caller.failures).toEqual([]);
  });

  it('does not wait as long as a server that stops thinks it will take', async () => {
    const host = new NotingHost();
    const caller = await callerOf(await start(host));
    host.refusal = new AppError('SERVER_DRAINING', 'The server is about to stop.', { retryAfterS: 600 });
    breakSocket(caller);
    await until('a refusal', () => host.refusals > 0);
    host.refusal = undefined;
    await until('the return', () => caller.call.state === 'live');
    expect(caller.failures).toEqual([]);
  });

  it('says why it cannot come back: for good where only somebody else can change that, and until it can otherwise', async () => {
    const host = new NotingHost();
    const server = await start(host);
    const caller = await callerOf(server);
    host.refusal = new AppError('SERVER_BUSY', 'All lines are taken; try again in 1 s.', { retryAfterS: 1 });
    breakSocket(caller);
    await until('the reason', () => caller.failures.length > 0);
    expect(caller.failures[0]).toMatch(/^SERVER_BUSY/);
    expect(caller.call.state).toBe('reconnecting');
    host.refusal = undefined;
    await until('the return', () => caller.call.state === 'live');
    host.refusal = new AppError('PORTRAIT_UNKNOWN', 'There is no face "somebody"; choose another.');
    breakSocket(caller);
    await until('the end', () => caller.call.state === 'ended');
    expect(caller.failures.at(-1)).toMatch(/^PORTRAIT_UNKNOWN/);
  });
});
