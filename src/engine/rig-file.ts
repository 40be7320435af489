/**
 * One FaceRig as one file, and back. Layout, little-endian: "VVRIG", u8 format version, u16 0, u32 header length, u32
 * CRC-32 of all that follows, header (UTF-8 JSON, padded with spaces to a multiple of 8), payload.
 *
 * The header is the rig itself with every typed array replaced by `{$: kind, at, length, scale?}` (deltas quantised to
 * int16, normal deltas to int8) and every texture by `{$: 'texture', …}` whose colour and alpha are two opaque images in
 * a format that browsers decode too (opaque, so that no canvas premultiplies them). Pure: images are encoded and
 * decoded by functions that the caller brings, so this file runs in Node and in a browser alike.
 */
import { AppError } from '../errors.ts';
import { type FaceRig, RIG_VERSION, type Texture } from './face-rig.ts';

const MAGIC = 'VVRIG';
const FORMAT_VERSION = 1;
const PREFIX_BYTES = 16;

/** Interleaved 8-bit pixels without alpha. */
export interface PlainImage {
  widthPx: number;
  heightPx: number;
  channels: 1 | 3;
  data: Uint8Array;
}

/** `exact`: every pixel must come back as it was. */
export type ImageEncoder = (image: PlainImage, exact: boolean) => Promise<Uint8Array>;
/** Encoded bytes → RGBA (alpha 255), or for `channels` 1 the grey values alone. The memory becomes the rig's. */
export type ImageDecoder = (
  bytes: Uint8Array,
  channels: 1 | 4,
) => Promise<{ widthPx: number; heightPx: number; data: Uint8Array }>;

const ARRAY_KINDS = { f32: Float32Array, u32: Uint32Array, u16: Uint16Array, u8: Uint8Array } as const;
type ArrayKind = keyof typeof ARRAY_KINDS;
type Marker =
  | { $: ArrayKind; at: number; length: number }
  | { $: 'i16' | 'i8'; at: number; length: number; scale: number }
  | {
      $: 'texture';
      widthPx: number;
      heightPx: number;
      color: [at: number, bytes: number];
      alpha: [at: number, bytes: number] | null;
    };

/** Textures larger than this are stored lossily (visually lossless); smaller ones exactly. */
const EXACT_TEXELS = 700 * 700;

export async function encodeRig(rig: FaceRig, encodeImage: ImageEncoder): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const store = (bytes: Uint8Array): number => {
    const at = length;
    parts.push(bytes);
    length += bytes.length;
    const padding = (8 - (length % 8)) % 8;
    if (padding > 0) parts.push(new Uint8Array(padding));
    length += padding;
    return at;
  };

  const pack = async (value: unknown, key: string): Promise<unknown> => {
    if (value instanceof Float32Array && (key === 'delta' || key === 'normalDelta')) {
      return quantise(value, key === 'delta' ? 'i16' : 'i8', store);
    }
    for (const [kind, ArrayType] of Object.entries(ARRAY_KINDS)) {
      if (value instanceof ArrayType) {
        return {
          $: kind,
          at: store(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)),
          length: value.length,
        };
      }
    }
    if (isTexture(value)) return packTexture(value, store, encodeImage);
    if (Array.isArray(value)) {
      const out: unknown[] = [];
      for (const item of value) out.push(await pack(item, key));
      return out;
    }
    if (typeof value === 'object' && value !== null) {
      const out: Record<string, unknown> = {};
      for (const [name, item] of Object.entries(value)) out[name] = await pack(item, name);
      return out;
    }
    return value;
  };
  const header = new TextEncoder().encode(JSON.stringify(await pack(rig, '')));
  const headerBytes = Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(PREFIX_BYTES + headerBytes + length);
  file.fill(0x20, PREFIX_BYTES, PREFIX_BYTES + headerBytes);
  file.set(header, PREFIX_BYTES);
  let at = PREFIX_BYTES + headerBytes;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  const view = new DataView(file.buffer);
  for (let i = 0; i < MAGIC.length; i++) file[i] = MAGIC.charCodeAt(i);
  file[5] = FORMAT_VERSION;
  view.setUint32(8, headerBytes, true);
  view.setUint32(12, crc32(file.subarray(PREFIX_BYTES)), true);
  return file;
}

/**
 * @param name what an error calls the file.
 * @throws AppError RIG_INVALID: not a rig file, damaged, or of another version.
 */
