/**
 * A small rig made by hand: an egg of a face with slits for eyes and mouth in a grid, painted in plain colours. Everything
 * a renderer reads is there and known exactly, so that tests can measure what it does without a photo or a model.
 */
import type {
  EyeRig,
  FaceRig,
  HoleRing,
  MouthLayer,
  ShapeDelta,
  SparseMatrix,
  Texture,
} from '../../src/engine/face-rig.ts';
import { RIG_VERSION } from '../../src/engine/face-rig.ts';
import type { BlendshapeName } from '../../src/engine/motion-frame.ts';

const CANVAS = { x0Px: -128, y0Px: -128, widthPx: 768, heightPx: 768 };
const CENTER: [number, number] = [256, 250];
const MOUTH_Y = 319;
const EYE_Y = 215;
const IRIS_RADIUS_PX = 9;
const PUPIL = [10, 10, 12];
const SKIN = [214, 160, 132];
export const IRIS_COLOR = [40, 90, 200];
export const SCLERA_COLOR = [240, 240, 236];
export const CAVITY_COLOR: [number, number, number] = [30, 8, 10];

function gridLines(from: number, fineFrom: number, fineTo: number, to: number): number[] {
  const lines: number[] = [];
  for (let x = from; x < fineFrom; x += 32) lines.push(x);
  for (let x = fineFrom; x < fineTo; x += 8) lines.push(x);
  for (let x = fineTo; x < to; x += 32) lines.push(x);
  lines.push(to);
  return lines;
}

function paint(widthPx: number, heightPx: number, color: (x: number, y: number) => readonly number[]): Texture {
  const data = new Uint8Array(widthPx * heightPx * 4);
  for (let y = 0; y < heightPx; y++)
    for (let x = 0; x < widthPx; x++) data.set(color(x + 0.5, y + 0.5).map(Math.round), (y * widthPx + x) * 4);
  return { widthPx, heightPx, data };
}

interface Slit {
  y: number;
  x0: number;
  x1: number;
  openUp: number;
  openDown: number;
}

const SLITS: Record<'rightEye' | 'leftEye' | 'mouth', Slit> = {
  rightEye: { y: EYE_Y, x0: 192, x1: 240, openUp: 9, openDown: 7 },
  leftEye: { y: EYE_Y, x0: 272, x1: 320, openUp: 9, openDown: 7 },
  mouth: { y: MOUTH_Y, x0: 216, x1: 296, openUp: 0, openDown: 0 },
};

/** Height profile along a slit: 1 in the middle, 0 at the corners. */
function profile(slit: Slit, x: number): number {
  const t = (2 * (x - slit.x0)) / (slit.x1 - slit.x0) - 1;
  return Math.max(0, 1 - t * t);
}

interface Vertex {
  x: number;
  y: number;
  /** Where it was before the slits were opened. */
  gridY: number;
  /** Lower edge of a slit. */
  below: boolean;
}

