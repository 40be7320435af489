// Amounts, dates, times and telephone numbers in five languages: said right where it is sure what they are, else left as they are.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainText } from '../../src/agent/plain-text.ts';
import { Script } from '../../src/agent/script.ts';
import { type Line, Sentences } from '../../src/agent/sentences.ts';
import { SpokenText } from '../../src/agent/spoken-text.ts';
import { scriptLines } from '../../src/agent/ssml.ts';
import { StageDirections } from '../../src/agent/stage-directions.ts';
import { splitSentences } from '../../src/agent/tts.ts';
import { FakeSynthesizer } from '../support/fake-providers.ts';

const CORPUS: readonly (readonly [language: string, written: string, spoken: string])[] = [
  ['en', 'It costs $1.5M.', 'It costs 1.5 million dollars.'],
  ['en', '$2.5bn', '2.5 billion dollars'],
  ['en', '$10k', '10 thousand dollars'],
  ['en', 'US$5', '5 US dollars'],
  ['en', '$1.055', '1.055 dollars'],
  ['en', 'a $1.4 billion loan', 'a 1.4 billion dollar loan'],
  ['en', '$0.05', '5 cents'],
  ['en', '£1.2m', '1.2 million British pounds'],
  ['en', '$3–5 million', '3 to 5 million dollars'],
  ['en', '€ 2,5 Mio.', '2.5 million euros.'],
  ['en', 'Fish &amp; chips', 'Fish & chips'],
  ['en', 'We open at 9:30 a.m. 2. It costs $12.50.', 'We open at 9 30 am. 2. It costs 12 dollars 50.'],
  ['en', 'a $1.4bn loss', 'a 1.4 billion dollar loss'],
  ['en', '$3-5M', '3 to 5 million dollars'],
  ['en', '$1.5M–$2M', '1.5 to 2 million dollars'],
  ['en', '$500–$5 million', '500 dollars to 5 million dollars'],
  ['en', '$10–$20', '10 to 20 dollars'],
  ['en', '€10–20', '10 to 20 euros'],
  ['en', '10–20 €', '10 to 20 euros'],
  ['en', '$2.50–$3.50', '2 dollars 50 to 3 dollars 50'],
  ['en', '$5/month', '5 dollars per month'],
  ['en', '$5-a-day', '5 dollars-a-day'],
  ['en', 'a $5 ticket', 'a 5 dollar ticket'],
  ['en', 'an $8 million deal', 'an 8 million dollar deal'],
  ['en', '$10kids', '$10kids'],
  ['en', '$1.5Mrd', '1.5 billion dollars'],
  ['en', '$100ish', '$100ish'],
  ['en', '$5G', '$5G'],
  ['en', '5% of $5', '5% of 5 dollars'],
  ['en', '$5%', '$5%'],
  ['en', '-$5', 'minus 5 dollars'],
  ['en', '−$12.50', 'minus 12 dollars 50'],
  ['en', '$.50', '50 cents'],
  ['en', '$0', '0 dollars'],
  ['en', '$1', '1 dollar'],
  ['en', '$1.01', '1 dollar 1'],
  ['en', '$0.01', '1 cent'],
  ['en', '£0.50', '50 pence'],
  ['en', '¥500', '500 Japanese yen'],
  ['en', '¥5.5', '5.5 Japanese yen'],
  ['en', '5 USD', '5 dollars'],
  ['en', 'USD 5', '5 dollars'],
  ['en', 'EUR 1,000.50', '1000 euros 50'],
  ['en', '$1,000,000', '1000000 dollars'],
  ['en', '$1,234.5', '1234 dollars 50'],
  ['en', '₹1,50,000', '150000 Indian rupees'],
  ['en', '₹5 lakh', '5 lakh Indian rupees'],
  ['en', 'R$10', '10 Brazilian reals'],
  ['en', 'A$5.20', '5 Australian dollars 20'],
  ['en', 'C$3', '3 Canadian dollars'],
  ['en', '10k users', '10k users'],
  ['en', '5 bn people', '5 billion people'],
  ['en', '1.5 mn', '1.5 million'],
  ['en', '$1.2.3', '$1.2.3'],
  ['en', '$5.', '5 dollars.'],
  ['en', '($5)', '(5 dollars)'],
  ['en', '"$5"', '"5 dollars"'],
  ['en', '$5, $6 and $7.', '5 dollars, 6 dollars and 7 dollars.'],
  ['en', '$5;', '5 dollars;'],
  ['en', '$5-$6', '5 to 6 dollars'],
  ['en', '£3m-£5m', '3 to 5 million British pounds'],
  ['en', 'The $5 we paid', 'The 5 dollars we paid'],
  ['en', 'It is $12.50 a day.', 'It is 12 dollars 50 a day.'],
  ['en', 'a $12.50 ticket', 'a 12 dollar 50 ticket'],
  ['en', '$1 million', '1 million dollars'],
  ['en', '$1 thousand', '1 thousand dollars'],
  ['en', '$12-15k', '12 to 15 thousand dollars'],
  ['en', 'Call 555-123-4567.', 'Call 5 5 5, 1 2 3, 4 5 6 7.'],
  ['en', '(555) 123-4567', '5 5 5, 1 2 3, 4 5 6 7'],
  ['en', '+1 (555) 123-4567', 'plus 1, 5 5 5, 1 2 3, 4 5 6 7'],
  ['en', '1-800-555-0199', '1, 8 0 0, 5 5 5, 0 1 9 9'],
  ['en', '+44 20 7946 0958', 'plus 4 4, 2 0, 7 9 4 6, 0 9 5 8'],
  ['en', '020 7946 0958', '0 2 0, 7 9 4 6, 0 9 5 8'],
  ['en', 'Call 030 1234567 8 times', 'Call 0 3 0, 1 2 3, 4 5, 6 7 8 times'],
  ['en', 'room 0 12 34', 'room 0 12 34'],
  ['en', '0.5', '0.5'],
  ['en', '10.0.0.1', '10.0.0.1'],
  ['en', '192.168.1.1', '192.168.1.1'],
  ['en', '2026-03-04', 'March 4th 2026'],
  ['en', '03/04/2026', '03/04/2026'],
  ['en', '13/04/2026', 'April 13th 2026'],
  ['en', '04/13/2026', 'April 13th 2026'],
  ['en', '24/7', '24/7'],
  ['en', '9/11', '9/11'],
  ['en', '1/2 cup', '1/2 cup'],
  ['en', '03/04', '03/04'],
  ['en', 'It opens 3/4.', 'It opens 3/4.'],
  ['en', 'at 9:30 p.m. Come in', 'at 9 30 pm. Come in'],
  ['en', '9:30 a.m.', '9 30 am.'],
  ['en', '9:30', '9 30'],
  ['en', '10:30:15', '10:30:15'],
  ['en', '3:2', '3:2'],
  ['en', '12.5.', '12.5.'],
  ['en', 'Fr. Smith', 'Fr. Smith'],
  ['en', 'CHF 5', '5 Swiss francs'],
  ['en', '5 €/kg', '5 euros per kg'],
  ['en', 'no. 5', 'no. 5'],
  ['en', '5km', '5 kilometers'],
  ['en', '$5km', '$5km'],
  ['en', '2 h', '2 hours'],
  ['en', '1–2 h', '1 to 2 hours'],
  ['en', '5–10 km', '5 to 10 kilometers'],
  ['en', '£5m²', '£5m²'],
  ['en', '$5m²', '$5m²'],
  ['en', '© 2026 ACME™', '© 2026 ACME™'],
  ['en', 'E=mc²', 'E=mc²'],
  ['en', 'word¹.', 'word.'],
  ['en', '$', '$'],
  ['en', '€ and £', '€ and £'],
  ['en', '+1', '+1'],
  ['en', 'B2B 3M 5G', 'B2B 3M 5G'],
  ['en', 'Use $HOME', 'Use $HOME'],
  ['en', '$x', '$x'],
  ['en', '$5x', '$5x'],
  ['en', '100$', '100 dollars'],
  ['en', 'US$1.2bn', '1.2 billion US dollars'],
  ['en', 'HK$100', '100 Hong Kong dollars'],
  ['en', '$5k-10k', '5 to 10 thousand dollars'],
  ['en', 'it costs 5$ only', 'it costs 5 dollars only'],
  ['en', '$1 500', '$1 500'],
  ['en', '$20,30', '20 dollars 30'],
  ['en', '$1,50', '1 dollar 50'],
  ['en-gb', '03/04/2026', 'April 3rd 2026'],
  ['en-gb', '03/04', 'April 3rd'],
  ['en-gb', '£1.2m', '1.2 million British pounds'],
  ['en-gb', 'on 03/04/26', 'on April 3rd 2026'],
  ['en-us', '03/04/2026', 'March 4th 2026'],
  ['en-us', '03/04', 'March 4th'],
  ['en-au', '03/04/2026', 'April 3rd 2026'],
  ['de', '€ 2,5 Mio.', '2,5 Millionen Euro.'],
  ['de', '2,50 Mio. €', '2,5 Millionen Euro'],
  ['de', '2,5 Mio. Besucher kamen.', '2,5 Millionen Besucher kamen.'],
  ['de', 'Das kostet 2,5 Mio. Das ist viel.', 'Das kostet 2,5 Millionen. Das ist viel.'],
  ['de', '1 Mio. €', '1 Million Euro'],
  ['de', '1,5 Mrd. Euro', '1,5 Milliarden Euro'],
  ['de', '10 Tsd. €', '10 Tausend Euro'],
  ['de', '5 T€', '5 Tausend Euro'],
  ['de', '12,– €', '12 Euro'],
  ['de', '12,- €', '12 Euro'],
  ['de', '12,50 €', '12 Euro 50'],
  ['de', '1.055 €', '1055 Euro'],
  ['de', '1.234,50 €', '1234 Euro 50'],
  ['de', '$1.5M', '1,5 Millionen Dollar'],
  ['de', '0,05 €', '5 Cent'],
  ['de', '3–5 Mio. €', '3 bis 5 Millionen Euro'],
  ['de', '10-20 €', '10 bis 20 Euro'],
  ['de', 'US$ 5', '5 US-Dollar'],
  ['de', 'CHF 5.20', '5 Schweizer Franken 20'],
  ['de', '5 €/Monat', '5 Euro pro Monat'],
  ['de', 'ein 5-€-Ticket', 'ein 5-€-Ticket'],
  ['de', '1 000 €', '1000 Euro'],
  ['de', '1 000 €', '1000 Euro'],
  ['de', '03.04.2026', 'dritte April 2026'],
  ['de', '03/04/2026', 'dritte April 2026'],
  ['de', 'am 1.2.', 'am ersten Februar'],
  ['de', '030 1234567', '0 3 0, 1 2 3, 4 5, 6 7'],
  ['de', '0171/1234567', '0 1 7 1, 1 2 3, 4 5, 6 7'],
  ['de', '+49 (0)30 123456', 'plus 4 9, 0, 3 0, 1 2 3, 4 5 6'],
  ['de', 'Preis: 2,50 €. Danke.', 'Preis: 2 Euro 50. Danke.'],
  ['de', 'um 9.30 Uhr. Dann', 'um 9 Uhr 30. Dann'],
  ['de', '2.5 %', '2.5 %'],
  ['de', '5 Mrd.', '5 Milliarden.'],
  ['de', '-5 €', 'minus 5 Euro'],
  ['de', '8,50 EUR', '8 Euro 50'],
  ['de', 'EUR 8,50', '8 Euro 50'],
  ['de', '3 bis 5 Mio. Euro', '3 bis 5 Millionen Euro'],
  ['fr', '2,5 M€', '2,5 millions d’euros'],
  ['fr', '2,50 €', '2 euros 50'],
  ['fr', '1 000 €', '1000 euros'],
  ['fr', '1 234,50 €', '1234 euros 50'],
  ['fr', '3 à 5 M€', '3 à 5 millions d’euros'],
  ['fr', '10 k€', '10 mille euros'],
  ['fr', '5 millions d’euros', '5 millions d’euros'],
  ['fr', '0,05 €', '5 centimes'],
  ['fr', '1,5 Md€', '1,5 milliard d’euros'],
  ['fr', '5 $', '5 dollars'],
  ['fr', '$5', '5 dollars'],
  ['fr', '03/04/2026', '3 avril 2026'],
  ['fr', '01 23 45 67 89', '0 1, 2 3, 4 5, 6 7, 8 9'],
  ['fr', '+33 1 23 45 67 89', 'plus 3 3, 1, 2 3, 4 5, 6 7, 8 9'],
  ['fr', 'de 10 h à 18 h 30', 'de 10 heures à 18 heures 30'],
  ['fr', '5 €/mois', '5 euros par mois'],
  ['fr', '1 M€', '1 million d’euros'],
  ['es', '2,5 M€', '2,5 millones de euros'],
  ['es', '€5 millones', '5 millones de euros'],
  ['es', '10 mil €', '10 mil euros'],
  ['es', '0,05 €', '5 céntimos'],
  ['es', '$5', '5 dólares'],
  ['es', 'US$5', '5 dólares estadounidenses'],
  ['es', '1 M€', '1 millón de euros'],
  ['es', '5 €/mes', '5 euros por mes'],
  ['es', '03/04/2026', '3 de abril de 2026'],
  ['es', '1.234,50 €', '1234 euros con 50'],
  ['es', '2,5 millones de €', '2,5 millones de €'],
  ['it', '2,5 mln €', '2,5 milioni di euro'],
  ['it', '€ 2,5 milioni', '2,5 milioni di euro'],
  ['it', '10 mila €', '10 mila euro'],
  ['it', '0,05 €', '5 centesimi'],
  ['it', '1 mld €', '1 miliardo di euro'],
  ['it', '5 €/mese', '5 euro al mese'],
  ['it', '03/04/2026', '3 aprile 2026'],
  ['it', '1.234,50 €', '1234 euro e 50'],
  ['it', '8,50 €', '8 euro e 50'],
  ['en', 'The fee is $1.5M. Pay now.', 'The fee is 1.5 million dollars. Pay now.'],
  ['en', 'From 9:30 a.m. to 6 p.m. on Sunday', 'From 9 30 am to 6 pm on Sunday'],
  ['en', 'Up to $5k, then nothing.', 'Up to 5 thousand dollars, then nothing.'],
  ['en', 'an $80 fine or a $120 one', 'an 80 dollar fine or a 120 dollar one'],
  ['en', 'a $5 and a €6 note', 'a 5 dollars and a 6 euro note'],
  ['en', 'It is $5 million-plus', 'It is 5 million dollars-plus'],
  ['en', 'ISBN 978-3-16-148410-0', 'ISBN 978-3-16-148410-0'],
  ['en', 'order 2024-000123', 'order 2024-000123'],
  ['en', 'the 2019-2023 plan', 'the 2019-2023 plan'],
  ['en', 'Route 66, Gate 12B, seat 3F', 'Route 66, Gate 12B, seat 3F'],
  ['en', 'R&amp;D &lt;4 &#8364;5', 'R&D <4 5 euros'],
  ['de', 'Rund 300 Tsd. Menschen', 'Rund 300 Tausend Menschen'],
  ['de', 'Es sind 2 Mrd. Wir staunen.', 'Es sind 2 Milliarden. Wir staunen.'],
  ['de', 'ca. 1,5 Mio. Euro', 'circa 1,5 Millionen Euro'],
  ['de', 'Version 1.2. Danach 1.3.', 'Version 1.2. Danach 1.3.'],
  ['de', 'vom 1.2. bis 3.4.', 'vom ersten Februar bis dritten April'],
  ['en', 'between $1.5 and $2 million', 'between 1.5 and 2 million dollars'],
  ['en', '$3 to $5 million', '3 to 5 million dollars'],
  ['en', 'We paid $3 and $5 million was lost', 'We paid 3 dollars and 5 million dollars was lost'],
  ['en', '50¢ or 99 ¢', '50 cents or 99 cents'],
  ['en', 'tea, coffee, etc. Then cake', 'tea, coffee, et cetera. Then cake'],
  ['en', 'On 2025-03-04T10:00:00Z', 'On 2025-03-04T10:00:00Z'],
  ['en', 'on Elm Dr. by Dr. Smith', 'on Elm Dr. by Doctor Smith'],
  ['en', '5m users, but 5m tall', '5m users, but 5 meters tall'],
  ['en', "$5's worth", "$5's worth"],
  ['en', 'a 5g network, 5g of salt', 'a 5g network, 5 grams of salt'],
  ['en', '5 m^2', '5 m^2'],
  ['de', 'Fr. 5 €', 'Fr. 5 Euro'],
  ['en', '10:30-11:15', '10 30 to 11 15'],
  ['en', '10.30-11.30 am', '10 30 to 11 30 am'],
  ['de', '10.30-11.30 Uhr', '10 Uhr 30 bis 11 Uhr 30'],
  ['de', '10.30-11.30 €', '10 Euro 30 bis 11 Euro 30'],
  ['de', '5 TEUR', '5 Tausend Euro'],
  ['de', 'Mo.–Fr. 9–17 Uhr', 'Mo.–Fr. 9 bis 17 Uhr'],
  ['de', 'Sa. und Fr. 5 Uhr, Fr. 12.50', 'Sa. und Fr. 5 Uhr, 12 Schweizer Franken 50'],
  ['de', 'am Fr. 5.12. zu', 'am Fr. 5.12. zu'],
  ['de', 'DE89 3704 0044 0532 0130 00', 'DE89 3704 0044 0532 0130 00'],
  ['de', 'Tel. 030 / 123 45-67', 'Telefon 0 3 0, 1 2 3, 4 5, 6 7'],
  ['es', '+34 911 23 45 67', 'más 3 4, 9 1 1, 2 3, 4 5, 6 7'],
  ['it', '-5 €', 'meno 5 euro'],
  ['fr', '10h-12h', '10 heures à 12 heures'],
  ['en', 'See https://a.b/c_(d) now', 'See a dot b slash c underscore d now'],
  ['de', 'Tee, Kaffee usw. Dann Kuchen', 'Tee, Kaffee und so weiter. Dann Kuchen'],
  ['en', '10–12 May, 9am–5pm', 'the 10th to the 12th of May, 9 am to 5 pm'],
  ['en', 'a €2.5 m wide door', 'a €2.5 m wide door'],
  ['fr', 'entre 5 et 10 €', 'entre 5 et 10 euros'],
  ['es', 'entre 3–5 €', 'entre 3 a 5 euros'],
  ['it', 'da 3–5 €', 'da 3 a 5 euro'],
];

