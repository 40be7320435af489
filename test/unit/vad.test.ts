// Voice activity and the echo guard: voices are heard, noise, clicks, music and the face's own voice from a loudspeaker are not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EchoGuard } from '../../src/agent/echo-guard.ts';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { VAD_RATE_HZ, Vad, type VoiceNews } from '../../src/agent/vad.ts';
import { Resampler } from '../../src/media/resampler.ts';
import { random } from '../support/random.ts';

const TICK = VAD_RATE_HZ / 50;
const synthesizer = new EmbeddedSynthesizer();
let face: Float32Array;
let caller: Float32Array;

async function say(text: string, voice: string): Promise<Float32Array> {
  const parts: number[] = [];
  for await (const { samples, sampleRateHz } of synthesizer.synthesize(text, { voice })) {
    const resampler = new Resampler(sampleRateHz, VAD_RATE_HZ, 1);
    parts.push(...resampler.push(samples), ...resampler.flush());
  }
  return Float32Array.from(parts);
}

beforeAll(async () => {
  face = await say(
    'Good morning. My name is Mei, and I can tell you about the opening hours, the way to the station, and many other things.',
    'en-us+f3',
  );
  caller = await say('Stop please I have another question for you.', 'en-us+m3');
});
afterAll(() => synthesizer[Symbol.asyncDispose]());

/** Sums pieces of sound, each from its second on with its gain. */
function mix(seconds: number, pieces: [atS: number, sound: Float32Array, gain: number][]): Float32Array {
  const out = new Float32Array(seconds * VAD_RATE_HZ);
  for (const [atS, sound, gain] of pieces) {
    const at = Math.round(atS * VAD_RATE_HZ);
    for (let i = 0; i < sound.length && at + i < out.length; i++) out[at + i]! += gain * sound[i]!;
  }
  return out;
}

const draw = random(3);
const gauss = (): number => draw() + draw() + draw() + draw() + draw() + draw() - 3;
const noise = (seconds: number, level: number): Float32Array =>
  Float32Array.from({ length: seconds * VAD_RATE_HZ }, () => 1.4 * level * gauss());

/** The same sound in a room. */
function inRoom(sound: Float32Array): Float32Array {
  const out = sound.slice();
  for (let delay = 20; delay < 2400; delay += 20) {
    const gain = 0.4 * gauss() * Math.exp(-delay / 700);
    for (let i = delay; i < sound.length; i++) out[i]! += gain * sound[i - delay]!;
  }
  return out;
}

async function listen(heard: Float32Array, sent?: Float32Array): Promise<(VoiceNews & { atS: number })[]> {
  const vad = await Vad.load();
  const guard = new EchoGuard(VAD_RATE_HZ);
  const news: (VoiceNews & { atS: number })[] = [];
  for (let at = 0; at + TICK <= heard.length; at += TICK) {
    const sound = heard.subarray(at, at + TICK);
    const isEcho = sent ? guard.push(sent.subarray(at, at + TICK), sound) : false;
    const atS = (at + TICK) / VAD_RATE_HZ;
    for (const one of await vad.push(sound, atS * 1e6, isEcho)) news.push({ ...one, atS });
  }
  return news;
}

describe('voice activity', () => {
  it('hears a voice begin within 0.35 s of its first sample and end where its last one was', async () => {
    const lengthS = caller.length / VAD_RATE_HZ;
    const news = await listen(
      mix(6, [
        [1, caller, 0.8],
        [0, noise(6, 0.001), 1],
      ]),
    );
    expect(news.map(({ kind }) => kind)).toEqual(['started', 'stopped']);
    expect(news[0]!.atS).toBeGreaterThan(1);
    expect(news[0]!.atS).toBeLessThan(1.35);
    // espeak's sentence ends in a silent pause of 0.34 s.
    const [started, stopped] = news;
    if (started?.kind !== 'started' || stopped?.kind !== 'stopped') throw new Error('the order is wrong');
    expect(Math.abs(started.sinceUs / 1e6 - 1)).toBeLessThan(0.25);
    expect(Math.abs(stopped.lastVoicedUs / 1e6 - (1 + lengthS - 0.34))).toBeLessThan(0.2);
    expect(stopped.atS - stopped.lastVoicedUs / 1e6).toBeLessThan(0.3);
  });

  it('stays silent for noise, a keyboard and music', async () => {
    const clicks = new Float32Array(6 * VAD_RATE_HZ);
    for (let k = 0; k < 30; k++) {
      const at = Math.floor(draw() * (clicks.length - 300));
      for (let i = 0; i < 300; i++) clicks[at + i]! += 0.5 * gauss() * Math.exp(-i / 40);
    }
    const chord = [262, 330, 392, 523, 440, 349];
    const music = Float32Array.from({ length: 6 * VAD_RATE_HZ }, (_, i) => {
      const note = Math.floor(i / 8000);
      let sum = 0;
      for (const k of [0, 2, 4])
        for (let h = 1; h < 6; h++)
          sum += (Math.sin((2 * Math.PI * chord[(note + k) % 6]! * h * i) / VAD_RATE_HZ) / h) * 0.1;
      return sum * Math.exp((-3 * (i % 8000)) / 8000);
    });
    expect(await listen(noise(6, 0.05))).toEqual([]);
    expect(await listen(clicks)).toEqual([]);
    expect(await listen(music)).toEqual([]);
  });

  it('cuts no corner at the model: one that is missing is said so', async () => {
    await expect(Vad.load('test')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  });
});

describe('echo guard', () => {
  it.each([
    [0.12, 0.3],
    [0.25, 0.8],
    [0.6, 0.1],
  ])('takes the face’s own voice for nobody: %d s later, gain %d', async (delayS, gain) => {
    const sent = mix(9, [[0.5, face, 0.8]]);
    const heard = mix(9, [
      [delayS, inRoom(sent), gain],
      [0, noise(9, 0.002), 1],
    ]);
    expect((await listen(heard)).length, 'the echo is a voice').toBeGreaterThan(0);
    expect(await listen(heard, sent)).toEqual([]);
  });

  it('lets a caller in at once where the browser cancels the echo, quiet ones too, and through a faint echo', async () => {
    const sent = mix(9, [[0.5, face, 0.8]]);
    for (const [echo, voice] of [
      [0.003, 0.8],
      [0.003, 0.1],
      [0.05, 0.8],
    ]) {
      const heard = mix(9, [
        [0.2, inRoom(sent), echo!],
        [4, caller, voice!],
        [0, noise(9, 0.002), 1],
      ]);
      const news = await listen(heard, sent);
      expect(news[0]?.kind).toBe('started');
      expect(news[0]!.atS).toBeGreaterThan(4);
      expect(news[0]!.atS).toBeLessThan(4.5);
    }
  });

  it('makes nobody wait long who interrupts the very first sentence', async () => {
    const sent = mix(6, [[0.5, face, 0.8]]);
    const heard = mix(6, [
      [1.8, caller, 0.3],
      [0, noise(6, 0.002), 1],
    ]);
    const [first] = await listen(heard, sent);
    expect(first?.kind).toBe('started');
    expect(first!.atS).toBeLessThan(2.2);
  });

  it('finds the delay', () => {
    const guard = new EchoGuard(VAD_RATE_HZ);
    const sent = mix(6, [[0.2, face, 0.8]]);
    const heard = mix(6, [[0.3, sent, 0.3]]);
    for (let at = 0; at + TICK <= sent.length; at += TICK)
      guard.push(sent.subarray(at, at + TICK), heard.subarray(at, at + TICK));
    expect(guard.delayUs! / 1e6).toBeCloseTo(0.3, 1);
  });
});
