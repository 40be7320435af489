// Motion files: what a reader takes, what it refuses and in which words, and that nothing changes on the way.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMotionFile, formatMotionLine, inspectMotionFile, readMotionFile } from '../../src/engine/motion-file.ts';
import { BLENDSHAPE_NAMES, type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-motion-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let fileCount = 0;
async function fileOf(content: string): Promise<string> {
  const path = join(folder, `motion-${fileCount++}.jsonl`);
  await writeFile(path, content);
  return path;
}

async function read(path: string, warnings: string[] = []): Promise<MotionFrame[]> {
  const frames: MotionFrame[] = [];
  for await (const frame of readMotionFile(path, (sentence) => warnings.push(sentence))) frames.push(frame);
  return frames;
}

const line = (timestampUs: number, blendshapes: object = {}) =>
  JSON.stringify({ ...neutralFrame(timestampUs), blendshapes });

const finite = fc.double({ min: -3, max: 3, noNaN: true, noDefaultInfinity: true });
const frames = fc.array(
  fc.record({
    pose: fc.record({
      yawRad: finite,
      pitchRad: finite,
      rollRad: finite,
      x: finite,
      y: finite,
      scale: fc.double({ min: 0.01, max: 5, noNaN: true }),
    }),
    gaze: fc.record({ yawRad: finite, pitchRad: finite }),
    blendshapes: fc.dictionary(fc.constantFrom(...BLENDSHAPE_NAMES), fc.double({ min: 1e-9, max: 1, noNaN: true })),
  }),
  { minLength: 1, maxLength: 30 },
);

describe('motion files', () => {
  it('come back exactly as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.constantFrom(24, 25, 29.97, 30, 60), async (motion, fps) => {
        const path = join(folder, 'round-trip.jsonl');
        const written = motion.map(
          (frame, i) => ({ timestampUs: Math.round((i * 1e6) / fps), ...frame }) as MotionFrame,
        );
        const file = await createMotionFile(path);
        for (const frame of written) await file.write(frame);
        await file.finish();
        // JSON has one zero.
        expect(await read(path)).toEqual(JSON.parse(JSON.stringify(written)));
        const info = await inspectMotionFile(path);
        expect(info.frameCount).toBe(written.length);
        if (written.length > 1) expect(info.fps).toBeCloseTo(fps, written.length > 10 ? 2 : 1);
      }),
      { numRuns: 30 },
    );
  });

  it('have one object per line with the weights of 0 left out', () => {
    const text = formatMotionLine({ ...neutralFrame(40_000), blendshapes: { jawOpen: 0.25, mouthClose: 0 } });
    expect(JSON.parse(text)).toEqual({ ...neutralFrame(40_000), blendshapes: { jawOpen: 0.25 } });
    expect(text).not.toContain('\n');
  });

  it('may hold unknown keys; unknown blend shapes are told once, with the name that was meant', async () => {
    const extra = JSON.stringify({
      ...neutralFrame(0),
      comment: 'hello',
      blendshapes: { jawOpne: 0.5, smile: 1, jawOpen: 0.1 },
    });
    const warnings: string[] = [];
    const path = await fileOf(`${extra}\n${line(40_000, { jawOpne: 0.5 })}\r\n\n`);
    const motion = await read(path, warnings);
    expect(motion.map((frame) => frame.blendshapes)).toEqual([{ jawOpen: 0.1 }, {}]);
    expect(motion[0]).not.toHaveProperty('comment');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${path}, line 1`);
    expect(warnings[0]).toContain('"jawOpen"');
  });

  it('may have time stamps rounded to milliseconds', async () => {
    const path = await fileOf([0, 33_000, 67_000, 100_000, 133_000, 167_000].map((us) => line(us)).join('\n'));
    expect(await read(path)).toHaveLength(6);
  });

  const bad: [name: string, content: string, lineNumber: number, words: string][] = [
    ['not JSON', `${line(0)}\nhello\n`, 2, 'not JSON'],
    ['NaN', `${line(0)}\n${line(40_000).replace('"yawRad":0', '"yawRad":NaN')}\n`, 2, 'NaN'],
    ['null', line(0).replace('"pitchRad":0', '"pitchRad":null'), 1, 'pose.pitchRad is not a finite number'],
    ['text for a number', line(0).replace('"scale":1', '"scale":"1"'), 1, 'pose.scale'],
    ['a scale of 0', line(0).replace('"scale":1', '"scale":0'), 1, 'pose.scale is not above 0'],
    ['an overflow', line(0).replace('"x":0', '"x":1e999'), 1, 'pose.x'],
    ['a missing part', '{"timestampUs":0}', 1, 'pose is missing'],
    ['an array', '[1,2]', 1, 'wrong type'],
    ['a weight above 1', `${line(0)}\n${line(40_000, { jawOpen: 1.5 })}`, 2, 'jawOpen is above 1'],
    ['a late start', line(40_000), 1, 'timestampUs 0'],
    ['a gap', [0, 40_000, 120_000].map((us) => line(us)).join('\n'), 3, 'constant frame rate'],
    ['a jump back', [0, 40_000, 20_000].map((us) => line(us)).join('\n'), 3, 'constant frame rate'],
    ['a repeated instant', [0, 0].map((us) => line(us)).join('\n'), 2, 'constant frame rate'],
    ['a truncated last line', `${line(0)}\n${line(40_000).slice(0, 50)}`, 2, 'not JSON'],
  ];
  it.each(bad)('with %s are refused with the line and what is wrong', async (_, content, lineNumber, words) => {
    const path = await fileOf(content);
    const error = await read(path).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'MOTION_INVALID' });
    const { message } = error as Error;
    expect(message).toContain(`${path}, line ${lineNumber}`);
    expect(message).toContain(words);
    expect(message.trim().split('\n')).toHaveLength(1);
    await expect(inspectMotionFile(path)).rejects.toMatchObject({ code: 'MOTION_INVALID' });
  });

  it('that are empty, missing or folders are refused by name', async () => {
    for (const [path, code] of [
      [await fileOf(''), 'MOTION_INVALID'],
      [await fileOf('\n \n'), 'MOTION_INVALID'],
      [join(folder, 'nowhere.jsonl'), 'FILE_NOT_FOUND'],
      [folder, 'FILE_UNREADABLE'],
    ]) {
      const error = await read(path).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code });
      expect((error as Error).message).toContain(path);
    }
  });

  it('appear when they are finished and leave nothing when given up', async () => {
    const path = join(folder, 'late.jsonl');
    const file = await createMotionFile(path);
    for (let i = 0; i < 2000; i++) await file.write(neutralFrame(i * 40_000));
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await file.finish();
    expect(await inspectMotionFile(path)).toEqual({ frameCount: 2000, fps: 25, durationUs: 80_000_000 });

    const given = await createMotionFile(join(folder, 'given-up.jsonl'));
    await given.write(neutralFrame(0));
    await given.abort();
    await given.abort();
    expect((await readdir(folder)).filter((name) => name.includes('given-up'))).toEqual([]);
  });
});
