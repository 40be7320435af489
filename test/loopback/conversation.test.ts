// A spoken conversation through the whole call: recorded speech into the microphone, Opus, RTP, voice activity, recogniser, brain, voice, face.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { Resampler } from '../../src/media/resampler.ts';
import type { ActivityMessage } from '../../src/signaling/protocol.ts';
import { LoopbackClient } from '../support/loopback-client.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

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

  constructor(url: string) {
    super(url);
    this.socket.on('heard', ({ text, isFinal }) => void (isFinal && this.heard.push(text)));
    this.socket.on('activity', ({ state }) => void this.activities.push(state));
  }

  get ended() {
    return this.turns.filter(({ state }) => state === 'ended');
  }

  /** Asks until it is understood: on a machine that cannot follow, sound is lost on the way. */
  async ask(question: Float32Array, understood: RegExp): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.say(question);
      try {
        await this.until(
          `${understood} to be understood`,
          () => this.heard.some((text) => understood.test(text)),
          8000,
        );
        return;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }
}

describe('conversation', () => {
  it('understands what is said, answers, is interrupted by voice, and tells what was heard and how long it all took', async () => {
    const question = await spoken('What are your opening hours?');
    const interruption = await spoken('Excuse me, where are you?');
    await using caller = new Caller(server.url);
    await caller.join('mona-lisa');
    await caller.until('the first picture', () => caller.pictures.length > 0, 60_000);
    // Models are read at boot; the first words find them ready.
    await caller.request('talk', { isOn: true });
    await caller.ask(question, /opening hours/i);
    await caller.until('the answer', () => caller.captions.length > 0);
    const answers = caller.turns.length;

    await caller.ask(interruption, /where/i);
    await caller.until('the end of the answer', () => caller.ended.some(({ interrupted }) => interrupted));
    const cut = caller.ended.find(({ interrupted }) => interrupted)!;
    expect(cut.heard!.length).toBeGreaterThan(0);
    expect(cut.trace!.eouDelayMs).toBeGreaterThanOrEqual(350);
    expect(cut.trace!.responseLatencyMs).toBeGreaterThan(cut.trace!.eouDelayMs!);
    await caller.until(
      'the second answer',
      () => caller.turns.length > answers + 1 && caller.activities.at(-1) === 'speaking',
    );
    expect(caller.activities.join(' ')).toMatch(/^listening thinking speaking listening .*thinking speaking$/);

    await caller.request('talk', { isOn: false });
    await caller.request('say', { text: 'Thank you!' });
    await caller.until('the last answer to its end', () => caller.ended.at(-1)?.interrupted === false, 40_000);
    expect(caller.ended.at(-1)!.heard).toMatch(/\w/);
    await caller.until('rest', () => caller.activities.at(-1) === 'idle');
    expect(caller.failures).toEqual([]);
  }, 240_000);
});
