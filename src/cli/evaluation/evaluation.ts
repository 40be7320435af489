/**
 * The measures of `visavis evaluate` and what they should come to. In: recordings with what is said in them. Out: rows of a table. Everything
 * goes the way of the product: sound alone → motion → pictures; what was really said is only for judging.
 */
import { resolveControls } from '../../engine/controls.ts';
import { ARTICULATION_CLASSES } from '../../engine/motion/articulation-frame.ts';
import { ArticulationModel } from '../../engine/motion/articulation-model.ts';
import { ArticulationRecording } from '../../engine/motion/articulation-recording.ts';
import { mouthAt, segmentsOf } from '../../engine/motion/coarticulation.ts';
import type { HeadPlanner } from '../../engine/motion/head-plan.ts';
import { motionFromSound } from '../../engine/motion/motion-generator.ts';
import { CHANNEL_INDEX, ipaOf } from '../../engine/motion/phonemes.ts';
import type { MotionFrame } from '../../engine/motion-frame.ts';
import type { AudioFrame } from '../../media/frames.ts';
import { quantile } from '../../media/quantile.ts';
import { openPortrait } from '../open-portrait.ts';
import { startProgress } from '../progress.ts';
import type { CommandIo } from '../run-command.ts';
import { type ClosureTally, matchClosures, offsetMs, type SaidPhone, silentPictures, visemeTally } from './lips.ts';
import { MATERIAL_RATE_HZ, type Recording } from './material.ts';
import {
  EVALUATION_FPS,
  measureControls,
  measurePerformance,
  type PerformanceMeasure,
  readRealPerformance,
  seamRatio,
} from './performance.ts';
import { trackLips } from './tracked-lips.ts';

export interface MeasureRow {
  name: string;
  value: number;
  unit: string;
  aim: string;
  /** null where nothing is asked. */
  isMet: boolean | null;
}

/** A picture's lips are shut below this share of the widest opening (its 90th percentile); tracked lips never meet exactly. */
const SHUT_SHARE = 0.12;
const GAP_LIMIT_PX = 1;
const MIN_OFFSET_S = 4;
const CHUNK_SAMPLES = MATERIAL_RATE_HZ / 10;
const SEEDS = [1, 2, 3, 4, 5, 6];
const BREATH_S = 0.1;

export async function evaluateLips(
  material: readonly Recording[],
  portraits: readonly string[],
  isQuick: boolean,
  io: CommandIo,
): Promise<MeasureRow[]> {
  const model = await ArticulationModel.load();
  const curves: ClosureTally = { due: 0, found: 0, made: 0, right: 0 };
  const visemes = { judged: 0, right: 0 };
  const motions: MotionFrame[][] = [];
  for (const { samples, said } of material) {
    io.signal.throwIfAborted();
    const recording = new ArticulationRecording(model);
    const frames = [...(await recording.push(samples, MATERIAL_RATE_HZ)), ...(await recording.flush())];
    addTo(visemes, visemeTally(frames, ARTICULATION_CLASSES, said));
    const motion = await animate(samples, 1, { model });
    motions.push(motion);
    addTo(curves, matchClosures(motion.map(isSealed), EVALUATION_FPS, said));
  }
  const rows = [atLeast('viseme accuracy', visemes.right / visemes.judged, '', 0.66), ...closureRows('curves', curves)];
  if (portraits.length > 0) rows.push(...(await evaluatePictures(material, motions, portraits, isQuick, io)));
  return rows;
}