export function syntheticRig(): FaceRig {
  const columns = gridLines(CANVAS.x0Px, 160, 352, CANVAS.x0Px + CANVAS.widthPx);
  const rows = gridLines(CANVAS.y0Px, 119, 399, CANVAS.y0Px + CANVAS.heightPx);
  const vertices: Vertex[] = [];
  const key = (x: number, y: number, below: boolean) => `${x},${y},${below}`;
  const index = new Map<string, number>();
  const inFace = (x: number, y: number) => x >= 160 && x <= 352 && y >= 119 && y <= 399;
  const inSlit = (x: number, y: number) => Object.values(SLITS).find((s) => s.y === y && x > s.x0 && x < s.x1);
  const add = (x: number, y: number, below: boolean) => {
    let opened = y;
    for (const slit of Object.values(SLITS)) {
      const above = y < slit.y || (y === slit.y && !below);
      const fade = Math.max(0, 1 - Math.abs(y - slit.y) / 48);
      opened += (above ? -slit.openUp : slit.openDown) * profile(slit, x) * fade;
    }
    index.set(key(x, y, below), vertices.length);
    vertices.push({ x, y: opened, gridY: y, below });
  };
  for (const face of [true, false])
    for (const y of rows)
      for (const x of columns) {
        if (inFace(x, y) !== face) continue;
        add(x, y, false);
        if (inSlit(x, y)) add(x, y, true);
      }
  const faceVertexCount = vertices.filter((v) => inFace(v.x, v.gridY)).length;
  const at = (x: number, y: number, below: boolean) => index.get(key(x, y, below)) ?? index.get(key(x, y, false))!;

  const triangles: number[] = [];
  const opaque: number[] = [];
  const alphaAt = (x: number, y: number) => {
    const head = 1.35 - Math.hypot((x - CENTER[0]) / 110, (y - CENTER[1]) / 150) * 1.2;
    const body = y > 400 ? 1 - Math.abs(x - 256) / (60 + (y - 380) * 1.2) : 0;
    return Math.min(Math.max(Math.max(head, body) * 8, 0), 1);
  };
  for (let r = 0; r + 1 < rows.length; r++)
    for (let c = 0; c + 1 < columns.length; c++) {
      const a = at(columns[c], rows[r], true);
      const b = at(columns[c + 1], rows[r], true);
      const d = at(columns[c], rows[r + 1], false);
      const e = at(columns[c + 1], rows[r + 1], false);
      triangles.push(a, b, e, a, e, d);
      const solid = inFace(columns[c], rows[r]) && Math.hypot((columns[c] - 252) / 110, (rows[r] - 254) / 150) < 0.8;
      opaque.push(solid ? 1 : 0, solid ? 1 : 0);
    }

  const positions = new Float32Array(vertices.length * 3);
  const normals = new Float32Array(faceVertexCount * 3);
  const headWeight = new Float32Array(vertices.length);
  vertices.forEach((v, i) => {
    const ex = (v.x - CENTER[0]) / 110;
    const ey = (v.gridY - CENTER[1]) / 150;
    const bulge = Math.sqrt(Math.max(0.02, 1 - ex * ex - ey * ey));
    positions.set([v.x, v.y, 90 * bulge], i * 3);
    headWeight[i] = 1 - Math.min(Math.max((v.y - 400) / 80, 0), 1);
    if (i >= faceVertexCount) return;
    const n = [ex, -ey, bulge];
    const length = Math.hypot(...n);
    normals.set(
      n.map((k) => k / length),
      i * 3,
    );
  });

  const ringOf = (slit: Slit): HoleRing => {
    const xs = columns.filter((x) => x >= slit.x0 && x <= slit.x1);
    const upper = xs.map((x) => at(x, slit.y, false));
    const lower = xs.slice(1, -1).map((x) => at(x, slit.y, true));
    return { vertices: Uint16Array.from([...upper, ...lower.reverse()]), secondCorner: xs.length - 1 };
  };
  const mouthRing = ringOf(SLITS.mouth);
  const half = mouthRing.secondCorner;
  const upperRing = mouthRing.vertices.slice(1, half);
  const lowerRing = mouthRing.vertices.slice(half + 1).reverse();

  const shape = (name: BlendshapeName, move: (v: Vertex, i: number) => [number, number, number] | null): ShapeDelta => {
    const listed: number[] = [];
    const delta: number[] = [];
    const normalDelta: number[] = [];
    vertices.forEach((v, i) => {
      const d = move(v, i);
      if (!d || Math.hypot(...d) < 0.01) return;
      listed.push(i);
      delta.push(...d);
      if (i < faceVertexCount) normalDelta.push(d[0] * 0.01, d[1] * -0.01, 0);
    });
    return {
      name,
      vertex: Uint16Array.from(listed),
      delta: Float32Array.from(delta),
      normalDelta: Float32Array.from(normalDelta),
    };
  };
  const belowMouth = (v: Vertex) => v.gridY > MOUTH_Y || (v.gridY === MOUTH_Y && v.below);
  const near = (v: Vertex, x: number, y: number, reach: number) =>
    Math.exp(-(((v.x - x) / reach) ** 2) - ((v.gridY - y) / reach) ** 2);
  const jaw = (v: Vertex) =>
    belowMouth(v) ? 42 * Math.max(0, 1 - ((v.x - 256) / 90) ** 2) * Math.max(0, 1 - (v.gridY - MOUTH_Y) / 130) : 0;
  // Corners of the mouth stay: what opens the lips is 0 there.
  const lips = (v: Vertex) => profile(SLITS.mouth, v.x);
  const blink =
    (slit: Slit) =>
    (v: Vertex): [number, number, number] => {
      const gap = (slit.openUp + slit.openDown) * profile(slit, v.x);
      if (v.gridY === slit.y) return [0, v.below ? -gap * 0.14 : gap * 0.86, 0];
      const above = v.gridY < slit.y;
      return [0, (above ? 0.86 : -0.14) * gap * Math.max(0, 1 - Math.abs(v.gridY - slit.y) / 48), 0];
    };
  const shapes: ShapeDelta[] = [
    shape('jawOpen', (v) => [0, jaw(v) * (v.gridY === MOUTH_Y ? lips(v) : 1), 0]),
    shape('mouthClose', (v) => [0, -jaw(v) * lips(v) * Math.max(0, 1 - (v.gridY - MOUTH_Y) / 40), 0]),
    shape('mouthUpperUpLeft', (v) =>
      belowMouth(v) || v.x < 256 ? null : [0, -14 * lips(v) * near(v, 275, MOUTH_Y, 40), 0],
    ),
    shape('mouthUpperUpRight', (v) =>
      belowMouth(v) || v.x > 256 ? null : [0, -14 * lips(v) * near(v, 237, MOUTH_Y, 40), 0],
    ),
    shape('mouthLowerDownLeft', (v) =>
      !belowMouth(v) || v.x < 256 ? null : [0, 14 * lips(v) * near(v, 275, MOUTH_Y, 40), 0],
    ),
    shape('mouthLowerDownRight', (v) =>
      !belowMouth(v) || v.x > 256 ? null : [0, 14 * lips(v) * near(v, 237, MOUTH_Y, 40), 0],
    ),
    shape('mouthPucker', (v) => [(256 - v.x) * 0.35 * near(v, 256, MOUTH_Y, 55), 0, 8 * near(v, 256, MOUTH_Y, 40)]),
    shape('mouthRollLower', (v) => (belowMouth(v) ? [0, -4 * lips(v) * near(v, 256, MOUTH_Y, 40), -2] : null)),
    shape('mouthSmileLeft', (v) => [10 * near(v, 296, MOUTH_Y, 40), -12 * near(v, 296, MOUTH_Y, 40), 0]),
    shape('mouthSmileRight', (v) => [-10 * near(v, 216, MOUTH_Y, 40), -12 * near(v, 216, MOUTH_Y, 40), 0]),
    shape('browInnerUp', (v) => [0, -12 * near(v, 256, 170, 50), 0]),
    shape('eyeBlinkRight', blink(SLITS.rightEye)),
    shape('eyeBlinkLeft', blink(SLITS.leftEye)),
  ];

  const seal = (ring: Uint16Array, mine: (v: Vertex) => boolean): SparseMatrix => {
    const rowStart = new Uint32Array(vertices.length + 1);
    const column: number[] = [];
    const value: number[] = [];
    const order = [...ring];
    vertices.forEach((v, i) => {
      const own = order.indexOf(i);
      if (own >= 0) {
        column.push(own);
        value.push(1);
      } else if (mine(v) && v.x > 216 && v.x < 296) {
        const strength = Math.exp(-(((v.gridY - MOUTH_Y) / 20) ** 2));
        const nearest = order.findIndex((r) => vertices[r].x === v.x);
        if (strength > 0.01 && nearest >= 0) {
          column.push(nearest);
          value.push(strength);
        }
      }
      rowStart[i + 1] = column.length;
    });
    return {
      rowCount: vertices.length,
      columnCount: ring.length,
      rowStart,
      column: Uint16Array.from(column),
      value: Float32Array.from(value),
    };
  };

  const layer = (kind: MouthLayer['kind'], y0: number, y1: number, color: readonly number[]): MouthLayer => {
    const gridX = 7;
    const gridY = 3;
    const widthPx = 112;
    const heightPx = 28;
    const at: number[] = [];
    const uv: number[] = [];
    const indices: number[] = [];
    for (let r = 0; r < gridY; r++)
      for (let c = 0; c < gridX; c++) {
        const x = -3 + (6 * c) / (gridX - 1);
        at.push(x, y0 + ((y1 - y0) * r) / (gridY - 1), 8 - 0.3 * x * x);
        uv.push((widthPx * c) / (gridX - 1), (heightPx * r) / (gridY - 1));
        const a = r * gridX + c;
        if (r + 1 < gridY && c + 1 < gridX) indices.push(a, a + 1, a + gridX, a + 1, a + gridX + 1, a + gridX);
      }
    return {
      kind,
      positions: Float32Array.from(at),
      uv: Float32Array.from(uv),
      triangles: Uint16Array.from(indices),
      texture: paint(widthPx, heightPx, (x) => [...color.map((k) => k * (x % 16 < 1 ? 0.8 : 1)), 255]),
    };
  };
  const tongue = layer('tongue', -0.6, -2, [190, 90, 90]);
  const raised = (up: number, forward: number) =>
    tongue.positions.map((p, i) => (i % 3 === 1 ? p + up : i % 3 === 2 ? p + forward : p));

  const eye = (slit: Slit): EyeRig => {
    const center: [number, number] = [(slit.x0 + slit.x1) / 2, EYE_Y - 1];
    const r = IRIS_RADIUS_PX;
    const patch: [number, number, number, number] = [center[0] - 34, center[1] - 34, center[0] + 34, center[1] + 34];
    return {
      ring: ringOf(slit),
      irisCenter: center,
      irisRadiusPx: r,
      eyeballRadiusPx: 19,
      depthPx: 80,
      patch,
      sclera: paint(136, 136, () => [...SCLERA_COLOR, 255]),
      iris: paint(136, 136, (x, y) => {
        const d = Math.hypot(x - 68, y - 68) / 2 / r;
        return [...(d < 0.4 ? PUPIL : IRIS_COLOR), 255 * Math.min(Math.max((1.06 - d) / 0.1, 0), 1)];
      }),
      lashColor: [40, 26, 20],
    };
  };

  const skin = (x: number, y: number) => {
    const lip = Math.hypot((x - 256) / 44, (y - MOUTH_Y) / 12) < 1;
    const inEye = [SLITS.rightEye, SLITS.leftEye].some((s) => {
      const h = profile(s, x);
      return h > 0 && y > EYE_Y - s.openUp * h && y < EYE_Y + s.openDown * h;
    });
    const texture = 10 * Math.sin(x * 0.21) * Math.sin(y * 0.17);
    const iris = [SLITS.rightEye, SLITS.leftEye].map((slit) => Math.hypot(x - (slit.x0 + slit.x1) / 2, y - EYE_Y + 1));
    if (inEye && Math.min(...iris) < IRIS_RADIUS_PX)
      return Math.min(...iris) < 0.4 * IRIS_RADIUS_PX ? PUPIL : IRIS_COLOR;
    const base = y > 400 ? [70, 80, 110] : lip ? [180, 90, 90] : inEye ? SCLERA_COLOR : SKIN;
    return base.map((k) => k + texture);
  };
  const background = (x: number, y: number) => [90 + 40 * Math.sin(x * 0.02), 120, 140 + 40 * Math.sin(y * 0.03)];
  return {
    version: RIG_VERSION,
    source: { name: 'synthetic', widthPx: 768, heightPx: 768, crop: [128, 128, 512] },
    warnings: [],
    canvas: CANVAS,
    person: paint(768, 768, (x, y) => {
      const [px, py] = [x + CANVAS.x0Px, y + CANVAS.y0Px];
      return [...skin(px, py), 255 * alphaAt(px, py)];
    }),
    background: paint(768, 768, (x, y) => [...background(x + CANVAS.x0Px, y + CANVAS.y0Px), 255]),
    focalPx: 1500,
    pivot: [256, 330, -10],
    faceCenter: CENTER,
    faceWidthPx: 190,
    faceHeightPx: 240,
    photoPose: { yawRad: 0, pitchRad: 0, rollRad: 0 },
    poseLimits: { yawRad: [-0.45, 0.45], pitchRad: [-0.35, 0.35], rollRad: [-0.45, 0.45] },
    basisToRig: Float32Array.from([9, 0, 0, 256, 0, -9, 0, MOUTH_Y, 0, 0, 9, 0]),
    positions,
    faceVertexCount,
    triangles: Uint16Array.from(triangles),
    triangleOpaque: Uint8Array.from(opaque),
    headWeight,
    shadeFalloff: new Float32Array(vertices.length),
    nearestOval: new Uint16Array(vertices.length - faceVertexCount),
    shapes,
    neutralize: new Float32Array(vertices.length * 3),
    photoExpression: {},
    shading: { coefficients: [0.3, 0.05, 0.3, 0.6], normals },
    outerLipRing: Uint16Array.from(
      columns
        .filter((x) => x >= 216 && x <= 296)
        .flatMap((x) => [at(x, MOUTH_Y - 8, false), at(x, MOUTH_Y + 8, false)]),
    ),
    eyes: { left: eye(SLITS.leftEye), right: eye(SLITS.rightEye) },
    mouth: {
      ring: mouthRing,
      sealUpper: seal(upperRing, (v) => !belowMouth(v)),
      sealLower: seal(lowerRing, belowMouth),
      upperRing,
      lowerRing,
      layers: [tongue, layer('lowerTeeth', -0.2, -1.2, [220, 214, 200]), layer('upperTeeth', 1, -0.2, [235, 230, 216])],
      jaw: [{ name: 'jawOpen', matrix: Float32Array.from([0, 0, 0, 0, 0, 0, 0, -4.4, 0, 0, 0, 0]) }],
      tonguePath: [
        { weight: 0, positions: tongue.positions },
        { weight: 0.35, positions: raised(0.8, 0.4) },
        { weight: 0.65, positions: raised(0.7, 1) },
        { weight: 1, positions: raised(0.5, 1.8) },
      ],
      widthScale: 1,
      basisCenter: [0, 0, 8],
      offsetPx: [0, 0, 0],
      cavityColor: CAVITY_COLOR,
      photoGapPx: 0,
      photoTeeth: null,
    },
  };
}
