// Thoughts of a model in whatever marks: never part of the answer, however the pieces are cut; text that only looks so goes on being said.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { soundsLikeThought } from '../../src/agent/thought-marks.ts';
import { ThoughtFilter } from '../../src/agent/thoughts.ts';

function filtered(pieces: readonly string[], waitsForEnd = true): string {
  const filter = new ThoughtFilter({ waitsForEnd });
  return pieces.map((piece) => filter.push(piece)).join('') + filter.flush();
}

const ANSWER = 'The answer <b>is</b> 3 < 4.';
const WRAPPED = [
  '<think>Let me see. a < b</think>\n\n@',
  '<thinking>Hm.</thinking>@',
  '<THINK>HM.</THINK>\n@',
  '<Thinking type="deep" n=\'1\'>Hm </b>.</Thinking >\n@',
  '< think >Hm.</ think >@',
  '<thought>Hm.</thought>@',
  '<reasoning>Hm <i>so</i>.</reasoning>@',
  '<thinking>Hm.</thinking>@',
  '<seed:think>Hm.<seed:cot_budget_reflect>x</seed:cot_budget_reflect></seed:think>@',
  '<reflection>Hm.</reflection>@',
  '<scratchpad>\n1. Hm.\n</scratchpad>\n@',
  '&lt;think&gt;Hm.&lt;/think&gt;@',
  '[THINK]Hm [1].[/THINK]@',
  '◁think▷Hm.◁/think▷@',
  '<unused94>thought\nHm.<unused95>@',
  '```thinking\nHm.\n```\n@',
  '```think\nHm.\n```@',
  '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>@<|return|>',
  '<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|>@',
  '<|channel|>commentary to=functions.a <|constrain|>json<|message|>{"a":1}<|call|>@',
  '<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>@<|END_RESPONSE|>',
  '<|im_start|>assistant\n<think>Hm.</think>@<|im_end|>',
  'Here is my thought process: Hm.\n\nHere is my response: @',
  'analysisThe user says hello. I answer.assistantfinal@',
  '<deep_think>Hm.</deep_think>@',
  '<reasoning_content>Hm.</reasoning_content>@',
  '<internal-monologue>Hm.</internal-monologue>@',
  '＜think＞Hm.＜/think＞@',
  '<｜begin▁of▁thinking｜>Hm.<｜end▁of▁thinking｜>@<｜end▁of▁sentence｜>',
  '<|thought|>Hm.<|/thought|>@',
  '<details type="reasoning">\n<summary>Thought for 3 s</summary>\n> Hm.\n</details>\n@',
  '<tool_call>{"name": "hours", "arguments": {}}</tool_call>@',
  '<|tool_calls_section_begin|>{"a":1}<|tool_calls_section_end|>@',
  'Thought: Hm. I look.\nFinal Answer: @',
  'Reasoning: Hm.\n\nAnswer: @',
  '[think]Hm.[/think]\n@',
  '[Think]Hm [1].[/Think]@',
  '[thought]Hm.[/thought]@',
  '[reasoning]Hm.[/reasoning]@',
  '[ANALYSIS]Hm.[/ANALYSIS]@',
  '[thinking]\nHm.\n[/thinking]\n@',
  '[plan]Hm.[/plan]@',
  '<plan>\n1. Hm.\n</plan>\n@',
  '<PLAN>Hm.</PLAN>@',
  '<analysis>Hm.</analysis>@',
  '<REASONING>Hm.</REASONING>@',
  '<rationale>Hm.</rationale><critique>Hm.</critique>@',
  '<inner_voice>Hm.</inner_voice>@',
  '<pondering>Hm.</pondering>@',
  '◁THINK▷Hm.◁/THINK▷@',
  '<|begin_of_thought|>Hm.<|end_of_thought|><|begin_of_solution|>@<|end_of_solution|>',
  '<|BEGIN_OF_THOUGHT|>Hm.<|END_OF_THOUGHT|>@',
  '<|channel|>analysis<|message|>Hm.<|start|>assistant<|channel|>final <|constrain|>text<|message|>@<|end|>',
  '<|channel|>ANALYSIS<|message|>Hm.<|end|><|channel|>Final<|message|>@',
  // Functions written into the answer.
  '<function=hours>{"day": "Monday"}</function>@',
  '<function_calls><invoke name="hours"><parameter name="day">Monday</parameter></invoke></function_calls>@',
  '<invoke name="hours"><parameter name="day">Monday</parameter></invoke>@',
  '<tools>[{"name": "hours"}]</tools>@',
  '<toolcall>{"name": "hours"}</toolcall>@',
  '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>hours\n{"a":1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>@',
  '{"name": "hours", "arguments": {"day": "Mon}day \\" {"}}\n@',
  '[{"type": "function", "function": {"name": "hours", "parameters": {}}}]\n\n@',
  '{"tool": "hours", "args": {}} {"tool": "hours", "args": {}}@',
  // The end alone: the template had opened it.
  'The user wants to know. a < b.\n</think>\n\n@',
  'Hm.</THINKING>@',
  'The user wants a [plan]. I [think] so.\n</think>@',
  // Within one another, or spoken of in the thought.
  '<think>a <think>b</think> c</think>@',
  '<think>the <think> tag</think>@',
  '<think>one</think><think>two</think>@',
];

