/** The learned lips: independent of chunking and batching, shut on m, b, p and in silence, in time with the sound. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ARTICULATION_CLASSES,
  ARTICULATION_HZ,
  type ArticulationFrame,
  ArticulationModel,
  ArticulationStream,
} from '../../src/engine/motion/articulation.ts';
import { ArticulationRecording } from '../../src/engine/motion/articulation-recording.ts';
import { HeardVoice } from '../../src/engine/motion/heard-voice.ts';
import { CHANNEL_INDEX, PHONE_CLASSES } from '../../src/engine/motion/phonemes.ts';

interface Golden {
  sampleRateHz: number;
  /** 16-bit PCM, little-endian, base64: a synthetic voice saying a few words. */
  pcm: string;
  /** Closures due, in seconds. */
  closuresS: [number, number][];
}
const golden = JSON.parse(readFileSync(new URL('../golden/spoken.json', import.meta.url), 'utf8')) as Golden;
const pcm = Buffer.from(golden.pcm, 'base64');
const speech = Float32Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(2 * i) / 32768);
const RATE_HZ = golden.sampleRateHz;
const close = CHANNEL_INDEX.close;
const jaw = CHANNEL_INDEX.jaw;

let model: ArticulationModel;
beforeAll(async () => {
  model = await ArticulationModel.load();
});

async function articulate(chunks: Float32Array[], rateHz = RATE_HZ): Promise<ArticulationFrame[]> {
  const stream = new ArticulationStream(model);
  const frames: ArticulationFrame[] = [];
  for (const chunk of chunks) frames.push(...(await stream.push(chunk, rateHz)));
  return [...frames, ...(await stream.end())];
}

/** Pieces of these sizes and the rest. */
function cut(sound: Float32Array, sizes: readonly number[]): Float32Array[] {
  const pieces: Float32Array[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= sound.length) return pieces;
    pieces.push(sound.slice(at, at + size));
    at += size;
  }
  return [...pieces, sound.slice(at)];
}
const asSpoken = cut(speech, Array<number>(1e4).fill(RATE_HZ / 50));

describe('articulation', () => {
  it('gives one frame every 20 ms, to the end of the sound', async () => {
    const frames = await articulate([speech]);
    expect(frames.length).toBe(Math.ceil((speech.length / RATE_HZ) * ARTICULATION_HZ));
    expect(frames[0].timestampUs).toBe(10_000);
    expect(frames[1].timestampUs).toBe(30_000);
  });

  it('does not depend on how the sound is cut where no more of it is known', async () => {
    const steadily = await articulate(asSpoken);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: RATE_HZ / 2 }), { minLength: 40, maxLength: 60 }),
        async (sizes) => {
          expect(await articulate(cut(speech, sizes))).toEqual(steadily);
        },
      ),
      { numRuns: 5 },
    );
  });

  it('does not depend on who else is in the batch', async () => {
    const alone = await articulate([speech]);
    const quieter = speech.map((value) => value * 0.3);
    const [together] = await Promise.all([articulate([speech]), articulate([quieter]), articulate([quieter])]);
    expect(together.length).toBe(alone.length);
    for (const [i, frame] of together.entries())
      for (const [c, value] of frame.channels.entries()) expect(value).toBeCloseTo(alone[i].channels[c], 4);
  });

  it('closes the lips on every m, b, p of a clear voice, and opens them for vowels', async () => {
    const frames = await articulate([speech]);
    for (const [startS, endS] of golden.closuresS) {
      const during = frames.filter(
        ({ timestampUs }) => timestampUs / 1e6 > startS - 0.06 && timestampUs / 1e6 < endS + 0.06,
      );
      expect(Math.max(...during.map(({ channels }) => channels[close])), `closure at ${startS} s`).toBeGreaterThan(0.9);
    }
    expect(Math.max(...frames.map(({ channels }) => channels[jaw] * (1 - channels[close])))).toBeGreaterThan(0.5);
  });

  it('rests in silence, also in noise without speech', async () => {
    const silence = new Float32Array(RATE_HZ * 2);
    const hiss = silence.map((_, i) => 0.01 * Math.sin(i * i * 0.7));
    const hum = silence.map((_, i) => 0.05 * Math.sin((2 * Math.PI * 100 * i) / RATE_HZ));
    for (const sound of [silence, hiss, hum]) {
      const frames = (await articulate([sound])).slice(15);
      for (const frame of frames) expect(frame.rest).toBeGreaterThan(0.8);
    }
  });

  it('rests in a room that is not silent until somebody speaks', async () => {
    let state = 1;
    const noise = (): number => {
      state = (state * 48271) % 2147483647;
      return (0.01 * state) / 2147483647 - 0.005;
    };
    const waitS = 0.8;
    const sound = Float32Array.from({ length: waitS * RATE_HZ + speech.length }, noise);
    for (const [i, value] of speech.entries()) sound[waitS * RATE_HZ + i] += value;
    const frames = await articulate([sound]);
    for (const { rest } of frames.slice(0, (waitS - 0.15) * ARTICULATION_HZ)) expect(rest).toBeGreaterThan(0.9);
    const spoken = frames.slice(waitS * ARTICULATION_HZ).map(({ rest }) => rest);
    expect(Math.min(...spoken)).toBeLessThan(0.1);
  });

  it('stays finite on broken samples', async () => {
    const broken = speech.map((value, i) => (i % 997 === 0 ? Number.NaN : value * 40));
    for (const { channels, rest } of await articulate([broken])) {
      expect([...channels, rest].every((value) => value >= 0 && value <= 1)).toBe(true);
    }
  });
});

