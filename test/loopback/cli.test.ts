// The command line from arguments to exit code: films, motion files, bad input in one sentence, Ctrl-C without a trace.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { formatMotionLine, inspectMotionFile, readMotionFile } from '../../src/engine/motion-file.ts';
import { type MotionFrame, neutralFrame } from '../../src/engine/motion-frame.ts';
import { createFilm } from '../../src/media/film.ts';
import { captureConsole } from '../support/console-output.ts';
import { decodeFilm } from '../support/decode-film.ts';
import { wavBytes } from '../support/wav-bytes.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const portrait = join(root, 'assets', 'portraits', 'mona-lisa.jpg');
const SLOW_MS = 120_000;

let folder = '';
const at = (name: string) => join(folder, name);
const { stdout, stderr } = captureConsole();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-cli-'));
  // Baked once for all tests here.
  process.env.VISAVIS__CACHE__DIR = at('cache');
  await writeFile(at('half.jsonl'), motionText(13, 25));
  await writeFile(at('beep.wav'), wavBytes(beep(0.5), { sampleRateHz: 16_000, channels: 1, format: 1 }));
});
afterAll(async () => {
  delete process.env.VISAVIS__CACHE__DIR;
  await rm(folder, { recursive: true, force: true });
});

function motionText(count: number, fps: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const frame: MotionFrame = { ...neutralFrame(Math.round((i * 1e6) / fps)), blendshapes: { jawOpen: (i % 5) / 10 } };
    frame.pose.yawRad = 0.1 * Math.sin(i / 4);
    return formatMotionLine(frame);
  });
  return `${lines.join('\n')}\n`;
}

function beep(seconds: number): Float32Array {
  return Float32Array.from({ length: seconds * 16_000 }, (_, i) => 0.4 * Math.sin((2 * Math.PI * 440 * i) / 16_000));
}

async function framesOf(path: string): Promise<MotionFrame[]> {
  const frames: MotionFrame[] = [];
  for await (const frame of readMotionFile(path)) frames.push(frame);
  return frames;
}

