import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FaceRig, RIG_VERSION } from '../../src/engine/face-rig.ts';
import { bakePortrait } from '../../src/engine/portrait/portrait.ts';
import { loadRig, saveRig } from '../../src/engine/portrait/rig-store.ts';
import { decodeRig, encodeRig, type PlainImage } from '../../src/engine/rig-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-rig-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Stands in for an image format: the pixels as they are, after 9 bytes of size. */
async function encodeImage({ widthPx, heightPx, channels, data }: PlainImage): Promise<Uint8Array> {
  const out = new Uint8Array(9 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, widthPx);
  view.setUint32(4, heightPx);
  out[8] = channels;
  out.set(data, 9);
  return out;
}
async function decodeImage(bytes: Uint8Array, channels: 1 | 4) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const stored = bytes[8];
  const count = view.getUint32(0) * view.getUint32(4);
  const data = new Uint8Array(count * channels).fill(255);
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < Math.min(channels, stored); c++) data[i * channels + c] = bytes[9 + i * stored + c];
  }
  return { widthPx: view.getUint32(0), heightPx: view.getUint32(4), data };
}

/** Not a face, but every kind of thing that a rig holds. */
function smallRig(): FaceRig {
  const texture = { widthPx: 3, heightPx: 2, data: Uint8Array.from({ length: 24 }, (_, i) => (i * 37) % 256) };
  return {
    version: RIG_VERSION,
    source: { name: 'Zoë.jpg', widthPx: 3, heightPx: 2, crop: [0, 0.5, 2] },
    warnings: [{ code: 'SEVERAL_FACES', message: 'two' }],
    person: texture,
    background: { ...texture, data: texture.data.map((value, i) => (i % 4 === 3 ? 255 : value)) },
    positions: Float32Array.of(1.5, -2.25, 1e-3),
    triangles: Uint16Array.of(0, 1, 65535),
    headWeight: Float32Array.of(),
    shapes: [
      {
        name: 'jawOpen',
        vertex: Uint16Array.of(0),
        delta: Float32Array.of(12.5, -7, 0),
        normalDelta: Float32Array.of(0.5, -0.25, 0),
      },
      { name: 'tongueOut', vertex: Uint16Array.of(), delta: Float32Array.of(), normalDelta: Float32Array.of() },
    ],
    mouth: { photoTeeth: null, layers: [{ kind: 'tongue', texture }] },
  } as unknown as FaceRig;
}

describe('a rig file', () => {
  it('gives back what was put in', async () => {
    const rig = smallRig();
    const back = await decodeRig(await encodeRig(rig, encodeImage), decodeImage);
    expect(back.shapes[0].delta[0]).toBeCloseTo(12.5, 3);
    expect(back.shapes[0].normalDelta[1]).toBeCloseTo(-0.25, 2);
    const exact = (r: FaceRig) => ({ ...r, shapes: r.shapes.map(({ name, vertex }) => ({ name, vertex })) });
    expect(exact(back)).toEqual(exact(rig));
  });

  it('is the same bytes for the same rig', async () => {
    expect(await encodeRig(smallRig(), encodeImage)).toEqual(await encodeRig(smallRig(), encodeImage));
  });

  it('refuses what is not an intact rig of its version, by name', async () => {
    const file = await encodeRig(smallRig(), encodeImage);
    const refused = (bytes: Uint8Array) =>
      expect(decodeRig(bytes, decodeImage, 'ann.rig')).rejects.toMatchObject({
        code: 'RIG_INVALID',
        message: expect.stringContaining('ann.rig'),
      });
    await refused(new Uint8Array(0));
    await refused(new TextEncoder().encode('this is no rig at all, only text'));
    await refused(file.subarray(0, file.length - 1));
    for (const at of [5, 9, 20, file.length - 3]) {
      const damaged = file.slice();
      damaged[at] ^= 0x40;
      await refused(damaged);
    }
    await refused(await encodeRig({ ...smallRig(), version: RIG_VERSION + 1 }, encodeImage));
  });
});

describe('rigs on disk', () => {
  it('say what is wrong with a path', async () => {
    await expect(loadRig(join(folder, 'none.rig'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(loadRig(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await writeFile(join(folder, 'file'), 'x');
    await expect(saveRig(join(folder, 'file', 'a.rig'), smallRig())).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(await readdir(folder)).toEqual(['file']);
  });
});

describe('bakePortrait', () => {
  it('names a missing photo', async () => {
    const path = join(folder, 'nobody.jpg');
    await expect(bakePortrait(path, { cacheDir: null })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining(path),
    });
  });
});
