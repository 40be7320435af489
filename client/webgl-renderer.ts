/**
 * The rig's second door: the engine's own geometry, drawn by the browser's GPU. In: a FaceRig and MotionFrames; out: the
 * same picture on a canvas that the server's WASM renderer makes, without the video between them.
 */
import type { FaceRig } from '../src/engine/face-rig.ts';
import type { MotionFrame } from '../src/engine/motion-frame.ts';
import { buildDrawList, type DrawList, heapAllocator, VERTEX_FLOATS } from '../src/engine/render/draw-list.ts';
import { FaceGeometry, faceLayers } from '../src/engine/render/face-geometry.ts';
import { prepareTextures } from '../src/engine/render/rig-textures.ts';
import { words } from './words.ts';

const VERTEX_SHADER = `#version 300 es
layout(location = 0) in vec2 position;
layout(location = 1) in vec2 texel;
layout(location = 2) in vec2 alphaAndShade;
uniform vec2 pictureSize;
uniform vec2 textureSizePx;
out vec2 uv;
out vec2 light;
void main() {
  uv = texel / textureSizePx;
  light = alphaAndShade;
  gl_Position = vec4(position.x / pictureSize.x * 2.0 - 1.0, 1.0 - position.y / pictureSize.y * 2.0, 0.0, 1.0);
}`;

const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec2 uv;
in vec2 light;
uniform sampler2D picture;
out vec4 color;
void main() {
  vec4 texel = texture(picture, uv);
  color = vec4(texel.rgb * light.y, texel.a * light.x);
}`;

export interface WebglFaceRendererOptions {
  /** Side of the square picture, px; 512 by default. The canvas' own size on the page is the page's business. */
  sizePx?: number;
}

export class WebglFaceRenderer {
  readonly canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;
  readonly #list: DrawList;
  readonly #geometry: FaceGeometry;
  readonly #onLost = (event: Event): void => {
    // Without this the browser never gives the context back.
    event.preventDefault();
    this.#ready = false;
  };
  readonly #onRestored = (): void => {
    this.#upload();
    if (this.#last) this.draw(this.#last);
  };
  #textures: WebGLTexture[] = [];
  #textureSize: WebGLUniformLocation | null = null;
  #ready = false;
  #last: MotionFrame | undefined;

  /** @throws Error where the browser has no WebGL 2. */
  constructor(canvas: HTMLCanvasElement, rig: FaceRig, { sizePx = 512 }: WebglFaceRendererOptions = {}) {
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false });
    if (!gl) throw new Error(words('This browser cannot draw with WebGL 2; use the video instead.'));
    canvas.width = sizePx;
    canvas.height = sizePx;
    this.canvas = canvas;
    this.#gl = gl;
    const textures = prepareTextures(rig, sizePx);
    const { list, layers } = buildDrawList(sizePx, textures.list, faceLayers(rig, textures), heapAllocator);
    this.#list = list;
    this.#geometry = new FaceGeometry(rig, textures, list, layers);
    canvas.addEventListener('webglcontextlost', this.#onLost);
    canvas.addEventListener('webglcontextrestored', this.#onRestored);
    this.#upload();
  }

  /** Draws one frame. While the graphics context is lost it only remembers the frame, and draws it on return. */
  draw(frame: MotionFrame): void {
    this.#last = frame;
    if (!this.#ready) return;
    const gl = this.#gl;
    const list = this.#list;
    this.#geometry.update(frame);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, list.vertices);
    for (const batch of list.batches) {
      if (!batch.visible) continue;
      const { widthPx, heightPx } = list.textures[batch.texture];
      gl.bindTexture(gl.TEXTURE_2D, this.#textures[batch.texture]);
      gl.uniform2f(this.#textureSize, widthPx, heightPx);
      if (batch.twoSided) gl.disable(gl.CULL_FACE);
      else gl.enable(gl.CULL_FACE);
      gl.drawElements(gl.TRIANGLES, batch.triangleCount * 3, gl.UNSIGNED_SHORT, batch.firstTriangle * 6);
    }
  }

  /** Frees what the graphics card holds. Idempotent. */
  dispose(): void {
    this.canvas.removeEventListener('webglcontextlost', this.#onLost);
    this.canvas.removeEventListener('webglcontextrestored', this.#onRestored);
    this.#ready = false;
    for (const texture of this.#textures) this.#gl.deleteTexture(texture);
    this.#textures = [];
  }

  #upload(): void {
    const gl = this.#gl;
    const list = this.#list;
    const program = link(gl);
    gl.useProgram(program);
    gl.uniform2f(gl.getUniformLocation(program, 'pictureSize'), list.widthPx, list.heightPx);
    this.#textureSize = gl.getUniformLocation(program, 'textureSizePx');

    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, list.vertices.byteLength, gl.DYNAMIC_DRAW);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, list.indices, gl.STATIC_DRAW);
    for (let i = 0; i < 3; i++) {
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, 2, gl.FLOAT, false, VERTEX_FLOATS * 4, i * 8);
    }

    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
    this.#textures = list.textures.map(({ widthPx, heightPx, data }) => {
      const texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, widthPx, heightPx, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
      return texture;
    });

    gl.viewport(0, 0, list.widthPx, list.heightPx);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    // Positive area with y down is clockwise to the eye.
    gl.frontFace(gl.CW);
    gl.cullFace(gl.BACK);
    this.#ready = true;
  }
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ] as const) {
    const shader = gl.createShader(type);
    if (!shader) throw new Error('the graphics context was lost');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`the shaders did not link: ${gl.getProgramInfoLog(program)}`);
  return program;
}
