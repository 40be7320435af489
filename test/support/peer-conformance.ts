// What every door to a viewer must do, whoever stands behind it. `openSubject` builds one kind; the suite below is the same for all.
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { LinkReport } from '../../src/media/bandwidth-estimator.ts';
import type { EncodedFrame } from '../../src/media/frames.ts';
import type { LiveCodec } from '../../src/media/live-video-encoder.ts';
import type { MediaOutlet, MicrophonePacket, PeerEvents } from '../../src/signaling/peer.ts';

/** One viewer's door, with the viewer at its other end, not yet connected. */
export interface Subject extends AsyncDisposable {
  /** Feeds this viewer. */
  outlet: MediaOutlet;
  /** Closes this viewer's door. */
  close(): Promise<void>;
  /** The viewer does its part of the negotiation. */
  connect(): Promise<void>;
  viewer: {
    /** RTP timestamps of the pictures that arrived, each once. */
    pictures: number[];
    sounds: number;
    requestKeyframe(): void | Promise<void>;
    openMicrophone(): Promise<void>;
    say(opus: Uint8Array, rtpTimestamp: number): void;
  };
  /** Things that a hostile viewer may answer; each is refused. */
  lies: (() => Promise<unknown>)[];
}

export type OpenSubject = (events: PeerEvents, codec: LiveCodec) => Promise<Subject>;

/** What the door told its owner. */
class Told implements PeerEvents {
  connections = 0;
  keyframeRequests = 0;
  readonly packets: MicrophonePacket[] = [];
  readonly links: LinkReport[] = [];
  readonly ends: string[] = [];
  readonly connected = (): void => {
    this.connections += 1;
  };
  readonly keyframeRequest = (): void => {
    this.keyframeRequests += 1;
  };
  readonly microphone = (packet: MicrophonePacket): void => void this.packets.push(packet);
  readonly link = (report: LinkReport): void => void this.links.push(report);
  readonly closed = (reason: string): void => void this.ends.push(reason);
}

const FRAME_US = 20_000;
/** More than one packet's worth. */
const PICTURE_BYTES = 3000;

function sound(i: number): EncodedFrame {
  return {
    kind: 'audio',
    mimeType: 'audio/opus',
    data: new Uint8Array(60).fill(i),
    timestampUs: i * FRAME_US,
    durationUs: FRAME_US,
    isKeyframe: true,
  };
}

/** Not a picture that decodes, but packed and carried like one. */
function picture(i: number, codec: LiveCodec): EncodedFrame {
  const data = new Uint8Array(PICTURE_BYTES).fill(7);
  // VP8: an uncompressed header of a keyframe; H.264: one slice of an IDR picture.
  data.set(codec === 'VP8' ? [0x10, 0, 0, 0x9d, 0x01, 0x2a] : [0, 0, 0, 1, 0x65]);
  return {
    kind: 'video',
    mimeType: `video/${codec}`,
    data,
    timestampUs: i * FRAME_US,
    durationUs: FRAME_US,
    isKeyframe: true,
  };
}

