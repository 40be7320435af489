// Names by which the server may be asked for: a page that gives its own name our address (DNS rebinding) is told nothing.
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { HostPolicy, hostNameOf, isLoopbackHost } from '../../src/signaling/host-names.ts';

describe('a server for this machine', () => {
  const policy = new HostPolicy(['face.example'], ['https://shop.example'], '127.0.0.1');

  it.each([
    ['localhost:8080', true],
    ['127.0.0.1', true],
    ['[::1]:8080', true],
    ['visavis.localhost', true],
    ['face.example', true],
    ['FACE.example:443', true],
    ['face.example.', true],
    ['shop.example', true],
    [hostname(), true],
    [undefined, true],
    ['evil.example:8080', false],
    ['evil.localhost.example', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['192.168.1.5:8080', false],
    ['visavis', false],
    ['', false],
    ['localhost, evil.example', false],
    ['localhost@evil.example', false],
    ['localhost/../x', false],
    ["localhost; script-src 'unsafe-inline'", false],
  ])('asked for as %s: %s', (host, expected) => expect(policy.isAllowed(host)).toBe(expected));
});

describe('a server for a network', () => {
  const policy = new HostPolicy([], [], '0.0.0.0');

  it.each([
    ['192.168.1.5:8080', true],
    ['[2001:db8::1]:8080', true],
    ['visavis:8080', true],
    ['desk.local', true],
    ['localhost', true],
    ['evil.example', false],
    ['desk.local.evil.example', false],
  ])('asked for as %s: %s', (host, expected) => expect(policy.isAllowed(host)).toBe(expected));
});

it('knows what a Host header names', () => {
  expect(hostNameOf('[::1]:80')).toBe('::1');
  expect(hostNameOf('Face.Example.:8443')).toBe('face.example');
  for (const odd of ['a b', 'a:b', 'http://a', 'a,b', '[::1', '']) expect(hostNameOf(odd)).toBeUndefined();
});

it.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['192.168.1.5', false],
  ['127.0.0.1.evil.example', false],
])('listening on %s is for this machine alone: %s', (host, expected) => expect(isLoopbackHost(host)).toBe(expected));