async function evaluatePictures(
  material: readonly Recording[],
  motions: readonly MotionFrame[][],
  portraits: readonly string[],
  isQuick: boolean,
  io: CommandIo,
): Promise<MeasureRow[]> {
  const shown = isQuick ? motions.map((motion) => motion.slice(0, 2 * EVALUATION_FPS)) : motions;
  const total = portraits.length * shown.reduce((sum, motion) => sum + motion.length, 0);
  const progress = startProgress('evaluate', total, !io.json);
  let done = 0;
  const closures: ClosureTally = { due: 0, found: 0, made: 0, right: 0 };
  const silence = { pictures: 0, open: 0 };
  const offsets: number[] = [];
  try {
    for (const portrait of portraits) {
      const { rig } = await openPortrait(portrait, io);
      for (const [i, motion] of shown.entries()) {
        const lengthS = motion.length / EVALUATION_FPS;
        const said = material[i].said.filter(({ startS }) => startS < lengthS);
        const { gapPx, aperture } = await trackLips(rig, motion, () => progress.update(++done), io.signal);
        const widest = quantile(aperture, 0.9);
        addTo(
          closures,
          matchClosures(
            aperture.map((value) => value < SHUT_SHARE * widest),
            EVALUATION_FPS,
            said,
          ),
        );
        for (const [k, isSilent] of silentPictures(said, gapPx.length, EVALUATION_FPS).entries()) {
          if (!isSilent) continue;
          silence.pictures += 1;
          if (gapPx[k] > GAP_LIMIT_PX) silence.open += 1;
        }
        if (lengthS >= MIN_OFFSET_S)
          offsets.push(offsetMs(aperture, EVALUATION_FPS, expectedOpening(said, lengthS)).lagMs);
      }
    }
  } finally {
    progress.stop();
  }
  const offset = offsets.length > 0 ? quantile(offsets, 0.5) : Number.NaN;
  return [
    ...closureRows('pictures', closures),
    atMost('lips apart in silence (> 1 px)', (100 * silence.open) / Math.max(silence.pictures, 1), '%', 1),
    ...(offsets.length > 0
      ? [{ name: 'picture late by', value: round(offset), unit: 'ms', aim: '0 ± 15', isMet: Math.abs(offset) <= 15 }]
      : []),
  ];
}

/** How far open what is said wants the mouth: the reference driver's answer, which knows the sounds and has not heard them. */
function expectedOpening(said: readonly SaidPhone[], lengthS: number): (timeS: number) => number {
  const phonemes = said.flatMap(({ phone, startS, endS }) => {
    const ipa = ipaOf(phone);
    return ipa === undefined ? [] : [{ ipa, startUs: startS * 1e6, endUs: endS * 1e6, stress: 0 as const }];
  });
  const segments = segmentsOf(phonemes, 0, lengthS);
  return (timeS) => {
    const { channels, rest } = mouthAt(segments, timeS);
    return channels[CHANNEL_INDEX.jaw] * (1 - channels[CHANNEL_INDEX.close]) * (1 - rest);
  };
}

export async function evaluatePerformance(
  material: readonly Recording[],
  headPlanner: HeadPlanner | undefined,
  isQuick: boolean,
  io: CommandIo,
): Promise<MeasureRow[]> {
  const model = await ArticulationModel.load();
  const animateWith = (seed: number, asked: Parameters<typeof resolveControls>[0] = {}, fps = EVALUATION_FPS) =>
    animate(sound, seed, { model, headPlanner }, asked, fps);
  const real = readRealPerformance();
  const sound = concatenated(material, isQuick ? 4 : 60);
  const measured: Partial<Record<PerformanceMeasure, number[]>> = {};
  const asked = { yawRad: 0.15, pitchRad: -0.05, headDistance: 1.2 };
  const controls: ReturnType<typeof measureControls>[] = [];
  for (const seed of isQuick ? SEEDS.slice(0, 1) : SEEDS) {
    io.signal.throwIfAborted();
    const motion = await animateWith(seed);
    for (const [name, value] of Object.entries(measurePerformance(motion)) as [PerformanceMeasure, number][]) {
      measured[name] ??= [];
      measured[name].push(value);
    }
    const gaze = { yawRad: asked.yawRad, pitchRad: asked.pitchRad };
    controls.push(measureControls(await animateWith(seed, { gaze, headDistance: asked.headDistance }), asked));
  }
  // 50 pictures a second: the network's hops of 40 ms begin at every second one.
  const quick = await animateWith(1, {}, 50);
  const jaw = quick.map(({ blendshapes }) => blendshapes.jawOpen ?? 0);
  const seam = round(seamRatio([jaw], 1, (index) => index % 2 === 0));
  const rows: MeasureRow[] = [];
  for (const [name, values] of Object.entries(measured) as [PerformanceMeasure, number[]][]) {
    const [low, middle, high] = real[name].quartiles;
    const value = round(quantile(values, 0.5));
    const [label, unit] = LABELS[name];
    rows.push({ name: label, value, unit, aim: `${low} … ${high}`, isMet: value >= low && value <= high });
    if (name === 'headStepDeg') {
      const ratio = round(value / middle);
      rows.push({
        name: 'head motion ÷ real (ΔP)',
        value: ratio,
        unit: '',
        aim: '0.8 … 1.1',
        isMet: ratio >= 0.8 && ratio <= 1.1,
      });
    }
  }
  rows.push({
    name: 'steps at seams ÷ elsewhere, lips',
    value: seam,
    unit: '',
    aim: '0.9 … 1.1',
    isMet: seam >= 0.9 && seam <= 1.1,
  });
  const worst = (key: keyof (typeof controls)[number]): number =>
    round(Math.max(...controls.map((control) => control[key])));
  rows.push(
    atMost('gaze off the asked target', worst('gazeErrorDeg'), '°', 3),
    atMost('distance off the asked one', worst('distanceErrorPercent'), '%', 3),
    atMost('freezes', worst('freezes'), '', 0),
  );
  return rows;
}

