/**
 * Voice activity: 16 kHz sound in, "the voice began" and "the voice ended" out. The Silero model (`models/silero-vad.onnx`) says how likely
 * each 32 ms are voice, the frame processor of @ricky0123/vad-node decides. All sessions share one model (0.3 ms a frame on the main
 * thread); each has its own memory of it.
 */
import { FrameProcessor } from '@ricky0123/vad-node/dist/_common/frame-processor.js';
import { Message } from '@ricky0123/vad-node/dist/_common/messages.js';
import { loadModel, type Model } from '../inference.ts';

export const VAD_RATE_HZ = 16_000;
const FRAME_SAMPLES = 512;
const VAD_FRAME_US = (FRAME_SAMPLES / VAD_RATE_HZ) * 1e6;
/** The model wants the end of the frame before in front of each. */
const CONTEXT_SAMPLES = 64;
const STATE_DIMS = [2, 1, 128];
const SAMPLE_RATE = { data: BigInt64Array.of(BigInt(VAD_RATE_HZ)), dims: [] };
/** Fewer voiced frames than this are a click; the voice counts as begun with the last of them. */
const MIN_VOICED_FRAMES = 2;
/** Unvoiced frames after which the voice has ended. */
const REDEMPTION_FRAMES = 8;
const NOTHING = new Float32Array(0);

/** How likely each frame of one stream is voice. */
class VoiceLikelihood {
  private readonly model: Model;
  private readonly input = new Float32Array(CONTEXT_SAMPLES + FRAME_SAMPLES);
  private state: Float32Array = new Float32Array(2 * 1 * 128);

  constructor(model: Model) {
    this.model = model;
  }

  async next(frame: Float32Array): Promise<number> {
    this.input.copyWithin(0, FRAME_SAMPLES);
    this.input.set(frame, CONTEXT_SAMPLES);
    const { output, stateN } = await this.model.run({
      input: { data: this.input, dims: [1, this.input.length] },
      state: { data: this.state, dims: STATE_DIMS },
      sr: SAMPLE_RATE,
    });
    this.state = stateN!.data;
    return output!.data[0]!;
  }
}

export type VoiceNews =
  | { kind: 'started' /** When the first voiced frame began. */; sinceUs: number }
  | { kind: 'stopped' /** When the last voiced sample was heard. */; lastVoicedUs: number };

/** What finds the caller's voice. */
export interface VoiceDetector {
  /** Voice sounds at this moment. */
  readonly isVoiced: boolean;
  /**
   * Calls must not overlap.
   *
   * @param samples 16 kHz mono, of any length.
   * @param atUs when the last of them was heard.
   * @param isEcho it is only the face's own voice, whatever it sounds like.
   */
  push(samples: Float32Array, atUs: number, isEcho?: boolean): Promise<VoiceNews[]>;
}

export class Vad implements VoiceDetector {
  private readonly likelihood: VoiceLikelihood;
  private readonly processor: FrameProcessor;
  private readonly frame = new Float32Array(FRAME_SAMPLES);
  private filled = 0;
  private isEcho = false;
  private voicedFrames = 0;
  private sinceUs = 0;
  private lastVoicedUs = 0;
  private hasStarted = false;

  private constructor(model: Model) {
    this.likelihood = new VoiceLikelihood(model);
    this.processor = new FrameProcessor(
      async () => {
        const likelihood = await this.likelihood.next(this.frame);
        const isSpeech = this.isEcho ? 0 : likelihood;
        return { isSpeech, notSpeech: 1 - isSpeech };
      },
      () => {},
      {
        positiveSpeechThreshold: 0.5,
        negativeSpeechThreshold: 0.35,
        preSpeechPadFrames: 0,
        redemptionFrames: REDEMPTION_FRAMES,
        frameSamples: FRAME_SAMPLES,
        minSpeechFrames: MIN_VOICED_FRAMES,
        submitUserSpeechOnPause: false,
      },
    );
    this.processor.resume();
  }

  /** @throws AppError MODEL_MISSING, MODEL_CORRUPT. */
  static async load(directory?: string): Promise<Vad> {
    return new Vad(await loadModel('silero-vad', directory === undefined ? {} : { directory }));
  }

  get isVoiced(): boolean {
    return this.hasStarted;
  }

  async push(samples: Float32Array, atUs: number, isEcho = false): Promise<VoiceNews[]> {
    const news: VoiceNews[] = [];
    for (let at = 0; at < samples.length; ) {
      const count = Math.min(FRAME_SAMPLES - this.filled, samples.length - at);
      this.frame.set(samples.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      // One echoing part spoils the frame: better a late start than an interruption by oneself.
      this.isEcho ||= isEcho;
      if (this.filled < FRAME_SAMPLES) continue;
      this.filled = 0;
      const frameEndUs = atUs - ((samples.length - at) / VAD_RATE_HZ) * 1e6;
      const one = await this.decide(frameEndUs);
      if (one) news.push(one);
      this.isEcho = false;
    }
    return news;
  }

  private async decide(frameEndUs: number): Promise<VoiceNews | undefined> {
    // The processor keeps what it is given until the voice ends: it gets nothing, only its decision is wanted.
    const { probs, msg } = await this.processor.process(NOTHING);
    if ((probs?.isSpeech ?? 0) >= this.processor.options.positiveSpeechThreshold) {
      this.voicedFrames += 1;
      this.lastVoicedUs = Math.round(frameEndUs);
    }
    if (msg === Message.SpeechStart) {
      this.voicedFrames = 1;
      this.sinceUs = Math.round(frameEndUs - VAD_FRAME_US);
    }
    if (msg === Message.SpeechEnd || msg === Message.VADMisfire) {
      if (!this.hasStarted) return undefined;
      this.hasStarted = false;
      return { kind: 'stopped', lastVoicedUs: this.lastVoicedUs };
    }
    if (this.hasStarted || !this.processor.speaking || this.voicedFrames < MIN_VOICED_FRAMES) return undefined;
    this.hasStarted = true;
    return { kind: 'started', sinceUs: this.sinceUs };
  }
}
