// A model that hears and speaks by itself, through the real session in virtual time.
import { describe, expect, it } from 'vitest';
import { LiveAgent } from '../../src/agent/live-agent.ts';
import type { LiveConversation, LiveModel, LiveModelListener } from '../../src/agent/speech-to-speech.ts';
import { AppError } from '../../src/errors.ts';
import { FakeSynthesizer } from '../support/fake-providers.ts';
import { ScriptedCall } from '../support/scripted-call.ts';

/** A model that does what the test says. */
class PlayedModel implements LiveModel {
  readonly name = 'a played model';
  listener!: LiveModelListener;
  readonly interruptions: { answerId: string; playedMs: number }[] = [];
  readonly said: string[] = [];
  heardSamples = 0;
  loudSamples = 0;
  isClosed = false;

  open(listener: LiveModelListener): LiveConversation {
    this.listener = listener;
    return {
      hear: (samples) => {
        this.heardSamples += samples.length;
        this.loudSamples += samples.filter((sample) => Math.abs(sample) > 0.1).length;
      },
      say: (text) => void this.said.push(text),
      interrupted: (answerId, playedMs) => void this.interruptions.push({ answerId, playedMs }),
      [Symbol.asyncDispose]: async () => {
        this.isClosed = true;
      },
    };
  }

  /** A tone of so many seconds, all at once as such models send. */
  answer(id: string, seconds: number): void {
    for (let i = 0; i < seconds * 10; i++)
      this.listener.sound(
        id,
        Float32Array.from({ length: 2400 }, (_, k) => 0.3 * Math.sin((2 * Math.PI * 300 * k) / 24_000)),
      );
    this.listener.answerEnded(id);
  }

  async check() {
    return { isOk: true, detail: '' };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function callTo(model: PlayedModel): ScriptedCall {
  const synthesizer = new FakeSynthesizer();
  return new ScriptedCall({
    synthesizer,
    openConversation: (face, audience, clock) =>
      new LiveAgent({
        face,
        audience,
        model,
        synthesizer,
        loadVad: async () => ({ isVoiced: false, push: async () => [] }),
        clock,
        traced: () => {},
        soundDropped: () => {},
        settings: { fallbackLine: 'The line is dead.', ratePercent: 100 },
      }),
  });
}

describe('live agent', () => {
  it('lets the model hear the caller only while the conversation hears the microphone, and silence while the key is up', async () => {
    const model = new PlayedModel();
    await using call = callTo(model);
    call.user({ says: '', forMs: 5000 });
    await call.run(300);
    expect(model.heardSamples).toBe(0);
    call.session.setTalk(true);
    await call.run(1000);
    expect(model.heardSamples / 24_000).toBeGreaterThan(0.8);
    expect(model.loudSamples).toBeGreaterThan(0.5 * model.heardSamples);
    call.session.hold(false);
    await call.run(100);
    const { loudSamples } = model;
    await call.run(500);
    expect(model.loudSamples).toBe(loudSamples);
    call.session.hold(true);
    await call.run(300);
    expect(model.loudSamples).toBeGreaterThan(loudSamples);
  });

  it('plays an answer to its end as one turn', async () => {
    const model = new PlayedModel();
    await using call = callTo(model);
    call.session.say('Hello');
    expect(model.said).toEqual(['Hello']);
    model.answer('a', 2);
    await call.expectWithin(500, 'activity', { state: 'speaking' });
    const ended = await call.expectWithin(3000, 'turn-ended', { interrupted: false });
    expect(ended.playedMs).toBeGreaterThanOrEqual(2000);
    expect(ended.playedMs).toBeLessThan(2100);
    expect(model.interruptions).toEqual([]);
    expect(call.find('turn-started')).toHaveLength(1);
  });

  it('falls silent when the model hears the caller begin, and tells it how much was heard; what still comes is dropped', async () => {
    const model = new PlayedModel();
    await using call = callTo(model);
    call.session.setTalk(true);
    model.answer('a', 5);
    await call.expectWithin(500, 'turn-started');
    await call.run(1500);
    model.listener.speechStarted();
    model.listener.sound('a', new Float32Array(2400).fill(0.5));
    const ended = await call.expectWithin(100, 'turn-ended', { interrupted: true });
    expect(model.interruptions).toEqual([
      { answerId: 'a', playedMs: expect.closeTo(Number(ended.playedMs), -1) as number },
    ]);
    expect(model.interruptions[0]!.playedMs).toBeGreaterThan(1200);
    expect(model.interruptions[0]!.playedMs).toBeLessThan(1600);
    await call.run(500);
    expect(call.find('turn-started')).toHaveLength(1);
    model.listener.speechStopped();
    model.answer('b', 1);
    await call.expectWithin(2000, 'turn-ended', { interrupted: false });
    expect(call.find('activity').map(({ state }) => state)).toEqual([
      'listening',
      'speaking',
      'listening',
      'thinking',
      'speaking',
      'listening',
    ]);
    expect(call.engine.stale).toBe(0);
  });

  it('plays what comes while an answer is heard after it, and drops both when the caller begins', async () => {
    const model = new PlayedModel();
    await using call = callTo(model);
    const words = (id: string, text: string) =>
      model.listener.transcript({ id, role: 'assistant', text, isFinal: true });
    words('a', 'Let me look.');
    model.answer('a', 1);
    words('b', 'We open at ten.');
    model.answer('b', 1);
    const first = await call.expectWithin(2000, 'turn-ended', { interrupted: false });
    expect(first.playedMs).toBeGreaterThanOrEqual(1000);
    await call.run(200);
    const [before, after] = call.find('caption');
    expect([before!.text, after!.text]).toEqual(['Let me look.', 'We open at ten.']);
    expect(after!.turnId).not.toBe(before!.turnId);
    model.answer('c', 5);
    const second = await call.expectWithin(2000, 'turn-ended', { interrupted: false });
    expect(second.playedMs).toBeGreaterThanOrEqual(1000);
    expect(model.interruptions).toEqual([]);
    await call.run(500);
    model.answer('d', 1);
    model.listener.speechStarted();
    await call.expectWithin(100, 'turn-ended', { interrupted: true });
    expect(model.interruptions.map(({ answerId }) => answerId).toSorted()).toEqual(['c', 'd']);
    model.listener.sound('d', new Float32Array(2400).fill(0.5));
    await call.run(500);
    expect(call.find('turn-started')).toHaveLength(3);
    expect(call.engine.stale).toBe(0);
  });

  it('says so in its own voice when the model is lost', async () => {
    const model = new PlayedModel();
    await using call = callTo(model);
    model.answer('a', 5);
    await call.run(500);
    model.listener.failed(new AppError('LIVE_MODEL_UNAVAILABLE', 'The model is gone.'));
    await call.expectWithin(100, 'failed');
    await call.expectWithin(500, 'caption', { text: 'The line is dead.' });
    await call.expectWithin(3000, 'turn-ended', { interrupted: false });
    await call.session.close('done');
    expect(model.isClosed).toBe(true);
  });
});
