/**
 * FaceRig: everything the renderers need to know about one person, made once from one photo by `portrait/bake.ts`
 * and stored in one file (`rig-file.ts`). Plain data, no Node API: the browser reads it too. Self-contained: the
 * renderers never open the face basis or the photo.
 *
 * Rig space: 512 × 512 px is the visible frame at rest (x right, y down, z towards the viewer, same unit). Textures cover
 * a larger canvas around the frame, so that a moving head or a retreating camera never shows where the photo ended.
 */
import type { BlendshapeName } from './motion-frame.ts';

/** Side of the visible frame in rig px; a renderer of another output size scales by `outputPx / RIG_FRAME_PX`. */
export const RIG_FRAME_PX = 512;
export const RIG_VERSION = 1;

/** RGBA, straight (not premultiplied) alpha, row-major, 8 bits. */
export interface Texture {
  widthPx: number;
  heightPx: number;
  data: Uint8Array;
}

/** Rows of a sparse matrix (compressed sparse rows). */
export interface SparseMatrix {
  rowCount: number;
  columnCount: number;
  /** Length rowCount + 1: row r's entries are [rowStart[r], rowStart[r + 1]). */
  rowStart: Uint32Array;
  column: Uint16Array;
  value: Float32Array;
}

/** Displacements of one blend shape; only the vertices that move by more than a hundredth of a px are listed. */
export interface ShapeDelta {
  name: BlendshapeName;
  vertex: Uint16Array;
  /** 3 per listed vertex, rig px, at weight 1. */
  delta: Float32Array;
  /** 3 per listed *face* vertex: change of the surface normal at weight 1 (camera axes: x right, y up, z to the viewer). */
  normalDelta: Float32Array;
}

/** A closed loop of vertices around a hole of the face, and for each the vertex across the hole. */
export interface HoleRing {
  /** From one corner along the upper edge to the other corner, then back along the lower edge. */
  vertices: Uint16Array;
  /** Index into `vertices` of the second corner. */
  secondCorner: number;
}

export interface EyeRig {
  ring: HoleRing;
  /** Iris centre and radius in rig px. */
  irisCenter: [number, number];
  irisRadiusPx: number;
  /** Eyeball radius in rig px: gaze angle θ moves the iris by `eyeballRadiusPx · sin θ`. */
  eyeballRadiusPx: number;
  depthPx: number;
  /** Where the two patches lie in rig space: x0, y0, x1, y1. */
  patch: [number, number, number, number];
  sclera: Texture;
  /** Same extent as `sclera`; alpha outside the iris is 0. */
  iris: Texture;
  /** Colour of the lash line drawn on a closed lid, RGB 0…255. */
  lashColor: [number, number, number];
}

/** One layer of the mouth interior: a curved grid in basis space (ICT units) with its own, already tinted texture. */
export interface MouthLayer {
  kind: 'tongue' | 'lowerTeeth' | 'upperTeeth';
  /** 3 per grid vertex, basis space. */
  positions: Float32Array;
  /** 2 per grid vertex, texels. */
  uv: Float32Array;
  triangles: Uint16Array;
  texture: Texture;
}

/** p' = p + Σ w·(A·[p,1]): how the lower jaw's parts follow a jaw shape, basis space. 12 numbers, row-major 3×4. */
export interface JawAffine {
  name: 'jawOpen' | 'jawLeft' | 'jawRight' | 'jawForward';
  matrix: Float32Array;
}

