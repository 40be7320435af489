/** What every `LiveModel` owes its caller: the adapter against a mock service, and the fake, pass the same suite. */
import { describe, expect, it } from 'vitest';
import { LIVE_MODEL_RATE_HZ, type LiveModel, type LiveModelListener } from '../../src/agent/speech-to-speech.ts';
import { until } from './mock-provider.ts';

interface LiveModelBench extends AsyncDisposable {
  model: LiveModel;
  /** Connections and whatever else costs something. */
  workUnderWay(): number;
}

type LiveModelMood =
  /** Answers "Good morning." with a second of sound to a typed turn, and to 200 ms of any sound. */
  | 'talks'
  /** Takes the connection and never says a word. */
  | 'stalls'
  | 'fails'
  /** What comes is not the protocol. */
  | 'garbage';

interface HeardAnswer {
  id: string;
  seconds: number;
  hasEnded: boolean;
}

/** A listener that writes down what it is told. */
export class LiveModelRecord implements LiveModelListener {
  readonly events: string[] = [];
  readonly answers: HeardAnswer[] = [];
  readonly lines = new Map<string, { role: string; text: string; isFinal: boolean }>();
  readonly failures: Error[] = [];

  speechStarted(): void {
    this.events.push('started');
  }
  speechStopped(): void {
    this.events.push('stopped');
  }
  transcript({ id, ...line }: Parameters<LiveModelListener['transcript']>[0]): void {
    this.lines.set(id, line);
  }
  sound(id: string, samples: Float32Array): void {
    let answer = this.answers.find((each) => each.id === id);
    if (!answer) {
      answer = { id, seconds: 0, hasEnded: false };
      this.answers.push(answer);
    }
    expect(answer.hasEnded, 'sound after the end of an answer').toBe(false);
    answer.seconds += samples.length / LIVE_MODEL_RATE_HZ;
  }
  answerEnded(id: string): void {
    const answer = this.answers.find((each) => each.id === id);
    expect(answer?.hasEnded, 'an answer ends once, and after its sound').toBe(false);
    answer!.hasEnded = true;
    this.events.push('answered');
  }
  failed(error: Error): void {
    this.failures.push(error);
  }
}

/** On a busy machine everything takes its time; only what never comes is to be given up soon. */
const PATIENT_MS = 30_000;

export function describeLiveModel(
  name: string,
  open: (mood: LiveModelMood, timeoutMs: number) => Promise<LiveModelBench>,
): void {
  describe(`${name} as a live model`, () => {
    it('answers what is typed and what is heard, each answer with its own id', async () => {
      await using bench = await open('talks', PATIENT_MS);
      const record = new LiveModelRecord();
      await using conversation = bench.model.open(record);
      conversation.say('Hello');
      await until(() => record.answers[0]?.hasEnded ?? false, 'the first answer');
      for (let i = 0; i < 10; i++) conversation.hear(new Float32Array(480));
      await until(() => record.answers[1]?.hasEnded ?? false, 'the second answer');
      expect(record.answers.map(({ seconds }) => Math.round(seconds * 10) / 10)).toEqual([1, 1]);
      expect(new Set(record.answers.map(({ id }) => id)).size).toBe(2);
      expect(record.events).toEqual(['answered', 'started', 'stopped', 'answered']);
      expect(record.lines.get(record.answers[0].id)).toEqual({
        role: 'assistant',
        text: 'Good morning.',
        isFinal: true,
      });
      expect(record.failures).toEqual([]);
    });

    it('says nothing more when it has been disposed of', async () => {
      await using bench = await open('talks', PATIENT_MS);
      const record = new LiveModelRecord();
      const conversation = bench.model.open(record);
      conversation.say('Hello');
      await conversation[Symbol.asyncDispose]();
      const { length } = record.events;
      await until(() => bench.workUnderWay() === 0, 'the connection ends');
      conversation.say('Still there?');
      conversation.hear(new Float32Array(48_000));
      conversation.interrupted('answer', 100);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect([record.events.length, record.failures.length]).toEqual([length, 0]);
    });

    it.each(['fails', 'garbage', 'stalls'] as const)(
      'says once, in one sentence, that the service %s',
      async (mood) => {
        await using bench = await open(mood, mood === 'stalls' ? 300 : PATIENT_MS);
        const record = new LiveModelRecord();
        await using conversation = bench.model.open(record);
        conversation.say('Hello');
        await until(() => record.failures.length > 0, 'the failure');
        expect(record.failures[0]).toMatchObject({
          name: 'AppError',
          code: 'LIVE_MODEL_UNAVAILABLE',
          message: expect.stringMatching(/^[^\n]{20,500}\.$/),
        });
        await until(() => bench.workUnderWay() === 0, 'no connection is left');
        expect(record.failures).toHaveLength(1);
      },
    );

    it('tells its health, and is disposed of twice', async () => {
      await using well = await open('talks', PATIENT_MS);
      expect(await well.model.check(AbortSignal.timeout(10_000))).toMatchObject({ isOk: true });
      await until(() => well.workUnderWay() === 0, 'checking leaves nothing behind');
      await using ill = await open('fails', PATIENT_MS);
      expect(await ill.model.check(AbortSignal.timeout(10_000))).toMatchObject({
        isOk: false,
        remedy: expect.stringMatching(/\.$/),
      });
      await ill.model[Symbol.asyncDispose]();
    });
  });
}
