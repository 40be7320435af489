// Engine workers by themselves: idle pictures within their credit, speech as ticks, a crash in mid-turn, sessions kept apart.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AvatarEngine } from '../../src/engine/avatar-engine.ts';
import type { SessionSettings } from '../../src/engine/avatar-messages.ts';
import { resolveControls } from '../../src/engine/controls.ts';
import type { EngineListener, EngineSession } from '../../src/engine/engine-session.ts';
import { HeadPlanModel } from '../../src/engine/motion/head-plan-model.ts';
import { unpackMotion } from '../../src/engine/motion-packet.ts';
import { bakePortrait } from '../../src/engine/portrait/portrait.ts';
import type { EncodedFrame } from '../../src/media/frames.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';
import { assetsDir } from '../../src/paths.ts';

const FPS = 25;
const TICK_SAMPLES = 48_000 / FPS;
const cacheDir = mkdtempSync(join(tmpdir(), 'visavis-engine-'));
let rigPath = '';
let engine: AvatarEngine;

beforeAll(async () => {
  const portrait = await bakePortrait(join(assetsDir, 'portraits', 'mona-lisa.jpg'), { cacheDir });
  rigPath = portrait.path!;
  engine = new AvatarEngine(1);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(cacheDir, { recursive: true, force: true });
});

interface Seen {
  ticks: { index: number; samples: Float32Array; turnId?: number; isLast: boolean }[];
  slots: number[];
  encoded: EncodedFrame[];
  restarts: number;
  failures: Error[];
}

/** A session whose pictures are encoded as soon as they come, unless `keep` holds them back or `drops` says that one is dropped. */
function openSession(
  options: {
    keep?: boolean;
    drops?: (index: number) => boolean;
    rig?: string;
    render?: 'client';
    engine?: AvatarEngine;
  } = {},
): {
  session: EngineSession;
  seen: Seen;
} {
  const seen: Seen = { ticks: [], slots: [], encoded: [], restarts: 0, failures: [] };
  const settings: SessionSettings = {
    rigPath: options.rig ?? rigPath,
    fps: FPS,
    sizePx: 256,
    controls: resolveControls({ seed: 1 }),
    ...(options.render ? { render: options.render } : {}),
  };
  const listener: EngineListener = {
    tick: (tick) => void seen.ticks.push(tick),
    picture: (index, slot) => {
      seen.slots.push(slot);
      if (options.keep) return;
      if (options.drops?.(index)) session.drop(slot);
      else session.encode(slot, index * 40_000);
    },
    encoded: (frame) => void seen.encoded.push(frame),
    restarted: () => {
      seen.restarts += 1;
    },
    failed: (error) => void seen.failures.push(error),
  };
  const session = (options.engine ?? engine).open(settings, listener);
  if (!options.render) session.setEncoder('VP8', 400_000);
  return { session, seen };
}

