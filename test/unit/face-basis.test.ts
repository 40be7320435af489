/** The shipped face basis keeps its promises: geometry, signs, the split of the lips, and a loader that refuses damage. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, type BlendshapeName } from '../../src/engine/motion-frame.ts';
import { FACE_BASIS_PATH, loadFaceBasis } from '../../src/engine/portrait/face-basis.ts';
import {
  CHIN,
  FACE_OVAL,
  INNER_LIPS,
  LEFT_EYE,
  NOSE_TIP,
  OUTER_LIPS,
  RIGHT_EYE,
} from '../../src/engine/portrait/landmark-indices.ts';

const basis = loadFaceBasis();
const folder = mkdtempSync(join(tmpdir(), 'face-basis-'));
afterAll(() => rmSync(folder, { recursive: true }));

const shape = (name: BlendshapeName) => basis.shapes[BLENDSHAPE_INDEX[name]].delta;
const x = (vertex: number) => basis.positions[vertex * 3];
const y = (vertex: number) => basis.positions[vertex * 3 + 1];
const size = (delta: Float32Array, vertex: number) => Math.hypot(...delta.subarray(vertex * 3, vertex * 3 + 3));
const vertices = Array.from({ length: basis.vertexCount }, (_, i) => i);

function edgeCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (let t = 0; t < basis.triangles.length; t += 3) {
    for (let k = 0; k < 3; k++) {
      const edge = `${basis.triangles[t + k]}>${basis.triangles[t + ((k + 1) % 3)]}`;
      counts.set(edge, (counts.get(edge) ?? 0) + 1);
    }
  }
  return counts;
}

describe('mesh', () => {
  it('has 1790 vertices, 468 of them landmarks, and finite numbers throughout', () => {
    expect([basis.vertexCount, basis.landmarkCount, basis.triangles.length / 3]).toEqual([1790, 468, 3408]);
    const arrays = [basis.positions, basis.normals, ...basis.identityModes, ...basis.shapes.map((s) => s.delta)];
    for (const array of arrays) expect(array.every(Number.isFinite)).toBe(true);
    for (const v of vertices) expect(size(basis.normals, v)).toBeCloseTo(1, 4);
  });

  it('subdivides with rows that sum to 1 and keep the landmarks', () => {
    const { rowStart, column, value, rowCount } = basis.subdivision;
    expect(rowCount).toBe(basis.vertexCount);
    for (let row = 0; row < rowCount; row++) {
      const sum = value.subarray(rowStart[row], rowStart[row + 1]).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 6);
      if (row < 468) expect([column[rowStart[row]], rowStart[row + 1] - rowStart[row]]).toEqual([row, 1]);
    }
    expect(rowStart[rowCount]).toBe(value.length);
  });

  it('is wound one way: no directed edge twice, and the front has positive area in the image', () => {
    expect(Math.max(...edgeCounts().values())).toBe(1);
    let front = 0;
    for (let t = 0; t < basis.triangles.length; t += 3) {
      const [a, b, c] = basis.triangles.subarray(t, t + 3);
      const area = -((x(b) - x(a)) * (y(c) - y(a)) - (y(b) - y(a)) * (x(c) - x(a)));
      if (area > 0) front++;
    }
    expect(front / (basis.triangles.length / 3)).toBeGreaterThan(0.95);
  });

  it('has closed rings on the borders, subdivided from the landmark rings', () => {
    const counts = edgeCounts();
    const sources = { innerLips: INNER_LIPS, rightEye: RIGHT_EYE, leftEye: LEFT_EYE, oval: FACE_OVAL };
    for (const [name, source] of Object.entries(sources)) {
      const { vertices: ring, secondCorner } = basis.rings[name as keyof typeof sources];
      expect([...ring].filter((_, i) => i % 2 === 0)).toEqual([...source]);
      expect(ring[secondCorner]).toBe(source[source.length / 2]);
      ring.forEach((from, i) => {
        const to = ring[(i + 1) % ring.length];
        const uses = (counts.get(`${from}>${to}`) ?? 0) + (counts.get(`${to}>${from}`) ?? 0);
        expect(uses, `${name} edge ${from}-${to} is a border`).toBe(1);
      });
    }
    expect([...basis.rings.outerLips.vertices].filter((_, i) => i % 2 === 0)).toEqual([...OUTER_LIPS]);
    expect(x(LEFT_EYE[0])).toBeGreaterThan(0);
    expect(y(CHIN)).toBeLessThan(y(NOSE_TIP));
  });
});

describe('expressions', () => {
  it('are ARKit’s 52 in order, and all but tongueOut move something', () => {
    expect(basis.shapes.map((s) => s.name)).toEqual([...BLENDSHAPE_NAMES]);
    for (const { name, delta } of basis.shapes) {
      expect(Math.max(...vertices.map((v) => size(delta, v))) > 0.15, name).toBe(name !== 'tongueOut');
    }
  });

  it('are mirror images of their partners, so that left + right is symmetric', () => {
    const mirror = new Map(vertices.map((v) => [`${x(v).toFixed(4)},${y(v).toFixed(4)}`, v]));
    const mirrored = vertices.map((v) =>
      mirror.get(`${(-x(v)).toFixed(4).replace(/^-0\.0000$/, '0.0000')},${y(v).toFixed(4)}`),
    );
    for (const name of BLENDSHAPE_NAMES) {
      const partner = name.replace(/Left$|Right$/, (side) => (side === 'Left' ? 'Right' : 'Left')) as BlendshapeName;
      const [a, b] = [shape(name), shape(partner)];
      let worst = 0;
      vertices.forEach((v, i) => {
        const m = mirrored[i];
        if (m === undefined) return;
        worst = Math.max(worst, Math.abs(a[v * 3] + b[m * 3]), Math.abs(a[v * 3 + 1] - b[m * 3 + 1]));
      });
      expect(worst, name).toBeLessThan(0.001);
    }
    expect(mirrored.filter((m) => m !== undefined).length).toBeGreaterThan(1700);
  });

  it('Left is the person’s own left, the image’s right', () => {
    for (const name of BLENDSHAPE_NAMES.filter((n) => n.startsWith('eye') && n.endsWith('Left'))) {
      for (const v of vertices) if (x(v) < -0.5) expect(size(shape(name), v), `${name} ${v}`).toBeLessThan(0.02);
    }
    for (const name of [
      'browDownLeft',
      'cheekSquintLeft',
      'mouthSmileLeft',
      'mouthFrownLeft',
      'noseSneerLeft',
    ] as const) {
      const sum = (side: number) =>
        vertices.reduce((s, v) => s + (Math.sign(x(v)) === side ? size(shape(name), v) : 0), 0);
      expect(sum(1), name).toBeGreaterThan(5 * sum(-1));
    }
    for (const name of ['jawLeft', 'mouthLeft'] as const) expect(shape(name)[14 * 3], name).toBeGreaterThan(0.5);
  });

  it('move the right way up and down', () => {
    const dy = (name: BlendshapeName, v: number) => shape(name)[v * 3 + 1];
    expect(dy('browInnerUp', 107)).toBeGreaterThan(0.2);
    expect(dy('browDownLeft', 334)).toBeLessThan(-0.2);
    expect(dy('eyeBlinkLeft', 386)).toBeLessThan(-0.4);
    expect(dy('eyeWideLeft', 386)).toBeGreaterThan(0.1);
    expect(dy('mouthSmileLeft', 291)).toBeGreaterThan(0.3);
    expect(dy('mouthFrownLeft', 291)).toBeLessThan(-0.2);
    expect(dy('mouthUpperUpLeft', 312)).toBeGreaterThan(0.3);
    expect(dy('mouthLowerDownLeft', 317)).toBeLessThan(-0.2);
    expect(shape('mouthPucker')[0 * 3 + 2]).toBeGreaterThan(0.3);
    expect(shape('mouthStretchLeft')[291 * 3]).toBeGreaterThan(0.2);
  });

  it('split the lips: jawOpen drops the lower inner ring and leaves the upper', () => {
    const { vertices: ring, secondCorner } = basis.rings.innerLips;
    const drop = (v: number) => -shape('jawOpen')[v * 3 + 1];
    const middle = (list: Uint16Array) => list.slice(Math.ceil(list.length * 0.3), Math.floor(list.length * 0.7));
    const upper = ring.slice(1, secondCorner);
    const lower = ring.slice(secondCorner + 1);
    for (const v of middle(upper)) expect(drop(v)).toBeLessThan(0.5);
    for (const v of middle(lower)) expect(drop(v)).toBeGreaterThan(3);
    for (const v of upper) expect(basis.lipLabels[v]).toBe(1);
    for (const v of lower) expect(basis.lipLabels[v]).toBe(-1);
    // mouthClose shuts what jawOpen opens.
    const gap = (v: number, w: number) => y(v) + shape('jawOpen')[v * 3 + 1] + w * shape('mouthClose')[v * 3 + 1];
    expect(gap(13, 0) - gap(14, 0)).toBeGreaterThan(3);
    expect(gap(13, 1) - gap(14, 1)).toBeLessThan(0.6);
  });
});

describe('mouth interior', () => {
  it('has teeth told from flesh and grids inside their textures', () => {
    expect(basis.mouth.layers.map((l) => l.kind)).toEqual(['tongue', 'lowerTeeth', 'upperTeeth']);
    for (const layer of basis.mouth.layers) {
      const { widthPx, heightPx, data } = layer.texture;
      expect(data.length).toBe(widthPx * heightPx * 4);
      expect(layer.toothMask.length).toBe(widthPx * heightPx);
      const share = layer.toothMask.filter((m) => m > 127).length / layer.toothMask.length;
      if (layer.kind === 'tongue') expect(share).toBe(0);
      else expect(share).toBeGreaterThan(0.15);
      expect(layer.toothReference === null).toBe(layer.kind === 'tongue');
      for (let i = 0; i < layer.uv.length; i += 2) {
        expect(layer.uv[i]).toBeLessThanOrEqual(widthPx);
        expect(layer.uv[i + 1]).toBeLessThanOrEqual(heightPx);
      }
      expect(layer.positions.length).toBe(layer.columns * layer.rows * 3);
      expect(Math.max(...layer.triangles)).toBe(layer.columns * layer.rows - 1);
    }
  });

  it('carries its colours on into the transparent part, so that filtering draws no dark seam', () => {
    for (const { kind, texture } of basis.mouth.layers) {
      const { widthPx, heightPx, data } = texture;
      const luma = (i: number) => data[4 * i] + data[4 * i + 1] + data[4 * i + 2];
      let edges = 0;
      let dark = 0;
      for (let y = 0; y < heightPx; y++) {
        for (let x = 0; x + 3 < widthPx; x++) {
          const [a, b] = [y * widthPx + x, y * widthPx + x + 3];
          const [solid, clear] = data[4 * a + 3] > data[4 * b + 3] ? [a, b] : [b, a];
          if (data[4 * solid + 3] < 250 || data[4 * clear + 3] > 5) continue;
          edges++;
          if (luma(clear) < 0.6 * luma(solid)) dark++;
        }
      }
      expect(edges, kind).toBeGreaterThan(50);
      expect(dark / edges, kind).toBeLessThan(0.05);
    }
  });

  it('keeps near-white teeth apart from red flesh', () => {
    for (const layer of basis.mouth.layers.filter((l) => l.toothReference)) {
      const [red, , blue] = layer.toothReference!;
      const [fleshRed, , fleshBlue] = layer.fleshReference;
      expect(blue / red).toBeGreaterThan(0.75);
      expect(fleshBlue / fleshRed).toBeLessThan(0.75);
    }
  });

  it('lowers the lower teeth with jawOpen and leads the tongue from rest to out', () => {
    const jawOpen = basis.mouth.jaw.find((j) => j.name === 'jawOpen')!.matrix;
    const incisor = [0, -3.9, 10.4, 1];
    const dy = incisor.reduce((sum, value, k) => sum + jawOpen[4 + k] * value, 0);
    expect(dy).toBeLessThan(-2);
    const path = basis.mouth.tonguePath;
    expect([path[0].weight, path.at(-1)!.weight]).toEqual([0, 1]);
    expect(path[0].positions).toEqual(basis.mouth.layers[0].positions);
    const front = (p: Float32Array) => Math.max(...p.filter((_, i) => i % 3 === 2));
    expect(front(path.at(-1)!.positions)).toBeGreaterThan(front(path[0].positions) + 0.5);
  });
});

describe('loader', () => {
  const damaged = (name: string, change: (file: Buffer) => Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, change(readFileSync(FACE_BASIS_PATH)));
    return path;
  };

  it('says which file is missing', () => {
    expect(() => loadFaceBasis(join(folder, 'none.bin'))).toThrow(
      expect.objectContaining({ code: 'MODEL_MISSING', message: expect.stringContaining('none.bin') }),
    );
  });

  it.each([
    ['empty', () => Buffer.alloc(0)],
    ['text', () => Buffer.from('not a basis, but long enough to hold a whole header of it')],
    ['truncated', (file: Buffer) => file.subarray(0, file.length >> 1)],
    ['flipped', (file: Buffer) => Buffer.from(file.map((byte, i) => (i === 5000 ? byte ^ 1 : byte)))],
    ['newer', (file: Buffer) => Buffer.from(file.map((byte, i) => (i === 4 ? 99 : byte)))],
  ])('refuses a file that is %s', (name, change) => {
    const path = damaged(`${name}.bin`, change);
    expect(() => loadFaceBasis(path)).toThrow(
      expect.objectContaining({ code: 'MODEL_CORRUPT', message: expect.stringContaining(`${name}.bin`) }),
    );
  });
});
