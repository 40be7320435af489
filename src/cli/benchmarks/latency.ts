/**
 * How late the face is, without a network: sound goes into a real call piece by piece as it is spoken, and what leaves is timed.
 * `engine_first_frame_ms`: first piece accepted → its picture handed to the encoder. `audio_delay_ms`: first piece accepted → the packet that
 * holds it handed to the network. `av_skew_ms`: picture against the packet of the same instant, as they leave, less the configured
 * delay. `interruption_ms`: the order to be silent → the last audible packet.
 */
import { quantile } from '../../media/quantile.ts';
import { Scope } from '../../media/scope.ts';
import { openBenchEngine } from './bench-engine.ts';
import { type Benchmark, summary } from './benchmark.ts';
import { LiveCall, pause, voice } from './live-call.ts';

export const latency: Benchmark = {
  async run({ quick, signal }) {
    await using scope = new Scope();
    const parts = await openBenchEngine(scope, 1);
    const live = scope.use(await LiveCall.open(parts));
    await live.until('the first pictures', () => live.pictures.length > 10);
    const firstFrameMs: number[] = [];
    const audioDelayMs: number[] = [];
    const interruptionMs: number[] = [];
    const hasEnded = (turnId: number) => live.turns.some((turn) => turn.turnId === turnId && turn.state === 'ended');
    for (let i = 0; i < (quick ? 3 : 30); i++) {
      const packets = live.packets.length;
      const { turnId, startMs } = await live.say(voice(0.5), signal);
      await live.until('the end of the turn', () => hasEnded(turnId));
      firstFrameMs.push(live.firstPictureMs.get(turnId)! - startMs);
      audioDelayMs.push(live.packets.slice(packets).find(({ isLoud }) => isLoud)!.atMs - startMs);
      // Speech begins at any instant of a tick.
      await pause(200 + ((i * 7) % 40));
    }
    for (let i = 0; i < (quick ? 2 : 15); i++) {
      const packets = live.packets.length;
      const saying = live.say(voice(3), signal);
      await live.until('the voice', () => live.packets.slice(packets).some(({ isLoud }) => isLoud));
      await pause(300 + ((i * 7) % 40));
      const orderMs = performance.now();
      live.call.stop();
      await pause(400);
      await saying;
      const last = live.packets.slice(packets).findLast(({ isLoud }) => isLoud)!;
      interruptionMs.push(Math.max(0, last.atMs - orderMs));
    }
    return [
      summary('engine_first_frame_ms', 'ms', firstFrameMs),
      summary('audio_delay_ms', 'ms', audioDelayMs),
      summary('av_skew_ms', 'ms', skewsMs(live, parts.config.webrtc.videoDelayMs)),
      summary('interruption_ms', 'ms', interruptionMs),
    ];
  },
};

/** Of every picture: how far from the sound of its own instant it left, less the intended delay. */
function skewsMs(live: LiveCall, videoDelayMs: number): number[] {
  // Packets leave every 20 ms; pictures begin at any packet, so the packet of the same timestamp is there.
  const packetMs = new Map(live.packets.map(({ timestampUs, atMs }) => [timestampUs, atMs]));
  const lateMs = live.packets.map(({ timestampUs, atMs }) => atMs - timestampUs / 1000);
  const originMs = quantile(lateMs, 0.5);
  return live.pictures.map(({ timestampUs, atMs }) =>
    Math.abs(atMs - (packetMs.get(timestampUs) ?? originMs + timestampUs / 1000) - videoDelayMs),
  );
}