/** A second of 200 Hz at 24 kHz, as if it were the sentence "ma". */
function speech(startUs = 0): SpeechChunk {
  const samples = Float32Array.from({ length: 24_000 }, (_, i) => 0.3 * Math.sin((2 * Math.PI * 200 * i) / 24_000));
  const phoneme = { startUs, endUs: startUs + 300_000, stress: 2 as const };
  return {
    samples,
    sampleRateHz: 24_000,
    startUs,
    words: [],
    phonemes: [
      { ...phoneme, ipa: 'm' },
      { ...phoneme, ipa: 'ɑ', startUs: startUs + 300_000, endUs: startUs + 1_000_000 },
    ],
  };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const spoken = (seen: Seen, turnId: number) => seen.ticks.filter((tick) => tick.turnId === turnId);

describe('AvatarEngine', () => {
  it('draws no more than two idle pictures ahead, and all eight slots for speech', async () => {
    const { session, seen } = openSession({ keep: true });
    await until('the idle pictures', () => seen.slots.length >= 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen.slots).toHaveLength(2);
    session.speak(1, speech());
    await until('the spoken pictures', () => seen.slots.length >= 8);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(new Set(seen.slots).size).toBe(8);
    session.close();
  });

  it.each([
    ['dropped', () => true, undefined],
    ['dropped now and then', (index: number) => index % 3 === 0, undefined],
    ['encoded', () => false, undefined],
    ['of a viewer that draws itself dropped', () => true, 'client' as const],
  ])('has the slot of every picture back: all are %s, and faces are drawn for ever', async (_what, drops, render) => {
    const { session, seen } = openSession({ drops, ...(render ? { render } : {}) });
    await until('idle pictures', () => seen.slots.length >= 40);
    session.speak(1, speech());
    session.endTurn(1);
    await until('spoken pictures', () => spoken(seen, 1).some((tick) => tick.isLast));
    const { length } = seen.slots;
    await until('idle pictures again', () => seen.slots.length >= length + 20);
    expect(seen.slots.every((slot) => slot >= 0 && slot < 8)).toBe(true);
    session.close();
  });

  it('announces all of a turn, marks its end, and goes on idling', async () => {
    const { session, seen } = openSession();
    session.speak(1, speech());
    session.speak(1, speech(1_000_000));
    session.endTurn(1);
    await until('the end', () => spoken(seen, 1).some((tick) => tick.isLast));
    const ticks = spoken(seen, 1);
    expect(ticks.filter((tick) => tick.isLast)).toHaveLength(1);
    expect(ticks.length * TICK_SAMPLES).toBeGreaterThanOrEqual(96_000);
    expect(ticks.length * TICK_SAMPLES).toBeLessThan(96_000 + 2 * TICK_SAMPLES);
    const count = seen.encoded.length;
    await until('idle pictures', () => seen.encoded.length > count + 3);
    expect(seen.ticks.map(({ index }) => index)).toEqual(seen.ticks.map((_, i) => i));
    expect(seen.encoded[0]!.isKeyframe).toBe(true);
    expect(seen.encoded.slice(1).some(({ isKeyframe }) => isKeyframe)).toBe(false);
    session.close();
  });

  it('goes on where it was when the worker dies in the middle of a turn', async () => {
    const { session, seen } = openSession();
    for (let i = 0; i < 3; i++) session.speak(1, speech(i * 1_000_000));
    session.endTurn(1);
    await until('some speech', () => spoken(seen, 1).length > 10);
    await engine.crashWorkers();
    await until('the end of the turn', () => spoken(seen, 1).some((tick) => tick.isLast));
    expect(seen.restarts).toBe(1);
    expect(seen.failures).toEqual([]);
    const total = spoken(seen, 1).length * TICK_SAMPLES;
    // What was on its way when the worker died may be missing, nothing is said twice.
    expect(total).toBeGreaterThan(144_000 - 12 * TICK_SAMPLES);
    expect(total).toBeLessThan(144_000 + 2 * TICK_SAMPLES);
    expect(seen.ticks.map(({ index }) => index)).toEqual(seen.ticks.map((_, i) => i));
    session.close();
  });

  it('speaks bare sound: the same samples, lips found by listening, and recovers in the middle of it', async () => {
    const { session, seen } = openSession();
    const sound = Float32Array.from({ length: 96_000 }, (_, i) => 0.3 * Math.sin((2 * Math.PI * 180 * i) / 48_000));
    for (let at = 0; at < sound.length; at += 960) session.hear(7, sound.slice(at, at + 960));
    await until('some speech', () => spoken(seen, 7).length > 10);
    for (const [i, { samples }] of spoken(seen, 7).entries())
      expect(samples).toEqual(sound.slice(i * TICK_SAMPLES, (i + 1) * TICK_SAMPLES));
    await engine.crashWorkers();
    session.endTurn(7);
    await until('the end', () => spoken(seen, 7).some(({ isLast }) => isLast));
    expect(seen.failures).toEqual([]);
    const total = spoken(seen, 7).length * TICK_SAMPLES;
    expect(total).toBeGreaterThan(96_000 - 12 * TICK_SAMPLES);
    expect(total).toBeLessThan(96_000 + 2 * TICK_SAMPLES);
    session.close();
  });

  it('forgets bare sound that was cut off, whatever is still on its way', async () => {
    const { session, seen } = openSession();
    const second = new Float32Array(48_000).fill(0.1);
    session.hear(1, second);
    session.interrupt(1);
    session.hear(2, second);
    session.endTurn(2);
    await until('the end', () => spoken(seen, 2).some(({ isLast }) => isLast));
    expect(spoken(seen, 2)).toHaveLength(FPS);
    expect(spoken(seen, 1).length).toBeLessThan(FPS);
    session.close();
  });

  it('gives a viewer that draws itself the motion, tick by tick, through the loss of its worker', async () => {
    const { session, seen } = openSession({ render: 'client' });
    session.speak(1, speech());
    session.endTurn(1);
    await until('the end', () => spoken(seen, 1).some(({ isLast }) => isLast));
    await engine.crashWorkers();
    const count = seen.encoded.length;
    await until('motion after the crash', () => seen.encoded.length > count + 5);
    expect(seen.restarts).toBe(1);
    expect(seen.failures).toEqual([]);
    const frames = seen.encoded.map(({ data, timestampUs }) => unpackMotion(data, timestampUs));
    expect(seen.encoded.every(({ mimeType }) => mimeType === 'application/x-visavis-motion')).toBe(true);
    const jaw = (turnId: number | undefined) =>
      Math.max(
        ...frames
          .filter(({ timestampUs }) => seen.ticks[timestampUs / 40_000]!.turnId === turnId)
          .map(({ blendshapes }) => blendshapes.jawOpen ?? 0),
      );
    expect(jaw(1)).toBeGreaterThan(jaw(undefined) + 0.1);
    expect(new Set(frames.map(({ pose }) => pose.yawRad)).size).toBeGreaterThan(20);
    session.close();
  });

  it('plans heads for its workers, in which no network runs', async () => {
    await using learned = new AvatarEngine(1, { performance: 'learned' });
    await learned.warmUp();
    const planned = vi.spyOn(HeadPlanModel.prototype, 'plan');
    const { session, seen } = openSession({ render: 'client', engine: learned });
    await until('plans', () => planned.mock.settledResults.filter(({ type }) => type === 'fulfilled').length > 3);
    const count = seen.encoded.length;
    await until('motion after them', () => seen.encoded.length > count + 20);
    expect(seen.failures).toEqual([]);
    const yaws = seen.encoded.map(({ data, timestampUs }) => unpackMotion(data, timestampUs).pose.yawRad);
    expect(yaws.every((yaw) => Math.abs(yaw) < 0.6)).toBe(true);
    expect(new Set(yaws).size).toBeGreaterThan(20);
    session.close();
    planned.mockRestore();
  });

  it('tells a session whose rig is missing, and leaves its neighbour alone', async () => {
    const healthy = openSession();
    const broken = openSession({ rig: join(cacheDir, 'gone.rig') });
    await until('the failure', () => broken.seen.failures.length > 0);
    expect(broken.seen.failures[0]!.message).toContain('gone.rig');
    const count = healthy.seen.encoded.length;
    await until('pictures next door', () => healthy.seen.encoded.length > count + 5);
    healthy.session.close();
  });
});
