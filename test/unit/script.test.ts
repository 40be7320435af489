// From an answer's pieces to what is spoken: sentences, directions, captions, what was heard up to a moment, and going on from there.
import { describe, expect, it } from 'vitest';
import { History } from '../../src/agent/history.ts';
import { type Cue, Script, type SpokenPart } from '../../src/agent/script.ts';
import { type Line, Sentences } from '../../src/agent/sentences.ts';
import { StageDirections } from '../../src/agent/stage-directions.ts';
import type { SpeechSynthesizer } from '../../src/agent/tts.ts';

function linesOf(pieces: readonly string[]): Line[] {
  const directions = new StageDirections();
  const sentences = new Sentences();
  const lines = pieces.flatMap((piece) => directions.push(piece).flatMap((part) => sentences.push(part)));
  return [...lines, ...directions.end().flatMap((part) => sentences.push(part)), ...sentences.end()];
}
const textsOf = (lines: Line[]): string[] => lines.map((line) => (line.kind === 'pause' ? '…' : line.text));

describe('sentences', () => {
  it('come as soon as they are complete', () => {
    expect(textsOf(linesOf(['Hello there. How are you? I am fine']))).toEqual([
      'Hello there.',
      'How are you?',
      'I am fine',
    ]);
    expect(textsOf(linesOf(['東京です。とても大きい。']))).toEqual(['東京です。', 'とても大きい。']);
    expect(textsOf(linesOf(['Ask Dr. Smith. He knows.\nBye']))).toEqual(['Ask Dr. Smith.', 'He knows.', 'Bye']);
    expect(textsOf(linesOf(['It costs 3.50 euros. Yes.']))).toEqual(['It costs 3.50 euros.', 'Yes.']);
  });

  it('begin with the first clause while the rest is still being thought of', () => {
    expect(textsOf(linesOf(['As far as I know, ', 'the museum is closed, ', 'but ask again.']))).toEqual([
      'As far as I know,',
      'the museum is closed, but ask again.',
    ]);
    expect(textsOf(linesOf(['Well, ', 'yes.'])), 'too short to stand alone').toEqual(['Well, yes.']);
  });

  it('are cut where they grow too long, and lose nothing', () => {
    const text = `${'word '.repeat(120)}end.`;
    const lines = textsOf(linesOf([text]));
    expect(lines.every((line) => line.length <= 220)).toBe(true);
    expect(lines.join(' ')).toBe(text);
    const unbroken = 'a'.repeat(1000);
    expect(textsOf(linesOf([unbroken])).join('')).toBe(unbroken);
  });

  it('carry the directions that stand in them, and stop for pauses', () => {
    const lines = linesOf(['Well. [hap', 'py] That is good [look left] news.', ' [pause 500] Bye. [goodbye]']);
    expect(textsOf(lines)).toEqual(['Well.', 'That is good news.', '…', 'Bye.', '']);
    const placed = lines.flatMap((line) =>
      line.kind === 'pause'
        ? [`pause ${line.durationMs}`]
        : line.directions.map(({ atCharacter, direction }) => `${line.text}@${atCharacter} ${direction.kind}`),
    );
    expect(placed).toEqual(['That is good news.@0 emotion', 'That is good news.@13 look', 'pause 500', '@0 goodbye']);
  });
});

const RATE_HZ = 1000;

