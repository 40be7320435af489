// A session's own promises: it ends at once, and what a browser says of its buffers is taken within bounds.
import { describe, expect, it } from 'vitest';
import { buffersSchema } from '../../src/signaling/protocol.ts';
import { ScriptedCall } from '../support/scripted-call.ts';

describe('a session', () => {
  it('ends without waiting for its next packet: nobody has to let time pass', async () => {
    const call = new ScriptedCall();
    await call.run(100);
    let isClosed = false;
    void call.session.close('test').then(() => {
      isClosed = true;
    });
    for (let i = 0; i < 20 && !isClosed; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(true);
  });

  it('takes what browsers report of their buffers, and nothing else', () => {
    const isTaken = (message: unknown): boolean => buffersSchema.safeParse(message).success;
    expect(isTaken({ soundMs: 250.5, pictureMs: 2 })).toBe(true);
    expect(isTaken({ soundMs: 0, pictureMs: 0, skewMs: -120 })).toBe(true);
    for (const soundMs of [-1, 1e9, Number.NaN, Number.POSITIVE_INFINITY, '40', null, undefined])
      expect(isTaken({ soundMs, pictureMs: 0 }), String(soundMs)).toBe(false);
    expect(isTaken({ soundMs: 40, pictureMs: 0, skewMs: 1e12 })).toBe(false);
    expect(isTaken({ soundMs: 40, pictureMs: 0, more: 1 })).toBe(false);
  });
});
