// A spoken conversation through the whole call: recorded speech into the microphone, Opus, RTP, voice activity, recogniser, brain, voice, face.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { Resampler } from '../../src/media/resampler.ts';
import type { ActivityMessage, TurnMessage } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

/** The jitter buffer holds 60 ms. */
const MAX_STALL_MS = 80;

let server: TestServer;
const synthesizer = new EmbeddedSynthesizer();
beforeAll(async () => {
  server = await startTestServer((config) => {
    config.motion.fps = 25;
    config.conversation.greets = false;
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await synthesizer[Symbol.asyncDispose]();
});

/** Spoken text at 48 kHz, with room for the end of the turn. */
async function spoken(text: string, silenceS = 1): Promise<Float32Array> {
  const parts: number[] = [];
  for await (const { samples, sampleRateHz } of synthesizer.synthesize(text, { voice: 'en-us+m3', ratePercent: 90 })) {
    const resampler = new Resampler(sampleRateHz, 48_000, 1);
    parts.push(...resampler.push(samples), ...resampler.flush());
  }
  return Float32Array.from([...parts, ...new Float32Array(silenceS * 48_000)]);
}

class Caller extends LoopbackClient {
  readonly heard: string[] = [];
  readonly activities: ActivityMessage['state'][] = [];
  /** This machine cannot hear and speak at once. */
  isSlow = false;

  constructor(url: string) {
    super(url);
    this.socket.on('heard', ({ text, isFinal }) => void (isFinal && this.heard.push(text)));
    this.socket.on('activity', ({ state }) => void this.activities.push(state));
  }

  get ended() {
    return this.turns.filter(({ state }) => state === 'ended');
  }

  /**
   * Asks until it is understood. Caller and server share this process: where its loop stands still for longer than the jitter buffer is deep,
   * sound is lost on the way and words with it; after two such tries questions are typed.
   */
  async ask(text: string, question: Float32Array, understood: RegExp): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.isSlow) {
        await this.request('say', { text });
        return;
      }
      const delay = monitorEventLoopDelay({ resolution: 10 });
      delay.enable();
      await this.say(question);
      try {
        await this.until(
          `${understood} to be understood`,
          () => this.heard.some((said) => understood.test(said)),
          6000,
        );
        return;
      } catch (error) {
        this.isSlow = attempt >= 2 && delay.max / 1e6 > MAX_STALL_MS;
        if (attempt === 5) throw error;
      }
    }
  }
}

describe('conversation', () => {
  it('understands what is said, answers, is interrupted by voice, and tells what was heard and how long it all took', async () => {
    const question = 'What are your opening hours?';
    const interruption = 'Excuse me, where are you?';
    const [questionSound, interruptionSound] = [await spoken(question), await spoken(interruption)];
    await using caller = new Caller(server.url);
    await caller.join('mona-lisa');
    await caller.until('the first picture', () => caller.pictures.length > 0, 60_000);
    // Models are read at boot; the first words find them ready.
    await caller.request('talk', { isOn: true });
    await caller.ask(question, questionSound, /opening hours/i);
    await caller.until('the answer', () => caller.captions.some(({ text }) => /museum/i.test(text)));
    const isLoud = (level: number): boolean => level > 0.02;
    const before = caller.levels.filter(isLoud).length;
    await caller.until('some words of it', () => caller.levels.filter(isLoud).length > before + 50);
    const answers = caller.turns.length;

    await caller.ask(interruption, interruptionSound, /where/i);
    const isCut = ({ interrupted, heard, trace }: TurnMessage): boolean =>
      interrupted === true && heard !== '' && trace?.responseLatencyMs !== undefined;
    await caller.until('the end of the answer', () => caller.ended.some(isCut));
    if (!caller.isSlow) {
      const { eouDelayMs, responseLatencyMs } = caller.ended.find(isCut)!.trace!;
      expect(eouDelayMs).toBeGreaterThanOrEqual(350);
      expect(responseLatencyMs).toBeGreaterThan(eouDelayMs!);
    }
    await caller.until(
      'the second answer',
      () => caller.turns.length > answers + 1 && caller.activities.at(-1) === 'speaking',
    );
    expect(caller.activities.join(' ')).toMatch(/^listening .*thinking speaking .*thinking speaking$/);

    await caller.request('talk', { isOn: false });
    await caller.request('say', { text: 'Thank you!' });
    await caller.until('the last answer to its end', () => caller.ended.at(-1)?.interrupted === false, 40_000);
    expect(caller.ended.at(-1)!.heard).toMatch(/\w/);
    await caller.until('rest', () => caller.activities.at(-1) === 'idle');
    expect(caller.failures).toEqual([]);
  }, 240_000);
});