const tidy = (text: string): string => text.replace(/\s+/g, ' ').trim();
const said = (text: string, language: string): string => tidy(new SpokenText(text, language).text);

describe('what is said of numbers', () => {
  it('is a corpus worth the name', () => expect(CORPUS.length).toBeGreaterThan(150));

  it.each(CORPUS)('%s: %s', (language, written, spoken) => {
    expect(said(written, language)).toBe(spoken);
    // The same within other sentences, whose ends stay where they were.
    expect(said(`Zz yy. ${written.replace(/\.$/, '')} – qq. Ww xx.`, language)).toMatch(/^Zz yy\. .* – qq\. Ww xx\.$/);
  });

  it.each(CORPUS)('is the same when it is said again, %s: %s', (language, _, spoken) => {
    expect(said(spoken, language)).toBe(spoken);
  });

  it('changes no word that no rule is for', () => {
    const fragments = fc.constantFrom(
      ...CORPUS.map(([, written]) => written),
      ...[
        'word',
        'Wort.',
        'mot,',
        '. ',
        ' ',
        '-',
        '–',
        '$',
        '€',
        '%',
        '5',
        '1.5',
        'M',
        'Mio.',
        '(',
        ')',
        '9:30',
        'a.m.',
        '2.',
        '/',
        'x',
      ],
    );
    fc.assert(
      fc.property(
        fc.array(fragments, { maxLength: 8 }),
        fc.constantFrom('en', 'en-us', 'en-gb', 'de', 'fr', 'es', 'it', 'ja', ''),
        fc.constantFrom('', ' '),
        (parts, language, between) => {
          const written = parts.join(between);
          const { pieces, text } = new SpokenText(written, language);
          expect(pieces.map((piece) => piece.written).join('')).toBe(plainText(written).text);
          expect(pieces.map((piece) => piece.spoken).join('')).toBe(text);
          for (const piece of pieces) {
            if (!piece.isFixed) expect(piece.spoken).toBe(piece.written);
            else if (/\p{L}{4,}\./u.test(piece.written))
              expect(piece.written).toMatch(/^\S*@|http|www|Prof|sig|usw|approx|M[ir][od]|\d/i);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function linesOf(pieces: readonly string[]): Line[] {
  const directions = new StageDirections();
  const sentences = new Sentences();
  const lines = pieces.flatMap((piece) => directions.push(piece).flatMap((part) => sentences.push(part)));
  return [...lines, ...directions.end().flatMap((part) => sentences.push(part)), ...sentences.end()];
}
const textsOf = (lines: Line[]): string[] => lines.map((line) => (line.kind === 'pause' ? '…' : line.text));

const MARKED: readonly (readonly [written: string, lines: readonly string[]])[] = [
  ['**Bold. Still bold.** And *soft. Still.*', ['Bold.', 'Still bold. And soft.', 'Still.']],
  ['# Title\n\n- one\n- two\n\n1. First\n2. Second\n\nEnd.', ['Title.', 'one.', 'two.', 'First.', 'Second.', 'End.']],
  ['| Name | Price |\n|---|---|\n| Tea | $2.50 |\n\nDone.', ['Name, Price.', 'Tea, $2.50.', 'Done.']],
  ['See [our page. It is good](https://example.org/a_b?c=d#g). Next.', ['See our page. It is good.', 'Next.']],
  [
    'Go to https://www.example.org/a.path/?q=1.5&x=Hello!World. Then call.',
    ['Go to https://www.example.org/a.path/?q=1.5&x=Hello!World.', 'Then call.'],
  ],
  ['Wir öffnen am 3. Mai um 9 Uhr. Im 2. Stock.', ['Wir öffnen am 3. Mai um 9 Uhr.', 'Im 2. Stock.']],
  [
    'Ask Dr. Smith, e.g. at No. 5. He said no. Then he left.',
    ['Ask Dr. Smith, e.g. at No. 5.', 'He said no.', 'Then he left.'],
  ],
  ['Es kostet 2,5 Mio. Euro. Gut.', ['Es kostet 2,5 Mio. Euro.', 'Gut.']],
  [
    'J. R. R. Tolkien wrote it. At 9 a.m. we open. At 5 p.m. We close.',
    ['J. R. R. Tolkien wrote it.', 'At 9 a.m. we open.', 'At 5 p.m.', 'We close.'],
  ],
  ['Use the `<b>` tag and `snake_case`. a < b && c > d', ['Use the <b> tag and snake_case.', 'a < b && c > d']],
  [
    '<b>Bold</b> and <i class="x">it</i>. Fish &amp; chips. Enter <name>.',
    ['Bold and it.', 'Fish & chips.', 'Enter <name>.'],
  ],
  ['Text[^1] more.[2]\n\n[^1]: The note.', ['Text more.', 'The note.']],
  ['- [x] done\n- [ ] open\n---\n***\n> A quote\n', ['done.', 'open.', 'A quote.']],
  ['![picture](x.png)\n\nAfter.', ['After.']],
  ['Menu:\n\n1. **Tea**: good\n2. **Coffee**: hot\n', ['Menu:', 'Tea: good.', 'Coffee: hot.']],
  [
    'At https://example.org/a_(b)_c~d~e or **https://x.org/a** and my_own_name@x.org.',
    ['At https://example.org/a_(b)_c~d~e or https://x.org/a and my_own_name@x.org.'],
  ],
  ['Look:\n\n```js\nlet a = 1;\n\n// No.\nlet b = 2;\n```\nDone.', ['Look:', 'Done.']],
  ['Hello. <!-- hidden.\nand on --> There.', ['Hello.', 'There.']],
  ['<style>\na { b: c; }\n</style>\nHi.', ['Hi.']],
  ['<answer>Yes. It is.</answer>', ['Yes.', 'It is.']],
  ['As said【4:0†hours.md】.', ['As said.']],
  ['$E = mc^2$ holds. It costs $5 or $6.', ['E = mc^2 holds.', 'It costs $5 or $6.']],
  ['It is $\\frac{1}{2} \\times 3$.', ['It is 1 / 2 × 3.']],
  ['2 * 3 * 4, a*b*c. A\\*b costs \\$5.', ['2 * 3 * 4, a*b*c.', 'A*b costs $5.']],
];

describe('an answer with marks', () => {
  it.each(MARKED)('is read without them, whole or letter by letter: %j', (written, lines) => {
    expect(textsOf(linesOf([written]))).toEqual(lines);
    // While it is thought of, its first clause may come first; no letter differs.
    expect(tidy(textsOf(linesOf([...written])).join(' '))).toBe(lines.join(' '));
    for (const line of lines) expect(plainText(line, { isLineStart: false }).text).toBe(line);
  });

  it('is the same text however its pieces come', () => {
    const whole = MARKED.map(([written]) => written).join('\n\n');
    const expected = tidy(textsOf(linesOf([whole])).join(' '));
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 30 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, i) => whole.slice(at[i], end));
        expect(tidy(textsOf(linesOf(pieces)).join(' '))).toBe(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps its directions where they were', () => {
    const lines = linesOf(['**Well**, [happy] see [this link](https://example.org) [look left] now.']);
    const placed = lines.flatMap((line) =>
      line.kind === 'pause' ? [] : line.directions.map(({ atCharacter }) => line.text.slice(atCharacter)),
    );
    expect(textsOf(lines)).toEqual(['Well, see this link now.']);
    expect(placed).toEqual(['see this link now.', 'now.']);
  });

  it('is asked of voices, shown and remembered without them', async () => {
    const synthesizer = new FakeSynthesizer();
    for (const lines of [
      linesOf(['**Tea** costs [$2.50](https://example.org/tea). ', '---\n', '😀\n', '`ok`']),
      scriptLines('**Tea** costs [$2.50](https://example.org/tea).\n\n---\n\n😀\n\n`ok`'),
    ]) {
      const captions: string[] = [];
      synthesizer.texts.length = 0;
      const script = new Script({ lines, synthesizer, voice: {}, languageOf: () => 'en', nowUs: () => 0 });
      for await (const { cues } of script.from(0, new AbortController().signal))
        for (const cue of cues) if (cue.kind === 'caption') captions.push(cue.text);
      expect(captions.filter((text) => text !== '😀')).toEqual(['Tea costs $2.50.', 'ok']);
      expect(synthesizer.texts).toEqual(['Tea costs $2.50.', 'ok']);
      expect(script.heardText(Number.POSITIVE_INFINITY)).toBe('Tea costs $2.50. ok');
    }
  });

  it('is never cut within an address, however long it is', () => {
    const url = `https://example.org/${'path.to/'.repeat(60)}end?q=1,2;3:4#x`;
    for (const pieces of [
      [`See ${url} now. Then ${url}`],
      [...`See ${url} now. Then ${url}`],
      [`${'word '.repeat(50)}${url}. Yes.`],
    ]) {
      const texts = textsOf(linesOf(pieces));
      expect(texts.filter((text) => text.includes('example.org')).every((text) => text.includes(url))).toBe(true);
    }
    for (const text of ['See https://example.org/?q=1 now. Yes.', 'At https://example.org/a!b?c. Then.'])
      expect([...splitSentences(text)]).toHaveLength(2);
  });

  it('takes hostile text in its stride', () => {
    for (const text of [
      '*'.repeat(5000),
      '[a]('.repeat(2000),
      '`a'.repeat(3000),
      '<a '.repeat(3000),
      '| a '.repeat(3000),
      '&amp'.repeat(3000),
      '\\'.repeat(5000),
      '> '.repeat(3000),
      '_a_'.repeat(3000),
      '$1-'.repeat(2000),
      '1.'.repeat(3000),
      '[^1]: '.repeat(1500),
    ]) {
      expect(typeof plainText(text).text).toBe('string');
      expect(typeof new SpokenText(text, 'en').text).toBe('string');
      expect(linesOf([text]).length).toBeGreaterThanOrEqual(0);
    }
  });
});
