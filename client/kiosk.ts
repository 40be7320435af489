/** A face that stands alone somewhere: it comes back by itself, keeps the screen awake and listens where it was once allowed to. */
const REJOIN_MS = 3000;

export class Kiosk {
  private readonly join: () => void;
  private readonly talk: () => void;
  private askedMs = 0;

  constructor(join: () => void, talk: () => void) {
    this.join = join;
    this.talk = talk;
  }

  /** The server refused a call and named a time. */
  refused(retryAfterS: number): void {
    this.askedMs = retryAfterS * 1000;
  }

  /** The call is over: another one, as soon as the server wants it. */
  ended(): void {
    setTimeout(() => {
      // The refusal may be told a little later than the end.
      const furtherMs = Math.max(0, this.askedMs - REJOIN_MS);
      this.askedMs = 0;
      setTimeout(this.join, furtherMs);
    }, REJOIN_MS);
  }

  async live(): Promise<void> {
    navigator.wakeLock?.request('screen').catch(() => {});
    const permission = await navigator.permissions
      ?.query({ name: 'microphone' as PermissionName })
      .catch(() => undefined);
    if (permission?.state === 'granted') this.talk();
  }
}