/** Sends in real time until `condition` holds. */
async function sendUntil(what: string, { outlet }: Subject, codec: LiveCodec, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (let i = 0; !condition(); i++) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    outlet.send(sound(i));
    outlet.send(picture(i, codec));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function conforms(name: string, openSubject: OpenSubject): void {
  describe.each(['VP8', 'H264'] as const)(`${name}, %s`, (codec) => {
    it('tells once that it is connected, with the codec known, and takes frames before that without complaint', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      subject.outlet.send(sound(0));
      subject.outlet.send(picture(0, codec));
      expect(told.connections).toBe(0);
      await subject.connect();
      await sendUntil('the connection', subject, codec, () => told.connections > 0);
      expect(subject.outlet.videoCodec).toBe(codec);
      await sendUntil('some media', subject, codec, () => subject.viewer.sounds > 10);
      expect(told.connections).toBe(1);
      expect(told.ends).toEqual([]);
    });

    it('carries every picture and every sound, in order', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      const { viewer } = subject;
      await subject.connect();
      await sendUntil('pictures and sound', subject, codec, () => viewer.pictures.length > 20 && viewer.sounds > 20);
      const steps = viewer.pictures.slice(1).map((timestamp, i) => (timestamp - viewer.pictures[i]!) >>> 0);
      // 20 ms of the 90 kHz clock, and nothing out of turn.
      expect(steps.every((step) => step % 1800 === 0 && step < 10 * 1800)).toBe(true);
      expect(steps.filter((step) => step === 1800).length).toBeGreaterThan(steps.length / 2);
    });

    it('passes on that the viewer needs a whole picture', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      await subject.connect();
      await sendUntil('pictures', subject, codec, () => subject.viewer.pictures.length > 2);
      // Whatever was asked for while connecting is over.
      const before = told.keyframeRequests;
      let asked = 0;
      await sendUntil('the request', subject, codec, () => {
        // A viewer repeats itself: one packet may be lost.
        if (asked++ % 40 === 0) void subject.viewer.requestKeyframe();
        return told.keyframeRequests > before;
      });
    });

    it('brings the microphone: every packet whole, numbered, on its 48 kHz clock', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      await subject.connect();
      await sendUntil('the connection', subject, codec, () => subject.viewer.sounds > 0);
      await subject.viewer.openMicrophone();
      let sent = 0;
      await sendUntil('its packets', subject, codec, () => {
        subject.viewer.say(new Uint8Array(40).fill(sent), sent * 960);
        sent += 1;
        return told.packets.length > 20;
      });
      for (const { opus } of told.packets) {
        expect(opus.length).toBe(40);
        expect(new Set(opus).size).toBe(1);
      }
      for (const [i, packet] of told.packets.slice(1).entries()) {
        const before = told.packets[i]!;
        const steps = (packet.sequenceNumber - before.sequenceNumber) & 0xffff;
        expect(steps).toBeGreaterThan(0);
        expect((packet.rtpTimestamp - before.rtpTimestamp) >>> 0).toBe(steps * 960);
        expect((packet.opus[0]! - before.opus[0]!) & 0xff).toBe(steps & 0xff);
      }
    });

    it('reports the link while the viewer is there', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      await subject.connect();
      const reported = (): number[] => told.links.flatMap(({ fractionLost }) => fractionLost ?? []);
      await sendUntil('a report of loss', subject, codec, () => reported().length > 0);
      for (const lost of reported()) {
        expect(lost).toBeGreaterThanOrEqual(0);
        expect(lost).toBeLessThanOrEqual(1);
      }
    });

    it('refuses what cannot be an answer with one sentence, and connects all the same', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      for (const [i, lie] of subject.lies.entries()) {
        const refusal = await lie().then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(refusal, `lie ${i}`).toBeInstanceOf(AppError);
        expect((refusal as AppError).code).toBe('SIGNALING_INVALID');
        expect((refusal as AppError).message).toMatch(/^[A-Z].*\.$/);
      }
      expect(told.ends).toEqual([]);
      await subject.connect();
      await sendUntil('pictures', subject, codec, () => subject.viewer.pictures.length > 2);
    });

    it('tells its end once, however often it is closed, and sends nothing after it', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      await subject.connect();
      await sendUntil('pictures', subject, codec, () => subject.viewer.pictures.length > 2);
      await subject.viewer.openMicrophone();
      await Promise.all([subject.close(), subject.close()]);
      await subject.close();
      expect(told.ends.length).toBe(1);
      const { length } = subject.viewer.pictures;
      for (let i = 1000; i < 1010; i++) subject.outlet.send(picture(i, codec));
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(subject.viewer.pictures.length).toBeLessThanOrEqual(length + 1); // one may have been under way
      const heard = told.packets.length;
      subject.viewer.say(new Uint8Array(40), 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(told.packets.length).toBe(heard);
    });

    it('may be closed before anything was negotiated', async () => {
      const told = new Told();
      await using subject = await openSubject(told, codec);
      await subject.close();
      expect(told.ends.length).toBe(1);
      expect(told.connections).toBe(0);
    });
  });
}
