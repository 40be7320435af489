/**
 * Where motion and sound of a film come from: files, a text to speak, or speech that the generator animates.
 *
 * In: the flags of `render`. Out: motion frames at the film's frame rate and the sound beside them, both streaming.
 * Files are checked to their end before any work is done.
 */
import type { SpeechOptions } from '../agent/tts.ts';
import { type Config, environmentSecrets, loadConfig } from '../config.ts';
import type { AvatarControls } from '../engine/controls.ts';
import type { HeadPlanner } from '../engine/motion/head-plan.ts';
import { combineMotion, editMotion, resampleMotion } from '../engine/motion-edit.ts';
import { inspectMotionFile, readMotionFile } from '../engine/motion-file.ts';
import type { MotionFrame } from '../engine/motion-frame.ts';
import { AppError } from '../errors.ts';
import type { AudioFrame, ChannelCount } from '../media/frames.ts';
import type { SpeechChunk } from '../media/speech.ts';
import { tee } from '../media/tee.ts';
import { type ControlFlags, hasControls, parseNumberIn, parsePerformanceKind } from './flags.ts';
import { readTextFile } from './read-text.ts';
import type { CommandIo } from './run-command.ts';

export interface PerformanceFlags {
  audio?: string;
  text?: string;
  textFile?: string;
  voice?: string;
  lang?: string;
  motion?: string;
  poseFrom?: string;
  dynamicsFrom?: string;
  fps?: string;
  performance?: string;
}

export interface Sound {
  sampleRateHz: number;
  channels: ChannelCount;
  frames: AsyncIterable<AudioFrame>;
}

export interface PlannedPerformance extends AsyncDisposable {
  fps: number;
  motion: AsyncIterable<MotionFrame>;
  sound: Sound | null;
  /** Where known ahead; for the progress bar. */
  durationUs: number | null;
}

const DEFAULT_FPS = 25;
/** The generator's own rate, so that it has nothing to convert. */
const GENERATOR_RATE_HZ = 16_000;
/** Rest before and after spoken text, so that the mouth has time to open and the face to come to rest. */
const LEAD_MS = 300;
const TAIL_MS = 500;

/** Flags that contradict each other or say too little. @throws AppError BAD_USAGE. */
export function checkPerformanceFlags(flags: PerformanceFlags): void {
  const speech = [flags.audio && '--audio', flags.text !== undefined && '--text', flags.textFile && '--text-file'];
  const given = speech.filter(Boolean);
  if (given.length > 1) throw new AppError('BAD_USAGE', `${given.join(' and ')} exclude each other; give one of them.`);
  if (flags.performance !== undefined) parsePerformanceKind(flags.performance);
  const hasMotion = flags.motion !== undefined || (flags.poseFrom !== undefined && flags.dynamicsFrom !== undefined);
  if (given.length === 0 && !hasMotion) {
    throw new AppError('BAD_USAGE', 'There is nothing to perform; give --audio, --text, --text-file or --motion.');
  }
  if (flags.motion !== undefined && flags.poseFrom !== undefined && flags.dynamicsFrom !== undefined) {
    throw new AppError(
      'BAD_USAGE',
      '--pose-from and --dynamics-from leave nothing of --motion; give two of the three.',
    );
  }
}

/** @param needsSound whether anyone will read the sound. @throws AppError for anything wrong with the flags or the files they name. */
export async function planPerformance(
  flags: PerformanceFlags & ControlFlags,
  controls: AvatarControls,
  needsSound: boolean,
  io: CommandIo,
): Promise<PlannedPerformance> {
  const files = [flags.motion, flags.poseFrom, flags.dynamicsFrom].filter((path) => path !== undefined);
  const infos = await Promise.all(files.map((path) => inspectMotionFile(path, io.warn)));
  const fps =
    flags.fps === undefined ? Math.min(120, infos[0]?.fps ?? DEFAULT_FPS) : parseNumberIn('--fps', flags.fps, 1, 120);
  const motionUs = infos.length === 0 ? null : Math.min(...infos.map((info) => info.durationUs));

  const isGenerated = flags.motion === undefined && (flags.poseFrom === undefined || flags.dynamicsFrom === undefined);
  const speech = await openSpeech(flags, { sound: needsSound, motion: isGenerated }, io);
  const headPlanner = isGenerated ? await openHeadPlanner(flags.performance) : undefined;
  const fromFile = (path: string) => {
    const frames = resampleMotion(readMotionFile(path), fps);
    return hasControls(pickControls(flags)) ? edited(frames, controls) : frames;
  };
  const base = () =>
    flags.motion === undefined ? speech.animate({ fps, controls, headPlanner }) : fromFile(flags.motion);
  const { poseFrom, dynamicsFrom } = flags;
  const motion =
    poseFrom === undefined && dynamicsFrom === undefined
      ? base()
      : combineMotion(
          poseFrom === undefined ? base() : fromFile(poseFrom),
          dynamicsFrom === undefined ? base() : fromFile(dynamicsFrom),
        );
  const durations = [motionUs, speech.durationUs].filter((us) => us !== null);
  return {
    fps,
    motion,
    sound: speech.sound,
    durationUs: durations.length === 0 ? null : Math.max(...durations),
    [Symbol.asyncDispose]: speech.close,
  };
}

/** Who plans the learned head; nobody where the fitted one is wanted. */
export async function openHeadPlanner(flag: string | undefined): Promise<HeadPlanner | undefined> {
  const { performance, provider } = loadConfig().motion;
  const kind = flag === undefined ? performance : parsePerformanceKind(flag);
  if (kind === 'fitted') return undefined;
  const { HeadPlanModel } = await import('../engine/motion/head-plan-model.ts');
  const model = await HeadPlanModel.load({ provider });
  return (request) => model.plan(request);
}

