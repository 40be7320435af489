// Metrics as Prometheus expects them, each in the table of docs/operations.md, and nothing refused without being counted.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import { describer } from '../../src/signaling/failure.ts';

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const documentation = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
/** Metric names that stand first in a row of a table. */
const documented = [...documentation.matchAll(/^\| `(visavis_\w+)`/gm)].map(([, name]) => name!);

describe('the registry', () => {
  it('has a name of ours, a unit and a help for everything', async () => {
    const metrics = await createMetrics('1.2.3').registry.getMetricsAsJSON();
    expect(metrics.length).toBeGreaterThan(30);
    for (const { name, type, help } of metrics) {
      expect(name).toMatch(/^(visavis|process|nodejs)_[a-z0-9_]+$/);
      expect(name).not.toMatch(/_(ms|us|milliseconds|percent|mb|kb)(_|$)/);
      expect(help, name).not.toBe('');
      expect(name.endsWith('_total'), name).toBe(String(type) === 'counter');
      if (String(type) === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  it('is what docs/operations.md says, metric by metric', async () => {
    const own = (await createMetrics().registry.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((name) => name.startsWith('visavis_'));
    expect(documented.toSorted()).toEqual(own.toSorted());
  });

  it('says what runs', async () => {
    expect(await createMetrics('1.2.3').registry.metrics()).toContain(
      `visavis_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    );
  });

  it.skipIf(!hasPromtool)('passes "promtool check metrics" without a word (skipped without promtool)', async () => {
    const metrics = createMetrics('1.2.3');
    metrics.refusals.inc({ door: 'join', reason: 'SERVER_BUSY' });
    metrics.callsEnded.inc({ outcome: 'left' });
    metrics.responseLatency.observe(0.7);
    const page = await metrics.registry.metrics();
    expect(execFileSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })).toBe('');
  });
});

describe('a refusal', () => {
  it('is counted where it happened, under the code that the other side is told', async () => {
    const metrics = createMetrics();
    const describeFailure = describer(pino({ level: 'silent' }), metrics);
    describeFailure(new AppError('RATE_LIMITED', 'Too many.'), 'ticket');
    describeFailure(new AppError('RATE_LIMITED', 'Too many.'), 'ticket');
    describeFailure(Object.assign(new Error('large'), { status: 413 }), 'upload');
    describeFailure(new TypeError('a bug'), 'join');
    const { values } = await metrics.refusals.get();
    expect(values.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
      { door: 'ticket', reason: 'RATE_LIMITED', value: 2 },
      { door: 'upload', reason: 'IMAGE_TOO_LARGE', value: 1 },
      { door: 'join', reason: 'INTERNAL', value: 1 },
    ]);
  });
});
