/**
 * The face basis: what every portrait starts from. In: `models/face-basis.bin` (made by `training/face-basis`, described
 * in `models/face-basis.md`). Out: mesh, expressions, identity modes and mouth interior as typed arrays.
 *
 * Basis space: about one centimetre per unit, x to the person's left (the image's right), y up, z out of the face.
 * The arrays are views of one buffer and belong to every portrait: read them, never write them.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { AppError } from '../../errors.ts';
import { modelsDir } from '../../paths.ts';
import type { HoleRing, JawAffine, MouthLayer, SparseMatrix, Texture } from '../face-rig.ts';
import { BLENDSHAPE_NAMES, type BlendshapeName } from '../motion-frame.ts';

export const FACE_BASIS_PATH = join(modelsDir, 'face-basis.bin');
const MAGIC = 'VVFB';
const FORMAT_VERSION = 1;
const HEADER_OFFSET = 44; // magic 4, version 4, header length 4, SHA-256 of the rest 32

export type BasisRingName = 'innerLips' | 'outerLips' | 'rightEye' | 'leftEye' | 'oval';

export interface BasisShape {
  name: BlendshapeName;
  /** 3 per vertex, basis units, at weight 1. All zero for `tongueOut`, which moves the tongue layer only. */
  delta: Float32Array;
  /** 3 per vertex: change of the unit normal at weight 1. */
  normalDelta: Float32Array;
}

export interface MouthBasisLayer {
  kind: MouthLayer['kind'];
  /** 64 texels per basis unit; lit as if teeth and flesh had their reference colours. */
  texture: Texture;
  /** 1 per texel: 255 tooth … 0 flesh. */
  toothMask: Uint8Array;
  /** Bright third of the tooth (flesh) texels, RGB 0…255: tint a texel by target ÷ reference. The tongue has no tooth. */
  toothReference: [number, number, number] | null;
  fleshReference: [number, number, number];
  /** The grid: 3 per vertex in basis space at rest, 2 texels per vertex, 3 per triangle (positive area in image axes). */
  positions: Float32Array;
  uv: Float32Array;
  triangles: Uint16Array;
  columns: number;
  rows: number;
}

export interface FaceBasis {
  /** The file's SHA-256 (hex): goes into cache keys of what is made from it. */
  sha256: string;
  /** 1790: the 468 landmarks first, then the edge mid-points. */
  vertexCount: number;
  landmarkCount: number;
  /** vertexCount × landmarkCount, rows sum to 1: carries any quantity from the landmarks to the mesh. */
  subdivision: SparseMatrix;
  /** 3 per triangle, mouth and eyes cut out, area positive in image axes (x right, y down) where it faces the viewer. */
  triangles: Uint16Array;
  /** Subdivided rings; each starts at a corner (the oval at the forehead's top, its `secondCorner` is the chin). */
  rings: Record<BasisRingName, HoleRing>;
  /** 1 per vertex: 1 upper lip and skin above it, -1 lower lip and skin below it, 0 elsewhere and in the corners. */
  lipLabels: Int8Array;
  /** 3 per vertex: neutral face, mouth closed, and its unit normals. Mirror-symmetric, as all shapes are. */
  positions: Float32Array;
  normals: Float32Array;
  /** In the order of BLENDSHAPE_NAMES. */
  shapes: BasisShape[];
  /** 40 modes by falling size, 3 per *landmark* (468), one unit = one standard deviation. */
  identityModes: Float32Array[];
  mouth: {
    /** Back to front: tongue, lower teeth, upper teeth. */
    layers: MouthBasisLayer[];
    /** How the lower teeth follow the jaw. */
    jaw: JawAffine[];
    /** Where the tongue's grid lies at rising weights of `tongueOut`, from 0 to 1; interpolate linearly in between. */
    tonguePath: { weight: number; positions: Float32Array }[];
  };
}

interface ArrayEntry {
  dtype: 'float32' | 'uint32' | 'int16' | 'uint16' | 'int8' | 'uint8';
  shape: number[];
  offset: number;
  scale?: number[];
}

interface Header {
  payloadBytes: number;
  arrays: Record<string, ArrayEntry>;
  shapes: BlendshapeName[];
  jawShapes: JawAffine['name'][];
  rings: BasisRingName[];
  mouthLayers: MouthLayer['kind'][];
  mouthReferences: Record<string, { flesh: [number, number, number]; tooth?: [number, number, number] }>;
  tongueWeights: number[];
}

const ARRAY_TYPES = {
  float32: Float32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
};

/**
 * Reads and checks the basis; about 20 ms.
 * @throws AppError MODEL_MISSING (no such file) or MODEL_CORRUPT (not intact, or of another version).
 */
