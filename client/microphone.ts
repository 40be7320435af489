/**
 * The caller's microphone. In: which one, and whether it is wanted. Out: its track, its level many times a second, or an error whose
 * message tells the caller what to do. Echo is cancelled by the browser, so that the face does not hear itself.
 */
import { type English, words, wordsWith } from './words.ts';

const LEVEL_INTERVAL_MS = 60;
/** Level 0 and level 1 of the meter. */
const QUIET_DB = -60;
const LOUD_DB = -10;

const REASONS: Readonly<Record<string, English>> = {
  NotAllowedError:
    'The microphone was not allowed. Allow it in the address bar of the browser (the icon left of the address), then turn the microphone on again. You can always type.',
  NotFoundError: 'No microphone was found. Plug one in and turn it on again, or type.',
  NotReadableError:
    'The microphone is in use by another program. Close that program and turn the microphone on again, or type.',
  OverconstrainedError: 'The chosen microphone is gone. Choose another one under Face & settings.',
};

export class Microphone {
  readonly track: MediaStreamTrack;
  private readonly context: AudioContext;
  private readonly timer: ReturnType<typeof setInterval>;

  private constructor(track: MediaStreamTrack, onLevel: (level: number) => void) {
    this.track = track;
    this.context = new AudioContext();
    const analyser = new AnalyserNode(this.context, { fftSize: 1024 });
    this.context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const db = 10 * Math.log10(power + 1e-12);
      onLevel(Math.max(0, Math.min(1, (db - QUIET_DB) / (LOUD_DB - QUIET_DB))));
    }, LEVEL_INTERVAL_MS);
  }

  /** @param onLevel gets 0 (quiet) … 1 (loud). @param onLost the device went away. @throws Error that says what to do. */
  static async open(
    deviceId: string,
    onLevel: (level: number) => void,
    onLost: (message: string) => void,
  ): Promise<Microphone> {
    if (!navigator.mediaDevices)
      throw new Error(
        words(
          'Browsers give the microphone to secure pages only. Open this page over https, or on localhost; typing works here too.',
        ),
      );
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
        },
      });
    } catch (error) {
      const { name, message } = error as Error;
      const reason = REASONS[name];
      throw new Error(
        reason ? words(reason) : wordsWith('The microphone cannot be opened ({}). You can always type.', message),
      );
    }
    const track = stream.getAudioTracks()[0]!;
    track.onended = () =>
      onLost(words('The microphone was unplugged or taken away. Turn the microphone on to use another one, or type.'));
    return new Microphone(track, onLevel);
  }

  close(): void {
    clearInterval(this.timer);
    this.track.onended = null;
    this.track.stop();
    void this.context.close();
  }
}
