/**
 * The caller's microphone: packets in as the network brings them, 20 ms of sound out for every 20 ms that are sent, so that two clocks
 * cannot drift apart. Lost packets are concealed. Mirror mode and the conversation hear with the same ear.
 */
import { Concealment } from '../media/concealment.ts';
import { JitterBuffer } from '../media/jitter-buffer.ts';
import { OPUS_PACKET_SAMPLES, OpusDecoder } from '../media/opus.ts';

export class Ear implements Disposable {
  private readonly jitter = new JitterBuffer();
  private readonly decoder = new OpusDecoder();
  private readonly concealment = new Concealment();

  receive({ sequenceNumber, opus }: { sequenceNumber: number; opus: Uint8Array }): void {
    this.jitter.push(sequenceNumber, opus);
  }

  /** @returns the next 20 ms, 48 kHz mono; undefined while nothing comes. */
  tick(): Float32Array | undefined {
    const given = this.jitter.pull();
    if (given.kind === 'empty') return undefined;
    const samples = given.kind === 'packet' ? this.decoder.decode(given.data) : undefined;
    // What cannot be decoded counts as lost.
    return samples?.length ? this.concealment.heard(samples) : this.concealment.conceal(OPUS_PACKET_SAMPLES);
  }

  [Symbol.dispose](): void {
    this.decoder[Symbol.dispose]();
  }
}
