/**
 * One picture that shows what the bake made of a photo: for looking, and for mending. In: a rig. Out: a PNG, four tiles a
 * row: landmarks, matte, canvas, background, mesh, depth, head weight, both eyes, their patches, the mouth's layers.
 */
import { allowOwnDrawings, sharp } from '../../media/image.ts';
import { type EyeRig, type FaceRig, RIG_FRAME_PX, type Texture } from '../face-rig.ts';

const TILE_PX = 384;
const COLUMNS = 4;
const LABEL_PX = 22;

interface Window {
  x0Px: number;
  y0Px: number;
  sidePx: number;
}

export async function drawDebugSheet(rig: FaceRig): Promise<Uint8Array> {
  allowOwnDrawings();
  const frame: Window = { x0Px: 0, y0Px: 0, sidePx: RIG_FRAME_PX };
  const canvas: Window = { x0Px: rig.canvas.x0Px, y0Px: rig.canvas.y0Px, sidePx: rig.canvas.widthPx };
  const together = over(rig.background, rig.person);
  const matte = grey(rig.person);
  const tiles: [label: string, tile: Promise<Buffer>][] = [
    [`${rig.source.name}: frame, landmarks`, tileOf(rig, together, frame, landmarkSvg(rig, frame))],
    ['matte', tileOf(rig, matte, canvas, frameSvg(canvas))],
    ['canvas', tileOf(rig, together, canvas, frameSvg(canvas))],
    ['background', tileOf(rig, rig.background, canvas, frameSvg(canvas))],
    [
      'mesh',
      tileOf(
        rig,
        together,
        canvas,
        meshSvg(rig, canvas, () => 'none', '#0f0'),
      ),
    ],
    ['depth', tileOf(rig, together, frame, meshSvg(rig, frame, depthColour(rig), 'none'))],
    ['head weight', tileOf(rig, together, canvas, meshSvg(rig, canvas, weightColour(rig), 'none'))],
    ['right eye', eyeTile(rig, together, rig.eyes.right)],
    ['left eye', eyeTile(rig, together, rig.eyes.left)],
    ['eye patches', patchTile(rig)],
    ['mouth layers', mouthTile(rig)],
    ['lips: as in the photo (green), neutral (red)', lipTile(rig, together)],
  ];
  const rows = Math.ceil(tiles.length / COLUMNS);
  const height = TILE_PX + LABEL_PX;
  const placed = await Promise.all(
    tiles.map(async ([label, tile], i) => [
      { input: await tile, left: (i % COLUMNS) * TILE_PX, top: Math.floor(i / COLUMNS) * height + LABEL_PX },
      { input: labelSvg(label), left: (i % COLUMNS) * TILE_PX, top: Math.floor(i / COLUMNS) * height },
    ]),
  );
  return sharp({ create: { width: COLUMNS * TILE_PX, height: rows * height, channels: 3, background: '#222' } })
    .composite(placed.flat())
    .png({ compressionLevel: 6 })
    .toBuffer();
}

function image(texture: Texture) {
  return sharp(texture.data, { raw: { width: texture.widthPx, height: texture.heightPx, channels: 4 } });
}

/** A window of a canvas texture with an SVG (in tile px) on top. */
async function tileOf(rig: FaceRig, texture: Texture, window: Window, svg: string): Promise<Buffer> {
  const scale = texture.widthPx / rig.canvas.widthPx;
  const left = Math.max(0, Math.round((window.x0Px - rig.canvas.x0Px) * scale));
  const top = Math.max(0, Math.round((window.y0Px - rig.canvas.y0Px) * scale));
  const side = Math.max(4, Math.min(Math.round(window.sidePx * scale), texture.widthPx - left, texture.heightPx - top));
  const picture = await image(texture)
    .extract({ left, top, width: side, height: side })
    .resize(TILE_PX, TILE_PX, { kernel: 'cubic' })
    .removeAlpha()
    .png()
    .toBuffer();
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${TILE_PX}" height="${TILE_PX}">${svg}</svg>`;
  return sharp(picture)
    .composite([{ input: Buffer.from(overlay) }])
    .png()
    .toBuffer();
}

function labelSvg(label: string): Buffer {
  const text = label.replace(/[<>&]/g, '');
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${TILE_PX}" height="${LABEL_PX}"><text x="6" y="16" font-family="sans-serif" font-size="13" fill="#ddd">${text}</text></svg>`,
  );
}

function over(background: Texture, person: Texture): Texture {
  const data = background.data.slice();
  for (let i = 0; i < data.length; i += 4) {
    const alpha = person.data[i + 3] / 255;
    for (let c = 0; c < 3; c++) data[i + c] += alpha * (person.data[i + c] - data[i + c]);
  }
  return { ...background, data };
}

function grey(person: Texture): Texture {
  const data = new Uint8Array(person.data.length);
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = person.data[i + 3];
    data[i + 3] = 255;
  }
  return { ...person, data };
}

/** Tile px of a vertex in a window. */
function projector(rig: FaceRig, { x0Px, y0Px, sidePx }: Window, positions = rig.positions) {
  const scale = TILE_PX / sidePx;
  return (v: number): [number, number] => [(positions[3 * v] - x0Px) * scale, (positions[3 * v + 1] - y0Px) * scale];
}

function polygon(points: [number, number][], style: string): string {
  return `<polygon points="${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')}" ${style}/>`;
}

function frameSvg({ x0Px, y0Px, sidePx }: Window): string {
  const scale = TILE_PX / sidePx;
  return `<rect x="${-x0Px * scale}" y="${-y0Px * scale}" width="${RIG_FRAME_PX * scale}" height="${RIG_FRAME_PX * scale}" fill="none" stroke="#0f0"/>`;
}

