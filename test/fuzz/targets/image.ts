/** Pictures as strangers upload them: damaged, of other kinds, with headers that lie. */
import { decodePhoto } from '../../../src/engine/portrait/photo.ts';
import { sharp } from '../../../src/media/image.ts';
import { type FuzzTarget, holds } from '../target.ts';

const SIDE_PX = 96;

async function seeds(): Promise<Uint8Array[]> {
  const channels = 3;
  const raw = Uint8Array.from({ length: SIDE_PX * SIDE_PX * channels }, (_, i) => (i * 7) % 251);
  const image = () => sharp(raw, { raw: { width: SIDE_PX, height: SIDE_PX, channels } });
  const files = [
    image().jpeg({ quality: 30 }),
    image().jpeg({ quality: 30, progressive: true }).withMetadata({ orientation: 6 }),
    image().png({ palette: true }),
    image().ensureAlpha(0.5).png(),
    image().webp({ quality: 20 }),
    image().avif({ quality: 20, effort: 0 }),
    image().tiff({ compression: 'lzw' }),
    image().gif(),
  ];
  return [
    ...(await Promise.all(files.map((file) => file.toBuffer()))),
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><path d="M0 0L9 9"/></svg>'),
    Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF'),
    Buffer.from('BM\x46\0\0\0\0\0\0\0\x36\0\0\0'),
  ];
}

export const target: FuzzTarget = {
  name: 'image',
  covers: ['src/engine/portrait/', 'src/media/image'],
  seeds,
  words: [
    '\xff\xd8\xff',
    '\xff\xda',
    '\x89PNG\r\n\x1a\n',
    'IHDR',
    'IDAT',
    'RIFF',
    'WEBP',
    'VP8X',
    'ANIM',
    'ftypheic',
    'ftypavif',
    'GIF89a',
    'II*\0',
    'MM\0*',
    '<svg',
    '<?xml',
    '%PDF',
    'Exif\0\0',
  ],
  maxBytes: 16_384,
  async run(input) {
    const { rgb, widthPx, heightPx } = await decodePhoto(input, 'fuzz');
    holds(rgb.length === 3 * widthPx * heightPx, `${rgb.length} bytes for ${widthPx} × ${heightPx}`);
  },
};
