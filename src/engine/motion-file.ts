/**
 * Motion files: one MotionFrame as a JSON object per line, constant frame rate, first line at `timestampUs` 0.
 *
 * In: a path. Out: a stream of checked frames, or the same frames written back with every digit, so that a file that
 * is drawn, written and drawn again gives the same pictures. Memory stays constant whatever the length. Every error
 * names the file and the line; unknown keys are ignored, unknown blend-shape names are ignored and told once.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { editDistance } from '../media/edit-distance.ts';
import { createPartFile } from '../media/part-file.ts';
import { BLENDSHAPE_INDEX, BLENDSHAPE_NAMES, type BlendshapeName, type MotionFrame } from './motion-frame.ts';

/** Gaps between lines may differ by this much from the first one (tools that round to milliseconds). */
const GAP_TOLERANCE_US = 1500;
/** Weights may leave 0…1 by a rounding error of single precision. */
const WEIGHT_TOLERANCE = 1e-3;
/** Frame rates that a rounded first gap is taken for. */
const COMMON_FPS = [24, 25, 30, 40, 48, 50, 60, 120, 24000 / 1001, 30000 / 1001, 60000 / 1001];

const number = z.number({ error: (issue) => (issue.input === undefined ? 'is missing' : 'is not a finite number') });
const lineSchema = z.object({
  timestampUs: number.min(0, 'is negative'),
  pose: z.object({
    yawRad: number,
    pitchRad: number,
    rollRad: number,
    x: number,
    y: number,
    scale: number.positive('is not above 0'),
  }),
  gaze: z.object({ yawRad: number, pitchRad: number }),
  blendshapes: z.record(
    z.string(),
    number.min(-WEIGHT_TOLERANCE, 'is below 0').max(1 + WEIGHT_TOLERANCE, 'is above 1'),
  ),
});

export interface MotionFileInfo {
  frameCount: number;
  /** null when there is only one frame. */
  fps: number | null;
  /** Frame count × frame duration; 0 when there is only one frame. */
  durationUs: number;
}

/**
 * Streams the frames of a motion file.
 *
 * @param onWarning told at most once, one sentence, when the file uses blend-shape names that do not exist.
 * @throws AppError FILE_NOT_FOUND, FILE_UNREADABLE, or MOTION_INVALID with the line number.
 */
export async function* readMotionFile(
  path: string,
  onWarning?: (sentence: string) => void,
): AsyncGenerator<MotionFrame> {
  await checkReadable(path);
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 });
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let lineNumber = 0;
  let frameCount = 0;
  let firstGapUs = 0;
  let previousUs = 0;
  let warned = false;
  try {
    for await (const line of lines) {
      lineNumber++;
      if (line.trim() === '') continue;
      const { frame, unknownName } = parseLine(line, path, lineNumber);
      const gapUs = frame.timestampUs - previousUs;
      if (frameCount === 0 && frame.timestampUs !== 0) {
        throw invalid(path, lineNumber, `the first frame is at ${frame.timestampUs} µs; it must be at timestampUs 0`);
      }
      if (frameCount === 1) firstGapUs = gapUs;
      if (
        frameCount >= 1 &&
        !(gapUs > 0 && Math.abs(gapUs - firstGapUs) <= Math.min(GAP_TOLERANCE_US, firstGapUs / 4))
      ) {
        throw invalid(
          path,
          lineNumber,
          `the frame comes ${gapUs} µs after the one before, where the file began with ${firstGapUs} µs; ` +
            'a motion file needs a constant frame rate without gaps',
        );
      }
      if (unknownName !== undefined && !warned) {
        warned = true;
        onWarning?.(
          `${path}, line ${lineNumber}: there is no blend shape "${unknownName}" and it is ignored; ` +
            `did you mean "${nearestBlendshape(unknownName)}"?`,
        );
      }
      previousUs = frame.timestampUs;
      frameCount++;
      yield frame;
    }
  } finally {
    lines.close();
    stream.destroy();
  }
  if (frameCount === 0) {
    throw new AppError('MOTION_INVALID', `${path}: the motion file is empty; it needs one JSON object per line.`);
  }
}