describe('visavis render', () => {
  it(
    'draws a motion file with its sound, and writes again what it drew',
    async () => {
      const args = ['render', '--portrait', portrait, '--motion', at('half.jsonl'), '--audio', at('beep.wav')];
      const code = await runCli([
        ...args,
        '--out',
        at('talk.mp4'),
        '--motion-out',
        at('drawn.jsonl'),
        '--size',
        '256',
        '--json',
      ]);
      expect(stderr).toEqual([]);
      expect(code).toBe(0);
      expect(stdout).toHaveLength(1);
      expect(JSON.parse(stdout[0])).toMatchObject({ out: at('talk.mp4'), pictures: 13, fps: 25, sizePx: 256 });
      const film = await decodeFilm(at('talk.mp4'));
      expect(film).toMatchObject({ widthPx: 256, heightPx: 256, channels: 1 });
      expect(film.pictures).toHaveLength(13);
      // The picture is a face, not a flat field, and it moves.
      expect(new Set(film.pictures.map(({ meanLuma }) => meanLuma.toFixed(3))).size).toBeGreaterThan(5);
      expect(Math.max(...film.sound)).toBeGreaterThan(0.3);
      expect(await framesOf(at('drawn.jsonl'))).toEqual(await framesOf(at('half.jsonl')));
    },
    SLOW_MS,
  );

  it(
    'holds the last pose where the sound is longer, at another frame rate, as pictures in a folder',
    async () => {
      await writeFile(at('long.wav'), wavBytes(beep(1.2), { sampleRateHz: 16_000, channels: 1, format: 1 }));
      const args = ['render', '--portrait', portrait, '--motion', at('half.jsonl'), '--audio', at('long.wav')];
      expect(await runCli([...args, '--fps', '10', '--size', '256', '--out', at('stills')])).toBe(0);
      expect(await readdir(at('stills/frames'))).toHaveLength(12);
      const [last, held] = await Promise.all(['000008', '000012'].map((n) => readFile(at(`stills/frames/${n}.png`))));
      expect(last.equals(held)).toBe(true);
      expect(stderr.join()).toContain('the last pose is held');
    },
    SLOW_MS,
  );

  it(
    'speaks several sentences to their end, in sound and picture',
    async () => {
      const args = ['render', '--portrait', portrait, '--text', 'One. Two. Three.', '--size', '256', '--json'];
      expect(await runCli([...args, '--out', at('three.mp4')])).toBe(0);
      expect(stderr).toEqual([]);
      const { pictures, audioS } = JSON.parse(stdout[0]) as { pictures: number; audioS: number };
      expect(audioS).toBeGreaterThan(2);
      expect(pictures).toBe(Math.ceil(audioS * 25 - 0.05));
    },
    SLOW_MS,
  );

  it('edits motion: another rate, a still head, pose and face from two files', async () => {
    await writeFile(
      at('still.jsonl'),
      `${[0, 1, 2, 3].map((i) => formatMotionLine(neutralFrame(i * 100_000))).join('\n')}\n`,
    );
    const render = (out: string, ...args: string[]) =>
      runCli(['render', '--motion-only', '--motion-out', at(out), ...args]);
    expect(await render('fast.jsonl', '--motion', at('half.jsonl'), '--fps', '50')).toBe(0);
    expect(await inspectMotionFile(at('fast.jsonl'))).toMatchObject({ frameCount: 26, fps: 50 });
    expect(await render('frozen.jsonl', '--motion', at('half.jsonl'), '--head-motion', '0', '--gaze', '0.2,-0.1')).toBe(
      0,
    );
    const frozen = await framesOf(at('frozen.jsonl'));
    expect(frozen.every(({ pose }) => pose.yawRad === 0 && pose.scale === 1)).toBe(true);
    expect(frozen[0].gaze).toEqual({ yawRad: 0.2, pitchRad: -0.1 });
    expect(
      await render('both.jsonl', '--pose-from', at('still.jsonl'), '--dynamics-from', at('half.jsonl'), '--fps', '25'),
    ).toBe(0);
    const both = await framesOf(at('both.jsonl'));
    expect(both).toHaveLength(10);
    expect(both[4].pose.yawRad).toBe(0);
    expect(both[4].blendshapes.jawOpen).toBeCloseTo(0.4, 9);
    expect(stderr).toEqual([]);
  });

  it('speaks a text: the same words and seed give the same motion', async () => {
    const speak = (out: string, seed: string) =>
      runCli([
        'render',
        '--text',
        'Hello there. How are you?',
        '--motion-only',
        '--motion-out',
        at(out),
        '--seed',
        seed,
      ]);
    expect(await speak('one.jsonl', '7')).toBe(0);
    expect(await speak('two.jsonl', '7')).toBe(0);
    expect(await speak('three.jsonl', '8')).toBe(0);
    const [one, two, three] = await Promise.all(
      ['one', 'two', 'three'].map((name) => readFile(at(`${name}.jsonl`), 'utf8')),
    );
    expect(two).toBe(one);
    expect(three).not.toBe(one);
    expect(
      Math.max(...(await framesOf(at('one.jsonl'))).map(({ blendshapes }) => blendshapes.jawOpen ?? 0)),
    ).toBeGreaterThan(0.1);
  });

  it('animates a voice by its sound alone, as long as the sound is', async () => {
    const args = [
      'render',
      '--audio',
      at('beep.wav'),
      '--motion-only',
      '--motion-out',
      at('heard.jsonl'),
      '--fps',
      '30',
    ];
    expect(await runCli([...args, '--json'])).toBe(0);
    expect(JSON.parse(stdout[0])).toMatchObject({ frames: 15, fps: 30 });
    expect(await inspectMotionFile(at('heard.jsonl'))).toMatchObject({ frameCount: 15, fps: 30 });
  });
});

