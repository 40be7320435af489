// What leaves again on a werift sender: once in a round trip, and never more than a part of what leaves new.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RtpHeader } from 'werift';
import { SentPictures } from '../../src/signaling/sent-pictures.ts';
import type { RTCRtpSender } from '../../src/signaling/werift.ts';

const RTX = 97;

function sender(rtt?: number) {
  const left: number[] = [];
  const dtlsTransport = {
    transportSequenceNumber: 0,
    sendRtp: (payload: Buffer, header: RtpHeader) => {
      left.push(header.payloadType === RTX ? payload.readUInt16BE(0) : header.sequenceNumber);
      return Promise.resolve(payload.length);
    },
  };
  const fake = { dtlsTransport, rtxPayloadType: RTX, rtt };
  new SentPictures(fake as unknown as RTCRtpSender);
  /** As werift does for each number of a NACK. */
  const resend = (number: number): void => {
    const payload = Buffer.alloc(1000);
    payload.writeUInt16BE(number);
    void dtlsTransport.sendRtp(payload, new RtpHeader({ payloadType: RTX, sequenceNumber: left.length }));
  };
  return { left, resend };
}

describe('what is asked for again', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    return () => vi.useRealTimers();
  });

  it.each([
    [undefined, 30],
    [0.08, 80],
    [0.001, 10],
    [3, 200],
  ])('leaves once in a round trip (%s s known: %i ms)', (rtt, pauseMs) => {
    const { left, resend } = sender(rtt);
    for (let ms = 0; ms < 2 * pauseMs; ms += 5) {
      resend(7);
      vi.advanceTimersByTime(5);
    }
    expect(left).toEqual([7, 7]);
  });

  it('does not hold back another packet', () => {
    const { left, resend } = sender();
    for (const number of [1, 2, 1, 3, 2]) resend(number);
    expect(left).toEqual([1, 2, 3]);
  });

  it('is only a part of what leaves new', () => {
    const { left, resend } = sender();
    for (let number = 0; number < 200; number++) resend(number);
    expect(left.length).toBe(50);
  });
});
