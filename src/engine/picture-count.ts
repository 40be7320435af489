/**
 * How many pictures a stretch of sound gets. In: its length and the picture rate; out: the count, whoever asks. Sound that ends on the
 * boundary of a picture gets none beyond it, however its length was added up or rounded.
 */

/** Sound that reaches this little into one more picture does not get one: 8 samples at 8 kHz, and less than a tenth of a picture at 120 fps. */
const NEGLIGIBLE_S = 0.001;

export function pictureCount(soundS: number, fps: number): number {
  if (soundS <= 0) return 0;
  return Math.max(1, Math.ceil((soundS - NEGLIGIBLE_S) * fps));
}
