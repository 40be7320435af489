// As many pictures as the sound is long, and not one more: whoever counts, at any rate, however the sound was cut.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveControls } from '../../src/engine/controls.ts';
import { ArticulationModel } from '../../src/engine/motion/articulation.ts';
import { motionFromSound } from '../../src/engine/motion/motion-generator.ts';
import { SpeechMotion } from '../../src/engine/motion/speech-motion.ts';
import { neutralFrame } from '../../src/engine/motion-frame.ts';
import { pictureCount } from '../../src/engine/picture-count.ts';
import { renderVideo } from '../../src/engine/render-video.ts';
import type { FilmWriter } from '../../src/media/film.ts';
import type { AudioFrame } from '../../src/media/frames.ts';

const FPS = [1, 5, 12, 23.976, 24, 25, 29.97, 30, 40, 48, 50, 59.94, 60, 90, 120];
const RATES_HZ = [8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000];

/** Sound as long as `pictures` pictures, to the sample above, in chunks. */
async function* sound(pictures: number, fps: number, rateHz: number, chunk: number): AsyncGenerator<AudioFrame> {
  const total = Math.ceil((pictures * rateHz) / fps - 1e-9);
  for (let at = 0; at < total; at += chunk)
    yield {
      kind: 'audio',
      samples: new Float32Array(Math.min(chunk, total - at)),
      sampleRateHz: rateHz,
      channels: 1,
      timestampUs: Math.round((at / rateHz) * 1e6),
    };
}

const films = fc.record({
  fps: fc.constantFrom(...FPS),
  rateHz: fc.constantFrom(...RATES_HZ),
  pictures: fc.integer({ min: 1, max: 400 }),
  chunk: fc.integer({ min: 80, max: 5000 }),
});

describe('sound that ends on the boundary of a picture', () => {
  it('gets none beyond it, however its length was added up', () => {
    fc.assert(
      fc.property(films, ({ fps, rateHz, pictures, chunk }) => {
        const total = Math.ceil((pictures * rateHz) / fps - 1e-9);
        let addedS = 0;
        for (let at = 0; at < total; at += chunk) addedS += Math.min(chunk, total - at) / rateHz;
        expect(pictureCount(addedS, fps)).toBe(pictures);
      }),
      { numRuns: 500 },
    );
  });

  it('but whatever reaches into a picture by more than a millisecond gets it, and the shortest sound gets one', () => {
    expect(pictureCount(1.002, 25)).toBe(26);
    expect(pictureCount(0.0001, 25)).toBe(1);
    expect(pictureCount(0, 25)).toBe(0);
  });

  it('is held so long under a last pose, and no longer', async () => {
    await fc.assert(
      fc.asyncProperty(films, async ({ fps, rateHz, pictures, chunk }) => {
        const film = { writePicture: async () => {}, writeAudio: async () => {} } as unknown as FilmWriter;
        async function* motion() {
          yield neutralFrame(0);
        }
        const renderer = { render: () => {} };
        const audio = sound(pictures, fps, rateHz, chunk);
        const result = await renderVideo({ renderer, sizePx: 16, fps, motion: motion(), audio, film });
        expect(result.pictureCount).toBe(pictures);
      }),
      { numRuns: 100 },
    );
  });
});

describe('motion', () => {
  let model: ArticulationModel;
  beforeAll(async () => {
    model = await ArticulationModel.load();
  });

  it.each(FPS)('from a second of sound has a second of frames at %f fps', async (fps) => {
    const pictures = Math.round(fps);
    const options = { fps, controls: resolveControls({}), model };
    let count = 0;
    for await (const _ of motionFromSound(sound(pictures, fps, 16_000, 320), options)) count += 1;
    expect(count).toBe(pictures);
  });

  it('from phonemes too, at any rate of its voice', () => {
    fc.assert(
      fc.property(films, ({ fps, rateHz, pictures, chunk }) => {
        const few = Math.min(pictures, Math.ceil(fps));
        const driver = new SpeechMotion({ fps, controls: resolveControls({}) });
        const total = Math.ceil((few * rateHz) / fps - 1e-9);
        let count = 0;
        for (let at = 0; at < total; at += chunk) {
          const samples = new Float32Array(Math.min(chunk, total - at));
          const startUs = (at / rateHz) * 1e6;
          count += [...driver.push({ samples, sampleRateHz: rateHz, startUs, phonemes: [], words: [] })].length;
        }
        expect(count + [...driver.finish()].length).toBe(few);
      }),
      { numRuns: 60 },
    );
  });
});
