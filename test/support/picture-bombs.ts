/**
 * Pictures made to keep a server busy: small to send, large to open. Each in memory and time of its maker's that are small. What is expected of
 * them all: a refusal in one sentence, and calls that do not feel it.
 */
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

const be32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

function pngChunk(type: string, body: Uint8Array): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  return Buffer.concat([be32(body.length), content, be32(crc32(content))]);
}

function png(header: { side: number; depth: number; color: number; interlace?: number }, ...chunks: Buffer[]): Buffer {
  const { side, depth, color, interlace = 0 } = header;
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', Buffer.concat([be32(side), be32(side), Buffer.from([depth, color, 0, 0, interlace])])),
    ...chunks,
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A drawing of a million paths: what a drawing library reads for a minute. */
function svg(megabytes = 20): Buffer {
  const path = '<path d="M0 0L9 9"/>';
  const count = (megabytes * 1e6) / path.length;
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900">${path.repeat(count)}</svg>`);
}

/** All but nothing to send, 120 megapixels of 16-bit colour and alpha, which can only be read whole. */
function pngOfNothing(side = 7700): Buffer {
  const rows = deflateSync(Buffer.alloc(side * (1 + side * 8)), { level: 6 });
  return png({ side, depth: 16, color: 6, interlace: 1 }, pngChunk('IDAT', rows));
}

/** A colour profile and comments that unpack to hundreds of megabytes. */
function pngOfMetadata(): Buffer {
  const packed = deflateSync(Buffer.alloc(300e6, 1), { level: 1 });
  const profile = pngChunk('iCCP', Buffer.concat([Buffer.from('x\0\0', 'latin1'), packed]));
  const comments = Array.from({ length: 15 }, (_, i) =>
    pngChunk('zTXt', Buffer.concat([Buffer.from(`comment${i}\0\0`, 'latin1'), packed])),
  );
  const side = 200;
  return png(
    { side, depth: 8, color: 2 },
    profile,
    ...comments,
    pngChunk('IDAT', deflateSync(Buffer.alloc(side * (1 + side * 3)))),
  );
}

/** Seen once through it is 100 megapixels, and its passes say that it is to be seen again and again. */
async function jpegOfPasses(passes = 5000): Promise<Buffer> {
  const jpeg = await blank(8000).jpeg({ progressive: true, quality: 40 }).toBuffer();
  const last = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = jpeg.subarray(last, jpeg.length - 2);
  return Buffer.concat([
    jpeg.subarray(0, -2),
    ...Array.from({ length: passes }, () => scan),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** Twenty megabytes of what cameras write beside the picture. */
async function jpegOfMetadata(): Promise<Buffer> {
  const jpeg = await blank(400).jpeg().toBuffer();
  const exif = Buffer.alloc(65_533);
  exif.write('Exif\0\0II*\0\x08\0\0\0\xff\x0f', 'latin1');
  // Entries that all point to one another's directory.
  for (let at = 16; at + 12 <= exif.length; at += 12) exif.set([0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0], at);
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0xff, 0xff]), exif]);
  return Buffer.concat([jpeg.subarray(0, 2), ...Array.from({ length: 300 }, () => segment), jpeg.subarray(2)]);
}

/** A chain of a hundred thousand pages. */
function tiffOfPages(pages = 100_000): Buffer {
  const tags: [number, number, number][] = [
    [0x100, 4, 600],
    [0x101, 4, 600],
    [0x102, 3, 8],
    [0x103, 3, 1],
    [0x106, 3, 1],
    [0x111, 4, 8],
    [0x116, 4, 600],
    [0x117, 4, 360_000],
  ];
  const pageBytes = 2 + tags.length * 12 + 4;
  const file = Buffer.alloc(8 + pages * pageBytes);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(8, 4);
  for (let page = 0; page < pages; page++) {
    let at = 8 + page * pageBytes;
    file.writeUInt16LE(tags.length, at);
    at += 2;
    for (const [tag, type, value] of tags) {
      file.writeUInt16LE(tag, at);
      file.writeUInt16LE(type, at + 2);
      file.writeUInt32LE(1, at + 4);
      file.writeUInt32LE(value, at + 8);
      at += 12;
    }
    file.writeUInt32LE(page + 1 < pages ? 8 + (page + 1) * pageBytes : 0, at);
  }
  return file;
}

/** One strip that unpacks to 480 megabytes. */
async function tiffOfNothing(): Promise<Buffer> {
  return blank(10_900)
    .tiff({ compression: 'deflate', predictor: 'none', tile: true, tileWidth: 8192, tileHeight: 8192 })
    .toBuffer();
}

/** Frames by the hundred thousand on a canvas of 65 000 px. */
function gifOfFrames(frames = 200_000): Buffer {
  const header = Buffer.from('GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1');
  header.writeUInt16LE(10_000, 6);
  header.writeUInt16LE(10_000, 8);
  const frame = Buffer.from('\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\x10\x27\x10\x27\0\x02\x02\x44\x01\0', 'latin1');
  return Buffer.concat([header, ...Array.from({ length: frames }, () => frame), Buffer.from(';')]);
}

async function webpOfFrames(frames = 20_000): Promise<Buffer> {
  const still = await blank(64).webp({ quality: 1 }).toBuffer();
  const picture = still.subarray(12);
  const head = Buffer.alloc(16);
  head.writeUIntLE(63, 6, 3);
  head.writeUIntLE(63, 9, 3);
  const chunk = (type: string, body: Buffer): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(body.length);
    return Buffer.concat([Buffer.from(type, 'latin1'), size, body, Buffer.alloc(body.length % 2)]);
  };
  const canvas = Buffer.alloc(10);
  canvas[0] = 2;
  canvas.writeUIntLE(16_382, 4, 3);
  canvas.writeUIntLE(7000, 7, 3);
  const body = Buffer.concat([
    Buffer.from('WEBP'),
    chunk('VP8X', canvas),
    chunk('ANIM', Buffer.alloc(6)),
    ...Array.from({ length: frames }, () => chunk('ANMF', Buffer.concat([head, picture]))),
  ]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.from('RIFF'), size, body]);
}

/** Twelve bits in three full planes, for the decoder with the largest hunger. */
async function avifOfDepth(side = 5000): Promise<Buffer> {
  return blank(side).avif({ quality: 30, effort: 0, bitdepth: 12, chromaSubsampling: '4:4:4' }).toBuffer();
}

function blank(side: number): Sharp {
  return sharp({ create: { width: side, height: side, channels: 3, background: '#888' } });
}

/** By name; made when asked for, because some take a second. */
export const PICTURE_BOMBS: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  'paths.svg': svg,
  'nothing.png': pngOfNothing,
  'metadata.png': pngOfMetadata,
  'passes.jpg': jpegOfPasses,
  'allowed-passes.jpg': () => jpegOfPasses(85),
  'metadata.jpg': jpegOfMetadata,
  'pages.tif': tiffOfPages,
  'nothing.tif': tiffOfNothing,
  'frames.gif': gifOfFrames,
  'frames.webp': webpOfFrames,
  'depth.avif': avifOfDepth,
};
