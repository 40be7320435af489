// A call that its caller gives up while it is opened: nothing is left behind, neither now nor when the server may be asked again.
import { io } from 'socket.io-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Call, type CallEvents } from '../../client/call.ts';

vi.mock('socket.io-client', () => ({ io: vi.fn() }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  vi.mocked(io).mockReset();
});

const silent = new Proxy({}, { get: () => () => {} }) as CallEvents;
const OPTIONS = { portraitId: 'mona-lisa', controls: {}, render: 'server' } as const;

describe('a call that is ended while it is opened', () => {
  it('does not join with the ticket that comes after', async () => {
    let answer: ((response: Response) => void) | undefined;
    vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => (answer = resolve)));
    const emit = vi.fn();
    const once = (name: string, handle: () => void) => name === 'connect' && queueMicrotask(handle);
    const none = (): void => {};
    const socket = { on: none, once, onAny: none, offAny: none, removeAllListeners: none, disconnect: vi.fn(), emit };
    vi.mocked(io).mockReturnValue({ ...socket, io: { on: none } } as never);
    const call = new Call('http://face.example/', silent);
    const joined = call.join(OPTIONS);
    joined.catch(() => {});
    await vi.waitFor(() => expect(answer).toBeDefined());
    call.end();
    answer!(Response.json({ ticket: 'a ticket' }));
    await expect(joined).rejects.toThrow('ended');
    expect(emit.mock.calls.map(([name]) => name)).not.toContain('join');
    expect(call.state).toBe('ended');
  });

  it('asks nobody any more, however long it waits', async () => {
    vi.useFakeTimers();
    const handlers = new Map<string, (detail: object) => void>();
    const take = (name: string, handle: never) => handlers.set(name, handle);
    const socket = { on: take, once: take, disconnect: vi.fn(), emit: vi.fn() };
    vi.mocked(io).mockReturnValue(socket as never);
    const call = new Call('http://face.example/', silent);
    const joined = call.join(OPTIONS);
    joined.catch(() => {});
    call.end();
    await expect(joined).rejects.toThrow('ended');
    handlers.get('connect_error')!({ data: { code: 'RATE_LIMITED', message: '', retryAfterS: 3 } });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(io).toHaveBeenCalledTimes(1);
    expect(socket.disconnect).toHaveBeenCalled();
    expect(socket.emit).not.toHaveBeenCalled();
  });
});