describe('sound that is known ahead of its time', () => {
  /** What a stream says when it hears `known` seconds more than are played, tick by tick. */
  async function played(
    knownS: number,
  ): Promise<{ frames: ArticulationFrame[]; leastAheadS: number; mostAheadS: number }> {
    const stream = new ArticulationStream(model);
    const frames = await stream.playTo(0);
    let leastAheadS = Number.POSITIVE_INFINITY;
    let mostAheadS = 0;
    let pushed = 0;
    for (let timeS = 0; timeS < speech.length / RATE_HZ; timeS += 0.04) {
      const end = Math.min(speech.length, Math.round((timeS + knownS) * RATE_HZ));
      frames.push(...(await stream.push(speech.slice(pushed, end), RATE_HZ)));
      if (end === speech.length && pushed < end) frames.push(...(await stream.end()));
      pushed = end;
      const aheadS = frames.length / ARTICULATION_HZ - timeS;
      if (!stream.isDone) leastAheadS = Math.min(leastAheadS, aheadS);
      mostAheadS = Math.max(mostAheadS, aheadS);
      frames.push(...(await stream.playTo(timeS + 0.04)));
    }
    expect(stream.isDone).toBe(true);
    return { frames, leastAheadS, mostAheadS };
  }

  const distance = (a: readonly ArticulationFrame[], b: readonly ArticulationFrame[]): number => {
    let sum = 0;
    for (const [i, { channels }] of a.entries())
      for (const [c, value] of channels.entries()) sum += Math.abs(value - b[i].channels[c]);
    return sum / a.length;
  };
  const quickest = (frames: readonly ArticulationFrame[]): number =>
    Math.max(
      ...frames
        .slice(1)
        .flatMap(({ channels }, i) => Array.from(channels, (value, c) => Math.abs(value - frames[i].channels[c]))),
    );

  it('is judged by what follows, nearly as a recording is, and by the look-ahead alone where none is', async () => {
    const recording = new ArticulationRecording(model);
    const best = [...(await recording.push(speech, RATE_HZ)), ...(await recording.flush())];
    const steadily = await articulate(asSpoken);
    const [live, buffered, known] = [await played(0.1), await played(1.5), await played(60)];
    for (const { frames } of [live, buffered, known])
      expect(frames.map(({ timestampUs }) => timestampUs)).toEqual(best.map(({ timestampUs }) => timestampUs));
    // All but the end, where the silence that follows is known.
    expect(live.frames.slice(0, -60)).toEqual(steadily.slice(0, -60));
    expect(distance(known.frames, best)).toBeLessThan(0.35 * distance(steadily, best));
    expect(distance(buffered.frames, best)).toBeLessThan(0.7 * distance(steadily, best));
  });

  it('is heard in time, and not long before', async () => {
    for (const knownS of [0.6, 1.1, 1.5, 60]) {
      const { leastAheadS, mostAheadS } = await played(knownS);
      expect(leastAheadS, `${knownS} s known`).toBeGreaterThan(0.19);
      expect(mostAheadS, `${knownS} s known`).toBeLessThanOrEqual(2.5);
    }
  });

  it('does not make the mouth jump where one way of hearing follows the other', async () => {
    const steadily = quickest(await articulate(asSpoken));
    for (const knownS of [0.9, 1.2, 1.3, 1.5, 1.8])
      expect(quickest((await played(knownS)).frames), `${knownS} s known`).toBeLessThan(1.15 * steadily);
  });
});

describe('the classes', () => {
  it('are those of phonemes.json, each once', () => {
    expect([...ARTICULATION_CLASSES].sort()).toEqual([...PHONE_CLASSES.keys()].sort());
  });

  it('are in the network’s order: what flite says is what is heard', async () => {
    const frames = await articulate([speech]);
    for (const [startS, endS] of golden.closuresS) {
      const middle = frames[Math.floor(((startS + endS) / 2) * ARTICULATION_HZ)];
      const heard = middle.classes.indexOf(Math.max(...middle.classes));
      expect(['p', 'b', 'm'], `at ${startS} s`).toContain(ARTICULATION_CLASSES[heard]);
    }
  });
});

describe('a heard voice', () => {
  it('shows every closure at 25 frames a second', async () => {
    const voice = new HeardVoice(model);
    await voice.push(speech, RATE_HZ);
    await voice.finish();
    expect(voice.knownS).toBeCloseTo(speech.length / RATE_HZ, 3);
    for (const [startS, endS] of golden.closuresS) {
      let most = 0;
      for (let frame = Math.floor((startS - 0.08) * 25); frame / 25 < endS + 0.06; frame++)
        most = Math.max(most, voice.mouthAt(frame / 25, 0.04).channels[close]);
      expect(most, `closure at ${startS} s`).toBeGreaterThan(0.85);
    }
    expect(voice.isSpeakingAt(1)).toBe(true);
    expect(voice.isSpeakingAt(voice.knownS + 1)).toBe(false);
  });

  it('gives the same answers when the sound comes in small pieces and the past is forgotten', async () => {
    const whole = new HeardVoice(model);
    await whole.push(speech, RATE_HZ);
    const pieces = new HeardVoice(model);
    let timeS = 0;
    for (let at = 0; at < speech.length; at += 441) {
      await pieces.push(speech.slice(at, at + 441), RATE_HZ);
      for (; timeS < pieces.knownS - 0.1; timeS += 0.04) {
        pieces.forgetBefore(timeS);
        expect(pieces.mouthAt(timeS, 0.04)).toEqual(whole.mouthAt(timeS, 0.04));
      }
    }
  });
});
