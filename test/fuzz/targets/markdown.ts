/** A desk's Markdown, as an operator writes it: any text becomes topics, or an error that names the line. */
import { readTopics } from '../../../src/agent/desk/markdown-topics.ts';
import { type FuzzTarget, holds, textOf } from '../target.ts';

export const target: FuzzTarget = {
  name: 'markdown',
  covers: ['src/agent/desk/markdown-topics.ts', 'src/agent/desk/wording.ts', 'node_modules/marked'],
  seeds: () => [
    '# Tickets\n\n> How much is it? What does it cost?\n\nAdults pay 12 euros.\n\n## Children\n\nFree.\n',
    '# Tours\n\n- one\n- two, long enough to be a sentence of its own when it is said aloud, is it not?\n\n[book a tour](form:guided-tour)\n',
    '# Hours\n\n| day | from | to |\n|---|---|---|\n| Monday | 9 | 17 |\n\n1. first\n2. second\n',
    '# A\n\n```\ncode\n```\n\n![picture](x.png) **bold** _em_ ~~gone~~ <b>html</b> [^1]\n\n[^1]: note\n',
    'text before\n\n# heading\n',
    '# ^\n\n> \n\n---\n\n# empty\n',
  ],
  words: [
    '# ',
    '## ',
    '###### ',
    '> ',
    '- ',
    '1. ',
    '| ',
    '|---|',
    '\n\n',
    '[a](form:',
    '[x]: y',
    '```',
    '<div>',
    '</div>',
    '**',
    '![',
    '\t',
    '&#',
    '\\',
  ],
  maxBytes: 2048,
  run(input) {
    for (const topic of readTopics(textOf(input), 'fuzz.md', 0, 'en')) {
      holds(topic.line >= 1, `a topic in line ${topic.line}`);
      holds(
        topic.paragraphs.every((paragraph) => typeof paragraph === 'string'),
        'paragraphs are texts',
      );
    }
  },
};
