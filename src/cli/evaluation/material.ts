/**
 * What an evaluation listens to. In: a folder of recordings with alignments, or nothing, in which case the embedded voices speak a few
 * sentences full of m, b, p whose phoneme times they know. Out: 16 kHz mono sound and what is said when.
 */
import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { EmbeddedSynthesizer } from '../../agent/embedded-synthesizer.ts';
import { withRests } from '../../agent/tts.ts';
import { AppError } from '../../errors.ts';
import { readAudioFile } from '../../media/audio-file.ts';
import { Resampler } from '../../media/resampler.ts';
import { type SaidPhone, saidPhones } from './lips.ts';

export const MATERIAL_RATE_HZ = 16_000;

export interface Recording {
  name: string;
  samples: Float32Array;
  said: SaidPhone[];
}

const SENTENCES: readonly [voice: string, text: string][] = [
  [
    'flite:slt',
    'People beneath the moon move slowly past my big blue bottle. Bob brought apples, and mother put them in a paper bag.',
  ],
  ['it', 'La mamma prepara la pappa e il bambino beve. Buongiorno, mi piace molto questo bel paese.'],
  ['de', 'Meine Mama bringt am Abend Brot und Butter. Plötzlich bellt der braune Pudel im Park.'],
  ['cmn', '妈妈明白，爸爸不怕跑步。朋友们买了面包和苹果。'],
];
const REST_MS = 600;

export async function spokenMaterial(isQuick: boolean, signal: AbortSignal): Promise<Recording[]> {
  await using synthesizer = new EmbeddedSynthesizer();
  const recordings: Recording[] = [];
  for (const [voice, text] of isQuick ? SENTENCES.slice(0, 1) : SENTENCES) {
    const pieces: Float32Array[] = [];
    const said: SaidPhone[] = [];
    let resampler: Resampler | undefined;
    const chunks = withRests(synthesizer.synthesize(text, { voice, signal }), REST_MS, REST_MS);
    for await (const { samples, sampleRateHz, phonemes } of chunks) {
      resampler ??= new Resampler(sampleRateHz, MATERIAL_RATE_HZ, 1);
      pieces.push(resampler.push(samples));
      for (const { ipa, startUs, releaseUs, endUs } of phonemes)
        said.push(...saidPhones(ipa, startUs / 1e6, (releaseUs ?? endUs) / 1e6));
    }
    pieces.push(resampler?.flush() ?? new Float32Array(0));
    recordings.push({ name: voice, samples: joined(pieces), said });
  }
  return recordings;
}

/**
 * Sound files, each with NAME.tsv beside it: a line for each sound, start in s, end in s, and a class of models/phonemes.json or IPA.
 *
 * @throws AppError FILE_NOT_FOUND, FILE_UNREADABLE and those of `readAudioFile`.
 */
export async function recordedMaterial(
  folder: string,
  signal: AbortSignal,
  onWarning?: (sentence: string) => void,
): Promise<Recording[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new AppError('FILE_NOT_FOUND', `There is no folder ${folder}; give --data a folder of recordings.`, {
      cause,
    });
  });
  const alignments = names.filter((name) => extname(name) === '.tsv').sort();
  const recordings: Recording[] = [];
  for (const alignment of alignments) {
    const name = basename(alignment, '.tsv');
    const sound = names.find((other) => other !== alignment && basename(other, extname(other)) === name);
    if (sound === undefined)
      throw new AppError('FILE_NOT_FOUND', `${join(folder, alignment)} has no sound file ${name}.* beside it.`);
    const pieces: Float32Array[] = [];
    const options = { mono: true, sampleRateHz: MATERIAL_RATE_HZ, signal, onWarning };
    for await (const { samples } of readAudioFile(join(folder, sound), options)) pieces.push(samples);
    recordings.push({ name, samples: joined(pieces), said: await readAlignment(join(folder, alignment)) });
  }
  if (recordings.length > 0) return recordings;
  throw new AppError('FILE_NOT_FOUND', `${folder} has no alignments (NAME.tsv beside NAME.wav) in it.`);
}

async function readAlignment(path: string): Promise<SaidPhone[]> {
  const said: SaidPhone[] = [];
  for (const [i, line] of (await readFile(path, 'utf8')).split('\n').entries()) {
    if (line.trim() === '') continue;
    const [start, end, label] = line.trim().split('\t');
    const [startS, endS] = [Number(start), Number(end)];
    const phones = label === undefined ? [] : saidPhones(label, startS, endS);
    if (!(endS > startS) || phones.length === 0)
      throw new AppError(
        'FILE_UNREADABLE',
        `${path}, line ${i + 1}: give start and end in seconds and a sound, separated by tabs, not "${line}".`,
      );
    said.push(...phones);
  }
  return said;
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
