import { describe, expect, it } from 'vitest';
import { detectLanguage } from '../../src/agent/language.ts';

describe('language of a text', () => {
  it.each([
    ['en', 'Where are the toilets?'],
    ['en', 'are you open on sunday'],
    ['en', 'Hello'],
    ['en', 'My name is Giovanni Rossi'],
    ['de', 'wann habt ihr offen'],
    ['de', 'was kostet das'],
    ['de', 'Ein Ticket kostet 8 Euro.'],
    ['it', 'quanto costa il biglietto'],
    ['it', 'vorrei prenotare una visita guidata'],
    ['es', 'cuanto cuesta la entrada'],
    ['es', '¿Cuánto cuesta la entrada?'],
    ['fr', 'ou sont les toilettes'],
    ['fr', 'Je voudrais parler à quelqu’un'],
    ['pt', 'Olá, tudo bem?'],
    ['nl', 'Ik wil een kaartje'],
    ['pl', 'Gdzie są toalety w tym muzeum?'],
    ['ja', '東京に行きます'],
    ['zh', '你们几点开门'],
    ['ko', '화장실이 어디예요'],
    ['ru', 'Где находится туалет?'],
    ['el', 'Πού είναι η τουαλέτα;'],
    ['ar', 'أين الحمام؟'],
    ['he', 'איפה השירותים'],
    ['hi', 'शौचालय कहाँ है'],
  ])('%s: %s', (language, text) => {
    for (const fallback of ['en', 'de', 'it', 'ko']) expect(detectLanguage(text, fallback)).toBe(language);
  });

  it.each([
    '',
    'OK',
    'no',
    '42 17',
    '😀😀',
    'Anna Müller',
    'Giovanni Rossi',
    'jean-pierre dupont',
    '!?',
    'info@example.org',
  ])('keeps the fallback where the text could be any: "%s"', (text) => {
    for (const fallback of ['en-GB', 'de', 'pt-BR']) expect(detectLanguage(text, fallback)).toBe(fallback);
  });

  it('keeps the region of the fallback, and its language within one script', () => {
    expect(detectLanguage('Where are the toilets?', 'en-GB')).toBe('en-GB');
    expect(detectLanguage('Де туалет?', 'uk')).toBe('uk');
    expect(detectLanguage('東京', 'ja-JP')).toBe('ja-JP');
  });

  it('takes its time from the first sentences only', () => {
    expect(detectLanguage('Where are the toilets, please? '.repeat(20_000), 'de')).toBe('en');
  });
});
