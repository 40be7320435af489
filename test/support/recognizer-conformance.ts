/** What every `Recognizer` owes its caller: the adapters against mock services, and the fakes, pass the same suite. */
import { describe, expect, it } from 'vitest';
import { type Hearing, RECOGNIZER_RATE_HZ, type Recognizer } from '../../src/agent/recognizer.ts';
import { until } from './mock-provider.ts';

interface RecognizerBench extends AsyncDisposable {
  recognizer: Recognizer;
  /** Requests, sockets, whatever costs something while speech is understood. */
  workUnderWay(): number;
}

type RecognizerMood =
  /** Understands "Good morning." in any sound. */
  | 'understands'
  /** Takes the sound and never answers. */
  | 'stalls'
  | 'fails'
  /** What comes is not the protocol. */
  | 'garbage';

/** Half a second in frames of 20 ms. */
function say(hearing: Hearing): void {
  for (let frame = 0; frame < 25; frame++)
    hearing.push(
      Float32Array.from({ length: RECOGNIZER_RATE_HZ / 50 }, (_, i) => 0.2 * Math.sin((frame * 320 + i) / 7)),
    );
}

/** On a busy machine everything takes its time; only what never comes is to be given up soon. */
const PATIENT_MS = 30_000;

export function describeRecognizer(
  name: string,
  open: (mood: RecognizerMood, timeoutMs: number) => Promise<RecognizerBench>,
): void {
  describe(`${name} as a recogniser`, () => {
    it('understands several callers at once', async () => {
      await using bench = await open('understands', PATIENT_MS);
      const transcripts = await Promise.all(
        [1, 2, 3].map(async () => {
          const hearing = bench.recognizer.open({ signal: new AbortController().signal });
          say(hearing);
          return await hearing.finish();
        }),
      );
      for (const { text } of transcripts) expect(text.toLowerCase()).toMatch(/^good morning\.?$/);
      await until(() => bench.workUnderWay() === 0, 'the work ends with the utterance');
    });

    it('hears nothing where nothing was', async () => {
      await using bench = await open('understands', PATIENT_MS);
      const hearing = bench.recognizer.open({ signal: new AbortController().signal });
      expect((await hearing.finish()).text).toBe('');
      await until(() => bench.workUnderWay() === 0, 'no work is left');
    });

    it('stops working when aborted, with the reason of the signal', async () => {
      await using bench = await open('stalls', PATIENT_MS);
      const abort = new AbortController();
      const reason = new Error('interrupted');
      const hearing = bench.recognizer.open({ signal: abort.signal });
      say(hearing);
      const transcript = hearing.finish();
      transcript.catch(() => {});
      await until(() => bench.workUnderWay() > 0, 'the work begins');
      abort.abort(reason);
      await expect(transcript).rejects.toBe(reason);
      await until(() => bench.workUnderWay() === 0, 'the work ends with the abort');
      hearing.push(new Float32Array(320));
      await expect(hearing.finish()).rejects.toBe(reason);
    });

    it('leaves nothing behind when an utterance is given up before its end', async () => {
      await using bench = await open('understands', PATIENT_MS);
      const abort = new AbortController();
      say(bench.recognizer.open({ signal: abort.signal }));
      abort.abort(new Error('a cough'));
      await until(() => bench.workUnderWay() === 0, 'the work ends with the abort');
    });

    it.each(['fails', 'garbage', 'stalls'] as const)('says so in one sentence when the service %s', async (mood) => {
      await using bench = await open(mood, mood === 'stalls' ? 300 : PATIENT_MS);
      const hearing = bench.recognizer.open({ signal: new AbortController().signal });
      say(hearing);
      await expect(hearing.finish()).rejects.toMatchObject({
        name: 'AppError',
        code: 'RECOGNIZER_UNAVAILABLE',
        message: expect.stringMatching(/^[^\n]{20,500}\.$/),
      });
      await until(() => bench.workUnderWay() === 0, 'no work is left');
    });

    it('tells its health, and is disposed of twice', async () => {
      await using well = await open('understands', PATIENT_MS);
      expect(await well.recognizer.check(AbortSignal.timeout(10_000))).toMatchObject({ isOk: true });
      await using ill = await open('fails', PATIENT_MS);
      expect(await ill.recognizer.check(AbortSignal.timeout(10_000))).toMatchObject({
        isOk: false,
        remedy: expect.stringMatching(/\.$/),
      });
      await ill.recognizer[Symbol.asyncDispose]();
    });
  });
}
