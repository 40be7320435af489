// What a file is, by its bytes alone: photos of every kind that is decoded, and a name with a remedy for everything else that people send.
import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePhoto } from '../../src/engine/portrait/photo.ts';
import { sharp as guarded } from '../../src/media/image.ts';
import { recognizePicture } from '../../src/media/picture-format.ts';

const image = () => sharp({ create: { width: 200, height: 200, channels: 3, background: 'teal' } });
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
const ftyp = (major: string, ...others: string[]): Buffer =>
  Buffer.concat([
    Buffer.from([0, 0, 0, 16 + 4 * others.length]),
    latin(`ftyp${major}\0\0\0\0${others.join('')}`),
    Buffer.alloc(64),
  ]);
function tiff(tags: readonly [tag: number, value: number][]): Buffer {
  const file = Buffer.alloc(8 + 2 + 12 * tags.length + 4);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(tags.length, 8);
  tags.forEach(([tag, value], i) => {
    file.writeUInt16LE(tag, 10 + 12 * i);
    file.writeUInt16LE(4, 12 + 12 * i);
    file.writeUInt32LE(1, 14 + 12 * i);
    file.writeUInt32LE(value, 18 + 12 * i);
  });
  return file;
}

describe('a photo', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('in %s is told by its bytes', async (format) => {
    expect(recognizePicture(await image().toFormat(format).toBuffer())).toEqual({ photo: format });
  });
});

const OTHERS: [what: string, bytes: Buffer, named: RegExp][] = [
  ['HEIC of an iPhone', ftyp('heic', 'mif1', 'MiHB', 'heic'), /is a HEIC photo.*Most Compatible/],
  ['HEIC that says mif1 first', ftyp('mif1', 'mif1', 'heic'), /is a HEIC photo/],
  ['HEIC burst', ftyp('hevc', 'msf1'), /is a HEIC photo/],
  ['SVG', latin('<svg xmlns="http://www.w3.org/2000/svg"/>'), /is an SVG drawing.*PNG/],
  ['SVG after a declaration', latin('\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg></svg>'), /is an SVG drawing/],
  ['SVG in UTF-16', Buffer.from('\ufeff<svg width="9"></svg>', 'utf16le'), /is an SVG drawing/],
  ['packed SVG', Buffer.from('1f8b08000000', 'hex'), /compressed by gzip/],
  ['PDF', latin('%PDF-1.7\n'), /is a PDF document.*JPEG/],
  ['PSD', latin('8BPS\0\x01'), /is a Photoshop file/],
  [
    'DNG',
    tiff([
      [0xfe, 1],
      [0xc612, 0x401],
    ]),
    /is a DNG raw photo.*develop/,
  ],
  [
    'NEF',
    tiff([
      [0xfe, 1],
      [0x10f, 8],
      [0x14a, 8],
    ]),
    /is a raw photo/,
  ],
  ['CR2', latin('II*\0\x10\0\0\0CR\x02\0'), /is a Canon raw photo/],
  ['CR3', ftyp('crx ', 'crx ', 'isom'), /is a Canon raw photo/],
  ['RAF', latin('FUJIFILMCCD-RAW 0201'), /is a Fujifilm raw photo/],
  ['ORF', latin('IIRO\x08\0'), /is an Olympus raw photo/],
  ['RW2', latin('IIU\0\x18\0'), /is a Panasonic raw photo/],
  ['JPEG XL', Buffer.from('ff0a00', 'hex'), /is a JPEG XL picture/],
  ['JPEG XL in boxes', latin('\0\0\0\x0cJXL \r\n\x87\n'), /is a JPEG XL picture/],
  ['JPEG 2000', latin('\0\0\0\x0cjP  \r\n\x87\n'), /is a JPEG 2000 picture/],
  ['JPEG 2000 stream', Buffer.from('ff4fff51', 'hex'), /is a JPEG 2000 picture/],
  ['BMP', latin('BM\x46\0\0\0\0\0\0\0\x36\0\0\0'), /is a BMP picture/],
  ['OpenEXR', Buffer.from('762f3101', 'hex'), /is an OpenEXR picture/],
  ['PPM', latin('P6\n2 2\n255\n'), /is a Netpbm picture/],
  ['icon', Buffer.from('00000100', 'hex'), /is an icon/],
  ['MP4', ftyp('isom', 'iso2', 'mp41'), /is a video.*still picture/],
  ['MOV', ftyp('qt  '), /is a video/],
  ['WebM', Buffer.from('1a45dfa3', 'hex'), /is a video/],
  ['AVI', latin('RIFF\0\0\0\0AVI LIST'), /is a video/],
  ['WAV', latin('RIFF\0\0\0\0WAVEfmt '), /is a sound file/],
  ['web page', latin('<!DOCTYPE html><html><body>'), /is a web page/],
  ['office document', latin('PK\x03\x04\x14\0'), /ZIP archive/],
  ['noise', Buffer.from([1, 2, 3, 4, 5]), /is not an image that can be read/],
];

describe('what is no photo here', () => {
  it.each(OTHERS)('%s is named with its remedy, whatever its name says', async (_what, bytes, named) => {
    await expect(decodePhoto(bytes, 'me.jpg')).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: expect.stringMatching(named),
    });
  });

  it('has no decoder in the image library, even if it got that far', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    expect((await image().png().toBuffer()).length).toBeGreaterThan(0);
    await expect(guarded(svg).metadata()).rejects.toThrow();
  });
});

it('nothing known begins like another, in any length of what is read', () => {
  for (const [, bytes] of OTHERS) for (let n = 0; n <= bytes.length; n++) recognizePicture(bytes.subarray(0, n));
  const source = readFileSync(new URL('../../src/media/picture-format.ts', import.meta.url));
  expect(recognizePicture(source)).toBeUndefined();
});