/** Reads a whole motion file once, so that a bad line is found before any work is done. Throws as `readMotionFile`. */
export async function inspectMotionFile(path: string, onWarning?: (sentence: string) => void): Promise<MotionFileInfo> {
  let frameCount = 0;
  let lastUs = 0;
  for await (const frame of readMotionFile(path, onWarning)) {
    frameCount++;
    lastUs = frame.timestampUs;
  }
  if (frameCount === 1) return { frameCount, fps: null, durationUs: 0 };
  const periodUs = lastUs / (frameCount - 1);
  const fps = COMMON_FPS.find((f) => Math.abs(1e6 / f - periodUs) < 1) ?? 1e6 / periodUs;
  return { frameCount, fps, durationUs: Math.round(frameCount * periodUs) };
}

export interface MotionFileWriter {
  write(frame: MotionFrame): Promise<void>;
  /** Puts the complete file under its final name. */
  finish(): Promise<void>;
  /** Leaves nothing behind; harmless after `finish`. */
  abort(): Promise<void>;
}

/** @throws AppError FILE_UNWRITABLE. */
export async function createMotionFile(path: string): Promise<MotionFileWriter> {
  const part = await createPartFile(path);
  let file: FileHandle | null = await part.writing(open(part.path, 'w'));
  let pending = '';
  const flush = async () => {
    if (file) await part.writing(file.writeFile(pending));
    pending = '';
  };
  const close = async () => {
    await file?.close();
    file = null;
  };
  return {
    async write(frame) {
      pending += `${formatMotionLine(frame)}\n`;
      if (pending.length > 1 << 16) await flush();
    },
    async finish() {
      await flush();
      await close();
      await part.commit();
    },
    async abort() {
      await close();
      await part.discard();
    },
  };
}

/** One line of a motion file, without the line end. Weights of 0 are left out. */
export function formatMotionLine(frame: MotionFrame): string {
  const blendshapes: Partial<Record<BlendshapeName, number>> = {};
  for (const name of BLENDSHAPE_NAMES) {
    const weight = frame.blendshapes[name];
    if (weight) blendshapes[name] = weight;
  }
  return JSON.stringify({ timestampUs: frame.timestampUs, pose: frame.pose, gaze: frame.gaze, blendshapes });
}

function parseLine(line: string, path: string, lineNumber: number): { frame: MotionFrame; unknownName?: string } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    const hasNaN = /[:,[]\s*-?(NaN|Infinity|inf|nan)\b/.test(line);
    throw invalid(path, lineNumber, hasNaN ? 'holds NaN or Infinity; every value must be finite' : 'is not JSON');
  }
  const result = lineSchema.safeParse(json);
  if (!result.success) {
    const issue = result.error.issues[0];
    const where = issue.path.join('.');
    const what = /^(is|holds)/.test(issue.message) ? issue.message : 'is missing or has the wrong type';
    throw invalid(path, lineNumber, `${where === '' ? 'the line' : where} ${what}`);
  }
  const { timestampUs, pose, gaze } = result.data;
  const blendshapes: MotionFrame['blendshapes'] = {};
  let unknownName: string | undefined;
  for (const [name, weight] of Object.entries(result.data.blendshapes)) {
    if (Object.hasOwn(BLENDSHAPE_INDEX, name)) {
      blendshapes[name as BlendshapeName] = Math.min(1, Math.max(0, weight));
    } else {
      unknownName ??= name;
    }
  }
  const frame = { timestampUs, pose, gaze, blendshapes };
  return unknownName === undefined ? { frame } : { frame, unknownName };
}

function invalid(path: string, lineNumber: number, what: string): AppError {
  return new AppError('MOTION_INVALID', `${path}, line ${lineNumber}: ${what}.`);
}

async function checkReadable(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new AppError('FILE_NOT_FOUND', `There is no motion file ${path}; check the path.`);
  if (found.isDirectory()) {
    throw new AppError('FILE_UNREADABLE', `${path} is a folder; give the path of a motion file (.jsonl).`);
  }
}

/** The valid blend-shape name with the fewest edits to `name`, case aside. */
function nearestBlendshape(name: string): BlendshapeName {
  const distances = BLENDSHAPE_NAMES.map((candidate) => editDistance(name.toLowerCase(), candidate.toLowerCase()));
  return BLENDSHAPE_NAMES[distances.indexOf(Math.min(...distances))];
}
