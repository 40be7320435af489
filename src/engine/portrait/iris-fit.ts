/**
 * The iris where the photo has it. In: the picture between the lids and the landmark model's guess. Out: the circle across
 * whose visible rim the picture brightens most (Daugman's integro-differential operator), near the guess. Drawn and
 * painted eyes need it: the model has learnt photographs.
 */
import { type Raster, sample } from './raster.ts';

export interface Circle {
  x: number;
  y: number;
  radius: number;
}

const ANGLES = 40;
/** Search range about the guess, parts of its radius. */
const SHIFTS = [-0.24, -0.16, -0.08, 0, 0.08, 0.16, 0.24];
const SIZES = [0.8, 0.87, 0.94, 1, 1.06, 1.13, 1.2, 1.28];
/** What leaving the guess costs, in luma per (part of the radius)². */
const STIFFNESS = 0.6;

/** `light`: luma; `opening`: 1 between the lids; both of one size, in whose px the circle is given. */
export function fitIris(light: Raster, opening: Raster, guess: Circle): Circle {
  let best = guess;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const size of SIZES) {
    for (const dy of SHIFTS) {
      for (const dx of SHIFTS) {
        const circle = { x: guess.x + dx * guess.radius, y: guess.y + dy * guess.radius, radius: guess.radius * size };
        const contrast = rimContrast(light, opening, circle);
        if (contrast === null) continue;
        const score = contrast - STIFFNESS * (dx * dx + dy * dy + 1.5 * (size - 1) ** 2);
        if (score <= bestScore) continue;
        bestScore = score;
        best = circle;
      }
    }
  }
  return best;
}

/** Mean step in luma from just inside to just outside, over what of the rim is not under a lid; null for too little. */
function rimContrast(light: Raster, opening: Raster, { x, y, radius }: Circle): number | null {
  const half = 0.12 * radius;
  let sum = 0;
  let count = 0;
  for (let k = 0; k < ANGLES; k++) {
    const angle = (2 * Math.PI * k) / ANGLES;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const outX = x + cos * (radius + half);
    const outY = y + sin * (radius + half);
    if (outX < 0 || outY < 0 || outX >= light.widthPx || outY >= light.heightPx) continue;
    if (opening.data[Math.floor(outY) * opening.widthPx + Math.floor(outX)] < 0.95) continue;
    const step = sample(light, outX, outY) - sample(light, x + cos * (radius - half), y + sin * (radius - half));
    // One glint or lash must not decide.
    sum += Math.max(-0.1, Math.min(step, 0.35));
    count++;
  }
  return count < 7 ? null : sum / count;
}