describe('visavis portrait', () => {
  it(
    'says what a photo gives, and draws the sheet',
    async () => {
      expect(await runCli(['portrait', portrait, '--json', '--debug-sheet', at('seen.png')])).toBe(0);
      expect(await runCli(['portrait', portrait, '--json', '--debug-sheet', '/dev/null'])).toBe(0);
      const seen = JSON.parse(stdout[0]);
      expect(seen).toMatchObject({ usable: true, faceCount: 1, photo: { widthPx: 1024, heightPx: 1024 } });
      expect(seen.landmarksPx).toHaveLength(478);
      // The tip of the nose lies within the face's own crop.
      const [x, y] = seen.landmarksPx[1];
      expect(x > seen.crop.x0Px && x < seen.crop.x0Px + seen.crop.sidePx).toBe(true);
      expect(y > seen.crop.y0Px && y < seen.crop.y0Px + seen.crop.sidePx).toBe(true);
      expect(Math.abs(seen.poseDegrees.yaw)).toBeLessThan(40);
      const sheet = await sharp(at('seen.png')).metadata();
      expect(sheet).toMatchObject({ format: 'png', width: 1536 });
    },
    SLOW_MS,
  );
});

describe('bad input', () => {
  beforeAll(async () => {
    await writeFile(at('empty.wav'), '');
    await writeFile(at('letter.wav'), 'Dear Sir or Madam, this is not music.\n'.repeat(20));
    await writeFile(at('nan.jsonl'), motionText(3, 25).replace('"rollRad":0', '"rollRad":NaN'));
    await writeFile(at('empty.jsonl'), '');
    await writeFile(at('blank.txt'), ' \n');
    await writeFile(at('latin1.txt'), Buffer.from([0x63, 0x61, 0x66, 0xe9]));
    await writeFile(at('photo.jpg'), 'not a photo');
    const film = await createFilm(at('mute.mp4'), { widthPx: 256, heightPx: 256, fps: 10, audio: null });
    for (let n = 0; n < 3; n++) await film.writePicture(new Uint8Array(256 * 256 * 1.5).fill(100));
    await film.finish();
  });

  const motion = ['--motion', '{half.jsonl}'];
  const drawing = ['--portrait', portrait, '--out', '{film.mp4}'];
  const table: [args: string[], code: string, names: string][] = [
    [['render', ...drawing, '--audio', '{empty.wav}', ...motion], 'AUDIO_INVALID', '{empty.wav}'],
    [['render', ...drawing, '--audio', '{letter.wav}'], 'AUDIO_INVALID', '{letter.wav}'],
    [['render', ...drawing, '--audio', '{mute.mp4}', ...motion], 'NO_AUDIO', '{mute.mp4}'],
    [['render', ...drawing, '--audio', '{nowhere.wav}'], 'FILE_NOT_FOUND', '{nowhere.wav}'],
    [['render', ...drawing, '--motion', '{nan.jsonl}'], 'MOTION_INVALID', '{nan.jsonl}, line 1'],
    [['render', ...drawing, '--motion', '{empty.jsonl}'], 'MOTION_INVALID', '{empty.jsonl}'],
    [['render', ...drawing, '--motion', '{nowhere.jsonl}'], 'FILE_NOT_FOUND', '{nowhere.jsonl}'],
    [['render', ...drawing, '--text', ''], 'TEXT_EMPTY', 'text'],
    [['render', ...drawing, '--text-file', '{blank.txt}'], 'TEXT_EMPTY', '{blank.txt}'],
    [['render', ...drawing, '--text-file', '{latin1.txt}'], 'FILE_UNREADABLE', '{latin1.txt}'],
    [['render', ...drawing, '--text', 'hi', '--lang', 'klingonese'], 'VOICE_UNKNOWN', 'klingonese'],
    [['render', '--portrait', '{photo.jpg}', '--out', '{film.mp4}', ...motion], 'IMAGE_INVALID', '{photo.jpg}'],
    [['render', '--portrait', '{nowhere.jpg}', '--out', '{film.mp4}', ...motion], 'FILE_NOT_FOUND', '{nowhere.jpg}'],
    [
      ['render', '--portrait', portrait, '--out', '{no/such/film.mp4}', ...motion],
      'FILE_UNWRITABLE',
      '{no/such/film.mp4}',
    ],
    [['render', '--portrait', portrait, '--out', '{film.avi}', ...motion], 'BAD_USAGE', '{film.avi}'],
    [['render', '--portrait', portrait, ...motion], 'BAD_USAGE', '--out'],
    [['render', '--out', '{film.mp4}', ...motion], 'BAD_USAGE', '--portrait'],
    [['render', ...drawing], 'BAD_USAGE', '--audio'],
    [['render', ...drawing, '--text', 'a', '--audio', '{beep.wav}'], 'BAD_USAGE', '--audio and --text'],
    [['render', '--motion-only', ...motion], 'BAD_USAGE', '--motion-out'],
    [['render', ...drawing, ...motion, '--fps', '0'], 'BAD_USAGE', '--fps'],
    [['render', ...drawing, ...motion, '--fps', 'many'], 'BAD_USAGE', '--fps'],
    [['render', ...drawing, ...motion, '--size', '4000'], 'BAD_USAGE', '--size'],
    [['render', ...drawing, ...motion, '--gaze', '0.7,0'], 'CONTROL_OUT_OF_RANGE', 'gaze yaw'],
    [['render', ...drawing, ...motion, '--gaze', '0.2'], 'BAD_USAGE', '--gaze'],
    [['render', ...drawing, ...motion, '--head-distance', '3'], 'CONTROL_OUT_OF_RANGE', 'headDistance'],
    [['render', ...drawing, ...motion, '--emotion', 'happy=2'], 'CONTROL_OUT_OF_RANGE', 'emotion happy'],
    [['render', ...drawing, ...motion, '--emotion', 'bored=1'], 'BAD_USAGE', 'bored'],
    [['render', ...drawing, ...motion, '--seed', '-4'], 'CONTROL_OUT_OF_RANGE', 'seed'],
    [['render', '--frobnicate'], 'BAD_USAGE', '--frobnicate'],
    [['rendr'], 'BAD_USAGE', 'render'],
    [['portrait'], 'BAD_USAGE', 'image'],
    [['portrait', '{nowhere.jpg}'], 'FILE_NOT_FOUND', '{nowhere.jpg}'],
    [['portrait', portrait, '--debug-sheet', '{sheet.txt}'], 'BAD_USAGE', '--debug-sheet'],
  ];
  const fill = (text: string) => text.replace(/\{(.+?)\}/g, (_, name: string) => at(name));

  it.each(table)('%j is one sentence with %s and exit code 2', async (args, code, names) => {
    expect(await runCli([...args.map(fill), '--json'])).toBe(2);
    const said = stderr.filter((line) => line.startsWith(`visavis: ${code}: `));
    expect(stderr.join('\n')).toContain(`visavis: ${code}: `);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(fill(names));
    expect(said[0].split('\n')).toHaveLength(1);
    expect(stdout).toHaveLength(1);
    expect(JSON.parse(stdout[0])).toMatchObject({ error: { code } });
    const left = (await readdir(folder)).filter((name) => /^\.|^film\.|^no$|^sheet/.test(name));
    expect(left).toEqual([]);
  });
});

