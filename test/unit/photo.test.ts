import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePhoto, type Photo, quarterTurned, readPhoto } from '../../src/engine/portrait/photo.ts';

const WIDTH = 240;
const HEIGHT = 160;
/** Red top left, green top right, blue bottom left, white bottom right. */
const CORNERS = [
  [220, 30, 30],
  [30, 200, 30],
  [30, 30, 220],
  [250, 250, 250],
];

function quadrants() {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      data.set(CORNERS[(y < HEIGHT / 2 ? 0 : 2) + (x < WIDTH / 2 ? 0 : 1)], (y * WIDTH + x) * 3);
    }
  }
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

function pixel(photo: Photo, x: number, y: number): number[] {
  const at = (Math.floor(y * photo.heightPx) * photo.widthPx + Math.floor(x * photo.widthPx)) * 3;
  return Array.from(photo.rgb.subarray(at, at + 3));
}

function expectQuadrants(photo: Photo, tolerance: number) {
  expect(photo.rgb.length).toBe(photo.widthPx * photo.heightPx * 3);
  const found = [pixel(photo, 0.2, 0.2), pixel(photo, 0.8, 0.2), pixel(photo, 0.2, 0.8), pixel(photo, 0.8, 0.8)];
  found.forEach((rgb, n) => {
    rgb.forEach((value, c) => {
      expect(Math.abs(value - CORNERS[n][c]), `quadrant ${n}: ${rgb}`).toBeLessThanOrEqual(tolerance);
    });
  });
}

describe('formats', () => {
  it.each([
    ['JPEG', () => quadrants().jpeg({ quality: 95 }), 6],
    ['PNG', () => quadrants().png(), 0],
    ['PNG with a palette', () => quadrants().png({ palette: true }), 6],
    ['PNG with 16 bits', () => quadrants().toColourspace('rgb16').png(), 1],
    ['WebP', () => quadrants().webp({ quality: 95 }), 10],
    ['AVIF', () => quadrants().avif({ quality: 80 }), 10],
    ['TIFF', () => quadrants().tiff(), 10],
    ['CMYK JPEG', () => quadrants().toColourspace('cmyk').jpeg({ quality: 95 }), 90],
  ] as const)('%s', async (_, make, tolerance) => {
    const photo = await decodePhoto(await make().toBuffer(), 'photo');
    expect([photo.widthPx, photo.heightPx, photo.alpha]).toEqual([WIDTH, HEIGHT, null]);
    expectQuadrants(photo, tolerance);
  });

  it('grey becomes three equal channels', async () => {
    const photo = await decodePhoto(await quadrants().greyscale().png().toBuffer(), 'photo');
    const [r, g, b] = pixel(photo, 0.2, 0.2);
    expect(photo.rgb.length).toBe(WIDTH * HEIGHT * 3);
    expect([g, b]).toEqual([r, r]);
  });

  it('grey with 16 bits keeps its range', async () => {
    const photo = await decodePhoto(await quadrants().toColourspace('grey16').png().toBuffer(), 'photo');
    expect(pixel(photo, 0.8, 0.8)[0]).toBeGreaterThan(240);
    expect(pixel(photo, 0.2, 0.8)[0]).toBeLessThan(90);
  });

  it.each([3, 6, 8])('EXIF orientation %i is undone', async (orientation) => {
    const back = { 3: 180, 6: 270, 8: 90 }[orientation]!;
    const upright = await quadrants().rotate(back).png().toBuffer();
    const photo = await decodePhoto(
      await sharp(upright).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer(),
      'photo',
    );
    expect([photo.widthPx, photo.heightPx]).toEqual([WIDTH, HEIGHT]);
    expectQuadrants(photo, 6);
  });

  it('transparency is kept as alpha and laid over grey', async () => {
    const half = await sharp({ create: { width: WIDTH / 2, height: HEIGHT, channels: 4, background: '#0000' } })
      .png()
      .toBuffer();
    const image = quadrants()
      .ensureAlpha()
      .composite([{ input: half, left: 0, top: 0, blend: 'dest-in' }]);
    const photo = await decodePhoto(await image.png().toBuffer(), 'photo');
    expect(pixel(photo, 0.2, 0.2)).toEqual([200, 200, 200]);
    expect(photo.alpha?.[0]).toBe(0);
    expect(photo.alpha?.length).toBe(WIDTH * HEIGHT);
  });

  it('an alpha channel without transparency is no alpha', async () => {
    expect((await decodePhoto(await quadrants().ensureAlpha().png().toBuffer(), 'photo')).alpha).toBeNull();
  });
});

