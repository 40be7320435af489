/**
 * Decoded sound → PCM of one layout and rate. In: FFmpeg's frames of any sample format, layout and rate, which may change midway; out: finite
 * interleaved samples within full scale, mono or stereo.
 */
import { AppError } from '../errors.ts';
import {
  AV_CHANNEL_LAYOUT_MONO,
  AV_CHANNEL_LAYOUT_STEREO,
  AV_CHANNEL_ORDER_NATIVE,
  AV_SAMPLE_FMT_FLT,
  check,
  Frame,
  SoftwareResampleContext,
  setOptions,
} from './ffmpeg.ts';
import type { ChannelCount } from './frames.ts';
import { MonoMix } from './mono-mix.ts';
import { Resampler } from './resampler.ts';

/** FFmpeg's mixer takes no more. */
export const MAX_CHANNELS = 63;

export class SoundMixer implements Disposable {
  readonly #channels: ChannelCount;
  readonly #sampleRateHz: number;
  #inputKey = '';
  #swr: SoftwareResampleContext | null = null;
  #resampler: Resampler | null = null;
  /** Every channel by itself, where several become one. */
  #apart: SoftwareResampleContext | null = null;
  #mono: MonoMix | null = null;
  #cancelled = false;

  constructor(channels: ChannelCount, sampleRateHz: number) {
    this.#channels = channels;
    this.#sampleRateHz = sampleRateHz;
  }

  convert(frame: Frame): Float32Array {
    // Chained streams (radio recordings, concatenated ADTS) may change their format midway.
    const key = `${frame.sampleRate} ${frame.format} ${frame.channelLayout.nbChannels} ${frame.channelLayout.mask}`;
    const tail = key === this.#inputKey ? null : this.#reconfigure(frame, key);
    const mixed = this.#mixed(frame);
    const converted = (this.#resampler as Resampler).push(mixed);
    if (tail === null || tail.length === 0) return converted;
    const joined = new Float32Array(tail.length + converted.length);
    joined.set(tail);
    joined.set(converted, tail.length);
    return joined;
  }

  get #layout(): Layout {
    return this.#channels === 1 ? AV_CHANNEL_LAYOUT_MONO : AV_CHANNEL_LAYOUT_STEREO;
  }

  get hasCancelled(): boolean {
    return this.#cancelled || this.#mono?.hasCancelled === true;
  }

  /** The mix, or what is lost in it. */
  #mixed(frame: Frame): Float32Array {
    const input = layoutOf(frame);
    frame.channelLayout = input;
    const plain = this.#swr ? read(this.#swr, frame, this.#layout) : undefined;
    if (!this.#apart || !this.#mono) return plain as Float32Array;
    const finite = (sample: number): number => (Number.isFinite(sample) ? sample : 0);
    const mono = this.#mono.push(read(this.#apart, frame, input).map(finite), plain?.map(finite));
    return this.#channels === 1 ? mono : Float32Array.from({ length: 2 * mono.length }, (_, i) => mono[i >> 1]);
  }

  flush(): Float32Array {
    return this.#resampler?.flush() ?? new Float32Array(0);
  }

  [Symbol.dispose](): void {
    this.#swr?.free();
    this.#swr = null;
    this.#apart?.free();
    this.#apart = null;
  }

  #reconfigure(frame: Frame, key: string): Float32Array {
    const tail = this.flush();
    this[Symbol.dispose]();
    const input = layoutOf(frame);
    const { nbChannels } = input;
    this.#swr = openSwr(frame, input, this.#layout);
    this.#cancelled = this.hasCancelled;
    this.#mono = null;
    // Layouts with a speaker on one side only have no mix in FFmpeg: their mean is taken.
    if (!this.#swr || (this.#channels === 1 && nbChannels > 1)) {
      this.#apart = openSwr(frame, input, input);
      if (!this.#apart) throw new AppError('AUDIO_INVALID', `Sound of ${nbChannels} channels cannot be mixed.`);
      this.#mono = new MonoMix(nbChannels, frame.sampleRate);
    }
    this.#resampler = new Resampler(frame.sampleRate, this.#sampleRateHz, this.#channels);
    this.#inputKey = key;
    return tail;
  }
}

type Layout = Frame['channelLayout'];

/** @returns null where FFmpeg cannot mix one layout into the other. */
function openSwr({ sampleRate, format }: Frame, input: Layout, output: Layout): SoftwareResampleContext | null {
  const swr = new SoftwareResampleContext();
  const encoding = format as Parameters<typeof swr.allocSetOpts2>[4];
  const allocated = swr.allocSetOpts2(output, AV_SAMPLE_FMT_FLT, sampleRate, input, encoding, sampleRate);
  // Down-mixing must not clip: the weights of each output channel add up to 1 at most.
  if (allocated >= 0) setOptions(swr, { rematrix_maxval: '1' });
  if (allocated >= 0 && swr.init() >= 0) return swr;
  swr.free();
  return null;
}

/** The frame's sound in the other layout, interleaved. `convertSync` reads beyond its list of planes where a frame has more than eight. */
function read(swr: SoftwareResampleContext, frame: Frame, layout: Layout): Float32Array {
  using converted = new Frame();
  converted.alloc();
  converted.format = AV_SAMPLE_FMT_FLT;
  converted.sampleRate = frame.sampleRate;
  converted.channelLayout = layout;
  check(swr.convertFrame(converted, frame), 'channel mix');
  const bytes = (converted.data as Buffer[])[0]!;
  return new Float32Array(bytes.buffer, bytes.byteOffset, converted.nbSamples * layout.nbChannels).slice();
}

/** Layouts by channel count for files that do not name theirs: mono, stereo, 2.1, 4.0, 5.0, 5.1, 6.1, 7.1. */
const USUAL_LAYOUTS = [0x4n, 0x3n, 0xbn, 0x107n, 0x37n, 0x3fn, 0x70fn, 0x63fn];

function layoutOf({ channelLayout }: Frame): Layout {
  const { mask, nbChannels } = channelLayout;
  if (mask !== 0n) return channelLayout;
  return {
    nbChannels,
    order: AV_CHANNEL_ORDER_NATIVE,
    mask: USUAL_LAYOUTS[nbChannels - 1] ?? (1n << BigInt(nbChannels)) - 1n,
  };
}