describe('the end from outside', () => {
  it.each([
    ['SIGINT', 'stopped.mp4'],
    ['SIGINT', 'stopped'],
    ['SIGHUP', 'stopped.webm'],
    ['SIGTERM', 'stopped.mp4'],
    ['SIGQUIT', 'stopped.mp4'],
  ] as const)(
    '%s leaves nothing of %s and ends with 130',
    async (signal, name) => {
      await writeFile(at('endless.jsonl'), motionText(20_000, 25));
      const args = ['render', '--portrait', portrait, '--motion', at('endless.jsonl'), '--out', at(name)];
      const entry = ['--import', 'tsx', join(root, 'src', 'cli.ts'), ...args, '--motion-out', at('stopped.jsonl')];
      const child = spawn(process.execPath, entry, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
      try {
        await expect
          .poll(async () => (await readdir(folder)).some((entry) => entry.startsWith(`.${name}.`)), {
            timeout: 60_000,
            interval: 50,
          })
          .toBe(true);
        child.kill(signal);
        expect(await ended).toBe(130);
        expect(said).toContain('visavis: INTERRUPTED: ');
        expect((await readdir(folder)).filter((entry) => entry.includes('stopped'))).toEqual([]);
      } finally {
        child.kill('SIGKILL');
      }
    },
    SLOW_MS,
  );
});