export async function decodeRig(file: Uint8Array, decodeImage: ImageDecoder, name = 'the rig file'): Promise<FaceRig> {
  const invalid = (why: string, cause?: unknown) =>
    new AppError('RIG_INVALID', `${name} ${why}: bake the portrait again.`, { cause });
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = String.fromCharCode(...file.subarray(0, MAGIC.length));
  if (file.length < PREFIX_BYTES || magic !== MAGIC) throw invalid('is not a face rig');
  if (file[5] !== FORMAT_VERSION) throw invalid(`has format ${file[5]}, this program reads ${FORMAT_VERSION}`);
  const headerBytes = view.getUint32(8, true);
  if (PREFIX_BYTES + headerBytes > file.length || crc32(file.subarray(PREFIX_BYTES)) !== view.getUint32(12, true)) {
    throw invalid('is damaged or incomplete');
  }
  let rig: FaceRig;
  try {
    const header = JSON.parse(new TextDecoder().decode(file.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes)));
    const payload = file.slice(PREFIX_BYTES + headerBytes);
    rig = (await unpack(header, payload, decodeImage)) as FaceRig;
  } catch (cause) {
    throw invalid('cannot be decoded', cause);
  }
  if (rig.version !== RIG_VERSION)
    throw invalid(`holds a rig of version ${rig.version}, this program draws ${RIG_VERSION}`);
  return rig;
}

function quantise(values: Float32Array, kind: 'i16' | 'i8', store: (bytes: Uint8Array) => number): Marker {
  const limit = kind === 'i16' ? 32767 : 127;
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const scale = largest / limit || 1;
  const out = kind === 'i16' ? new Int16Array(values.length) : new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = Math.round(values[i] / scale);
  return { $: kind, at: store(new Uint8Array(out.buffer)), length: values.length, scale };
}

function isTexture(value: unknown): value is Texture {
  return typeof value === 'object' && value !== null && 'widthPx' in value && 'data' in value;
}

async function packTexture(
  { widthPx, heightPx, data }: Texture,
  store: (bytes: Uint8Array) => number,
  encodeImage: ImageEncoder,
): Promise<Marker> {
  const count = widthPx * heightPx;
  const color = new Uint8Array(count * 3);
  const alpha = new Uint8Array(count);
  let isOpaque = true;
  for (let i = 0; i < count; i++) {
    color[3 * i] = data[4 * i];
    color[3 * i + 1] = data[4 * i + 1];
    color[3 * i + 2] = data[4 * i + 2];
    alpha[i] = data[4 * i + 3];
    if (alpha[i] !== 255) isOpaque = false;
  }
  const put = async (image: PlainImage, exact: boolean): Promise<[number, number]> => {
    const bytes = await encodeImage(image, exact);
    return [store(bytes), bytes.length];
  };
  return {
    $: 'texture',
    widthPx,
    heightPx,
    color: await put({ widthPx, heightPx, channels: 3, data: color }, count <= EXACT_TEXELS),
    alpha: isOpaque ? null : await put({ widthPx, heightPx, channels: 1, data: alpha }, true),
  };
}

async function unpack(value: unknown, payload: Uint8Array, decodeImage: ImageDecoder): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => unpack(item, payload, decodeImage)));
  if (typeof value !== 'object' || value === null) return value;
  if ('$' in value) return unpackMarker(value as Marker, payload, decodeImage);
  const entries = Object.entries(value).map(async ([name, item]) => [name, await unpack(item, payload, decodeImage)]);
  return Object.fromEntries(await Promise.all(entries));
}

async function unpackMarker(marker: Marker, payload: Uint8Array, decodeImage: ImageDecoder): Promise<unknown> {
  if (marker.$ === 'texture') return unpackTexture(marker, payload, decodeImage);
  if (marker.$ === 'i16' || marker.$ === 'i8') {
    const StoredType = marker.$ === 'i16' ? Int16Array : Int8Array;
    const stored = new StoredType(payload.buffer as ArrayBuffer, payload.byteOffset + marker.at, marker.length);
    const out = new Float32Array(marker.length);
    for (let i = 0; i < out.length; i++) out[i] = stored[i] * marker.scale;
    return out;
  }
  const ArrayType = ARRAY_KINDS[marker.$];
  return new ArrayType(payload.buffer as ArrayBuffer, payload.byteOffset + marker.at, marker.length);
}

async function unpackTexture(
  marker: Extract<Marker, { $: 'texture' }>,
  payload: Uint8Array,
  decodeImage: ImageDecoder,
): Promise<Texture> {
  const read = ([at, bytes]: [number, number], channels: 1 | 4) =>
    decodeImage(payload.subarray(at, at + bytes), channels);
  const [color, alpha] = await Promise.all([read(marker.color, 4), marker.alpha ? read(marker.alpha, 1) : null]);
  const { widthPx, heightPx } = marker;
  const count = widthPx * heightPx;
  const { data } = color;
  if (data.length !== count * 4 || (alpha && alpha.data.length !== count)) throw new Error('texture of a wrong size');
  if (alpha) for (let i = 0; i < count; i++) data[4 * i + 3] = alpha.data[i];
  return { widthPx, heightPx, data };
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
