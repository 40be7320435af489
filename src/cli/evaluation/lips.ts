/**
 * How right the lips are: closures of m, b, p found and false, visemes, the gap in silence, and the offset between picture and sound.
 * In: series over time (from curves, or from the lips tracked in drawn pictures) and what was really said. Pure.
 */
import { PHONE_CLASSES, type PhoneClass, phonemeParts } from '../../engine/motion/phonemes.ts';
import { mean } from './performance.ts';

export interface SaidPhone {
  phone: PhoneClass;
  startS: number;
  endS: number;
}

const TOLERANCE_S = 0.06;
const CLOSURES = new Set(['p', 'b', 'm']);
const VISEMES = [...new Set([...PHONE_CLASSES.values()].flatMap(({ viseme }) => (viseme === null ? [] : [viseme])))];
/** Pauses count from this length on, and only their inside: lips close and part at leisure. */
const PAUSE_S = 0.3;
const PAUSE_MARGIN_S = 0.15;
const REACH_MS = 400;
const LAG_STEP_MS = 5;

/** @param label a class of `phonemes.json` or IPA. */
export function saidPhones(label: string, startS: number, endS: number): SaidPhone[] {
  const known = PHONE_CLASSES.get(label);
  if (known) return [{ phone: known, startS, endS }];
  let atS = startS;
  return phonemeParts(label).parts.map(({ phone, share }) => {
    const from = atS;
    atS += share * (endS - startS);
    return { phone, startS: from, endS: atS };
  });
}

export interface ClosureTally {
  due: number;
  found: number;
  made: number;
  right: number;
}

/**
 * Closures due and made, each taken for right where the other comes within 60 ms.
 *
 * @param closed of each picture i, shown from i / fps on. Lips shut in a pause, or going there, are neither right nor wrong.
 */
export function matchClosures(closed: readonly boolean[], fps: number, said: readonly SaidPhone[]): ClosureTally {
  const due = said.filter(({ phone }) => CLOSURES.has(phone.name));
  const made = runs(closed).map(([start, end]) => [start / fps, end / fps] as const);
  const near = ([startS, endS]: readonly [number, number], phone: SaidPhone): boolean =>
    startS <= phone.endS + TOLERANCE_S && endS >= phone.startS - TOLERANCE_S;
  const found = due.filter((phone) => {
    const middleS = (phone.startS + phone.endS) / 2;
    return made.some(([startS, endS]) => startS <= middleS + TOLERANCE_S && endS >= middleS - TOLERANCE_S);
  });
  const isPause = ([startS, endS]: readonly [number, number]): boolean =>
    pausesOf(said, closed.length / fps).some(
      (pause) => startS < pause.endS + TOLERANCE_S && endS > pause.startS - TOLERANCE_S,
    );
  const right = made.filter((run) => due.some((phone) => near(run, phone)));
  const wrong = made.filter((run) => !due.some((phone) => near(run, phone)) && !isPause(run));
  return { due: due.length, found: found.length, made: right.length + wrong.length, right: right.length };
}

function runs(mask: readonly boolean[]): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let i = 0; i <= mask.length; i++) {
    if (mask[i] && start < 0) start = i;
    if (!mask[i] && start >= 0) {
      found.push([start, i]);
      start = -1;
    }
  }
  return found;
}

/** Stretches in which nothing is said, of any length. */
export function pausesOf(said: readonly SaidPhone[], durationS: number): { startS: number; endS: number }[] {
  const pauses: { startS: number; endS: number }[] = [];
  let atS = 0;
  for (const { phone, startS, endS } of said) {
    if (phone.name === 'sil') continue;
    if (startS - atS > 0.045) pauses.push({ startS: atS, endS: startS });
    atS = Math.max(atS, endS);
  }
  if (durationS > atS) pauses.push({ startS: atS, endS: durationS });
  return pauses;
}

/** For each picture, whether it shows the inside of a pause. */
export function silentPictures(said: readonly SaidPhone[], count: number, fps: number): boolean[] {
  const pauses = pausesOf(said, count / fps).filter(({ startS, endS }) => endS - startS >= PAUSE_S);
  return Array.from({ length: count }, (_, i) =>
    pauses.some(
      ({ startS, endS }) =>
        (i / fps >= startS + PAUSE_MARGIN_S || startS === 0) && (i + 1) / fps <= endS - PAUSE_MARGIN_S,
    ),
  );
}

/** Right frames among those in which something is said. @param frames class probabilities every 20 ms, in the network's order. */
export function visemeTally(
  frames: readonly { classes: Float32Array }[],
  classNames: readonly string[],
  said: readonly SaidPhone[],
): { judged: number; right: number } {
  const visemeOf = classNames.map((name) => VISEMES.indexOf(PHONE_CLASSES.get(name)?.viseme ?? ''));
  let [judged, right] = [0, 0];
  for (const [i, { classes }] of frames.entries()) {
    const timeS = (i + 0.5) / 50;
    const truth = said.find(({ startS, endS }) => startS <= timeS && timeS < endS)?.phone.viseme;
    if (truth === undefined || truth === null || truth === 'sil') continue;
    const sums = new Float32Array(VISEMES.length);
    for (const [c, viseme] of visemeOf.entries()) if (viseme >= 0) sums[viseme] += classes[c];
    judged += 1;
    if (VISEMES[sums.indexOf(Math.max(...sums))] === truth) right += 1;
  }
  return { judged, right };
}

export function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    ab += (value - ma) * (b[i] - mb);
    aa += (value - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb || 1);
}

/**
 * How late `seen` is against `heard`, ms, by the best correlation within ±400 ms.
 *
 * @param seen opening of each picture, of which the middle of its time counts. @param heard opening that the sound asks for, at a time.
 */
export function offsetMs(
  seen: readonly number[],
  fps: number,
  heard: (timeS: number) => number,
): { lagMs: number; r: number } {
  let best = { lagMs: 0, r: -1 };
  for (let lagMs = -REACH_MS; lagMs <= REACH_MS; lagMs += LAG_STEP_MS) {
    const wanted = seen.map((_, i) => heard((i + 0.5) / fps - lagMs / 1000));
    const r = correlation(seen, wanted);
    if (r > best.r) best = { lagMs, r };
  }
  return best;
}
