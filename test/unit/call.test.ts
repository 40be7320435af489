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
  it('opens no socket for the ticket that comes after', async () => {
    let answer = (_: Response): void => {};
    vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => (answer = resolve)));
    const call = new Call('http://face.example/', silent);
    const joined = call.join(OPTIONS);
    call.end();
    answer(Response.json({ ticket: 'a ticket' }));
    await expect(joined).rejects.toThrow('ended');
    expect(io).not.toHaveBeenCalled();
    expect(call.state).toBe('ended');
  });

  it('does not connect again when the time has come that the server named', async () => {
    vi.useFakeTimers();
    const handlers = new Map<string, (detail: object) => void>();
    const socket = { on: (name: string, handle: never) => handlers.set(name, handle), connect: vi.fn() };
    vi.mocked(io).mockReturnValue({ ...socket, emit: () => {}, disconnect: () => {} } as never);
    vi.stubGlobal('fetch', async () => Response.json({ ticket: 'a ticket' }));
    const call = new Call('http://face.example/', silent);
    call.join(OPTIONS).catch(() => {});
    await vi.waitFor(() => expect(handlers.has('connect_error')).toBe(true));
    const refuse = () =>
      handlers.get('connect_error')!({ data: { code: 'RATE_LIMITED', message: '', retryAfterS: 3 } });
    refuse();
    await vi.advanceTimersByTimeAsync(3000);
    expect(socket.connect).toHaveBeenCalledTimes(1);
    refuse();
    call.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(socket.connect).toHaveBeenCalledTimes(1);
  });
});
