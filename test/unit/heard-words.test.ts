// What recognisers write where nothing was said is nothing; what was said stays as it was.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heardWords } from '../../src/agent/heard-words.ts';
import { Hearings } from '../../src/agent/hearings.ts';
import { RealtimeLines } from '../../src/agent/realtime-lines.ts';
import type { Transcript } from '../../src/agent/recognizer.ts';
import { systemClock } from '../../src/media/clock.ts';
import { FakeRecognizer } from '../support/fake-providers.ts';
import { until } from '../support/mock-provider.ts';

const NOTHING = [
  ...[
    '',
    ' ',
    '.',
    '...',
    '…',
    '. . .',
    '?!',
    '-',
    '—',
    '♪',
    '♪♪♪',
    '🎵',
    '♫ ♫',
    '*',
    '"',
    '。',
    '、',
    '、。',
    '¿?',
    '\u200b',
  ],
  ...[
    '[BLANK_AUDIO]',
    '[ Silence ]',
    ' [Music]. ',
    '[MUSIC PLAYING]',
    '[Musik]',
    '[музыка]',
    '[音楽]',
    '[ضحك]',
    '[noise] [noise]',
  ],
  ...[
    '(coughing)',
    '(Coughs.)',
    '(räuspert sich)',
    '(tos)',
    '(toux)…',
    '( (laughs) )',
    '(music) (applause)',
    '(coughing',
    '(coug',
  ],
  ...['*laughs*', '**coughs**', '*sighs* *coughs*', '_clears throat_', '~hums~'],
  ...[
    '<noise>',
    '<unk>',
    '<|nospeech|>',
    '{cough}',
    '（笑）',
    '【拍手】',
    '［音楽］',
    '〈音楽〉',
    '♪ la la la ♪',
    '♪ la',
    '[BLANK_',
    '<no',
  ],
  ...['++noise++', '||music||', '/cough/', '=laughs=', '%HESITATION', '﴿ضحك﴾', '｛咳｝', '〖音楽〗'],
  ...['Субтитры сделал DimaTorzok', 'ترجمة نانسي قنقر', '구독과 좋아요 부탁드립니다'],
  ...['[BLANK_AUDIO] (coughing) ... ♪', '- [sighs] -', '[Music] ♪ Oh yeah ♪', '#music#'],
  ...[
    'Thanks for watching!',
    'Thank you for watching.',
    'Subtitles by the Amara.org community',
    '♪ Thank you for watching ♪',
  ],
  ...[
    'Untertitel der Amara.org-Community',
    'Untertitelung des ZDF, 2020',
    'Untertitel im Auftrag des ZDF für funk, 2017',
  ],
  ...["Sous-titres réalisés par la communauté d'Amara.org", 'Subtítulos realizados por la comunidad de Amara.org'],
  ...[
    'Sottotitoli creati dalla comunità Amara.org',
    'ご視聴ありがとうございました',
    '字幕由Amara.org社区提供',
    'Продолжение следует...',
  ],
];

const SAID = [
  ...['Yes', 'no.', '7', 'a', 'I', '٣', '好', 'はい', 'Да', 'okay...', '...and then?', 'mhm', 'hm'],
  ...[
    'Hello (world)',
    'Call (555) 123 4567',
    '(555) 123 4567',
    '3 * 4 * 5',
    'C# and F#',
    'snake_case',
    'a < b',
    '2 > 1',
  ],
  ...[
    '„Hallo“',
    '“Hello.”',
    '「はい」',
    "'Yes'",
    '*Very* good',
    'Thank you.',
    'Thanks for watching my dog',
    'Music',
    'silence please',
  ],
  ...['call 555 (five five five)', 'https://a.b//c', '100%', 'a == b', 'It is **very** good (I think)'],
  ...['Ich möchte (bitte) einen Tisch', 'Number (7)', 'Untertitel', 'Where can I subscribe?'],
];

describe('heard words', () => {
  it.each(NOTHING)('are none in %j', (text) => {
    expect(heardWords(text)).toBe('');
  });

  it.each(SAID)('are all of %j', (text) => {
    expect(heardWords(text)).toBe(text);
  });

  it.each([
    ['[BLANK_AUDIO] Hello there.', 'Hello there.'],
    ['Hello [noise] there.', 'Hello there.'],
    ['♪ Hello', ''],
    ['Where is it? [Music]', 'Where is it?'],
    ['<|en|> Where is it?', 'Where is it?'],
    ['(laughs) yes please', 'yes please'],
    ['Yes (coughs)', 'Yes'],
    ['*sighs* I think so', 'I think so'],
    ['~lacht leise~ ja', 'ja'],
    ['oui (rires)', 'oui'],
    ['%HESITATION yes', 'yes'],
  ])('stay where noises are described among them: %j', (text, words) => {
    expect(heardWords(text)).toBe(words);
  });

  it('never become other words, and are the same when asked again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const words = heardWords(text);
        expect(heardWords(words)).toBe(words);
        for (const word of words.split(' ')) expect(text).toContain(word);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('(', ')', '[', ']', '*', '♪', 'a', ' ', '.', '<', '>'), { maxLength: 20 }),
        (marks) => {
          const words = heardWords(marks.join(''));
          expect(heardWords(words)).toBe(words);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('every recogniser', () => {
  it('is heard through them, growing and final', async () => {
    for (const text of ['[BLANK_AUDIO]', '(coughing)', '...', '♪']) {
      const partials: string[] = [];
      const said: Transcript[] = [];
      const hearings = new Hearings({
        recognizer: new FakeRecognizer({ text }),
        clock: systemClock,
        language: undefined,
        partial: (_, words) => void partials.push(words),
        transcript: (_, transcript) => void said.push(transcript),
        failed: (error) => expect.unreachable(String(error)),
      });
      hearings.open(1, []);
      hearings.push(new Float32Array(1600));
      hearings.finish(1);
      await until(() => said.length === 1, 'the transcript');
      expect(partials.filter(Boolean)).toEqual([]);
      expect(said[0].text).toBe('');
      await hearings.close();
    }
  });

  it('of a live model, too; what it says itself is its own affair', () => {
    const told: string[] = [];
    const lines = new RealtimeLines({ transcript: ({ role, text }) => void told.push(`${role}: ${text}`) });
    lines.write('a', 'user', '[BLANK', false);
    lines.write('a', 'user', '[BLANK_AUDIO]', true);
    lines.write('b', 'assistant', '(laughs) Hello.', true);
    expect(told).toEqual(['user: ', 'user: ', 'assistant: (laughs) Hello.']);
    expect(lines.remembered()).toEqual([{ role: 'assistant', text: '(laughs) Hello.' }]);
  });
});
