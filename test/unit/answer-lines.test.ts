// An answer as lines: what is said while a function takes its time, and that it is no part of the answer.
import { describe, expect, it } from 'vitest';
import { answerLines, type Filler } from '../../src/agent/answer-lines.ts';
import type { Dialogue } from '../../src/agent/brain.ts';
import { Script } from '../../src/agent/script.ts';
import { FakeSynthesizer } from '../support/fake-providers.ts';

/** Says, works until told, says. */
function slowDialogue(before: string, after: string) {
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let wasAborted = false;
  const dialogue: Dialogue = {
    async *answer({ working, signal }) {
      if (before) yield before;
      working?.();
      const aborted = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => {
          wasAborted = true;
          reject(signal.reason);
        }),
      );
      await Promise.race([done, aborted]);
      yield after;
    },
  };
  return { dialogue, finish, isAborted: () => wasAborted };
}

function linesFor(dialogue: Dialogue, filler: Filler | undefined) {
  return answerLines({
    dialogue,
    question: { history: [], signal: new AbortController().signal },
    fallback: 'I cannot.',
    filler,
    onFirstPiece: () => {},
    onWish: () => {},
    onFailure: (error) => {
      throw error;
    },
  });
}

const atOnce: Filler = { text: 'One moment, please.', due: async () => {} };

describe('while a function is carried out', () => {
  it('a line is said once, which is heard and not remembered', async () => {
    const { dialogue, finish } = slowDialogue('', 'It is sunny.');
    const lines = linesFor(dialogue, atOnce);
    const first = await lines.next();
    expect(first.value).toMatchObject({ text: 'One moment, please.', isAside: true });
    finish();
    const rest = [];
    for await (const line of lines) rest.push(line);
    expect(rest).toMatchObject([{ text: 'It is sunny.' }]);
    const script = new Script({
      lines: [first.value!, ...rest],
      synthesizer: new FakeSynthesizer(),
      voice: {},
      languageOf: () => undefined,
      nowUs: () => 0,
    });
    const captions: string[] = [];
    for await (const { cues } of script.from(0, new AbortController().signal))
      for (const cue of cues) if (cue.kind === 'caption') captions.push(cue.text);
    expect(captions).toEqual(['One moment, please.', 'It is sunny.']);
    expect(script.heardText(Number.POSITIVE_INFINITY)).toBe('It is sunny.');
  });

  it.each([
    ['the model has spoken already', 'Let me see. ', atOnce],
    ['it is quick', '', { text: 'One moment.', due: () => new Promise<void>(() => {}) }],
    ['none is wanted', '', undefined],
  ])('nothing is added where %s', async (_, before, filler) => {
    const { dialogue, finish } = slowDialogue(before, 'It is sunny.');
    finish();
    const texts: string[] = [];
    for await (const line of linesFor(dialogue, filler)) if (line.kind === 'sentence') texts.push(line.text);
    expect(texts.join(' ')).toBe(`${before}It is sunny.`);
  });

  it('the work ends when nobody listens on', async () => {
    const { dialogue, isAborted } = slowDialogue('', 'never');
    const lines = linesFor(dialogue, atOnce);
    await lines.next();
    await lines.return(undefined);
    expect(isAborted()).toBe(true);
  });
});
