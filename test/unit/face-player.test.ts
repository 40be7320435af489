// What plays the face's sound, beside a video element that keeps a browser's rule: no sound before a touch.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FacePlayer } from '../../client/face-player.ts';

/** Sound needs a touch; where it is asked for without one, nothing plays on. */
class RuledVideo {
  srcObject: unknown = null;
  paused = true;
  isTouched = false;
  #isMuted = false;

  get muted(): boolean {
    return this.#isMuted;
  }

  set muted(isMuted: boolean) {
    this.#isMuted = isMuted;
    if (!isMuted && !this.isTouched) this.paused = true;
  }

  async play(): Promise<void> {
    if (!this.#isMuted && !this.isTouched) throw new DOMException('a touch is needed', 'NotAllowedError');
    this.paused = false;
  }
}

const stream = {} as MediaStream;
/** Until what was played or refused is told. */
const told = () => new Promise((resolve) => setImmediate(resolve));

let video: RuledVideo;
let player: FacePlayer;
let needsTouch: boolean | undefined;

beforeEach(() => {
  Object.assign(globalThis, { window: new EventTarget() });
  video = new RuledVideo();
  needsTouch = undefined;
  player = new FacePlayer(video as unknown as HTMLVideoElement, (isNeeded) => {
    needsTouch = isNeeded;
  });
});
afterEach(() => {
  Reflect.deleteProperty(globalThis, 'window');
});

const touch = async (kind = 'click') => {
  window.dispatchEvent(new Event(kind));
  await told();
};

describe("the player of the face's sound", () => {
  it('plays at once where sound is allowed', async () => {
    video.isTouched = true;
    player.show(stream, () => {});
    expect(player.isHeard).toBe(false);
    await told();
    expect([player.isHeard, needsTouch, video.muted, video.paused]).toEqual([true, false, false, false]);
  });

  it.each(['pointerup', 'click', 'keydown'])('shows the face in silence until a %s allows sound', async (kind) => {
    player.show(stream, () => {});
    await told();
    expect([player.isHeard, needsTouch, video.muted, video.paused]).toEqual([false, true, true, false]);
    video.isTouched = true;
    await touch(kind);
    expect([player.isHeard, needsTouch, video.muted, video.paused]).toEqual([true, false, false, false]);
  });

  it('shows it on after a key that allows nothing', async () => {
    player.show(stream, () => {});
    await told();
    await touch('keydown');
    expect([player.isHeard, needsTouch, video.muted, video.paused]).toEqual([false, true, true, false]);
  });

  it('shows it on when a script turns the sound on without a touch', async () => {
    player.setMuted(true);
    player.show(stream, () => {});
    await told();
    expect(video.paused).toBe(false);
    player.setMuted(false);
    await told();
    expect([needsTouch, video.muted, video.paused]).toEqual([true, true, false]);
  });

  it('stays as quiet as the visitor wants it, touched or not', async () => {
    player.show(stream, () => {});
    await told();
    player.setMuted(true);
    video.isTouched = true;
    await touch();
    expect([needsTouch, video.muted]).toEqual([false, true]);
    player.setMuted(false);
    await told();
    expect(video.muted).toBe(false);
  });

  it('asks for no touch after the call', async () => {
    player.show(stream, () => {});
    await told();
    player.stop();
    expect([player.isHeard, needsTouch]).toEqual([false, false]);
    video.isTouched = true;
    await touch();
    expect([player.isHeard, video.muted, video.srcObject]).toEqual([false, false, null]);
  });
});
