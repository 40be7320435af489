// The reference driver: closures, bites, rest, bounds, and independence of chunks and picture rate.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { SpeechMotion } from '../../src/engine/motion/speech-motion.ts';
import type { MotionFrame } from '../../src/engine/motion-frame.ts';
import type { SpeechChunk, TimedPhoneme } from '../../src/media/speech.ts';

const RATE_HZ = 8000;

/** Phonemes of the given lengths one after the other, 0.4 s of silence around them; sounds hum, stops burst at 60 %. */
function speech(spoken: readonly [ipa: string, ms: number][]): SpeechChunk {
  const phonemes: TimedPhoneme[] = [];
  let atUs = 400_000;
  for (const [ipa, ms] of spoken) {
    const endUs = atUs + ms * 1000;
    const isStop = /^[pbtdkg]/.test(ipa);
    if (ipa !== '') {
      phonemes.push({
        ipa,
        startUs: atUs,
        endUs,
        stress: /^[aeiou]/.test(ipa) && ms > 100 ? 2 : 0,
        ...(isStop ? { releaseUs: atUs + Math.round(ms * 600) } : {}),
      });
    }
    atUs = endUs;
  }
  const samples = new Float32Array(Math.round(((atUs + 400_000) / 1e6) * RATE_HZ));
  for (const { startUs, endUs, ipa } of phonemes) {
    const level = /^[aeiouɑɔ]/.test(ipa) ? 0.3 : 0.08;
    for (let i = Math.round((startUs / 1e6) * RATE_HZ); i < (endUs / 1e6) * RATE_HZ; i++)
      samples[i] = level * Math.sin(0.1 * i);
  }
  return { samples, sampleRateHz: RATE_HZ, startUs: 0, phonemes, words: [] };
}

/** Cuts a chunk at the given shares of its length; phonemes go with the chunk in which they begin. */
function cut(chunk: SpeechChunk, shares: readonly number[]): SpeechChunk[] {
  const edges = [0, ...[...shares].sort((a, b) => a - b).map((s) => Math.round(s * chunk.samples.length))];
  return edges.map((from, i) => {
    const to = edges[i + 1] ?? chunk.samples.length;
    const [startUs, endUs] = [from, to].map((n) => (n / RATE_HZ) * 1e6);
    return {
      ...chunk,
      startUs,
      samples: chunk.samples.slice(from, to),
      phonemes: chunk.phonemes.filter((p) => p.startUs >= startUs && (p.startUs < endUs || i === edges.length - 1)),
    };
  });
}

function perform(chunks: readonly SpeechChunk[], fps: number, given = {}): MotionFrame[] {
  const driver = new SpeechMotion({ fps, controls: resolveControls({ seed: 5, ...given }) });
  return [...chunks.flatMap((chunk) => [...driver.push(chunk)]), ...driver.finish()];
}

/** The renderer's rule: lips are shut where mouthClose reaches jawOpen (at least 0.08), or where they are pressed. */
function sealOf({ blendshapes: w }: MotionFrame): number {
  const u = ((w.mouthClose ?? 0) / Math.max(w.jawOpen ?? 0, 0.08) - 0.5) / 0.5;
  const s = Math.min(1, Math.max(0, u));
  return s * s * (3 - 2 * s);
}

/** The same speech after a longer silence. */
function later(chunk: SpeechChunk, ms: number): SpeechChunk {
  const lead = new Float32Array((ms / 1000) * RATE_HZ);
  const byUs = ms * 1000;
  return {
    ...chunk,
    samples: Float32Array.from([...lead, ...chunk.samples]),
    phonemes: chunk.phonemes.map((p) => ({
      ...p,
      startUs: p.startUs + byUs,
      endUs: p.endUs + byUs,
      ...(p.releaseUs === undefined ? {} : { releaseUs: p.releaseUs + byUs }),
    })),
  };
}

const between = (frames: readonly MotionFrame[], fromUs: number, toUs: number): MotionFrame[] =>
  frames.filter(({ timestampUs }) => timestampUs >= fromUs && timestampUs <= toUs);

