/** What every `Brain` owes its caller, whoever it is: the real adapters against a mock service, and the fakes, pass the same suite. */
import { describe, expect, it } from 'vitest';
import type { Brain } from '../../src/agent/brain.ts';
import { until } from './mock-provider.ts';

interface BrainBench extends AsyncDisposable {
  brain: Brain;
  /** Requests, timers, whatever costs something while an answer is made. */
  workUnderWay(): number;
}

type BrainMood =
  /** Answers "Good morning. How are you?" in several pieces. */
  | 'answers'
  /** Says "Good" and then nothing more, ever. */
  | 'stalls'
  /** Is there and refuses. */
  | 'fails'
  /** What comes is not the protocol. */
  | 'garbage';

const EXPECTED_ANSWER = 'Good morning. How are you?';

const ask = (signal = new AbortController().signal) => ({
  history: [{ role: 'user', text: 'Good morning' } as const],
  signal,
});

/** On a busy machine everything takes its time; only what never comes is to be given up soon. */
const PATIENT_MS = 30_000;

export function describeBrain(name: string, open: (mood: BrainMood, timeoutMs: number) => Promise<BrainBench>): void {
  describe(`${name} as a brain`, () => {
    it('answers in pieces, several callers at once', async () => {
      await using bench = await open('answers', PATIENT_MS);
      const answers = await Promise.all(
        [1, 2, 3].map(async () => {
          const pieces: string[] = [];
          for await (const piece of bench.brain.open().answer(ask())) pieces.push(piece);
          return pieces.join('');
        }),
      );
      expect(answers).toEqual([EXPECTED_ANSWER, EXPECTED_ANSWER, EXPECTED_ANSWER]);
      await until(() => bench.workUnderWay() === 0, 'all work ends with the answers');
    });

    it('stops working when aborted in the middle, with the reason of the signal', async () => {
      await using bench = await open('stalls', PATIENT_MS);
      const abort = new AbortController();
      const reason = new Error('interrupted');
      const pieces: string[] = [];
      const answer = async () => {
        for await (const piece of bench.brain.open().answer(ask(abort.signal))) {
          pieces.push(piece);
          abort.abort(reason);
        }
      };
      await expect(answer()).rejects.toBe(reason);
      expect(pieces.join('')).toBe('Good');
      await until(() => bench.workUnderWay() === 0, 'the work ends with the abort');
    });

    it('does nothing for a question that is already aborted', async () => {
      await using bench = await open('answers', PATIENT_MS);
      const reason = new Error('too late');
      const answer = async () => {
        for await (const _ of bench.brain.open().answer(ask(AbortSignal.abort(reason)))) throw new Error('an answer');
      };
      await expect(answer()).rejects.toBe(reason);
      expect(bench.workUnderWay()).toBe(0);
    });

    it('stops working when nobody reads on', async () => {
      await using bench = await open('stalls', PATIENT_MS);
      for await (const _ of bench.brain.open().answer(ask())) break;
      await until(() => bench.workUnderWay() === 0, 'the work ends with the reading');
    });

    it.each(['fails', 'garbage', 'stalls'] as const)('says so in one sentence when the service %s', async (mood) => {
      await using bench = await open(mood, mood === 'stalls' ? 300 : PATIENT_MS);
      const answer = async () => {
        for await (const _ of bench.brain.open().answer(ask()));
      };
      await expect(answer()).rejects.toMatchObject({
        name: 'AppError',
        code: 'BRAIN_UNAVAILABLE',
        message: expect.stringMatching(/^[^\n]{20,500}\.$/),
      });
      await until(() => bench.workUnderWay() === 0, 'no work is left');
    });

    it('tells its health, and is disposed of twice', async () => {
      await using well = await open('answers', PATIENT_MS);
      expect(await well.brain.check(AbortSignal.timeout(10_000))).toMatchObject({ isOk: true });
      await using ill = await open('fails', PATIENT_MS);
      const health = await ill.brain.check(AbortSignal.timeout(10_000));
      expect(health).toMatchObject({ isOk: false, remedy: expect.stringMatching(/\.$/) });
      await ill.brain[Symbol.asyncDispose]();
      await ill.brain[Symbol.asyncDispose]();
    });
  });
}
