/** The element that plays the face's sound and video. In: streams, the loudspeaker, muted or not. Out: whether the visitor has to touch first. */
/** What allows sound, anywhere on the page: seen before the site's own handlers, which may keep it to themselves or use it up. */
const TOUCHES = ['pointerup', 'click', 'keydown'] as const;

export class FacePlayer {
  private readonly video: HTMLVideoElement;
  private readonly needsTouch: (isNeeded: boolean) => void;
  private isMuted = false;
  /** Only silence is allowed yet. */
  private isSilenced = false;
  /** The sound plays, as loud as the visitor wants it. */
  isHeard = false;

  /** @param needsTouch told when the browser allows sound only after a touch, and when it has come. */
  constructor(video: HTMLVideoElement, needsTouch: (isNeeded: boolean) => void) {
    this.video = video;
    this.needsTouch = needsTouch;
  }

  /** @param onPicture called with the first one. */
  show(stream: MediaStream, onPicture: () => void): void {
    const { video } = this;
    if (video.srcObject === stream) return;
    this.isHeard = false;
    video.srcObject = stream;
    video.requestVideoFrameCallback?.(onPicture);
    this.play();
  }

  /** Browsers forbid sound before the visitor has touched the page: then the face plays silently until a touch or a key allows it. */
  private play(): void {
    const { video } = this;
    video.muted = this.isMuted;
    video.play().then(
      () => this.silence(false),
      (error: DOMException) => {
        // Another stream has come meanwhile: its own call of this tells.
        if (error.name === 'AbortError') return;
        this.silence(true);
        video.play().catch(() => {});
      },
    );
  }

  /** A touch or a key may have allowed sound. */
  readonly tryAgain = (): void => {
    if (this.isSilenced) this.play();
  };

  /** Ends with the call: nobody waits for a touch any more. */
  stop(): void {
    this.video.srcObject = null;
    this.silence(false);
    this.isHeard = false;
  }

  private silence(isSilenced: boolean): void {
    this.isSilenced = isSilenced;
    this.isHeard = !isSilenced;
    this.video.muted = this.isMuted || isSilenced;
    for (const touch of TOUCHES)
      if (isSilenced) window.addEventListener(touch, this.tryAgain, true);
      else window.removeEventListener(touch, this.tryAgain, true);
    this.needsTouch(isSilenced);
  }

  setMuted(isMuted: boolean): void {
    const isLouder = this.isMuted && !isMuted;
    this.isMuted = isMuted;
    this.video.muted = isMuted || this.isSilenced;
    // Where a script asks for sound that no touch has allowed, the browser stops the pictures, too.
    if (isLouder && !this.isSilenced && this.video.srcObject) this.play();
  }

  /** @param deviceId empty: the system's. @throws DOMException when it cannot be used; the one before plays on. */
  async setSpeaker(deviceId: string): Promise<void> {
    if ('setSinkId' in this.video) await this.video.setSinkId(deviceId);
  }
}