const SOUNDS = [
  'a',
  'ɛ',
  'i',
  'oʊ',
  'u',
  'ɔ',
  'aɪ',
  'm',
  'p',
  'b',
  'f',
  'v',
  't',
  'd',
  's',
  'ʃ',
  'tʃ',
  'k',
  'n',
  'l',
  'ɹ',
  'w',
  'θ',
  'h',
  '',
];
const utterance = fc.array(fc.tuple(fc.constantFrom(...SOUNDS), fc.integer({ min: 18, max: 260 })), {
  minLength: 1,
  maxLength: 14,
});

describe('speech motion', () => {
  it('shuts the lips in every m, b, p at any speaking rate, picture rate and emotion', () => {
    fc.assert(
      fc.property(
        utterance,
        fc.constantFrom('m', 'b', 'p'),
        fc.integer({ min: 15, max: 200 }),
        utterance,
        fc.constantFrom(24, 25, 30, 50, 60),
        fc.constantFrom({}, { emotion: { surprised: 1 } }, { emotion: { happy: 1 } }, { expressiveness: 2 }),
        (before, lips, ms, after, fps, controls) => {
          const chunk = speech([...before, [lips, ms], ...after]);
          const closure = chunk.phonemes[before.filter(([ipa]) => ipa !== '').length];
          const frames = perform([chunk], fps, controls);
          const during = between(frames, closure.startUs - 80_000, closure.endUs + 40_000);
          expect(Math.max(...during.map(sealOf))).toBeGreaterThan(0.999);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('keeps the closure to its time: a vowel of 150 ms between two closures is open', () => {
    const chunk = speech([
      ['b', 80],
      ['a', 150],
      ['b', 80],
      ['a', 200],
    ]);
    const vowel = chunk.phonemes[1];
    const middle = between(perform([chunk], 50), vowel.startUs + 30_000, vowel.endUs - 90_000);
    expect(Math.max(...middle.map(sealOf))).toBeLessThan(0.05);
    expect(Math.max(...middle.map(({ blendshapes }) => blendshapes.jawOpen ?? 0))).toBeGreaterThan(0.15);
  });

  it.each(['f', 'v'])('bites the lip on %s', (ipa) => {
    const chunk = speech([
      ['a', 120],
      [ipa, 70],
      ['a', 160],
    ]);
    const { startUs, endUs } = chunk.phonemes[1];
    for (const { blendshapes: w } of between(perform([chunk], 25), startUs - 20_000, endUs - 50_000)) {
      expect((w.mouthRollLower ?? 0) - (w.mouthRollUpper ?? 0)).toBeGreaterThan(0.5);
      expect(w.jawOpen ?? 0).toBeLessThan(0.15);
      expect(w.mouthUpperUpLeft ?? 0).toBeGreaterThan(0.15);
    }
  });

  it('rounds o, u, w; spreads i; shows the tongue on θ and opens widest on a', () => {
    const peak = (ipa: string, name: keyof MotionFrame['blendshapes']): number => {
      const chunk = speech([
        ['t', 60],
        [ipa, 160],
        ['t', 60],
      ]);
      return Math.max(...perform([chunk], 50).map(({ blendshapes }) => blendshapes[name] ?? 0));
    };
    expect(peak('u', 'mouthPucker')).toBeGreaterThan(0.7);
    expect(peak('oʊ', 'mouthPucker')).toBeGreaterThan(0.45);
    expect(peak('w', 'mouthPucker')).toBeGreaterThan(0.7);
    expect(peak('a', 'mouthPucker')).toBeLessThan(0.1);
    expect(peak('i', 'mouthSmileLeft')).toBeGreaterThan(0.2);
    expect(peak('θ', 'tongueOut')).toBeGreaterThan(0.6);
    expect(peak('l', 'tongueOut')).toBeGreaterThan(0.25);
    const jaws = ['a', 'ɛ', 'i', 'u', 'ʃ'].map((ipa) => peak(ipa, 'jawOpen'));
    expect(jaws[0]).toBeGreaterThan(0.28);
    expect(jaws[0]).toBeGreaterThan(jaws[1]);
    expect(jaws[1]).toBeGreaterThan(jaws[2]);
    expect(Math.max(...jaws)).toBeLessThan(0.45);
  });

  it('rounds ahead of a rounded vowel', () => {
    const chunk = speech([
      ['s', 120],
      ['t', 70],
      ['u', 160],
    ]);
    const { startUs } = chunk.phonemes[2];
    const [early] = between(perform([chunk], 50), startUs - 61_000, startUs - 40_000);
    expect(early.blendshapes.mouthPucker ?? 0).toBeGreaterThan(0.25);
  });

  it('keeps the mouth shut in silence, and apart in surprise', () => {
    const silent: SpeechChunk = {
      samples: new Float32Array(4 * RATE_HZ),
      sampleRateHz: RATE_HZ,
      startUs: 0,
      phonemes: [],
      words: [],
    };
    for (const emotion of [{}, { happy: 1 }, { angry: 1 }, { sad: 0.5, angry: 0.5 }])
      for (const frame of perform([silent], 25, { emotion })) expect(sealOf(frame)).toBe(1);
    for (const frame of perform([silent], 25, { emotion: { surprised: 1 } })) expect(sealOf(frame)).toBe(0);
    const chunk = speech([
      ['a', 150],
      ['', 300],
      ['a', 150],
    ]);
    const frames = perform([chunk], 50);
    const [first, second] = chunk.phonemes;
    const rests = [
      between(frames, 0, first.startUs - 150_000),
      between(frames, first.endUs + 130_000, second.startUs - 130_000),
      between(frames, second.endUs + 150_000, Number.POSITIVE_INFINITY),
    ];
    for (const rest of rests) {
      expect(rest.length).toBeGreaterThan(0);
      for (const frame of rest) expect(sealOf(frame)).toBeGreaterThan(0.999);
    }
  });

  it('opens for a short vowel between two closures', () => {
    const chunk = speech([
      ['m', 90],
      ['a', 55],
      ['p', 90],
      ['ʌ', 120],
    ]);
    const { startUs, endUs } = chunk.phonemes[1];
    // Wherever the pictures fall.
    for (let shiftMs = 0; shiftMs < 40; shiftMs += 5) {
      const frames = perform([later(chunk, shiftMs)], 25);
      const during = between(frames, startUs + shiftMs * 1000 - 60_000, endUs + shiftMs * 1000);
      expect(Math.min(...during.map(sealOf))).toBeLessThan(0.2);
    }
  });

  it('does not open between a pause and the m, b, p beside it', () => {
    const chunk = speech([
      ['m', 60],
      ['a', 150],
      ['p', 90],
    ]);
    const [m, , p] = chunk.phonemes;
    const frames = perform([chunk], 100);
    for (const frame of between(frames, 0, m.startUs)) expect(sealOf(frame)).toBeGreaterThan(0.99);
    for (const frame of between(frames, p.startUs, Number.POSITIVE_INFINITY))
      expect(sealOf(frame)).toBeGreaterThan(0.99);
  });

  it('keeps every value finite and every weight within 0…1, under any controls', () => {
    const percent = (max: number) => fc.integer({ min: 0, max }).map((p) => p / 100);
    const unit = percent(100);
    const two = percent(200);
    const controls = fc.record({
      emotion: fc.record({ happy: unit, angry: unit, surprised: unit, sad: unit }),
      headMotion: two,
      expressiveness: two,
      headDistance: percent(120).map((d) => 0.6 + d),
      seed: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    fc.assert(
      fc.property(utterance, controls, (spoken, given) => {
        for (const { pose, gaze, blendshapes } of perform([speech(spoken)], 25, given)) {
          for (const value of [...Object.values(pose), ...Object.values(gaze)])
            expect(Number.isFinite(value)).toBe(true);
          expect(Math.abs(pose.yawRad) + Math.abs(pose.pitchRad) + Math.abs(pose.rollRad)).toBeLessThan(0.9);
          for (const weight of Object.values(blendshapes)) expect(weight > 0 && weight <= 1).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same frames however the speech is cut into chunks', () => {
    fc.assert(
      fc.property(utterance, fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 6 }), (spoken, cuts) => {
        const chunk = speech(spoken);
        expect(
          perform(
            cut(
              chunk,
              cuts.map((c) => c / 1000),
            ),
            30,
          ),
        ).toEqual(perform([chunk], 30));
      }),
      { numRuns: 30 },
    );
  });

  it('agrees with itself at common instants of two picture rates', () => {
    const chunk = speech([
      ['m', 70],
      ['aɪ', 180],
      ['b', 60],
      ['ɪ', 80],
      ['g', 70],
      ['', 200],
      ['f', 90],
      ['u', 140],
    ]);
    const slow = perform([chunk], 25);
    const fast = perform([chunk], 50);
    for (const frame of slow) expect(fast.find(({ timestampUs }) => timestampUs === frame.timestampUs)).toEqual(frame);
    expect(fast.length).toBeGreaterThanOrEqual(2 * slow.length - 1);
  });

  it('repeats itself by seed, and only by seed', () => {
    const chunk = speech([
      ['h', 60],
      ['ɛ', 120],
      ['l', 70],
      ['oʊ', 220],
    ]);
    expect(perform([chunk], 25, { seed: 1 })).toEqual(perform([chunk], 25, { seed: 1 }));
    expect(perform([chunk], 25, { seed: 1 })).not.toEqual(perform([chunk], 25, { seed: 2 }));
  });

  it('covers the sound with frames at a constant rate', () => {
    for (const fps of [24, 25, 30, 60]) {
      const chunk = speech([['a', 333]]);
      const frames = perform([chunk], fps);
      const seconds = chunk.samples.length / RATE_HZ;
      expect(frames.length).toBe(Math.ceil(seconds * fps - 1e-6));
      for (const [i, { timestampUs }] of frames.entries()) expect(timestampUs).toBe(Math.round((i / fps) * 1e6));
    }
  });

  it('closes lips also where the face hardly moves, and freezes at 0', () => {
    const chunk = speech([
      ['a', 150],
      ['m', 90],
      ['a', 150],
    ]);
    const { startUs, endUs } = chunk.phonemes[1];
    const calm = between(perform([chunk], 50, { expressiveness: 0.3 }), startUs, endUs - 40_000);
    for (const frame of calm) expect(sealOf(frame)).toBeGreaterThan(0.999);
    const frozen = perform([chunk], 25, { expressiveness: 0, headMotion: 0, emotion: { happy: 0.5 } });
    for (const frame of frozen) {
      expect({ ...frame, timestampUs: 0, blendshapes: upperFace(frame) }).toEqual({
        ...frozen[0],
        timestampUs: 0,
        blendshapes: upperFace(frozen[0]),
      });
      expect(frame.blendshapes.jawOpen ?? 0).toBe(0);
    }
  });

  it('does not jump: no weight but a blink or a closure moves by more than a third in 20 ms', () => {
    const chunk = speech([
      ['s', 90],
      ['p', 60],
      ['iː', 160],
      ['tʃ', 90],
      ['', 250],
      ['w', 60],
      ['ɪ', 90],
      ['ð', 60],
      ['aʊ', 200],
      ['t', 70],
    ]);
    const frames = perform([chunk], 50);
    for (let i = 1; i < frames.length; i++) {
      for (const name of ['jawOpen', 'mouthPucker', 'mouthFunnel', 'mouthSmileLeft', 'mouthLowerDownLeft'] as const) {
        const step = Math.abs((frames[i].blendshapes[name] ?? 0) - (frames[i - 1].blendshapes[name] ?? 0));
        expect(step, `${name} at frame ${i}`).toBeLessThan(0.2);
      }
    }
  });
});

function upperFace({ blendshapes }: MotionFrame): MotionFrame['blendshapes'] {
  const kept = Object.entries(blendshapes).filter(([name]) => /^(brow|eye|cheek|nose)/.test(name));
  return Object.fromEntries(kept);
}