const LABELS: Record<PerformanceMeasure, [label: string, unit: string]> = {
  headStepDeg: ['head motion', '°/frame'],
  headSpreadDeg: ['head spread', '°'],
  headAccelerationDegS2: ['head acceleration', '°/s²'],
  headJerkDegS3: ['head jerk', '°/s³'],
  blinksPerMinute: ['blinks', '/min'],
  blinkS: ['blink', 's'],
  blinkIntervalCv: ['blink intervals, variation', ''],
  gazeShiftsPerMinute: ['gaze shifts > 5°', '/min'],
  gazeSpreadDeg: ['gaze spread', '°'],
  browSpread: ['brow spread', ''],
  browStep: ['brow motion', '/frame'],
};

async function animate(
  samples: Float32Array,
  seed: number,
  networks: { model: ArticulationModel; headPlanner?: HeadPlanner | undefined },
  asked: Parameters<typeof resolveControls>[0] = {},
  fps = EVALUATION_FPS,
): Promise<MotionFrame[]> {
  const controls = resolveControls({ seed, ...asked });
  const frames: MotionFrame[] = [];
  for await (const frame of motionFromSound(chunks(samples), { fps, controls, ...networks })) frames.push(frame);
  return frames;
}

async function* chunks(samples: Float32Array): AsyncGenerator<AudioFrame> {
  for (let at = 0; at < samples.length; at += CHUNK_SAMPLES) {
    const timestampUs = Math.round((at / MATERIAL_RATE_HZ) * 1e6);
    const piece = samples.slice(at, at + CHUNK_SAMPLES);
    yield { kind: 'audio', samples: piece, sampleRateHz: MATERIAL_RATE_HZ, channels: 1, timestampUs };
  }
}

/** All recordings one after the other, again and again, for so long; without the rests around them, as real clips are of people who talk. */
function concatenated(material: readonly Recording[], seconds: number): Float32Array {
  const all = new Float32Array(seconds * MATERIAL_RATE_HZ);
  for (let at = 0, i = 0; at < all.length; i++) {
    const { samples, said } = material[i % material.length];
    const spoken = said.filter(({ phone }) => phone.name !== 'sil');
    const from = Math.max(0, (spoken[0]?.startS ?? 0) - BREATH_S) * MATERIAL_RATE_HZ;
    const to = ((spoken.at(-1)?.endS ?? Infinity) + BREATH_S) * MATERIAL_RATE_HZ;
    const piece = samples.subarray(from, to).subarray(0, all.length - at);
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The renderer's rule: half-way to lips that touch exactly. */
function isSealed({ blendshapes }: MotionFrame): boolean {
  return (blendshapes.mouthClose ?? 0) >= 0.75 * Math.max(blendshapes.jawOpen ?? 0, 0.08);
}

function closureRows(where: string, { due, found, made, right }: ClosureTally): MeasureRow[] {
  return [
    atLeast(`m b p closed, ${where}: recall`, found / Math.max(due, 1), '', 0.85),
    atLeast(`m b p closed, ${where}: precision`, right / Math.max(made, 1), '', 0.8),
  ];
}

function atLeast(name: string, value: number, unit: string, limit: number): MeasureRow {
  return { name, value: round(value), unit, aim: `≥ ${limit}`, isMet: round(value) >= limit };
}

function atMost(name: string, value: number, unit: string, limit: number): MeasureRow {
  return { name, value: round(value), unit, aim: `≤ ${limit}`, isMet: round(value) <= limit };
}

function addTo<T extends object>(sum: T, more: T): void {
  for (const key of Object.keys(sum) as (keyof T)[]) (sum[key] as number) += more[key] as number;
}

const round = (value: number): number => Number(value.toPrecision(3));
