/**
 * PictureThinning: which of the face's pictures are encoded when the link is given fewer than are drawn. In: the media times of pictures
 * that are due; out: yes or no. The ones taken keep their own times, so lips stay with the sound. Pure.
 */
export class PictureThinning {
  private intervalUs = 0;
  private nextUs = Number.NEGATIVE_INFINITY;

  /** @param fps pictures a second to let through at most. */
  setRate(fps: number): void {
    this.intervalUs = 1e6 / fps;
  }

  /** Lets nothing through for so long, media time. */
  pause(fromUs: number, forUs: number): void {
    this.nextUs = Math.max(this.nextUs, fromUs + forUs);
  }

  takes(timestampUs: number): boolean {
    // Pictures sit on their own grid, 5 ms finer than any step between two rates.
    if (timestampUs < this.nextUs - 5_000) return false;
    const isLate = timestampUs - this.nextUs > this.intervalUs;
    this.nextUs = (isLate ? timestampUs : this.nextUs) + this.intervalUs;
    return true;
  }
}