export function loadFaceBasis(path: string = FACE_BASIS_PATH): FaceBasis {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (cause) {
    throw new AppError('MODEL_MISSING', `The face basis ${path} cannot be read; reinstall the package or restore it.`, {
      cause,
    });
  }
  const { header, payload } = unpack(file, path);
  const arrays = new BasisArrays(header, payload);

  const shapeDeltas = arrays.quantised('expression');
  const shapeNormals = arrays.quantised('expressionNormal');
  if (header.shapes.join() !== BLENDSHAPE_NAMES.join()) throw corrupt(path, 'its expressions are not the expected 52');
  const subdivision = {
    rowCount: arrays.shape('positions')[0],
    columnCount: arrays.shape('identity')[1],
    rowStart: arrays.plain<Uint32Array>('subdivisionRowStart'),
    column: arrays.plain<Uint16Array>('subdivisionColumn'),
    value: arrays.plain<Float32Array>('subdivisionValue'),
  };
  const jaw = arrays.plain<Float32Array>('jaw');
  const tonguePath = arrays.plain<Float32Array>('mouth.tongue.path');
  const tongueLength = tonguePath.length / header.tongueWeights.length;
  return {
    sha256: createHash('sha256').update(file).digest('hex'),
    vertexCount: subdivision.rowCount,
    landmarkCount: subdivision.columnCount,
    subdivision,
    triangles: arrays.plain('triangles'),
    rings: Object.fromEntries(
      header.rings.map((name) => {
        const vertices = arrays.plain<Uint16Array>(`ring.${name}`);
        return [name, { vertices, secondCorner: vertices.length / 2 }];
      }),
    ) as FaceBasis['rings'],
    lipLabels: arrays.plain('lipLabels'),
    positions: arrays.plain('positions'),
    normals: arrays.plain('normals'),
    shapes: BLENDSHAPE_NAMES.map((name, i) => ({ name, delta: shapeDeltas[i], normalDelta: shapeNormals[i] })),
    identityModes: arrays.quantised('identity'),
    mouth: {
      layers: header.mouthLayers.map((kind) => mouthLayer(arrays, header, kind)),
      jaw: header.jawShapes.map((name, i) => ({ name, matrix: jaw.subarray(i * 12, i * 12 + 12) })),
      tonguePath: header.tongueWeights.map((weight, i) => ({
        weight,
        positions: tonguePath.subarray(i * tongueLength, (i + 1) * tongueLength),
      })),
    },
  };
}

function mouthLayer(arrays: BasisArrays, header: Header, kind: MouthLayer['kind']): MouthBasisLayer {
  const [heightPx, widthPx] = arrays.shape(`mouth.${kind}.rgba`);
  const [rows, columns] = arrays.shape(`mouth.${kind}.positions`);
  const reference = header.mouthReferences[kind];
  return {
    kind,
    texture: { widthPx, heightPx, data: arrays.plain(`mouth.${kind}.rgba`) },
    toothMask: arrays.plain(`mouth.${kind}.toothMask`),
    toothReference: reference.tooth ?? null,
    fleshReference: reference.flesh,
    positions: arrays.plain(`mouth.${kind}.positions`),
    uv: arrays.plain(`mouth.${kind}.uv`),
    triangles: arrays.plain(`mouth.${kind}.triangles`),
    columns,
    rows,
  };
}

function corrupt(path: string, why: string, cause?: unknown): AppError {
  return new AppError('MODEL_CORRUPT', `The face basis ${path} is damaged (${why}); reinstall the package.`, { cause });
}

function unpack(file: Buffer, path: string): { header: Header; payload: ArrayBuffer } {
  if (file.length < HEADER_OFFSET || file.toString('latin1', 0, 4) !== MAGIC) {
    throw corrupt(path, 'it is not a face-basis file');
  }
  const version = file.readUInt32LE(4);
  if (version !== FORMAT_VERSION) throw corrupt(path, `format ${version}, this program reads ${FORMAT_VERSION}`);
  const headerEnd = HEADER_OFFSET + file.readUInt32LE(8);
  const checksum = createHash('sha256').update(file.subarray(HEADER_OFFSET)).digest();
  if (!checksum.equals(file.subarray(12, HEADER_OFFSET))) throw corrupt(path, 'its checksum does not match');
  const header = JSON.parse(file.toString('utf8', HEADER_OFFSET, headerEnd)) as Header;
  const inflated = inflateSync(file.subarray(headerEnd), { maxOutputLength: header.payloadBytes });
  // A buffer of its own, so that typed arrays may start at any multiple of 4.
  const payload = new ArrayBuffer(inflated.length);
  new Uint8Array(payload).set(inflated);
  return { header, payload };
}

/** Named arrays of an intact file. */
class BasisArrays {
  readonly #entries: Record<string, ArrayEntry>;
  readonly #payload: ArrayBuffer;

  constructor(header: Header, payload: ArrayBuffer) {
    this.#entries = header.arrays;
    this.#payload = payload;
  }

  shape(name: string): number[] {
    return this.#entries[name].shape;
  }

  plain<T>(name: string): T {
    const { dtype, shape, offset } = this.#entries[name];
    const length = shape.reduce((product, n) => product * n, 1);
    return new ARRAY_TYPES[dtype](this.#payload, offset, length) as T;
  }

  /** One Float32Array per entry of the first axis: stored × scale. */
  quantised(name: string): Float32Array[] {
    const stored = this.plain<Int16Array | Int8Array>(name);
    const scale = this.#entries[name].scale!;
    const length = stored.length / scale.length;
    return scale.map((factor, i) => {
      const values = new Float32Array(length);
      for (let k = 0; k < length; k++) values[k] = stored[i * length + k] * factor;
      return values;
    });
  }
}
