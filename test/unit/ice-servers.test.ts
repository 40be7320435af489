// TURN credentials as coturn checks them: each call its own, good for a while, never without the shared secret.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { iceServersOf } from '../../src/signaling/ice-servers.ts';

const turn = { urls: ['turn:turn.example.org:3478', 'turns:turn.example.org'], secret: 'north', lifetimeS: 600 };
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
      expect(credential).toBe(createHmac('sha1', 'north').update('1700000600:call-1').digest('base64'));
    }
  });

  it('agrees with what openssl computes', () => {
    // `printf '%s' 1700000600:call-1 | openssl dgst -sha1 -hmac north -binary | base64`
    const [server] = iceServersOf({ iceServers: [], turn }, 'call-1', 1_700_000_000_000);
    expect(server!.credential).toBe('fLrPAQb9t9tER3K18sFFJMWr18U=');
  });

  it('gives each call its own', () => {
    const one = iceServersOf({ iceServers: [], turn }, 'one', 0)[0]!;
    const two = iceServersOf({ iceServers: [], turn }, 'two', 0)[0]!;
    expect(one.credential).not.toBe(two.credential);
    expect(JSON.stringify([one, two])).not.toContain('north');
  });
});

describe('their settings', () => {
  const load = (turnSettings: object) => () =>
    loadConfig({ VISAVIS__WEBRTC__TURN: JSON.stringify({ urls: [], secret: '', lifetimeS: 600, ...turnSettings }) });

  it('take a secret from the environment', () => {
    const config = loadConfig({
      VISAVIS__WEBRTC__TURN__URLS: '["turn:127.0.0.1:3478"]',
      VISAVIS__WEBRTC__TURN__SECRET: 'south',
    });
    expect(config.webrtc.turn).toEqual({ urls: ['turn:127.0.0.1:3478'], secret: 'south', lifetimeS: 86_400 });
  });

  it('name what is missing or wrong', () => {
    expect(load({ urls: ['turn:a'] })).toThrow(/webrtc\.turn.*belong together/);
    expect(load({ secret: 's' })).toThrow(/webrtc\.turn.*belong together/);
    expect(load({ urls: ['http://a'], secret: 's' })).toThrow(/webrtc\.turn\.urls/);
    expect(() => loadConfig({ VISAVIS__WEBRTC__PORT_RANGE: '[41000, 40000]' })).toThrow(/webrtc\.portRange/);
  });
});
