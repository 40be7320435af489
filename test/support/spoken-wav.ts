/** What a caller says, as a file for a fake microphone, which plays it again and again: a second of silence, the sentence, a pause longer than an answer. */
import { writeFileSync } from 'node:fs';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { Resampler } from '../../src/media/resampler.ts';
import { wavBytes } from './wav-bytes.ts';

const RATE_HZ = 48_000;
const PAUSE_S = 25;

export async function writeSpoken(path: string, text: string): Promise<void> {
  await using synthesizer = new EmbeddedSynthesizer();
  const pieces: Float32Array[] = [new Float32Array(RATE_HZ)];
  for await (const { samples, sampleRateHz } of synthesizer.synthesize(text, {
    voice: 'en-us',
    ratePercent: 90,
    signal: new AbortController().signal,
  })) {
    const resampler = new Resampler(sampleRateHz, RATE_HZ, 1);
    pieces.push(resampler.push(samples).slice(), resampler.flush().slice());
  }
  pieces.push(new Float32Array(PAUSE_S * RATE_HZ));
  writeFileSync(path, wavBytes(concatenated(pieces), { sampleRateHz: RATE_HZ, channels: 1, format: 1 }));
}

function concatenated(pieces: Float32Array[]): Float32Array {
  const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
