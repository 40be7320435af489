// Whatever sound comes, the face stays sane: every rate, broken samples, no speech at all, hours of it, a mouth cut off in the middle of a word.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { type ArticulationFrame, ArticulationStream } from '../../src/engine/motion/articulation.ts';
import { ArticulationModel } from '../../src/engine/motion/articulation-model.ts';
import { HeadPlanModel } from '../../src/engine/motion/head-plan-model.ts';
import { HeardVoice } from '../../src/engine/motion/heard-voice.ts';
import { LivePerformer } from '../../src/engine/motion/live-performer.ts';
import { motionFromSound } from '../../src/engine/motion/motion-generator.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import type { AudioFrame } from '../../src/media/frames.ts';
import { Resampler } from '../../src/media/resampler.ts';

const golden = JSON.parse(readFileSync(new URL('../golden/spoken.json', import.meta.url), 'utf8')) as {
  sampleRateHz: number;
  pcm: string;
};
const RATE_HZ = golden.sampleRateHz;
const pcm = Buffer.from(golden.pcm, 'base64');
const speech = Float32Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(2 * i) / 32768);
/** Pseudo-random noise in [-1, 1], the same every time. */
const noise = (i: number): number => 2 * ((((i + 1) * 2654435761) % 2 ** 32) / 2 ** 32) - 1;

let model: ArticulationModel;
beforeAll(async () => {
  model = await ArticulationModel.load();
});

async function animate(samples: Float32Array, rateHz = RATE_HZ, chunk = 4800): Promise<MotionFrame[]> {
  async function* sound(): AsyncGenerator<AudioFrame> {
    for (let at = 0; at < samples.length; at += chunk) {
      const timestampUs = Math.round((at / rateHz) * 1e6);
      yield { kind: 'audio', samples: samples.slice(at, at + chunk), sampleRateHz: rateHz, channels: 1, timestampUs };
    }
  }
  const frames: MotionFrame[] = [];
  const controls = resolveControls({ seed: 3 });
  for await (const frame of motionFromSound(sound(), { fps: 25, controls, model })) frames.push(frame);
  return frames;
}

const opening = ({ blendshapes }: MotionFrame): number =>
  Math.max(0, (blendshapes.jawOpen ?? 0) - (blendshapes.mouthClose ?? 0));
const widest = (frames: MotionFrame[]): number => Math.max(...frames.map(opening));

function expectSane(frames: MotionFrame[]): void {
  for (const { pose, gaze, blendshapes } of frames) {
    expect([...Object.values(pose), ...Object.values(gaze)].every(Number.isFinite)).toBe(true);
    for (const weight of Object.values(blendshapes)) expect(weight >= 0 && weight <= 1).toBe(true);
    expect(Math.abs(pose.yawRad)).toBeLessThan(0.6);
  }
  // No mouth jumps from shut to wide open and back between pictures of 40 ms.
  const jaw = frames.map(({ blendshapes }) => blendshapes.jawOpen ?? 0);
  for (let i = 1; i < jaw.length; i++) expect(Math.abs(jaw[i]! - jaw[i - 1]!)).toBeLessThan(0.35);
}

function atRate(toHz: number): Float32Array {
  const resampler = new Resampler(RATE_HZ, toHz, 1);
  const [body, tail] = [resampler.push(speech), resampler.flush()];
  return Float32Array.from([...body, ...tail]);
}

describe('any sound', () => {
  it.each([8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])(
    'speech at %i Hz moves the mouth',
    async (rateHz) => {
      const frames = await animate(atRate(rateHz), rateHz);
      expect(frames.length).toBe(Math.ceil((speech.length / RATE_HZ) * 25));
      expectSane(frames);
      expect(widest(frames)).toBeGreaterThan(0.08);
    },
  );

  it.each<[string, (value: number, i: number) => number]>([
    ['clipped', (v) => Math.max(-0.1, Math.min(0.1, 5 * v))],
    ['shouted, far over full scale', (v) => 30 * v],
    ['very quiet, 67 dB below full scale', (v) => 0.005 * v],
    ['on a direct current', (v) => 0.2 * v + 0.7],
    ['in noise', (v, i) => v + 0.02 * noise(i)],
    [
      'with holes and infinities',
      (v, i) => (i % 997 === 0 ? Number.NaN : i % 1499 === 0 ? Number.POSITIVE_INFINITY : v),
    ],
  ])('speech %s moves the mouth', async (_, spoil) => {
    const frames = await animate(speech.map(spoil));
    expectSane(frames);
    expect(widest(frames)).toBeGreaterThan(0.06);
  });

  it('a whisper, that is noise shaped like speech, moves the mouth', async () => {
    let level = 0;
    const whisper = speech.map((value, i) => {
      level += 0.01 * (Math.abs(value) - level);
      return 0.5 * level * noise(i);
    });
    expectSane(await animate(whisper));
  });

  it('music alone leaves the mouth nearly still', async () => {
    const chord = Float32Array.from({ length: 3 * RATE_HZ }, (_, i) => {
      const timeS = i / RATE_HZ;
      const fade = Math.exp(-2 * (timeS % 0.5));
      return 0.1 * fade * [220, 277.2, 329.6, 440].reduce((sum, hz) => sum + Math.sin(2 * Math.PI * hz * timeS), 0);
    });
    const frames = await animate(chord);
    expectSane(frames);
    const open = frames.filter((frame) => opening(frame) > 0.12).length;
    expect(open / frames.length).toBeLessThan(0.5);
  });

  it('laughter, bursts of voice five times a second, opens and closes the mouth', async () => {
    const laugh = Float32Array.from({ length: 2 * RATE_HZ }, (_, i) => {
      const timeS = i / RATE_HZ;
      const burst = Math.max(0, Math.sin(2 * Math.PI * 5 * timeS)) ** 2;
      return burst * (0.2 * (2 * ((210 * timeS) % 1) - 1) + 0.05 * noise(i));
    });
    const frames = await animate(laugh);
    expectSane(frames);
    expect(widest(frames)).toBeGreaterThan(0.05);
  });

  it.each([1, 16, 160, 400])('a clip of %i samples has its pictures', async (length) => {
    const frames = await animate(speech.slice(4000, 4000 + length));
    expect(frames).toHaveLength(1);
    expectSane(frames);
  });

  it('no samples give no pictures, and no error', async () => {
    expect(await animate(new Float32Array(0))).toEqual([]);
  });
});

