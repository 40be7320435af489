/**
 * What a file is by its first bytes, whatever its name says. In: the beginning of a file; out: a photo's format, or the name of something else
 * that people send instead of a photo, with its remedy. Reads headers only and calls no library: what is no photo never reaches a decoder.
 */

export type PhotoFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'heic';

export type Recognized =
  | { photo: PhotoFormat }
  /** `what` with its article: "a PDF document". */
  | { photo?: undefined; what: string; remedy: string };

/** So much of a file tells. */
export const HEAD_BYTES = 4096;

const AS_JPEG = 'save it as JPEG or PNG';
const TAKE_STILL = 'take a still picture from it and give that';
const DEVELOP = 'develop it, that is export it as JPEG from your photo program';

/** Marks at the very beginning; latin-1. */
const MARKS: readonly [mark: string, found: PhotoFormat | { what: string; remedy: string }][] = [
  ['\xff\xd8\xff', 'jpeg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['%PDF-', { what: 'a PDF document', remedy: 'export the page or its photo as JPEG' }],
  ['8BPS', { what: 'a Photoshop file', remedy: 'export it as JPEG or PNG' }],
  ['8BPB', { what: 'a Photoshop file', remedy: 'export it as JPEG or PNG' }],
  ['gimp xcf', { what: 'a GIMP file', remedy: 'export it as JPEG or PNG' }],
  ['%!PS', { what: 'a PostScript file', remedy: 'export it as JPEG or PNG' }],
  ['\xc5\xd0\xd3\xc6', { what: 'a PostScript file', remedy: 'export it as JPEG or PNG' }],
  ['\xff\x0a', { what: 'a JPEG XL picture', remedy: AS_JPEG }],
  ['\0\0\0\x0cJXL \r\n\x87\n', { what: 'a JPEG XL picture', remedy: AS_JPEG }],
  ['\0\0\0\x0cjP  \r\n\x87\n', { what: 'a JPEG 2000 picture', remedy: AS_JPEG }],
  ['\xff\x4f\xff\x51', { what: 'a JPEG 2000 picture', remedy: AS_JPEG }],
  ['\0\0\x01\0', { what: 'an icon', remedy: 'give a photo as JPEG, PNG or WebP' }],
  ['icns', { what: 'an icon', remedy: 'give a photo as JPEG, PNG or WebP' }],
  ['\x76\x2f\x31\x01', { what: 'an OpenEXR picture', remedy: AS_JPEG }],
  ['#?RADIANCE', { what: 'a Radiance HDR picture', remedy: AS_JPEG }],
  ['#?RGBE', { what: 'a Radiance HDR picture', remedy: AS_JPEG }],
  ['qoif', { what: 'a QOI picture', remedy: AS_JPEG }],
  ['DDS ', { what: 'a DirectDraw texture', remedy: AS_JPEG }],
  ['SIMPLE  =', { what: 'a FITS picture', remedy: AS_JPEG }],
  ['II\xbc', { what: 'a JPEG XR picture', remedy: AS_JPEG }],
  ['IIRO', { what: 'an Olympus raw photo', remedy: DEVELOP }],
  ['IIRS', { what: 'an Olympus raw photo', remedy: DEVELOP }],
  ['IIU\0', { what: 'a Panasonic raw photo', remedy: DEVELOP }],
  ['FUJIFILMCCD-RAW', { what: 'a Fujifilm raw photo', remedy: DEVELOP }],
  ['FOVb', { what: 'a Sigma raw photo', remedy: DEVELOP }],
  ['\0MRM', { what: 'a Minolta raw photo', remedy: DEVELOP }],
  ['\x1a\x45\xdf\xa3', { what: 'a video (Matroska or WebM)', remedy: TAKE_STILL }],
  ['FLV\x01', { what: 'a video (Flash)', remedy: TAKE_STILL }],
  ['OggS', { what: 'an Ogg sound or video file', remedy: 'give a photo as JPEG, PNG or WebP' }],
  ['\0\0\x01\xba', { what: 'a video (MPEG)', remedy: TAKE_STILL }],
  ['\0\0\x01\xb3', { what: 'a video (MPEG)', remedy: TAKE_STILL }],
  ['\x30\x26\xb2\x75\x8e\x66\xcf\x11', { what: 'a video (Windows Media)', remedy: TAKE_STILL }],
  ['PK\x03\x04', { what: 'a ZIP archive or an office document', remedy: 'take the photo out of it and give that' }],
  ['Rar!', { what: 'a RAR archive', remedy: 'unpack it and give the photo' }],
  ["7z\xbc\xaf'\x1c", { what: 'a 7-Zip archive', remedy: 'unpack it and give the photo' }],
  ['\x1f\x8b', { what: 'a file compressed by gzip', remedy: 'unpack it and give the photo' }],
  ['ID3', { what: 'a sound file', remedy: 'give a photo as JPEG, PNG or WebP' }],
  ['bplist', { what: 'a property list', remedy: 'give a photo as JPEG, PNG or WebP' }],
  ['{\\rtf', { what: 'a text document', remedy: 'give a photo as JPEG, PNG or WebP' }],
];

const RIFF_KINDS: Record<string, { what: string; remedy: string }> = {
  'AVI ': { what: 'a video (AVI)', remedy: TAKE_STILL },
  WAVE: { what: 'a sound file', remedy: 'give a photo as JPEG, PNG or WebP' },
};

/** @returns undefined for bytes that are nothing known. */
export function recognizePicture(head: Uint8Array): Recognized | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES)).toString('latin1');
  const mark = MARKS.find(([start]) => text.startsWith(start))?.[1];
  if (mark) return typeof mark === 'string' ? { photo: mark } : mark;
  if (text.startsWith('RIFF')) {
    const kind = text.slice(8, 12);
    return kind === 'WEBP' ? { photo: 'webp' } : RIFF_KINDS[kind];
  }
  if (/^(II[*+]\0|MM\0[*+])/.test(text)) return recognizeTiff(head, text);
  if (text.slice(4, 8) === 'ftyp') return recognizeBoxes(text);
  // A video of the first QuickTime days has no ftyp.
  if (/^(moov|mdat|wide|free|skip|pnot)$/.test(text.slice(4, 8)))
    return { what: 'a video (QuickTime)', remedy: TAKE_STILL };
  if (text.startsWith('BM') && text.slice(6, 10) === '\0\0\0\0') return { what: 'a BMP picture', remedy: AS_JPEG };
  if (/^P[1-7][\s#]/.test(text) || /^P[Ff]\s/.test(text)) return { what: 'a Netpbm picture', remedy: AS_JPEG };
  if (text.slice(128, 132) === 'DICM') return { what: 'a DICOM picture', remedy: AS_JPEG };
  if (/%PDF-/.test(text.slice(0, 1024)))
    return { what: 'a PDF document', remedy: 'export the page or its photo as JPEG' };
  return recognizeMarkup(text);
}

/** Text in UTF-8 or UTF-16; a comment or a declaration may come first. */
function recognizeMarkup(text: string): Recognized | undefined {
  const plain = text
    .replaceAll('\0', '')
    .replace(/^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')
    .trimStart()
    .toLowerCase();
  if (!plain.startsWith('<')) return undefined;
  if (/<([a-z]+:)?svg[\s>]/.test(plain)) return { what: 'an SVG drawing', remedy: 'export it as PNG, or give a photo' };
  if (/^<(!doctype html|html|head|body|!--)/.test(plain))
    return { what: 'a web page', remedy: 'save the picture itself and give that' };
  if (plain.startsWith('<?xml') || plain.startsWith('<!doctype'))
    return { what: 'an XML document', remedy: 'give a photo as JPEG, PNG or WebP' };
  return undefined;
}

const AVIF_BRANDS = ['avif', 'avis'];
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'];

/** Files made of boxes: pictures and films alike. The brands say which. */
function recognizeBoxes(text: string): Recognized {
  const size =
    ((text.charCodeAt(0) << 24) | (text.charCodeAt(1) << 16) | (text.charCodeAt(2) << 8) | text.charCodeAt(3)) >>> 0;
  const major = text.slice(8, 12);
  const brands = [major];
  for (let at = 16; at + 4 <= Math.min(size, text.length, 512); at += 4) brands.push(text.slice(at, at + 4));
  if (AVIF_BRANDS.includes(major)) return { photo: 'avif' };
  if (HEIC_BRANDS.includes(major)) return { photo: 'heic' };
  if (major === 'crx ') return { what: 'a Canon raw photo', remedy: DEVELOP };
  if (major === 'jxl ') return { what: 'a JPEG XL picture', remedy: AS_JPEG };
  if (/^jp[2xm]/.test(major)) return { what: 'a JPEG 2000 picture', remedy: AS_JPEG };
  if (/^M4[AB]|^aax/.test(major)) return { what: 'a sound file', remedy: 'give a photo as JPEG, PNG or WebP' };
  if (brands.some((brand) => AVIF_BRANDS.includes(brand))) return { photo: 'avif' };
  if (brands.some((brand) => HEIC_BRANDS.includes(brand))) return { photo: 'heic' };
  if (/^(mif|msf|mia|avc|vvi|j2k|jpg|evb)/.test(major))
    return { what: 'a HEIF picture of a rare kind', remedy: AS_JPEG };
  return { what: 'a video', remedy: TAKE_STILL };
}

const TAG = { subfileType: 0xfe, make: 0x10f, subIfds: 0x14a, exif: 0x8769, dngVersion: 0xc612 };

/** Raw photos of most makers are TIFF files around something that is no TIFF picture. */
function recognizeTiff(head: Uint8Array, text: string): Recognized {
  if (text.slice(8, 10) === 'CR') return { what: 'a Canon raw photo', remedy: DEVELOP };
  const view = new DataView(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES));
  const little = text.startsWith('I');
  const isBig = /^(II\+|MM\0\+)/.test(text);
  if (isBig || view.byteLength < 8) return { photo: 'tiff' };
  const start = view.getUint32(4, little);
  if (start + 2 > view.byteLength) return { photo: 'tiff' };
  const tags = new Map<number, number>();
  for (let i = 0, at = start + 2; i < view.getUint16(start, little) && at + 12 <= view.byteLength; i++, at += 12)
    tags.set(view.getUint16(at, little), view.getUint32(at + 8, little));
  if (tags.has(TAG.dngVersion)) return { what: 'a DNG raw photo', remedy: DEVELOP };
  // The first picture in them is a preview; the photo lies in a directory below.
  const isPreview = tags.get(TAG.subfileType) === 1;
  if (isPreview && tags.has(TAG.make) && tags.has(TAG.subIfds)) return { what: 'a raw photo', remedy: DEVELOP };
  return { photo: 'tiff' };
}
