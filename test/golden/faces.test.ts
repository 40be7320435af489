/** Finding faces: the shipped Mona Lisa in sizes, turns and company in which a photo may show a face. */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { analyseFaces, type Face, faceSizePx, LANDMARK_COUNT } from '../../src/engine/portrait/face-mesh.ts';
import { personMatte } from '../../src/engine/portrait/matte.ts';
import { decodePhoto, type Photo } from '../../src/engine/portrait/photo.ts';
import { readPortraitPhoto } from '../../src/engine/portrait/portrait-photo.ts';

const portrait = sharp(fileURLToPath(new URL('../../assets/portraits/mona-lisa.jpg', import.meta.url)));
const original = await decodePhoto(await portrait.clone().png({ compressionLevel: 1 }).toBuffer(), 'mona-lisa');
const [reference] = await analyseFaces(original);
const LEFT_IRIS = 468;
const RIGHT_IRIS = 473;
const UPPER_LIP = 13;
const LOWER_LIP = 14;

const xy = ({ landmarks }: Face, index: number) => [landmarks[index * 3], landmarks[index * 3 + 1]];
const distance = ([ax, ay]: number[], [bx, by]: number[]) => Math.hypot(ax - bx, ay - by);

/** Mean distance of the landmarks from where `map` puts the reference's, in % of the face's size there. */
function errorPercent(face: Face, scale: number, map: (x: number, y: number) => number[]): number {
  let sum = 0;
  for (let i = 0; i < LANDMARK_COUNT; i++) {
    const [x, y] = xy(reference, i);
    sum += distance(xy(face, i), map(x, y));
  }
  return (sum / LANDMARK_COUNT / (faceSizePx(reference) * scale)) * 100;
}

/** The portrait `sidePx` wide at (x, y) of a grey picture. */
async function onCanvas(
  widthPx: number,
  heightPx: number,
  places: { x: number; y: number; sidePx: number }[],
): Promise<Buffer> {
  const canvas = sharp({ create: { width: widthPx, height: heightPx, channels: 3, background: '#777' } });
  const inputs = places.map(async ({ x, y, sidePx }) => ({
    input: await portrait.clone().resize(sidePx, sidePx).png().toBuffer(),
    left: x,
    top: y,
  }));
  return canvas
    .composite(await Promise.all(inputs))
    .png({ compressionLevel: 1 })
    .toBuffer();
}

describe('one face', () => {
  it('eyes, lips and box are where they are in the painting', () => {
    // Measured by eye in the 1024 px picture.
    expect(distance(xy(reference, LEFT_IRIS), [407, 385])).toBeLessThan(8);
    expect(distance(xy(reference, RIGHT_IRIS), [533, 382])).toBeLessThan(8);
    const gapPx = distance(xy(reference, UPPER_LIP), xy(reference, LOWER_LIP));
    expect(gapPx / faceSizePx(reference)).toBeLessThan(0.01);
    expect(reference.score).toBeGreaterThan(0.99);
    expect(faceSizePx(reference)).toBeGreaterThan(300);
    expect(faceSizePx(reference)).toBeLessThan(400);
  });

  it.each([
    ['quarter size', 256],
    ['half size', 512],
  ])('%s', async (_, sidePx) => {
    const scale = sidePx / 1024;
    const photo = await decodePhoto(await portrait.clone().resize(sidePx, sidePx).png().toBuffer(), 'small');
    const [face] = await analyseFaces(photo);
    expect(errorPercent(face, scale, (x, y) => [x * scale, y * scale])).toBeLessThan(0.6);
  });

  it('small in a large picture', async () => {
    const photo = await decodePhoto(await onCanvas(2000, 1300, [{ x: 1500, y: 80, sidePx: 300 }]), 'far');
    const faces = await analyseFaces(photo);
    expect(faces).toHaveLength(1);
    const scale = 300 / 1024;
    expect(errorPercent(faces[0], scale, (x, y) => [1500 + x * scale, 80 + y * scale])).toBeLessThan(1);
  });

  it('fills the frame', async () => {
    const { x0, y0, x1, y1 } = reference.boxPx;
    const [left, top] = [Math.round(x0), Math.round(y0)];
    const bytes = await portrait
      .clone()
      .extract({ left, top, width: Math.round(x1 - x0), height: Math.round(y1 - y0) })
      .png()
      .toBuffer();
    const [face] = await analyseFaces(await decodePhoto(bytes, 'close'));
    expect(errorPercent(face, 1, (x, y) => [x - left, y - top])).toBeLessThan(1.5);
  });

  it.each([-30, 30, 90, 180])('turned by %i°', async (degrees) => {
    const bytes = await portrait
      .clone()
      .rotate(degrees, { background: '#777' })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const photo = await decodePhoto(bytes, 'turned');
    const [face] = await analyseFaces(photo);
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const turn = (x: number, y: number) => [
      photo.widthPx / 2 + (x - 512) * cos - (y - 512) * sin,
      photo.heightPx / 2 + (x - 512) * sin + (y - 512) * cos,
    ];
    expect(errorPercent(face, 1, turn)).toBeLessThan(0.8);
  });
});

