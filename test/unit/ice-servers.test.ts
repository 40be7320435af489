// TURN credentials as coturn checks them: each call its own, good for a while, never without the shared secret.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { iceServersOf } from '../../src/signaling/ice-servers.ts';

const NORTH = 'north-of-the-river-where-it-is-cold';
const SOUTH = 'south-of-the-river-where-it-is-warm';
const turn = { urls: ['turn:turn.example.org:3478', 'turns:turn.example.org'], secret: NORTH, lifetimeS: 600 };
const fixed = [{ urls: 'stun:stun.example.org' }, { urls: 'turn:old.example.org', username: 'u', credential: 'p' }];

describe('ICE servers of a call', () => {
  it('keeps fixed ones as they are, and adds nothing without a secret', () => {
    expect(iceServersOf({ iceServers: fixed, turn: { urls: [], secret: '', lifetimeS: 600 } }, 'a', 0)).toEqual(fixed);
  });

  it('adds the shared-secret servers with a name that carries its end, and its HMAC', () => {
    const servers = iceServersOf({ iceServers: fixed, turn }, 'call-1', 1_700_000_000_500);
    expect(servers.slice(0, 2)).toEqual(fixed);
    expect(servers.slice(2).map(({ urls }) => urls)).toEqual(turn.urls);
    for (const { username, credential } of servers.slice(2)) {
      expect(username).toBe('1700000600:call-1');
      expect(credential).toBe(createHmac('sha1', NORTH).update('1700000600:call-1').digest('base64'));
    }
  });

  it('agrees with what openssl computes', () => {
    // `printf '%s' 1700000600:call-1 | openssl dgst -sha1 -hmac north-of-the-river-where-it-is-cold -binary | base64`
    const [server] = iceServersOf({ iceServers: [], turn }, 'call-1', 1_700_000_000_000);
    expect(server!.credential).toBe('F2K6s2FzqgCMZ6VV9LQtTqbZcQQ=');
  });

  it('lets a password end with the call, where that is sooner', () => {
    const nowMs = 1_700_000_000_000;
    const endsAt = (callEndsS?: number) =>
      Number(iceServersOf({ iceServers: [], turn }, 'a', nowMs, callEndsS)[0]!.username!.split(':')[0]);
    expect(endsAt(1_700_000_090.5)).toBe(1_700_000_091);
    expect(endsAt(1_700_009_999)).toBe(1_700_000_600);
    expect(endsAt()).toBe(1_700_000_600);
  });

  it('gives each call its own', () => {
    const one = iceServersOf({ iceServers: [], turn }, 'one', 0)[0]!;
    const two = iceServersOf({ iceServers: [], turn }, 'two', 0)[0]!;
    expect(one.credential).not.toBe(two.credential);
    expect(JSON.stringify([one, two])).not.toContain(NORTH);
  });
});

describe('secrets', () => {
  it.each(['VISAVIS__WEBRTC__TURN', 'VISAVIS__SERVER__TICKET_SECRET'])(
    'of less than 32 bytes are refused: %s',
    (name) => {
      const value = (secret: string) =>
        name.endsWith('TURN') ? JSON.stringify({ urls: ['turn:a'], secret, lifetimeS: 600 }) : secret;
      expect(() => loadConfig({ [name]: value('x'.repeat(31)) })).toThrow(/at least 32 bytes.*openssl rand/);
      expect(() => loadConfig({ [name]: value('x'.repeat(32)) })).not.toThrow();
      // Bytes, not characters.
      expect(() => loadConfig({ [name]: value('é'.repeat(16)) })).not.toThrow();
    },
  );
});

describe('their settings', () => {
  const load = (turnSettings: object) => () =>
    loadConfig({ VISAVIS__WEBRTC__TURN: JSON.stringify({ urls: [], secret: '', lifetimeS: 600, ...turnSettings }) });

  it('take a secret from the environment', () => {
    const config = loadConfig({
      VISAVIS__WEBRTC__TURN__URLS: '["turn:127.0.0.1:3478"]',
      VISAVIS__WEBRTC__TURN__SECRET: SOUTH,
    });
    expect(config.webrtc.turn).toEqual({ urls: ['turn:127.0.0.1:3478'], secret: SOUTH, lifetimeS: 3600 });
  });

  it('name what is missing or wrong', () => {
    expect(load({ urls: ['turn:a'] })).toThrow(/webrtc\.turn.*belong together/);
    expect(load({ secret: SOUTH })).toThrow(/webrtc\.turn.*belong together/);
    expect(load({ urls: ['http://a'], secret: SOUTH })).toThrow(/webrtc\.turn\.urls/);
    expect(() => loadConfig({ VISAVIS__WEBRTC__PORT_RANGE: '[41000, 40000]' })).toThrow(/webrtc\.portRange/);
  });
});
