// When a caller counts as gone: soon enough for a line to be free within five seconds, late enough for an outage of two.
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { BEAT_MS, Presence } from '../../src/signaling/presence.ts';

/** Beats until a reason is given, in ms; the clock is the beat itself. */
function silenceMs(presence: Presence): [ms: number, reason: string | undefined] {
  for (let beats = 1; beats < 1000; beats++) {
    const reason = presence.beat();
    if (reason) return [beats * BEAT_MS, reason];
  }
  return [Number.POSITIVE_INFINITY, undefined];
}

describe('Presence', () => {
  it('gives a silent caller up within 5 s, and not within 3', () => {
    const presence = new Presence(loadConfig({}).limits.silenceS);
    presence.connected();
    const [ms, reason] = silenceMs(presence);
    expect(reason).toBe('gone');
    expect(ms).toBeGreaterThan(3000);
    expect(ms).toBeLessThanOrEqual(5000);
  });

  it('keeps one who is heard of once a second, for hours', () => {
    const presence = new Presence(loadConfig({}).limits.silenceS);
    presence.connected();
    for (let beat = 0; beat < 20_000; beat++) {
      if (beat % (1000 / BEAT_MS) === 0) presence.seen();
      expect(presence.beat()).toBeUndefined();
    }
  });

  it('begins anew with another call on the same socket', () => {
    const presence = new Presence(loadConfig({}).limits.silenceS);
    presence.connected();
    presence.restart();
    let reason: string | undefined;
    for (let beat = 0; beat < 200 && !reason; beat++) {
      presence.seen();
      reason = presence.beat();
    }
    expect(reason).toBe('never connected');
  });

  it('gives one up whose media never comes, though the socket is alive', () => {
    const presence = new Presence(loadConfig({}).limits.silenceS);
    let ms = 0;
    for (;;) {
      presence.seen();
      ms += BEAT_MS;
      if (presence.beat() === 'never connected') break;
      expect(ms).toBeLessThan(60_000);
    }
    expect(ms).toBeGreaterThan(20_000);
  });
});