function landmarkSvg(rig: FaceRig, window: Window): string {
  const at = projector(rig, window);
  let svg = '';
  for (let v = 0; v < 468; v++) {
    const [x, y] = at(v);
    svg += `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="0.9" fill="#3f3"/>`;
  }
  for (const ring of [
    rig.eyes.left.ring.vertices,
    rig.eyes.right.ring.vertices,
    rig.mouth.ring.vertices,
    rig.outerLipRing,
  ]) {
    svg += polygon(Array.from(ring, at), 'fill="none" stroke="#f33" stroke-width="0.8"');
  }
  return svg;
}

function meshSvg(rig: FaceRig, window: Window, fill: (v: number) => string, stroke: string): string {
  const at = projector(rig, window);
  let svg = '';
  for (let t = 0; t < rig.triangles.length; t += 3) {
    const [a, b, c] = [rig.triangles[t], rig.triangles[t + 1], rig.triangles[t + 2]];
    svg += polygon([at(a), at(b), at(c)], `fill="${fill(a)}" stroke="${stroke}" stroke-width="0.3"`);
  }
  return svg;
}

function depthColour(rig: FaceRig): (v: number) => string {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 2; i < rig.positions.length; i += 3) {
    low = Math.min(low, rig.positions[i]);
    high = Math.max(high, rig.positions[i]);
  }
  return (v) => {
    const level = Math.round((255 * (rig.positions[3 * v + 2] - low)) / Math.max(high - low, 1));
    return `rgb(${level},${level},${level})`;
  };
}

function weightColour(rig: FaceRig): (v: number) => string {
  return (v) => {
    const level = Math.round(255 * rig.headWeight[v]);
    return `rgba(${level},60,${255 - level},0.6)`;
  };
}

function eyeTile(rig: FaceRig, together: Texture, eye: EyeRig): Promise<Buffer> {
  const window: Window = { x0Px: eye.patch[0], y0Px: eye.patch[1], sidePx: eye.patch[2] - eye.patch[0] };
  const scale = TILE_PX / window.sidePx;
  const blink = rig.shapes.find((shape) => shape.name === (eye === rig.eyes.left ? 'eyeBlinkLeft' : 'eyeBlinkRight'))!;
  const closed = rig.positions.slice();
  blink.vertex.forEach((v, i) => {
    for (let k = 0; k < 3; k++) closed[3 * v + k] += blink.delta[3 * i + k];
  });
  const [x, y] = eye.irisCenter;
  const svg =
    polygon(Array.from(eye.ring.vertices, projector(rig, window)), 'fill="none" stroke="#f33"') +
    polygon(Array.from(eye.ring.vertices, projector(rig, window, closed)), 'fill="none" stroke="#3af"') +
    `<circle cx="${(x - window.x0Px) * scale}" cy="${(y - window.y0Px) * scale}" r="${eye.irisRadiusPx * scale}" fill="none" stroke="#3f3"/>`;
  return tileOf(rig, together, window, svg);
}

async function grid(pictures: Texture[], columns: number): Promise<Buffer> {
  const cell = Math.floor(TILE_PX / columns);
  const placed = await Promise.all(
    pictures.map(async (texture, i) => ({
      input: await image(texture).resize(cell, cell, { fit: 'contain', background: '#0000' }).png().toBuffer(),
      left: (i % columns) * cell,
      top: Math.floor(i / columns) * cell,
    })),
  );
  return sharp({ create: { width: TILE_PX, height: TILE_PX, channels: 4, background: '#6a6' } })
    .composite(placed)
    .png()
    .toBuffer();
}

function patchTile({ eyes }: FaceRig): Promise<Buffer> {
  return grid([eyes.right.sclera, eyes.left.sclera, eyes.right.iris, eyes.left.iris], 2);
}

function mouthTile({ mouth }: FaceRig): Promise<Buffer> {
  const [r, g, b] = mouth.cavityColor;
  const colour: Texture = { widthPx: 1, heightPx: 1, data: Uint8Array.of(r, g, b, 255) };
  return grid(
    [...mouth.layers.map((layer) => layer.texture), ...(mouth.photoTeeth ? [mouth.photoTeeth] : []), colour],
    2,
  );
}

function lipTile(rig: FaceRig, together: Texture): Promise<Buffer> {
  const ring = rig.mouth.ring.vertices;
  const a = 3 * ring[0];
  const b = 3 * ring[rig.mouth.ring.secondCorner];
  const width = Math.hypot(rig.positions[a] - rig.positions[b], rig.positions[a + 1] - rig.positions[b + 1]);
  const sidePx = width * 1.8;
  const window: Window = {
    x0Px: (rig.positions[a] + rig.positions[b] - sidePx) / 2,
    y0Px: (rig.positions[a + 1] + rig.positions[b + 1] - sidePx) / 2,
    sidePx,
  };
  const neutral = rig.positions.map((value, i) => value + rig.neutralize[i]);
  const svg =
    polygon(Array.from(ring, projector(rig, window)), 'fill="none" stroke="#3f3"') +
    polygon(Array.from(rig.outerLipRing, projector(rig, window)), 'fill="none" stroke="#3f3"') +
    polygon(Array.from(ring, projector(rig, window, neutral)), 'fill="none" stroke="#f33"') +
    polygon(Array.from(rig.outerLipRing, projector(rig, window, neutral)), 'fill="none" stroke="#f33"');
  return tileOf(rig, together, window, svg);
}
