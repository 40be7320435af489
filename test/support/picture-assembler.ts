/**
 * What a browser does with the packets of a VP8 stream, without decoding: waits for resent ones, puts pictures together in order, and asks
 * for a keyframe when one is missing for good. In: RTP packets in any order; out: whole pictures that could be shown.
 */
import { type RtpPacket, Vp8RtpPayload } from 'werift';

export interface ShownPicture {
  /** 90 kHz. */
  timestamp: number;
  isKeyframe: boolean;
  /** Our clock, ms. */
  atMs: number;
  bytes: number;
}

const GIVE_UP_MS = 400;
const ASK_AGAIN_MS = 1000;

export class PictureAssembler {
  readonly shown: ShownPicture[] = [];
  /** 90 kHz timestamps of which at least one packet came. */
  readonly sent = new Set<number>();
  keyframeRequests = 0;
  private readonly requestKeyframe: () => void;
  private readonly packets = new Map<number, RtpPacket>();
  /** Extended number of the packet that comes next; undefined: a keyframe is needed first. */
  private next: number | undefined;
  private highest: number | undefined;
  private waitingSinceMs: number | undefined;
  private askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(requestKeyframe: () => void) {
    this.requestKeyframe = requestKeyframe;
  }

  push(packet: RtpPacket): void {
    const place = this.extended(packet.header.sequenceNumber);
    this.highest = Math.max(this.highest ?? place, place);
    this.sent.add(packet.header.timestamp);
    if (this.next === undefined || place >= this.next) this.packets.set(place, packet);
    for (const old of this.packets.keys()) if (old < this.highest - 2000) this.packets.delete(old);
    this.advance();
  }

  private extended(sequenceNumber: number): number {
    if (this.highest === undefined) return sequenceNumber;
    const distance = (sequenceNumber - this.highest) & 0xffff;
    return this.highest + (distance < 0x8000 ? distance : distance - 0x10000);
  }

  private advance(): void {
    while (this.next !== undefined && this.show(this.next));
    if (this.next !== undefined && this.packets.size === 0) {
      this.waitingSinceMs = undefined;
      return;
    }
    const nowMs = performance.now();
    this.waitingSinceMs ??= nowMs;
    if (this.next === undefined || nowMs - this.waitingSinceMs > GIVE_UP_MS) this.findKeyframe(nowMs);
  }

  /** The picture that begins at this place, if all of it is here. */
  private show(place: number): boolean {
    let end = place;
    let bytes = 0;
    for (;;) {
      const packet = this.packets.get(end);
      if (!packet) return false;
      bytes += packet.payload.length;
      if (packet.header.marker) break;
      end += 1;
    }
    const first = this.packets.get(place)!;
    const { isKeyframe } = Vp8RtpPayload.deSerialize(first.payload);
    for (let i = place; i <= end; i++) this.packets.delete(i);
    this.shown.push({ timestamp: first.header.timestamp, isKeyframe, atMs: performance.now(), bytes });
    this.next = end + 1;
    this.waitingSinceMs = undefined;
    return true;
  }

  private findKeyframe(nowMs: number): void {
    const starts = [...this.packets].filter(([, { payload }]) => {
      const { sBit, isKeyframe } = Vp8RtpPayload.deSerialize(payload);
      return sBit === 1 && isKeyframe;
    });
    for (const place of starts.map(([at]) => at).sort((a, b) => b - a)) {
      if (!this.show(place)) continue;
      for (const old of this.packets.keys()) if (old < this.next!) this.packets.delete(old);
      return;
    }
    if (nowMs - this.askedAtMs < ASK_AGAIN_MS) return;
    this.askedAtMs = nowMs;
    this.keyframeRequests += 1;
    this.requestKeyframe();
  }
}
