import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnswerPart,
  readStageDirections,
  StageDirections,
  withoutStageDirections,
} from '../../src/agent/stage-directions.ts';

const directions = (answer: string) =>
  readStageDirections(answer).flatMap((part) => (part.kind === 'direction' ? [part.direction] : []));

function joined(parts: AnswerPart[]): AnswerPart[] {
  const result: AnswerPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part.kind === 'text' && last?.kind === 'text') last.text += part.text;
    else result.push({ ...part });
  }
  return result;
}

describe('stage directions', () => {
  it.each([
    ['[happy]', { kind: 'emotion', emotion: 'happy', weight: 0.7 }],
    ['[Happy 0.4]', { kind: 'emotion', emotion: 'happy', weight: 0.4 }],
    ['[sad: 30%]', { kind: 'emotion', emotion: 'sad', weight: 0.3 }],
    ['[emotion: surprised]', { kind: 'emotion', emotion: 'surprised', weight: 0.7 }],
    ['[happy 7]', { kind: 'emotion', emotion: 'happy', weight: 0.7 }],
    ['[angry 250]', { kind: 'emotion', emotion: 'angry', weight: 1 }],
    ['[smiles]', { kind: 'emotion', emotion: 'happy', weight: 0.7 }],
    ['[NEUTRAL]', { kind: 'emotion', emotion: 'neutral', weight: 0.7 }],
    ['[look left]', { kind: 'look', at: 'left' }],
    ['[look at me]', { kind: 'look', at: 'me' }],
    ['[looks at the user]', { kind: 'look', at: 'me' }],
    ['[look away]', { kind: 'look', at: 'away' }],
    ['[pause]', { kind: 'pause', durationMs: 400 }],
    ['[pause 250]', { kind: 'pause', durationMs: 250 }],
    ['[pause 1.5s]', { kind: 'pause', durationMs: 1500 }],
    ['[pause 99999]', { kind: 'pause', durationMs: 3000 }],
    ['[hand off]', { kind: 'handoff' }],
    ['[Handoff]', { kind: 'handoff' }],
    ['[goodbye]', { kind: 'goodbye' }],
  ])('%s', (bracket, direction) => {
    expect(readStageDirections(bracket)).toEqual([{ kind: 'direction', direction }]);
  });

  it('never speaks an unknown direction', () => {
    expect(withoutStageDirections('Well [laughs] that [clears throat] was [winks knowingly at her] fun.')).toBe(
      'Well that was fun.',
    );
    expect(directions('[laughs] [look sideways]')).toEqual([]);
  });

  it.each(['As shown in [1] and [2, 3].', '[opening hours](https://example.org)', 'a[i] = [', 'list [ ] of', '[]'])(
    'speaks what is no direction: %s',
    (text) => {
      // A letter alone in brackets could be a direction; what cannot be one stays.
      expect(withoutStageDirections(text)).toBe(text === 'a[i] = [' ? 'a = [' : text);
    },
  );

  it('keeps an unclosed bracket and one that is too long', () => {
    expect(withoutStageDirections('Hello [happy')).toBe('Hello [happy');
    const long = `[${'word '.repeat(20)}] end`;
    expect(withoutStageDirections(long)).toBe(long);
    expect(withoutStageDirections('[[happy] there')).toBe('[ there');
  });

  it('leaves one space where a direction stood', () => {
    expect(readStageDirections('[happy] Hello [look left] there. [goodbye]')).toEqual([
      { kind: 'direction', direction: { kind: 'emotion', emotion: 'happy', weight: 0.7 } },
      { kind: 'text', text: 'Hello ' },
      { kind: 'direction', direction: { kind: 'look', at: 'left' } },
      { kind: 'text', text: 'there. ' },
      { kind: 'direction', direction: { kind: 'goodbye' } },
    ]);
  });

  it('keeps lines and paragraphs apart', () => {
    expect(withoutStageDirections('One \n\nTwo  three\n[happy]\n- four')).toBe('One \n\nTwo  three\n\n- four');
  });

  it('leaves out code, not what stands in single backquotes', () => {
    expect(withoutStageDirections('Look: ```js\nlet a = [1];\n``` done with `code`.')).toBe('Look:  done with `code`.');
    expect(withoutStageDirections('Open ```for ever')).toBe('Open');
  });

  it('gives out a known direction at once, without waiting for more', () => {
    expect(new StageDirections().push('[happy]')).toHaveLength(1);
  });

  it('gives the same however the answer is cut', () => {
    const answer = fc
      .array(
        fc.constantFrom(
          ...['[', ']', '(', ')', ' ', '\n', 'happy', '0.5', 'look', 'left', 'pause', '[happy]', '[laughs]', '[1]'],
          ...[
            '[x](y)',
            '``',
            'Guten Tag',
            '日本',
            '😀',
            'é',
            '[hand off]',
            '[goodbye',
            '[look at me]',
            '40 %',
            '`',
            '```',
          ],
        ),
        { maxLength: 30 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(answer, fc.array(fc.nat(200), { maxLength: 20 }), (text, cuts) => {
        const parser = new StageDirections();
        const edges = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].sort(
          (a, b) => a - b,
        );
        const parts = edges.slice(1).flatMap((end, i) => parser.push(text.slice(edges[i], end)));
        expect(joined([...parts, ...parser.end()])).toEqual(readStageDirections(text));
      }),
      { numRuns: 2000 },
    );
  });
});