it('hours of sound take no more memory than a minute', async () => {
  // The network is left out: what piles up would pile up around it.
  const still = (from: number, count: number): ArticulationFrame[] =>
    Array.from({ length: count }, (_, i) => ({
      timestampUs: (from + i + 0.5) * 20_000,
      channels: new Float32Array(9),
      rest: 1,
      classes: new Float32Array(42),
    }));
  const voice = new HeardVoice(model);
  const second = new Float32Array(8000);
  for (let s = 0; s < 3 * 3600; s++) {
    voice.add(second, 8000, still(50 * s, 50));
    voice.mouthAt(s, 0.04);
    voice.loudnessAt(s);
    voice.forgetBefore(s - 1);
  }
  expect(voice.heldFrames).toBeLessThan(500);
});

describe('after an interruption', () => {
  it.each([25, 30, 60])('the mouth is shut within 120 ms at %i fps, without a jump', async (fps) => {
    const voice = new HeardVoice(model);
    await voice.push(speech, RATE_HZ);
    await voice.finish();
    const performer = new LivePerformer({ fps, controls: resolveControls({ seed: 2 }) });
    performer.startSpeech(voice);
    // Cut off where the mouth is widest.
    let at = 0;
    for (let timeS = 0.2; timeS < voice.knownS - 0.2; timeS += 1 / fps)
      if (voice.mouthAt(timeS, 1 / fps).channels[0]! > voice.mouthAt(at, 1 / fps).channels[0]!) at = timeS;
    let before = performer.next(0);
    for (let timeS = 1 / fps; timeS <= at; timeS += 1 / fps) before = performer.next(timeS);
    expect(opening(before)).toBeGreaterThan(0.05);
    performer.endSpeech();
    let last = opening(before);
    const count = Math.ceil(0.12 * fps);
    for (let i = 0; i < count; i++) {
      const now = opening(performer.next(undefined));
      expect(Math.abs(now - last)).toBeLessThan(0.7 * opening(before) + 0.02);
      last = now;
    }
    expect(last).toBeLessThan(0.01);
  });
});

describe('a model file', () => {
  it.each([
    ['articulation', (directory: string) => ArticulationModel.load({ directory })],
    ['head-flow', (directory: string) => HeadPlanModel.load({ directory })],
  ])('of %s that is missing or damaged is named, with what to do', async (name, load) => {
    const directory = await mkdtemp(join(tmpdir(), 'visavis-models-'));
    try {
      const path = join(directory, `${name}.onnx`);
      await expect(load(directory)).rejects.toMatchObject({
        code: 'MODEL_MISSING',
        message: expect.stringMatching(/is missing: restore it with/),
      });
      await writeFile(path, readFileSync(new URL(`../../models/${name}.onnx`, import.meta.url)).subarray(0, 5000));
      await expect(load(directory)).rejects.toMatchObject({
        code: 'MODEL_CORRUPT',
        message: expect.stringContaining(path),
      });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('controls', () => {
  it('are met while talking: gaze within 3°, distance within 3 %, nothing freezes', async () => {
    const asked = { yawRad: -0.2, pitchRad: 0.1 };
    async function* sound(): AsyncGenerator<AudioFrame> {
      for (let i = 0; i < 12; i++)
        yield { kind: 'audio', samples: speech, sampleRateHz: RATE_HZ, channels: 1, timestampUs: 0 };
    }
    const controls = resolveControls({ seed: 4, gaze: asked, headDistance: 1.3 });
    const frames: MotionFrame[] = [];
    for await (const frame of motionFromSound(sound(), { fps: 25, controls, model })) frames.push(frame);
    const mean = (value: (frame: MotionFrame) => number): number =>
      frames.reduce((sum, frame) => sum + value(frame), 0) / frames.length;
    const off = Math.hypot(
      mean(({ gaze, pose }) => gaze.yawRad + pose.yawRad) - asked.yawRad,
      mean(({ gaze, pose }) => gaze.pitchRad + pose.pitchRad) - asked.pitchRad,
    );
    expect((off * 180) / Math.PI).toBeLessThan(3);
    expect(Math.abs(mean(({ pose }) => pose.scale) * 1.3 - 1)).toBeLessThan(0.03);
    for (let i = 12; i < frames.length; i++) expect(frames[i]!.pose).not.toEqual(frames[i - 12]!.pose);
  });
});

it('a stream that fails once does not stand in the way of the next sound', async () => {
  const stream = new ArticulationStream(model);
  await expect(stream.push(speech, Number.NaN)).rejects.toThrow();
  const frames = [...(await stream.push(speech, RATE_HZ)), ...(await stream.end())];
  expect(frames.length).toBeGreaterThan(20);
});
