/** What a language model writes, on its way to a voice: thoughts, stage directions, sentences, and how they are spoken. */
import { SpokenText } from '../../../src/agent/spoken-text.ts';
import { ThoughtFilter } from '../../../src/agent/thoughts.ts';
import { type FuzzTarget, holds, textOf } from '../target.ts';

const LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'en-gb', 'ja'];

export const target: FuzzTarget = {
  name: 'spoken-text',
  covers: [
    'src/agent/spoken-text.ts',
    'src/agent/spoken-words.ts',
    'src/agent/spoken-amounts.ts',
    'src/agent/spoken-dates.ts',
    'src/agent/spoken-numbers.ts',
    'src/agent/spoken-spans.ts',
    'src/agent/plain-text.ts',
    'src/agent/thought-marks.ts',
    'src/agent/sentences.ts',
    'src/agent/thoughts.ts',
    'src/agent/tts.ts',
  ],
  seeds: () => [
    'It costs $1.5M, or €2,50 Mio.; US$5 and $3–5 million. We open at 9:30 a.m. 2. It costs $12.50.',
    '<think>Let me see.</think>**Hello** [there](https://example.org/a_b?c=d#e)! [smiles] See www.example.com.',
    '# Title\n\n* one\n* two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\ncode()\n```\nAfter. `x`',
    'Mail me: a.b+c@example.co.uk, phone +44 20 7946 0000, 2025-03-04, 03/04/2025, 10 km/h, 20 °C, 5 % … e.g. Dr. Smith vs. Mr. J. R. Doe',
    'Am 3.4.2025 um 10:30 Uhr kostet es 1.234,50 €. À 9h30 ça coûte 12,50 €. Son las 9:30.',
    '今日は良い天気です。「はい」！　次は？ 😀👩‍👩‍👧 مرحبا بالعالم ٣٫٥',
    '</think>rest <thinking>no</thinking> <THINK>x</THINK>',
  ],
  words: [
    '<think>',
    '</think>',
    '[',
    '](',
    ')',
    '**',
    '`',
    '```',
    '|',
    '$',
    '€',
    '£',
    '%',
    ' million',
    ' Mio.',
    '–',
    ':30',
    ' a.m.',
    'https://',
    '@',
    '.',
    '&amp;',
    '\n\n',
    '\n- ',
    '1,000.50',
  ],
  run(input) {
    const text = textOf(input);
    const language = LANGUAGES[(input[0] ?? 0) % LANGUAGES.length]!;
    const spoken = new SpokenText(text, language);
    holds(
      typeof spoken.text === 'string' && spoken.text.length <= 40 * text.length + 1000,
      'what is spoken keeps its measure',
    );
    // Thoughts do not depend on where the pieces are cut.
    const whole = new ThoughtFilter();
    const expected = whole.push(text) + whole.flush();
    const cut = new ThoughtFilter();
    let pieces = '';
    const step = 1 + ((input[1] ?? 0) % 7);
    for (let i = 0; i < text.length; i += step) pieces += cut.push(text.slice(i, i + step));
    holds(
      pieces + cut.flush() === expected,
      `thoughts do not depend on cuts: ${JSON.stringify(pieces)} for ${JSON.stringify(expected)}`,
    );
  },
};