async function* edited(frames: AsyncIterable<MotionFrame>, controls: AvatarControls): AsyncGenerator<MotionFrame> {
  for await (const frame of frames) yield editMotion(frame, controls);
}

function pickControls({ gaze, headDistance, emotion, headMotion, expressiveness }: ControlFlags): ControlFlags {
  return { gaze, headDistance, emotion, headMotion, expressiveness } as ControlFlags;
}

interface MotionOptions {
  fps: number;
  controls: AvatarControls;
  headPlanner: HeadPlanner | undefined;
}

interface Speech {
  sound: Sound | null;
  durationUs: number | null;
  /** Motion for this speech; called once at most. */
  animate(options: MotionOptions): AsyncIterable<MotionFrame>;
  close(): Promise<void>;
}

/** What of the speech will be read; what is read by nobody must not pile up. */
interface SpeechUse {
  sound: boolean;
  motion: boolean;
}

async function openSpeech(flags: PerformanceFlags, use: SpeechUse, { signal, warn }: CommandIo): Promise<Speech> {
  if (flags.audio !== undefined) return openAudioSpeech(flags.audio, signal, warn);
  const text = flags.textFile === undefined ? flags.text : await readTextFile(flags.textFile);
  if (text !== undefined) return openTextSpeech(text, flags, use, { signal, warn });
  return {
    sound: null,
    durationUs: null,
    animate: () => {
      throw new AppError('BAD_USAGE', 'There is no speech to animate; give --audio, --text or --motion.');
    },
    close: async () => undefined,
  };
}

async function openAudioSpeech(path: string, signal: AbortSignal, warn: CommandIo['warn']): Promise<Speech> {
  const { probeAudioFile, readAudioFile } = await import('../media/audio-file.ts');
  const info = await probeAudioFile(path);
  return {
    sound: {
      sampleRateHz: info.sampleRateHz,
      channels: info.channels === 1 ? 1 : 2,
      frames: readAudioFile(path, { signal }),
    },
    durationUs: info.durationUs,
    animate: (options) =>
      animateSound(
        readAudioFile(path, { mono: true, sampleRateHz: GENERATOR_RATE_HZ, signal, onWarning: warn }),
        options,
        warn,
      ),
    close: async () => undefined,
  };
}

/** Lips that follow bare sound, by the network. */
async function* animateSound(
  sound: AsyncIterable<AudioFrame>,
  options: MotionOptions,
  warn: CommandIo['warn'],
): AsyncGenerator<MotionFrame> {
  const [{ motionFromSound }, { ArticulationModel }] = await Promise.all([
    import('../engine/motion/motion-generator.ts'),
    import('../engine/motion/articulation-model.ts'),
  ]);
  const model = await ArticulationModel.load({ provider: loadConfig().motion.provider });
  for (const note of model.notes) warn(note);
  yield* motionFromSound(sound, { ...options, model });
}

/** Embedded: `--voice` alone, `--lang` alone, or the voice as a variant of the language's. Other voices speak many languages. */
function chooseVoice(
  { voice, lang }: PerformanceFlags,
  { tts }: Pick<Config, 'tts'>,
  configured: string | undefined,
): SpeechOptions {
  if (tts.kind === 'embedded' && voice !== undefined && lang !== undefined) return { voice: `${lang}+${voice}` };
  const chosen = voice ?? (tts.kind === 'embedded' ? lang : undefined) ?? configured;
  return { ...(chosen === undefined ? {} : { voice: chosen }), ...(lang === undefined ? {} : { language: lang }) };
}

async function openTextSpeech(
  text: string,
  flags: PerformanceFlags,
  use: SpeechUse,
  { signal, warn }: Pick<CommandIo, 'signal' | 'warn'>,
): Promise<Speech> {
  const [{ defaultVoice, openChosenSynthesizer }, { withRests }, { motionFromSpeech }] = await Promise.all([
    import('../agent/providers.ts'),
    import('../agent/tts.ts'),
    import('../engine/motion/speech-motion.ts'),
  ]);
  const config = loadConfig();
  const synthesizer = openChosenSynthesizer({ config, secrets: environmentSecrets });
  const close = async () => synthesizer[Symbol.asyncDispose]();
  try {
    const voice = chooseVoice(flags, config, defaultVoice(config));
    const chunks = synthesizer.synthesize(text, { ...voice, ratePercent: config.speech.ratePercent, signal });
    const { first, all } = await peek(withRests(chunks, LEAD_MS, TAIL_MS));
    if (first === undefined) throw new AppError('TEXT_EMPTY', 'The text has nothing to speak in it; give some words.');
    const [forSound, forMotion] = use.sound && use.motion ? tee(all) : [all, all];
    return {
      sound: { sampleRateHz: first.sampleRateHz, channels: 1, frames: soundOf(forSound) },
      durationUs: null,
      animate: (options) =>
        synthesizer.hasPhonemes
          ? motionFromSpeech(forMotion, options)
          : animateSound(soundOf(forMotion), options, warn),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function* soundOf(chunks: AsyncIterable<SpeechChunk>): AsyncGenerator<AudioFrame> {
  for await (const { samples, sampleRateHz, startUs } of chunks) {
    yield { kind: 'audio', samples, sampleRateHz, channels: 1, timestampUs: Math.round(startUs) };
  }
}

/** The first item of a stream, and the stream with that item still in it. */
async function peek<T>(source: AsyncGenerator<T>): Promise<{ first: T | undefined; all: AsyncGenerator<T> }> {
  const head = await source.next();
  async function* all() {
    if (head.done) return;
    yield head.value;
    yield* source;
  }
  return { first: head.done ? undefined : head.value, all: all() };
}