describe('several faces, none, too small', () => {
  it('the largest comes first', async () => {
    const places = [
      { x: 40, y: 300, sidePx: 380 },
      { x: 560, y: 100, sidePx: 600 },
    ];
    const faces = await analyseFaces(await decodePhoto(await onCanvas(1200, 760, places), 'two'));
    expect(faces).toHaveLength(2);
    expect(faceSizePx(faces[0])).toBeGreaterThan(1.3 * faceSizePx(faces[1]));
    expect(xy(faces[0], LEFT_IRIS)[0]).toBeGreaterThan(560);
    expect(xy(faces[1], LEFT_IRIS)[0]).toBeLessThan(420);
  });

  it('no face', async () => {
    const photo = await decodePhoto(await onCanvas(700, 500, []), 'wall.png');
    await expect(analyseFaces(photo)).rejects.toMatchObject({
      code: 'NO_FACE',
      message: expect.stringContaining('wall.png'),
    });
  });

  it('a face of 60 px', async () => {
    const photo = await decodePhoto(await onCanvas(400, 300, [{ x: 100, y: 50, sidePx: 170 }]), 'tiny.png');
    await expect(analyseFaces(photo)).rejects.toMatchObject({
      code: 'FACE_TOO_SMALL',
      message: expect.stringMatching(/tiny\.png is only \d\d px large/),
    });
  });
});

it('a small face in a large file is read again at its own resolution', async () => {
  const bytes = await onCanvas(3600, 2400, [{ x: 2300, y: 700, sidePx: 800 }]);
  const { photo, faces } = await readPortraitPhoto(bytes, 'large');
  expect(photo.scale).toBe(1);
  const [x0, y0] = photo.part;
  const scale = 800 / 1024;
  expect(errorPercent(faces[0], scale, (x, y) => [2300 + x * scale - x0, 700 + y * scale - y0])).toBeLessThan(0.6);
});

it.each([90, 180, 270])('a photo that lies or stands on its head (%i°) is turned upright', async (degrees) => {
  const small = portrait.clone().resize(700, 700);
  const right = await readPortraitPhoto(await small.clone().png().toBuffer(), 'right');
  const turned = await readPortraitPhoto(await small.clone().rotate(degrees).png().toBuffer(), 'turned');
  expect(Buffer.compare(turned.photo.rgb, right.photo.rgb)).toBe(0);
  expect(turned.faces).toEqual(right.faces);
});

describe('matte', () => {
  const at = ({ sizePx, values }: { sizePx: number; values: Float32Array }, x: number, y: number) =>
    values[Math.floor(y * sizePx) * sizePx + Math.floor(x * sizePx)];
  const whole = { centerX: 512, centerY: 512, sidePx: 1024, rollRad: 0 };

  it('holds face, hair and body, not the landscape', async () => {
    const matte = await personMatte(original, whole);
    for (const [x, y] of [
      [0.5, 0.4],
      [0.33, 0.4],
      [0.5, 0.2],
      [0.5, 0.9],
    ])
      expect(at(matte, x, y), `${x} ${y}`).toBeGreaterThan(0.9);
    for (const [x, y] of [
      [0.05, 0.1],
      [0.95, 0.1],
      [0.1, 0.5],
      [0.95, 0.5],
    ])
      expect(at(matte, x, y), `${x} ${y}`).toBeLessThan(0.1);
  });

  it('is a cut-out’s own transparency', async () => {
    const seen = await personMatte(original, whole);
    const alpha = new Uint8Array(1024 * 1024);
    for (let i = 0; i < alpha.length; i++)
      alpha[i] = at(seen, (i % 1024) / 1024, Math.floor(i / 1024) / 1024) > 0.95 ? 128 : 0;
    const cutOut: Photo = { ...original, alpha };
    const matte = await personMatte(cutOut, whole);
    expect(at(matte, 0.5, 0.4)).toBeCloseTo(128 / 255, 2);
    expect(at(matte, 0.05, 0.1)).toBe(0);
  });

  it('is the person inside a picture that was cut round', async () => {
    const alpha = new Uint8Array(1024 * 1024);
    for (let i = 0; i < alpha.length; i++) alpha[i] = Math.hypot((i % 1024) - 512, i / 1024 - 512) < 512 ? 255 : 0;
    const framed: Photo = { ...original, alpha };
    const matte = await personMatte(framed, whole);
    expect(at(matte, 0.5, 0.4)).toBeGreaterThan(0.9);
    expect(at(matte, 0.1, 0.5)).toBeLessThan(0.1);
    expect(at(matte, 0.02, 0.98)).toBe(0);
  });
});
