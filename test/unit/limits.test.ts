// What limits tell the operator: that a proxy stands in front whom nobody told the server about.
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { proxyWarning } from '../../src/signaling/limits.ts';
import type { Logger } from '../../src/telemetry.ts';

const DIRECT = { headers: {} } as IncomingMessage;
const FORWARDED = { headers: { 'x-forwarded-for': '203.0.113.7' } } as unknown as IncomingMessage;

function warningsAfter(trustedProxies: number, requests: IncomingMessage[]): string[] {
  const warnings: string[] = [];
  const see = proxyWarning(trustedProxies, {
    warn: (_: object, text: string) => warnings.push(text),
  } as unknown as Logger);
  for (const request of requests) see(request);
  return warnings;
}

describe('a proxy in front of a server that was not told so', () => {
  it('is warned of once, with the setting to change', () => {
    const warnings = warningsAfter(0, [DIRECT, FORWARDED, DIRECT, FORWARDED]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('server.trustedProxies');
  });

  it('is not warned of where it is configured, or where there is none', () => {
    expect(warningsAfter(1, [FORWARDED])).toEqual([]);
    expect(warningsAfter(0, [DIRECT])).toEqual([]);
  });
});
