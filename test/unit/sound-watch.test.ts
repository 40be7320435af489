// The end of the face's sound is noticed once, soon, and only where there was some.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SoundWatch } from '../../client/sound-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('tells once whenever the sound stops, within a second, and nothing where none is to be expected', () => {
  let rtpTimestamp: number | undefined;
  let isExpected = true;
  let told = 0;
  const receiver = {
    getSynchronizationSources: () => (rtpTimestamp === undefined ? [] : [{ rtpTimestamp }]),
  } as unknown as RTCRtpReceiver;
  using _watch = new SoundWatch(
    () => (isExpected ? receiver : undefined),
    () => {
      told += 1;
    },
  );
  const pass = (seconds: number, isSounding: boolean): void => {
    for (let i = 0; i < seconds * 50; i++) {
      vi.advanceTimersByTime(20);
      if (isSounding) rtpTimestamp = (rtpTimestamp ?? 0) + 960;
    }
  };
  pass(5, false); // the browser tells of no sound at all
  expect(told).toBe(0);
  pass(5, true);
  expect(told).toBe(0);
  pass(0.5, false);
  expect(told).toBe(0);
  pass(0.6, false);
  expect(told).toBe(1);
  pass(30, false);
  expect(told).toBe(1);
  pass(1, true);
  pass(1.1, false);
  expect(told).toBe(2);
  isExpected = false;
  pass(5, false);
  expect(told).toBe(2);
});