it.each([1, 2, 3, -1, 5])('turned by %i quarters it is what the image library makes of it', async (quarters) => {
  const cutOut = quadrants().ensureAlpha(0.5);
  const ours = await quarterTurned(await decodePhoto(await cutOut.clone().png().toBuffer(), 'photo'), quarters);
  const theirs = await decodePhoto(
    await cutOut
      .clone()
      .rotate(90 * quarters)
      .png()
      .toBuffer(),
    'photo',
  );
  expect([ours.widthPx, ours.heightPx]).toEqual([theirs.widthPx, theirs.heightPx]);
  expect(Buffer.compare(ours.rgb, theirs.rgb)).toBe(0);
  expect(Buffer.compare(ours.alpha!, theirs.alpha!)).toBe(0);
});

describe('size', () => {
  it('reduces large photos and says by how much', async () => {
    const photo = await decodePhoto(await quadrants().resize(3000, 2000).jpeg({ quality: 95 }).toBuffer(), 'photo');
    expect([photo.widthPx, photo.heightPx]).toEqual([2048, 1365]);
    expect(photo.scale).toBeCloseTo(2048 / 3000);
    expectQuadrants(photo, 8);
  });

  it('reads a part, also of a turned file', async () => {
    const upright = await quadrants().rotate(270).png().toBuffer();
    const bytes = await sharp(upright).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer();
    const photo = await decodePhoto(bytes, 'photo', { part: [WIDTH / 2 + 5, -20, 500, HEIGHT / 2 + 10] });
    expect(photo.part).toEqual([WIDTH / 2 + 5, 0, WIDTH / 2 - 5, HEIGHT / 2 - 10]);
    expect([photo.widthPx, photo.heightPx]).toEqual([WIDTH / 2 - 5, HEIGHT / 2 - 10]);
    pixel(photo, 0.5, 0.5).forEach((value, c) => {
      expect(Math.abs(value - CORNERS[1][c])).toBeLessThan(7);
    });
  });

  it('refuses a bomb by its header alone', async () => {
    const header = Buffer.from('49484452000075300000753008020000000000000000', 'hex').subarray(0, 17);
    const chunk = (body: Buffer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length - 4);
      const check = Buffer.alloc(4);
      check.writeUInt32BE(crc32(body));
      return Buffer.concat([length, body, check]);
    };
    const signature = Buffer.from('89504e470d0a1a0a', 'hex');
    const png = Buffer.concat([signature, chunk(header), chunk(Buffer.from('IDAT')), chunk(Buffer.from('IEND'))]);
    await expect(decodePhoto(png, 'bomb.png')).rejects.toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      message: expect.stringMatching(/bomb\.png has 30000×30000 px: reduce it/),
    });
  });

  it.each([
    [90_000, 110],
    [110, 20_000],
  ])('refuses a strip of %i×%i by its header alone', async (width, height) => {
    const strip = await sharp({ create: { width, height, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    await expect(decodePhoto(strip.subarray(0, 200), 'strip.png')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(/strip\.png is a strip of .* crop it/),
    });
  });

  it('refuses a stamp', async () => {
    await expect(decodePhoto(await quadrants().resize(60, 40).png().toBuffer(), 'stamp.png')).rejects.toMatchObject({
      code: 'IMAGE_TOO_SMALL',
      message: expect.stringContaining('stamp.png'),
    });
  });
});

describe('what is no photo', () => {
  it.each([
    ['empty.jpg', Buffer.alloc(0), /empty\.jpg is empty/],
    ['notes.jpg', Buffer.from('dear diary'), /notes\.jpg is not an image/],
    [
      'drawing.svg',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"/>'),
      /drawing\.svg is an SVG drawing, not a photo: export it as PNG/,
    ],
  ])('%s', async (name, bytes, message) => {
    await expect(decodePhoto(bytes, name)).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)('a truncated %s', async (format) => {
    const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
    const image = sharp({ create: { width: 120, height: 100, channels: 3, background: '#888', noise } });
    const bytes = await image.toFormat(format).toBuffer();
    await expect(decodePhoto(bytes.subarray(0, bytes.length * 0.6), 'cut.img')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringContaining('cut.img'),
    });
  });

  it('a missing file, a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'visavis-photo-'));
    try {
      await expect(readPhoto(join(folder, 'none.jpg'))).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
        message: expect.stringContaining('none.jpg'),
      });
      await expect(readPhoto(folder)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining(folder),
      });
      await writeFile(join(folder, 'a.png'), await quadrants().png().toBuffer());
      expectQuadrants(await readPhoto(join(folder, 'a.png')), 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
