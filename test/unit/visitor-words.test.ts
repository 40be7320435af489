// What visitors read: no path, address or setting of the server, whatever failed; and advice that they can follow.
import { readdirSync, readFileSync } from 'node:fs';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { type CallHostParts, createCallHost } from '../../src/call-host.ts';
import { loadConfig } from '../../src/config.ts';
import type { EngineListener } from '../../src/engine/engine-session.ts';
import { AppError, type ErrorCode } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { describeFailure } from '../../src/signaling/failure.ts';
import type { CallAudience } from '../../src/signaling/hosting.ts';
import type { Failure } from '../../src/signaling/protocol.ts';
import { OPERATORS_CODES, visitorSentence } from '../../src/signaling/visitor-words.ts';

const SOURCE = new URL('../../src/', import.meta.url);
/** As they stand in the sentences of errors: what is put in there may be a path or an address of the server. */
const INSIDE = /\$\{[^}]*(path|dir\b|folder|url|host|endpoint|apiKeyVariable|this\.name)[^}]*\}/i;
/** What matches for another reason: the place of a fault in a message, a room's name, the kind of a sound. */
const HARMLESS = [/issue\.path/, /Room "\$\{this\.name\}"/, /The sound is \$\{this\.name\}/];
/** Commands read these of the user's own machine; no visitor reaches them. */
const COMMANDS_ONLY = ['media/audio-file.ts', 'media/film.ts', 'agent/voice-store.ts'];

it('has words of their own for every error that names something of the server', () => {
  const seen: string[] = [];
  const missing: string[] = [];
  for (const entry of readdirSync(SOURCE, { recursive: true }) as string[]) {
    if (!entry.endsWith('.ts') || entry.startsWith('cli/') || COMMANDS_ONLY.includes(entry)) continue;
    const text = readFileSync(new URL(entry, SOURCE), 'utf8');
    for (const [, code, sentence] of text.matchAll(/new AppError\(\s*'([A-Z_]+)',\s*`([^`]*)`/g)) {
      if (!INSIDE.test(sentence!) || HARMLESS.some((pattern) => pattern.test(sentence!))) continue;
      seen.push(code!);
      if (!OPERATORS_CODES.has(code!)) missing.push(`${entry}: ${code} ${sentence}`);
    }
  }
  expect(seen.length).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});

it.each([...OPERATORS_CODES])('tells %s without the server’s things, and logs them', (code) => {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const error = new AppError(
    code as ErrorCode,
    '/srv/secret/x cannot be read; check llm.baseUrl http://10.0.0.7:11434.',
  );
  const { failure, status } = describeFailure(error, logger);
  expect(failure.error.code).toBe(code);
  expect(failure.error.message).toBe(visitorSentence(code));
  expect(failure.error.message).not.toMatch(/\/|http|\w\.\w|secret/);
  expect(status).toBe(503);
  expect(lines.join('')).toContain('/srv/secret/x');
});

it('tells a caller whose call fails in the same words', async () => {
  let listener!: EngineListener;
  const told: Failure[] = [];
  const ignore = (): void => {};
  const engine = { setEncoder: ignore, setActivity: ignore, hearCaller: ignore, setControls: ignore, close: ignore };
  const host = createCallHost({
    config: loadConfig({}),
    engine: {
      open: (_settings: object, given: EngineListener) => {
        listener = given;
        return engine;
      },
    },
    gallery: { rigPath: async () => '/srv/secret/face.rig' },
    capacity: { admit: ignore, report: ignore },
    brain: { name: 'fake', open: () => ({ answer: async function* () {} }) },
    recognizer: undefined,
    liveModel: undefined,
    synthesizer: { voices: async () => [] },
    logger: pino({ level: 'silent' }),
    metrics: createMetrics('test', false),
  } as unknown as CallHostParts);
  const audience = { failed: (m: Failure) => void told.push(m), ended: ignore } as unknown as CallAudience;
  await host.open(
    { sessionId: 's', portraitId: 'maya', controls: {}, render: 'server' },
    () => null as never,
    audience,
  );
  listener.failed(new AppError('RIG_INVALID', '/srv/secret/face.rig is damaged: bake the portrait again.'));
  expect(told).toEqual([{ error: { code: 'RIG_INVALID', message: visitorSentence('RIG_INVALID') } }]);
});

it('passes on what is about what the visitor sent', () => {
  const error = new AppError('IMAGE_INVALID', 'me.jpg is damaged; export it again.', { retryAfterS: 3 });
  const { failure, status } = describeFailure(error, pino({ level: 'silent' }));
  expect([failure.error, status]).toEqual([
    { code: 'IMAGE_INVALID', message: 'me.jpg is damaged; export it again.', retryAfterS: 3 },
    400,
  ]);
});
