import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FaceRig, RIG_FRAME_PX } from '../../src/engine/face-rig.ts';
import { drawDebugSheet } from '../../src/engine/portrait/debug-sheet.ts';
import { bakePortrait, type Portrait } from '../../src/engine/portrait/portrait.ts';
import { loadRig, saveRig } from '../../src/engine/portrait/rig-store.ts';

const PHOTO = fileURLToPath(new URL('../../assets/portraits/mona-lisa.jpg', import.meta.url));
const DEGREE = Math.PI / 180;

let folder: string;
let portrait: Portrait;
let rig: FaceRig;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-bake-'));
  portrait = await bakePortrait(PHOTO, { cacheDir: null });
  rig = portrait.rig;
}, 240_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Positions with one expression fully on. */
function posed(name: string): Float32Array {
  const shape = rig.shapes.find((s) => s.name === name)!;
  const out = rig.positions.slice();
  shape.vertex.forEach((v, i) => {
    for (let k = 0; k < 3; k++) out[3 * v + k] += shape.delta[3 * i + k];
  });
  return out;
}

describe('a baked portrait', () => {
  it('shows the photo itself while it rests', async () => {
    const { source, view, texelScale } = portrait.analysis!.framing;
    const [width, height] = [view.widthPx * texelScale, view.heightPx * texelScale];
    const box = { left: source.x0Px, top: source.y0Px, width: source.widthPx, height: source.heightPx };
    const frame = { left: -view.x0Px * texelScale, top: -view.y0Px * texelScale, width: 0, height: 0 };
    frame.width = frame.height = RIG_FRAME_PX * texelScale;
    const seen = await sharp(PHOTO).extract(box).resize(width, height, { fit: 'fill' }).png().toBuffer();
    const photo = await sharp(seen).extract(frame).removeAlpha().raw().toBuffer();

    const over = rig.background.data.slice();
    for (let i = 0; i < over.length; i += 4) {
      const alpha = rig.person.data[i + 3] / 255;
      for (let c = 0; c < 3; c++) over[i + c] += alpha * (rig.person.data[i + c] - over[i + c]);
    }
    const raw = { width: rig.person.widthPx, height: rig.person.heightPx, channels: 4 as const };
    const margin = -rig.canvas.x0Px * texelScale;
    const shown = await sharp(over, { raw })
      .extract({ ...frame, left: margin, top: margin })
      .removeAlpha()
      .raw()
      .toBuffer();
    let sum = 0;
    for (let i = 0; i < photo.length; i++) sum += (photo[i] - shown[i]) ** 2;
    expect(10 * Math.log10(255 ** 2 / (sum / photo.length))).toBeGreaterThan(34);
  });

  it('closes both eyes along one line', () => {
    for (const [name, eye] of [
      ['eyeBlinkLeft', rig.eyes.left],
      ['eyeBlinkRight', rig.eyes.right],
    ] as const) {
      const closed = posed(name);
      const { vertices, secondCorner } = eye.ring;
      for (let i = 1; i < secondCorner; i++) {
        const upper = vertices[i];
        const lower = vertices[vertices.length - i];
        const slope = Math.abs(closed[3 * upper] - closed[3 * lower]);
        expect(Math.abs(closed[3 * upper + 1] - closed[3 * lower + 1])).toBeLessThan(0.6 + slope);
      }
    }
  });

  it('closes the lips when its own expression is taken away', () => {
    const { upperRing, lowerRing } = rig.mouth;
    upperRing.forEach((upper, i) => {
      for (const k of [0, 1]) {
        const at = (v: number) => rig.positions[3 * v + k] + rig.neutralize[3 * v + k];
        expect(Math.abs(at(upper) - at(lowerRing[i]))).toBeLessThan(0.05);
      }
    });
  });

  it('moves each lip edge exactly by its own column of the seal', () => {
    for (const [matrix, ring] of [
      [rig.mouth.sealUpper, rig.mouth.upperRing],
      [rig.mouth.sealLower, rig.mouth.lowerRing],
    ] as const) {
      expect(matrix.rowCount).toBe(rig.positions.length / 3);
      ring.forEach((v, column) => {
        const entries = [...matrix.column.slice(matrix.rowStart[v], matrix.rowStart[v + 1])];
        expect(entries).toEqual([column]);
        expect(matrix.value[matrix.rowStart[v]]).toBe(1);
      });
    }
  });

  it('has a sound mesh: finite, facing the viewer, back to front, every index in range', () => {
    expect(rig.positions.every(Number.isFinite)).toBe(true);
    const count = rig.positions.length / 3;
    expect(rig.headWeight.length).toBe(count);
    let behind = Number.NEGATIVE_INFINITY;
    let flipped = 0;
    for (let t = 0; t < rig.triangles.length; t += 3) {
      const [a, b, c] = [rig.triangles[t], rig.triangles[t + 1], rig.triangles[t + 2]];
      expect(Math.max(a, b, c)).toBeLessThan(count);
      const [ax, ay] = [rig.positions[3 * a], rig.positions[3 * a + 1]];
      const area =
        (rig.positions[3 * b] - ax) * (rig.positions[3 * c + 1] - ay) -
        (rig.positions[3 * c] - ax) * (rig.positions[3 * b + 1] - ay);
      if (area < 0) flipped++;
      const z = rig.positions[3 * a + 2] + rig.positions[3 * b + 2] + rig.positions[3 * c + 2];
      expect(z).toBeGreaterThanOrEqual(behind - 1e-3);
      behind = z;
    }
    expect(flipped / (rig.triangles.length / 3)).toBeLessThan(0.06);
    for (const shape of rig.shapes) {
      expect(shape.delta.length).toBe(3 * shape.vertex.length);
      expect(shape.normalDelta.length).toBe(3 * shape.vertex.filter((v) => v < rig.faceVertexCount).length);
      expect(shape.delta.every(Number.isFinite)).toBe(true);
    }
    expect(rig.shapes).toHaveLength(52);
  });

  it('keeps the torso out of the head’s turns', () => {
    for (let v = rig.faceVertexCount; v < rig.headWeight.length; v++) {
      const below = (rig.positions[3 * v + 1] - rig.faceCenter[1]) / rig.faceHeightPx;
      if (below < 0.3) expect(rig.headWeight[v]).toBeGreaterThan(0.9);
      if (below > 1.4) expect(rig.headWeight[v]).toBe(0);
    }
  });

  it('knows that she looks to her right, and lets her turn less where her cheek is hidden', () => {
    expect(rig.photoPose.yawRad).toBeLessThan(-10 * DEGREE);
    const [left, right] = rig.poseLimits.yawRad;
    expect(right).toBeLessThan(15 * DEGREE);
    expect(right).toBeGreaterThan(5 * DEGREE);
    expect(left).toBeLessThan(0);
  });

  it('reaches far beyond the frame, so that no border is ever seen', () => {
    expect(rig.canvas.x0Px).toBeLessThanOrEqual(-300);
    expect(rig.canvas.x0Px + rig.canvas.widthPx).toBeGreaterThanOrEqual(RIG_FRAME_PX + 300);
    const { data, widthPx, heightPx } = rig.person;
    const lowest = (heightPx - 2) * widthPx;
    let solid = 0;
    for (let x = 0; x < widthPx; x++) if (data[4 * (lowest + x) + 3] > 200) solid++;
    expect(solid / widthPx).toBeGreaterThan(0.2);
    for (let i = 3; i < rig.background.data.length; i += 4) {
      if (rig.background.data[i] !== 255) throw new Error('the background has a hole');
    }
  });

  it('comes back from its file as it was', async () => {
    const path = join(folder, 'mona.rig');
    await saveRig(path, rig);
    const bytes = await readFile(path);
    expect(bytes.length).toBeLessThan(4e6);
    const back = await loadRig(path);
    expect(back.positions).toEqual(rig.positions);
    expect(back.triangles).toEqual(rig.triangles);
    expect(back.mouth.sealUpper).toEqual(rig.mouth.sealUpper);
    expect(back.mouth.layers.map((layer) => layer.texture.data)).toEqual(
      rig.mouth.layers.map((layer) => layer.texture.data),
    );
    expect(back.poseLimits).toEqual(rig.poseLimits);
    expect(back.source).toEqual(rig.source);
    rig.shapes.forEach((shape, s) => {
      expect(back.shapes[s].name).toBe(shape.name);
      expect(back.shapes[s].vertex).toEqual(shape.vertex);
      shape.delta.forEach((value, i) => {
        if (Math.abs(back.shapes[s].delta[i] - value) > 0.005) throw new Error(`${shape.name} moved`);
      });
    });
    let sum = 0;
    for (let i = 0; i < rig.person.data.length; i++) sum += (back.person.data[i] - rig.person.data[i]) ** 2;
    expect(10 * Math.log10(255 ** 2 / (sum / rig.person.data.length))).toBeGreaterThan(38);
    expect(await readdir(folder)).toEqual(['mona.rig']);

    await writeFile(join(folder, 'cut.rig'), bytes.subarray(0, bytes.length - 100));
    await expect(loadRig(join(folder, 'cut.rig'))).rejects.toMatchObject({ code: 'RIG_INVALID' });
    bytes[bytes.length >> 1] ^= 1;
    await writeFile(join(folder, 'bit.rig'), bytes);
    await expect(loadRig(join(folder, 'bit.rig'))).rejects.toMatchObject({ code: 'RIG_INVALID' });
  }, 120_000);

  it('draws its debug sheet', async () => {
    const { width, height, format } = await sharp(await drawDebugSheet(rig)).metadata();
    expect(format).toBe('png');
    expect(width).toBeGreaterThan(1000);
    expect(height).toBeGreaterThan(1000);
  }, 120_000);
});
