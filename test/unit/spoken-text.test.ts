import { describe, expect, it } from 'vitest';
import { EspeakSynthesizer } from '../../src/agent/espeak.ts';
import { SpokenText } from '../../src/agent/spoken-text.ts';

const said = (text: string, language: string) => new SpokenText(text, language).text.replace(/\s+/g, ' ').trim();

describe('text as it is said', () => {
  it.each([
    // Times
    ['en', 'from 9:30 am to 6 pm', 'from 9 30 am to 6 pm'],
    ['en', 'at 10:00, 10:05 and 18:30', "at 10 o'clock, 10 oh 5 and 18 30"],
    [
      'en',
      'Open at 10 a.m. and not 9:30 a.m. Really. Until 6 p.m.',
      'Open at 10 am and not 9 30 am. Really. Until 6 pm.',
    ],
    ['de', 'um 9:30 Uhr, bis 18.00 Uhr, ab 10 Uhr', 'um 9 Uhr 30, bis 18 Uhr, ab 10 Uhr'],
    ['it', 'alle 10:30 e alle 15:00', 'alle 10 e 30 e alle 15'],
    ['es', 'a las 18:00 y a las 9:45', 'a las 18 y a las 9 y 45'],
    ['fr', 'de 10 h à 18 h 30, ou 19h', 'de 10 heures à 18 heures 30, ou 19 heures'],
    // Dates and ordinals
    ['en-us', 'on Thursday, 24 December 2026', 'on Thursday, the 24th of December 2026'],
    ['en-us', '12/24/2026 or 2026-11-29', 'December 24th 2026 or November 29th 2026'],
    ['en-gb', '24/12/2026', 'December 24th 2026'],
    ['en-us', 'December 24 at noon', 'December 24th at noon'],
    ['de', 'am 3. Mai, der 21. Juni', 'am dritten Mai, der einundzwanzigste Juni'],
    ['de', 'am 29.11.2026', 'am neunundzwanzigsten November 2026'],
    ['de', 'im 2. Stock. Danach links.', 'im zweiten Stock. Danach links.'],
    ['it', 'il 01.12.2026', 'il 1º dicembre 2026'],
    ['es', 'el 24/12/2026', 'el 24 de diciembre de 2026'],
    ['fr', 'le 01/05/2026', 'le 1er mai 2026'],
    // Money
    ['en', '€8.50, $5 and £3.20', '8 euros 50, 5 dollars and 3 British pounds 20'],
    ['de', '8,50 € oder 1.200 EUR', '8 Euro 50 oder 1200 Euro'],
    ['it', '8,50 €', '8 euro e 50'],
    ['es', '8,50 €', '8 euros con 50'],
    ['fr', '1 €', '1 euro'],
    ['en', '€5 million', '5 million euros'],
    // Units
    ['en', '5 km, 1 km, 20 kg at 25 °C', '5 kilometers, 1 kilometer, 20 kilograms at 25 degrees Celsius'],
    ['de', '100 m² in 20 min', '100 Quadratmeter in 20 Minuten'],
    ['it', '3,5 km', '3,5 chilometri'],
    ['fr', '50 km/h', '50 kilomètres par heure'],
    // Addresses and numbers
    ['en', 'Write to anna.rossi@example.org.', 'Write to anna dot rossi at example dot org.'],
    ['de', 'info@stadt-museum.de', 'info ätt stadt Bindestrich museum Punkt de'],
    ['en', 'See https://www.example.org/tours/?a=1#x.', 'See example dot org slash tours.'],
    ['es', 'www.example.org', 'example punto org'],
    ['en', 'Call +39 0348 112345.', 'Call plus 3 9, 0 3 4 8, 1 1 2, 3 4 5.'],
    ['en', 'Rooms 10–18', 'Rooms 10 to 18'],
    // Abbreviations
    ['en', 'Dr. Smith, e.g. at No. 4', 'Doctor Smith, for example at number 4'],
    ['de', 'z. B. Dr. Müller, ca. 5 usw.', 'zum Beispiel Doktor Müller, circa 5 und so weiter'],
    ['it', 'il sig. Rossi, n. 3, ecc.', 'il signor Rossi, numero 3, eccetera'],
    ['es', 'la Sra. López, p. ej.', 'la señora López, por ejemplo'],
    ['fr', 'M. Dupont, n° 3', 'Monsieur Dupont, numéro 3'],
    // Markdown
    ['en', '**Bold**, *soft*, `code` and [a link](https://example.org).', 'Bold, soft, code and a link.'],
    ['en', '# Title\n\n- one\n- two.\n\n1. First', 'Title. one. two. First.'],
    ['en', 'Look:\n```js\nlet x = 1;\n```\nDone.', 'Look: Done.'],
    ['en', '| A | B |\n|---|---|\n| 1 | 2 |', 'A, B. 1, 2.'],
    ['en', 'An ![image](x.png) <b>here</b>', 'An here'],
    // Emoji by their names
    ['en', 'Welcome :smile:! Good :+1::tada: :-1: day :flag-de: :man_dancing::skin-tone-2:', 'Welcome! Good day'],
    ['en', ':wave: Hello <:our_logo:123456789012345678>.', 'Hello.'],
    ['en', 'C: drive, a:b:c, std::move::x, ratio 1:2:3, :x, x:', 'C: drive, a:b:c, std::move::x, ratio 1:2:3, :x, x:'],
    ['en', 'See https://example.org/:id:/x.', 'See example dot org slash id slash x.'],
    // Left alone
    ['en', 'snake_case, 2 * 3 * 4, a < b, 3.14 and 1,000', 'snake_case, 2 * 3 * 4, a < b, 3.14 and 1,000'],
    ['ja', '午前10時に開きます。', '午前10時に開きます。'],
    ['en', 'I am at home, room 5.', 'I am at home, room 5.'],
    ['de', 'Wir sind in Zimmer 5. Danach gehen wir.', 'Wir sind in Zimmer 5. Danach gehen wir.'],
  ])('%s: %s', (language, written, spoken) => {
    expect(said(written, language)).toBe(spoken);
  });

  it('gives words back as they were written', async () => {
    await using espeak = new EspeakSynthesizer();
    const words: { text: string; startUs: number; endUs: number }[] = [];
    for await (const chunk of espeak.synthesize(
      'It opens at 9:30 am. On Thursday, 24 December tickets cost €8.50, Dr. Smith!',
    ))
      words.push(...chunk.words);
    expect(words.map((word) => word.text).join('|')).toBe(
      'It|opens|at|9:30 am|On|Thursday|24|December|tickets|cost|€8.50|Dr.|Smith',
    );
    for (const [i, word] of words.entries()) {
      expect(word.endUs).toBeGreaterThan(word.startUs);
      if (i > 0) expect(word.startUs).toBeGreaterThanOrEqual(words[i - 1]!.endUs);
    }
  });

  it('takes hostile text in its stride', () => {
    for (const text of [
      '*'.repeat(5_000),
      '[a]('.repeat(2_000),
      '`'.repeat(5_000),
      '1.'.repeat(5_000),
      '<a '.repeat(3_000),
      '+1 '.repeat(3_000),
      '_a'.repeat(5_000),
      `+44 ${'20'.repeat(2_000)}.5`,
      `+4${'4-2'.repeat(2_000)}.5`,
    ])
      for (const language of ['en', 'de', 'fr', 'es', 'it'])
        expect(typeof new SpokenText(text, language).text).toBe('string');
  });
});