/** 100 ms a character; says its words' times or not. */
function voice({ hasWords = true, pieces = 1 } = {}): SpeechSynthesizer & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    name: 'a test voice',
    hasPhonemes: true,
    voices: async () => [],
    check: async () => ({ isOk: true, detail: '' }),
    async *synthesize(text) {
      asked.push(text);
      const lengthUs = text.length * 100_000;
      const words = [...text.matchAll(/[\p{L}\p{N}']+/gu)].map((match) => ({
        text: match[0],
        startUs: match.index * 100_000,
        endUs: (match.index + match[0].length) * 100_000,
      }));
      for (let k = 0; k < pieces; k++) {
        const [from, to] = [(k * lengthUs) / pieces, ((k + 1) * lengthUs) / pieces];
        yield {
          samples: new Float32Array(Math.round(((to - from) / 1e6) * RATE_HZ)).fill(k + 1),
          sampleRateHz: RATE_HZ,
          startUs: from,
          phonemes: [],
          words: hasWords ? words.filter(({ startUs }) => startUs >= from && startUs < to) : [],
        };
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

function scriptOf(text: string, synthesizer: SpeechSynthesizer): Script {
  return new Script({
    lines: linesOf([text]),
    synthesizer,
    voice: {},
    languageOf: () => undefined,
    nowUs: () => 0,
  });
}

async function partsOf(script: Script, fromUs = 0, signal = new AbortController().signal): Promise<SpokenPart[]> {
  const parts: SpokenPart[] = [];
  for await (const part of script.from(fromUs, signal)) parts.push(part);
  return parts;
}
const cuesOf = (parts: SpokenPart[]): string[] =>
  parts.flatMap(({ cues }) =>
    cues.map((cue: Cue) => `${cue.atUs / 1000} ${cue.kind === 'caption' ? cue.text : cue.direction.kind}`),
  );
const startsOf = (parts: SpokenPart[]): number[] => parts.map(({ chunk }) => chunk.startUs / 1000);

describe('script', () => {
  it('puts sentences one behind the other, with captions and directions where their words are', async () => {
    const parts = await partsOf(scriptOf('One two. Three [happy] four.', voice()));
    expect(startsOf(parts)).toEqual([0, 800]);
    expect(cuesOf(parts)).toEqual(['0 One two.', '800 Three four.', '1400 emotion']);
  });

  it('parts a long sentence into captions of about one length, at a comma where there is one', async () => {
    const long = 'What I do know about is opening hours, tickets and prices, the guided tours, the shop and the café.';
    const parts = await partsOf(scriptOf(long, voice()));
    expect(cuesOf(parts).map((cue) => cue.replace(/^\S+ /, ''))).toEqual([
      'What I do know about is opening hours,',
      'tickets and prices, the guided tours, the shop and the café.',
    ]);
    const plain = await partsOf(scriptOf(`${'word '.repeat(40)}end.`, voice()));
    const lengths = cuesOf(plain).map((cue) => cue.length);
    expect(lengths).toHaveLength(3);
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(12);
  });

  it.each([
    [true, 1],
    [true, 4],
    [false, 1],
    [false, 4],
  ])('knows what was heard (words known: %s, %d pieces a sentence)', async (hasWords, pieces) => {
    const script = scriptOf('One two three four. Five six.', voice({ hasWords, pieces }));
    const parts = await partsOf(script);
    expect(parts.length).toBeGreaterThanOrEqual(2 * pieces);
    expect(script.heardText(0)).toBe('');
    expect(script.heardText(900_000)).toBe('One two');
    expect(script.heardText(1_900_000)).toBe('One two three four.');
    expect(script.heardText(Number.POSITIVE_INFINITY)).toBe('One two three four. Five six.');
    let last = '';
    for (let us = 0; us < 3_000_000; us += 50_000) {
      const heard = script.heardText(us);
      expect(heard.startsWith(last.slice(0, -1)), `${last} → ${heard}`).toBe(true);
      last = heard;
    }
  });

  it('goes on at the word that was cut off, without asking the voice again', async () => {
    const synthesizer = voice();
    const script = scriptOf('One two three four. Five six.', synthesizer);
    const life = new AbortController();
    const first: SpokenPart[] = [];
    for await (const part of script.from(0, life.signal)) {
      first.push(part);
      life.abort(); // cut off while the first sentence sounds
    }
    script.forgetBefore(1_000_000);
    const rest = await partsOf(script, 1_000_000);
    expect(startsOf(rest)).toEqual([800, 1900]);
    expect(rest[0]!.chunk.samples.length).toBe(1100);
    expect(rest[0]!.chunk.words.map(({ text }) => text)).toEqual(['three', 'four']);
    expect(synthesizer.asked).toEqual(['One two three four.', 'Five six.']);
    expect(script.heardText(Number.POSITIVE_INFINITY)).toBe('One two three four. Five six.');
  });

  it('makes one part ahead and no more', async () => {
    const synthesizer = voice();
    const script = scriptOf('One. Two. Three. Four.', synthesizer);
    const parts = script.from(0, new AbortController().signal);
    await parts.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(synthesizer.asked).toEqual(['One.', 'Two.']);
    script.close();
    await parts.return(undefined);
  });
});

describe('history', () => {
  it('holds what was heard, and joins what the caller said without an answer in between', () => {
    const history = new History();
    history.user('I want');
    history.assistant()('');
    history.user('a room.');
    const heard = history.assistant();
    heard('For how');
    heard('For how long?');
    history.user('Two nights.');
    expect(history.soFar()).toEqual([
      { role: 'user', text: 'I want a room.' },
      { role: 'assistant', text: 'For how long?' },
      { role: 'user', text: 'Two nights.' },
    ]);
  });
});
