/**
 * A server whose face flashes and beeps at the same instants: the real session, codecs, peer and page, with a clip in the engine's place.
 * What is out of sync in the browser is theirs. A page that draws gets a head that jumps aside in the picture's place. Its page folder also
 * holds the script by which a test listens there.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Conversation } from '../../src/agent/conversation.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { resolveControls } from '../../src/engine/controls.ts';
import type { EngineListener, EngineSession } from '../../src/engine/engine-session.ts';
import { neutralFrame } from '../../src/engine/motion-frame.ts';
import { packMotion } from '../../src/engine/motion-packet.ts';
import { saveRig } from '../../src/engine/portrait/rig-store.ts';
import { makePoster } from '../../src/engine/portrait/thumbnail.ts';
import { systemClock } from '../../src/media/clock.ts';
import { type EncodedFrame, i420Bytes } from '../../src/media/frames.ts';
import { type LiveCodec, LiveVideoEncoder } from '../../src/media/live-video-encoder.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { clientDir } from '../../src/paths.ts';
import { Session } from '../../src/session.ts';
import type { CallAudience, CallRequest, HostedCall } from '../../src/signaling/hosting.ts';
import type { MediaOutlet } from '../../src/signaling/peer.ts';
import { startServer } from '../../src/signaling/server.ts';
import { createLogger } from '../../src/telemetry.ts';
import { FakeSynthesizer } from './fake-providers.ts';
import { isOn } from './flash-and-beep.ts';
import { LISTENER_SCRIPT, LISTENER_URL } from './flash-watcher.ts';
import { syntheticRig } from './synthetic-rig.ts';
import type { TestServer } from './test-server.ts';

const SIZE_PX = 256;
const RATE_HZ = 48_000;
const SLOTS = 8;

/** Draws the clip: black or white pictures, or motion, in the slots of a real engine. */
class ClipEngine {
  private readonly listener: EngineListener;
  private readonly render: CallRequest['render'];
  private readonly fps: number;
  private readonly free = Array.from({ length: SLOTS }, (_, slot) => slot);
  /** Which picture of the clip lies in a slot. */
  private readonly drawn = new Map<number, number>();
  private readonly picture = new Uint8Array(i420Bytes(SIZE_PX, SIZE_PX)).fill(128);
  private encoder: LiveVideoEncoder | undefined;
  private index = 0;
  private isClosed = false;

  constructor(listener: EngineListener, render: CallRequest['render'], fps: number) {
    this.listener = listener;
    this.render = render;
    this.fps = fps;
    setImmediate(() => this.draw());
  }

  private draw(): void {
    // As many ahead as a face that says nothing.
    while (!this.isClosed && this.drawn.size < 4) {
      const slot = this.free.shift()!;
      const index = this.index++;
      this.drawn.set(slot, index);
      this.listener.tick({ index, samples: beep(index, this.fps), isLast: false });
      this.listener.picture(index, slot, 1);
    }
  }

  private release(slot: number): void {
    this.drawn.delete(slot);
    this.free.push(slot);
    setImmediate(() => this.draw());
  }

  setEncoder(codec: LiveCodec, bitrateBps: number): void {
    this.encoder = new LiveVideoEncoder({ codec, sizePx: SIZE_PX, fps: this.fps, bitrateBps });
  }

  encode(slot: number, timestampUs: number): void {
    const isBright = isOn(this.drawn.get(slot)! / this.fps);
    const frame = this.render === 'client' ? this.motion(isBright, timestampUs) : this.video(isBright, timestampUs);
    this.release(slot);
    if (frame) setImmediate(() => this.isClosed || this.listener.encoded(frame, 1));
  }

  private video(isBright: boolean, timestampUs: number): EncodedFrame | undefined {
    return this.encoder?.encode(this.picture.fill(isBright ? 235 : 16, 0, SIZE_PX * SIZE_PX), timestampUs);
  }

  private motion(isBright: boolean, timestampUs: number): EncodedFrame {
    const frame = neutralFrame();
    if (isBright) frame.pose.x = 0.5;
    const mimeType = 'application/x-visavis-motion';
    return {
      kind: 'video',
      mimeType,
      data: packMotion(frame),
      timestampUs,
      durationUs: 1e6 / this.fps,
      isKeyframe: true,
    };
  }

  drop(slot: number): void {
    this.release(slot);
  }

  requestKeyframe(): void {
    this.encoder?.requestKeyframe();
  }

  setRate(): void {}
  setControls(): void {}
  setActivity(): void {}
  hearCaller(): void {}
  interrupt(): void {}

  close(): void {
    this.isClosed = true;
    this.encoder?.[Symbol.dispose]();
  }
}

function beep(index: number, fps: number): Float32Array {
  const from = index * (RATE_HZ / fps);
  return Float32Array.from({ length: RATE_HZ / fps }, (_, i) => {
    const timeS = (from + i) / RATE_HZ;
    return isOn(timeS) ? 0.5 * Math.sin(2 * Math.PI * 1000 * timeS) : 0;
  });
}

const nobody: Conversation = {
  tick() {},
  say() {},
  setVoice() {},
  setTalk() {},
  setHears() {},
  hold() {},
  guest: (begin) => begin({}),
  async close() {},
};

function openCall(
  { webrtc, motion }: Config,
  metrics: Metrics,
  render: CallRequest['render'],
  peer: () => MediaOutlet,
  audience: CallAudience,
): HostedCall {
  return new Session({
    peer,
    openEngine: (listener) => new ClipEngine(listener, render, motion.fps) as unknown as EngineSession,
    openConversation: () => nobody,
    synthesizer: new FakeSynthesizer(),
    controls: resolveControls({}),
    clock: systemClock,
    audience,
    logger: createLogger('error'),
    metrics,
    settings: {
      render,
      fps: motion.fps,
      bitrateBps: 800_000,
      videoDelayUs: webrtc.videoDelayMs * 1000,
      ratePercent: 100,
      maxCharacters: 100,
    },
  });
}

export async function startFlashServer(change: (config: Config) => void = () => {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'visavis-flash-'));
  const rigPath = join(folder, 'face.rig');
  const rig = syntheticRig();
  await saveRig(rigPath, rig);
  const poster = await makePoster(rig);
  const pageDir = join(folder, 'page');
  cpSync(clientDir, pageDir, { recursive: true });
  writeFileSync(join(pageDir, LISTENER_URL), LISTENER_SCRIPT);
  const config = structuredClone(loadConfig({}));
  config.server.port = 0;
  config.motion.fps = 30; // flashes begin with a picture
  config.limits.silenceS = 30;
  change(config);
  const metrics = createMetrics();
  const info = { id: 'flash', title: 'Flash', credit: '', warnings: [] };
  const server = await startServer({
    config,
    logger: createLogger('error'),
    metrics,
    clientDir: pageDir,
    readiness: [],
    host: {
      fps: config.motion.fps,
      admit() {},
      open: async ({ render }, peer, audience) => openCall(config, metrics, render, peer, audience),
      voices: async () => [],
    },
    gallery: {
      list: async () => [info],
      info: async () => info,
      thumbnail: async () => poster,
      poster: async () => poster,
      rigPath: async () => rigPath,
      add: async () => info,
    },
  });
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