export interface MouthRig {
  ring: HoleRing;
  /** Rows: all vertices; columns: the upper (lower) inner-lip vertices without corners. Spreads a ring move into the lip. */
  sealUpper: SparseMatrix;
  sealLower: SparseMatrix;
  upperRing: Uint16Array;
  lowerRing: Uint16Array;
  layers: MouthLayer[];
  jaw: JawAffine[];
  /** Where the tongue's grid lies at rising weights of `tongueOut`, from 0 to 1, jaw closed: 3 per vertex, basis space. */
  tonguePath: { weight: number; positions: Float32Array }[];
  /** Horizontal scale of the interior about `basisCenter`, so that the teeth fit this mouth's width. */
  widthScale: number;
  /** Basis-space centre between the lips at rest. */
  basisCenter: [number, number, number];
  /** Rig-px shift that puts the basis-space mouth onto this photo's lips. */
  offsetPx: [number, number, number];
  /** Colour of the dark behind the teeth, RGB 0…255. */
  cavityColor: [number, number, number];
  /** Inner-lip gap of the photo itself, px. Above ~2 % of the face height the photo shows its own mouth interior at rest. */
  photoGapPx: number;
  /** RGBA of the photo's own upper teeth on the canvas, or null where it shows none. */
  photoTeeth: Texture | null;
}

/** Where a texture of the whole canvas lies in rig space. */
export interface CanvasRect {
  x0Px: number;
  y0Px: number;
  widthPx: number;
  heightPx: number;
}

export interface FaceRig {
  version: number;
  /** What was baked: the photo's name, size and crop, and plain-language warnings for its user. */
  source: { name: string; widthPx: number; heightPx: number; crop: [x0: number, y0: number, sidePx: number] };
  warnings: { code: string; message: string }[];

  canvas: CanvasRect;
  /** Person with matte (RGBA) and refilled background (opaque), both covering `canvas`. */
  person: Texture;
  background: Texture;

  /** Pinhole at (256, 256): unprojecting with this focal length and projecting again is the identity at rest. */
  focalPx: number;
  /** Head joint (neck) about which the pose rotates, rig space. */
  pivot: [number, number, number];
  /** Centre between the eyes' outer corners and the chin, and the face's width (tragus to tragus) and height, rig px. */
  faceCenter: [number, number];
  faceWidthPx: number;
  faceHeightPx: number;
  /** The photo's own head pose, radians, MotionFrame signs. */
  photoPose: { yawRad: number; pitchRad: number; rollRad: number };
  /** Relative pose beyond these bounds is compressed softly, never cut: the hidden side of a three-quarter view stays hidden. */
  poseLimits: {
    yawRad: [min: number, max: number];
    pitchRad: [min: number, max: number];
    rollRad: [min: number, max: number];
  };

  /** p_rig = scale · R · p_basis + t with y and z flipped to rig axes already folded in; 3×4 row-major. */
  basisToRig: Float32Array;

  /** Vertices: first the face basis' own (`faceVertexCount`), then the outer mesh. 3 per vertex, rig px. */
  positions: Float32Array;
  faceVertexCount: number;
  /** 3 per triangle, back to front at rest, counter-clockwise as seen in the image is NOT assumed: positive area faces the viewer. */
  triangles: Uint16Array;
  /** 1 per triangle: 1 where every texel is opaque, so that the rasteriser may skip blending. */
  triangleOpaque: Uint8Array;
  /** 1 per vertex: 1 moves with the head, 0 stays with the body. */
  headWeight: Float32Array;
  /** 1 per outer vertex onwards (0 for face vertices): strength with which shading of the nearest oval vertex carries over. */
  shadeFalloff: Float32Array;
  /** Nearest face-oval vertex of each outer vertex (index − faceVertexCount). */
  nearestOval: Uint16Array;

  shapes: ShapeDelta[];
  /** ΔN, 3 per vertex: takes the photo's own mouth expression to a closed neutral one. Visemes ride on positions + n·ΔN. */
  neutralize: Float32Array;
  /** The photo's own expression as blend-shape weights; its shading is already in the texture. */
  photoExpression: Partial<Record<BlendshapeName, number>>;

  /** Luma ≈ shading · [1, n] relative to the face's median, and the rest normals (3 per face vertex). */
  shading: { coefficients: [number, number, number, number]; normals: Float32Array };

  outerLipRing: Uint16Array;
  eyes: { left: EyeRig; right: EyeRig };
  mouth: MouthRig;
}
