/**
 * A server whose face flashes and beeps at the same instants: the real pacer, codecs, peer and page, with a clip in the engine's place.
 * What is out of sync in the browser is theirs. A page that draws gets a head that jumps aside in the picture's place.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config.ts';
import { neutralFrame } from '../../src/engine/motion-frame.ts';
import { packMotion } from '../../src/engine/motion-packet.ts';
import { saveRig } from '../../src/engine/portrait/rig-store.ts';
import { makePoster } from '../../src/engine/portrait/thumbnail.ts';
import { AvPacer } from '../../src/media/av-pacer.ts';
import { type EncodedFrame, i420Bytes } from '../../src/media/frames.ts';
import { LiveVideoEncoder } from '../../src/media/live-video-encoder.ts';
import { OpusEncoder } from '../../src/media/opus.ts';
import { createMetrics } from '../../src/metrics.ts';
import { clientDir } from '../../src/paths.ts';
import type { CallRequest, HostedCall } from '../../src/signaling/hosting.ts';
import type { MediaOutlet } from '../../src/signaling/peer.ts';
import { startServer } from '../../src/signaling/server.ts';
import { createLogger } from '../../src/telemetry.ts';
import { isOn } from './flash-and-beep.ts';
import { syntheticRig } from './synthetic-rig.ts';
import type { TestServer } from './test-server.ts';

const FPS = 25;
const SIZE_PX = 256;
const RATE_HZ = 48_000;
const TICK_SAMPLES = RATE_HZ / FPS;
const AHEAD_US = 120_000;

/** What leaves for one tick of the clip. */
interface Output {
  encode(index: number, timestampUs: number): EncodedFrame | undefined;
  keyframe(): void;
}

function pictures(): Output {
  const encoder = new LiveVideoEncoder({ codec: 'VP8', sizePx: SIZE_PX, fps: FPS, bitrateBps: 800_000 });
  const picture = new Uint8Array(i420Bytes(SIZE_PX, SIZE_PX)).fill(128);
  return {
    encode: (index, timestampUs) =>
      encoder.encode(picture.fill(isOn(index / FPS) ? 235 : 16, 0, SIZE_PX * SIZE_PX), timestampUs),
    keyframe: () => encoder.requestKeyframe(),
  };
}

function motion(): Output {
  return {
    encode(index, timestampUs) {
      const frame = neutralFrame();
      if (isOn(index / FPS)) frame.pose.x = 0.5;
      const data = packMotion(frame);
      const mimeType = 'application/x-visavis-motion';
      return { kind: 'video', mimeType, data, timestampUs, durationUs: 1e6 / FPS, isKeyframe: true };
    },
    keyframe() {},
  };
}

function beep(index: number): Float32Array {
  return Float32Array.from({ length: TICK_SAMPLES }, (_, i) => {
    const timeS = (index * TICK_SAMPLES + i) / RATE_HZ;
    return isOn(timeS) ? 0.5 * Math.sin(2 * Math.PI * 1000 * timeS) : 0;
  });
}

function openCall(render: CallRequest['render'], videoDelayUs: number, peer: () => MediaOutlet): HostedCall {
  const output = render === 'client' ? motion() : pictures();
  const pacer = new AvPacer({ videoDelayUs: render === 'client' ? 0 : videoDelayUs });
  const opus = new OpusEncoder();
  let index = 0;
  let timer: NodeJS.Timeout | undefined;
  const step = (): void => {
    while (pacer.queuedUs < AHEAD_US) {
      pacer.pushTick({ index, samples: beep(index), isLast: false });
      pacer.pushPicture(index, index);
      index += 1;
    }
    for (const action of pacer.poll(performance.now() * 1000)) {
      if (action.kind === 'audio') {
        const { samples, timestampUs } = action;
        const data = opus.encode(samples);
        peer().send({ kind: 'audio', mimeType: 'audio/opus', data, timestampUs, durationUs: 20_000, isKeyframe: true });
      } else if (action.kind === 'picture') {
        const frame = output.encode(action.slot, action.timestampUs);
        if (frame) peer().send(frame);
      }
    }
  };
  const call: Partial<HostedCall> = {
    events: {
      connected: () => {
        timer ??= setInterval(step, 5);
      },
      keyframeRequest: () => output.keyframe(),
      microphone() {},
      link() {},
      closed() {},
    },
    setControls() {},
    async close() {
      clearInterval(timer);
    },
  };
  return call as HostedCall;
}

export async function startFlashServer(): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'visavis-flash-'));
  const rigPath = join(folder, 'face.rig');
  const rig = syntheticRig();
  await saveRig(rigPath, rig);
  const poster = await makePoster(rig);
  const config = structuredClone(loadConfig({}));
  config.server.port = 0;
  const info = { id: 'flash', title: 'Flash', credit: '', warnings: [] };
  const server = await startServer({
    config,
    logger: createLogger('error'),
    metrics: createMetrics(),
    clientDir,
    readiness: [],
    host: {
      fps: FPS,
      admit() {},
      open: async ({ render }, peer) => openCall(render, config.webrtc.videoDelayMs * 1000, peer),
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