describe('thoughts', () => {
  it.each(WRAPPED)('are left out: %s', (wrapped) => {
    const whole = wrapped.replace('@', () => ANSWER);
    expect(filtered([whole])).toBe(ANSWER);
    // In two pieces, cut anywhere, and one character after the other.
    for (let at = 1; at < whole.length; at++)
      expect(filtered([whole.slice(0, at), whole.slice(at)]), `cut at ${at}`).toBe(ANSWER);
    expect(filtered([...whole])).toBe(ANSWER);
  });

  it.each(WRAPPED.filter((wrapped) => !/^(?:The user|Hm)/.test(wrapped)))(
    'with a beginning are never waited for: %s',
    (wrapped) => {
      const whole = wrapped.replace('@', () => ANSWER);
      expect(filtered([...whole], false)).toBe(ANSWER);
    },
  );

  it('that never end are not said', () => {
    for (const open of [
      ...['<think>', '[THINK]', '```thinking\n', '<|channel|>analysis<|message|>', '<plan>', '<|begin_of_thought|>'],
      ...['◁think▷', '<|python_tag|>', '{"name": "hours", "arguments": {"a": ', '<function=hours>{'],
    ]) {
      expect(filtered([`${open}Hm. Let me see`])).toBe('');
      expect(filtered([...`${open}Hm. Let me see`], false)).toBe('');
    }
  });

  it('in small brackets that never end were words', () => {
    for (const text of ['[thinking] We open at nine.', 'We have a [plan] for you.', '[analysis] <b>One</b> [plan]'])
      for (const pieces of [[text], [...text]]) expect(filtered(pieces, false)).toBe(text);
    expect(filtered(['<think>A [plan] is [think] there.</think>Yes.'])).toBe('Yes.');
  });

  it.each([
    '{"open": 9}',
    '{a} and [b], [{',
    'We open. {"name": "hours", "arguments": {}}',
    'Well, [thinking] we open at nine.',
    'A plan: <planet> and [planning]',
    'Write <b>bold</b> or <br/>, a<b, 3 < 4, <3, <thin>, <thinker>, and </b>.',
    'Use `<think>` for thoughts, and `</think>` after them.',
    'a[0] < b[1] && c; [THIN] [thinking] [/b] R&D; &lt; &amp; &lt;b&gt;',
    '```js\nlet a = 1;\n``` and `code`',
    'F# has <| and |>; a || b.',
    'Analysis is my trade. analysis of x',
    'Here is my thought on it.',
    '<',
    '`',
    '<thi',
    'I think',
    '思考: <答え>',
  ])('are not what only looks like them: %s', (text) => {
    for (const waits of [true, false]) {
      expect(filtered([text], waits)).toBe(text);
      expect(filtered([...text], waits)).toBe(text);
    }
  });

  it('leave the same, however any text is cut', () => {
    const parts = fc.constantFrom(
      ...[
        '<think>',
        '</think>',
        '<',
        '>',
        '</',
        '`',
        '```',
        '```thinking\n',
        '[THINK]',
        '[/THINK]',
        ' ',
        '\n',
        'a b',
        '&lt;',
        '[think]',
        '[/think]',
        '[thinking]',
        '{"name": "a", "args": {',
        '"}',
      ],
      ...[
        '<|channel|>',
        'analysis',
        'final',
        '<|message|>',
        '<|end|>',
        'assistantfinal',
        'Here is my thought process:',
        'X',
        '<b>',
      ],
    );
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 12 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        fc.boolean(),
        (words, cuts, waits) => {
          const text = words.join('');
          const pieces: string[] = [];
          let at = 0;
          for (const cut of cuts.toSorted((a, b) => a - b)) {
            pieces.push(text.slice(at, Math.max(at, cut)));
            at = Math.max(at, cut);
          }
          pieces.push(text.slice(at));
          expect(filtered(pieces, waits)).toBe(filtered([text], waits));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('are told from greetings by what they say', () => {
    for (const text of ['Okay, the user wants', 'We need to answer', 'Hmm, let me think', 'Ich muss', '用户问'])
      expect(soundsLikeThought(text), text).toBe(true);
    for (const text of [
      'Good morning!',
      'We open at nine.',
      'Okay, a table for two.',
      'Sure!',
      'Guten Tag!',
      'I can help you.',
      'We have two tables.',
      'I will.',
    ])
      expect(soundsLikeThought(text), text).toBe(false);
  });
});
