// The speech synthesiser behind its port: sound with exact phoneme times, voices, languages, bad input.
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { EspeakSynthesizer } from '../../src/agent/espeak.ts';
import { type EspeakEvent, speechFromEvents } from '../../src/agent/espeak-events.ts';
import { splitSentences, withRests } from '../../src/agent/tts.ts';
import { phonemeParts } from '../../src/engine/motion/phonemes.ts';
import type { SpeechChunk } from '../../src/media/speech.ts';

const tts = new EspeakSynthesizer();
afterAll(() => tts[Symbol.asyncDispose]());

async function speak(text: string, options = {}): Promise<SpeechChunk[]> {
  const chunks: SpeechChunk[] = [];
  for await (const chunk of tts.synthesize(text, options)) chunks.push(chunk);
  return chunks;
}

const ipaOf = (chunks: readonly SpeechChunk[]): string[] =>
  chunks.flatMap(({ phonemes }) => phonemes.map((p) => p.ipa));

/** The first article of the declaration of human rights and a little more, for each language promised. */
const TEXTS: Record<string, string> = {
  'en-us':
    'All human beings are born free and equal in dignity and rights. The quick brown fox jumps over the lazy dog; boys, girls, measure, thing, this, church, judge, year, wax, five, power, fire, bottle, button, rhythm.',
  'en-gb':
    'All human beings are born free and equal in dignity and rights. Bath, hot, nurse, near, square, tour, goat, four.',
  de: 'Alle Menschen sind frei und gleich an Würde und Rechten geboren. Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich; Pfeffer, Journal, Dschungel, Häuser, Mädchen, schön, Öl.',
  es: 'Todos los seres humanos nacen libres e iguales en dignidad y derechos. El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia; perro, niño, chico, llave, jamón, cielo, agua.',
  fr: 'Tous les êtres humains naissent libres et égaux en dignité et en droits. Portez ce vieux whisky au juge blond qui fume; un bon vin blanc, montagne, huit, oui, peur, peu, lune, chaud.',
  it: 'Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Pranzo d’acqua fa volti sghembi; zucchero, gnocchi, famiglia, sciare, pizza, mamma, perché, giallo.',
  'pt-br':
    'Todos os seres humanos nascem livres e iguais em dignidade e em direitos. À noite, vovô Kowalsky vê o ímã cair no pé do pinguim; não, manhã, filho, carro, tia, dia, bem.',
  pt: 'Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Não, mãe, põe, muito, filho, senhor, caça, chuva.',
  ru: 'Все люди рождаются свободными и равными в своём достоинстве и правах. Съешь ещё этих мягких французских булок, да выпей чаю; щука, жизнь, царь, объём, мышь.',
  cmn: '人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。女，日，吃，四，是，二，云，学，去，中国，水，我，有。',
  ja: 'すべてのにんげんは、うまれながらにしてじゆうであり、かつ、そんげんとけんりとについてびょうどうである。がっこう、ふゆ、つき、しんぶん、りょこう、ちず、じしゃく。',
  hi: 'सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। बड़ा, ढाई, ठंडा, छोटा, झंडा, भाई, घर, धन, फल, ज्ञान, ऋषि, ख़बर, ज़मीन।',
  ar: 'يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. صباح الخير، ضوء، طريق، ظهر، عين، غزال، قلب، ثلج، ذهب، حب، شمس، هواء، يوم.',
};

describe('espeak', () => {
  it.each(Object.entries(TEXTS))('says %s, and every sound has a mouth shape', async (voice, text) => {
    const chunks = await speak(text, { voice });
    const spoken = ipaOf(chunks);
    expect(spoken.length).toBeGreaterThan(60);
    expect(new Set(spoken).size).toBeGreaterThan(18);
    for (const ipa of spoken) {
      const { parts, unknown } = phonemeParts(ipa);
      expect(unknown, `unmapped symbol in "${ipa}"`).toEqual([]);
      expect(parts.length, `no class for "${ipa}"`).toBeGreaterThan(0);
    }
    // The lips meet in every language.
    expect(spoken.some((ipa) => /[mbp]/.test(ipa))).toBe(true);
  });

  it('gives sound with phonemes and words in order, inside the sound, chunk after chunk', async () => {
    const chunks = await speak('Hello there. My puppy sleeps!');
    expect(chunks).toHaveLength(2);
    let atUs = 0;
    for (const { samples, sampleRateHz, startUs, phonemes, words } of chunks) {
      expect(startUs).toBeCloseTo(atUs, -1);
      atUs = startUs + (samples.length / sampleRateHz) * 1e6;
      expect(Math.max(...samples.map(Math.abs))).toBeGreaterThan(0.1);
      expect(Math.max(...samples.map(Math.abs))).toBeLessThanOrEqual(1);
      let lastUs = startUs;
      for (const { startUs: from, endUs } of phonemes) {
        expect(from).toBeGreaterThanOrEqual(lastUs);
        expect(endUs).toBeGreaterThan(from);
        lastUs = endUs;
      }
      expect(lastUs).toBeLessThanOrEqual(atUs);
      expect(words.length).toBeGreaterThan(1);
    }
    expect(ipaOf(chunks).join(' ')).toBe('h ə l oʊ ð ɛɹ m aɪ p ʌ p i s l iː p s');
    expect(chunks.flatMap(({ words }) => words.map(({ text }) => text))).toEqual([
      'Hello',
      'there',
      'My',
      'puppy',
      'sleeps',
    ]);
    expect(chunks[0].phonemes.find(({ ipa }) => ipa === 'oʊ')?.stress).toBe(2);
  });

  it('puts the onset of a stop where its closure begins, not at the burst', async () => {
    const [{ phonemes, samples, sampleRateHz }] = await speak('a puppy');
    const second = phonemes.filter(({ ipa }) => ipa === 'p')[1];
    expect(second.releaseUs! - second.startUs).toBeGreaterThan(25_000);
    expect(second.releaseUs! - second.startUs).toBeLessThanOrEqual(90_000);
    const closure = samples.slice(
      (second.startUs / 1e6) * sampleRateHz + 50,
      (second.releaseUs! / 1e6) * sampleRateHz - 50,
    );
    expect(Math.max(...closure.map(Math.abs))).toBeLessThan(0.003);
    expect(phonemes[phonemes.indexOf(second) - 1].endUs).toBe(second.startUs);
  });

  it('speaks faster and higher when asked', async () => {
    const seconds = async (options: object): Promise<number> =>
      (await speak('one two three four five', options)).reduce((sum, c) => sum + c.samples.length / c.sampleRateHz, 0);
    expect(await seconds({ ratePercent: 180 })).toBeLessThan(0.7 * (await seconds({})));
    await expect(speak('x', { ratePercent: 20 })).rejects.toMatchObject({ code: 'CONTROL_OUT_OF_RANGE' });
    await expect(speak('x', { pitchPercent: 400 })).rejects.toMatchObject({ code: 'CONTROL_OUT_OF_RANGE' });
  });

  it.each([
    ['it', 'tʃ a o'],
    ['Italian', 'tʃ a o'],
    ['roa/it', 'tʃ a o'],
    ['IT_it', 'tʃ a o'],
    ['it+f3', 'tʃ a o'],
  ])('finds the voice %s', async (voice, ipa) => {
    expect(ipaOf(await speak('ciao', { voice })).join(' ')).toBe(ipa);
  });

  it.each([
    ['itallian', /"itallian".*Italian/],
    ['en-us+f33', /en-us\+f3/],
    ['qqqqqq', /no voice "qqqqqq"/],
  ])('refuses the voice %s and says what is near', async (voice, message) => {
    await expect(speak('ciao', { voice })).rejects.toMatchObject({
      code: 'VOICE_UNKNOWN',
      message: expect.stringMatching(message),
    });
  });

  it.each(['', '   \n', '…!?', '🙂'])('refuses text without anything to say: %j', async (text) => {
    await expect(speak(text)).rejects.toMatchObject({ code: 'TEXT_EMPTY' });
  });

  it('reads markup and phoneme codes as plain text, and skips pictographs', async () => {
    expect(ipaOf(await speak('go <b>up</b> [[hh@l]] 🙂 now'))).not.toContain('hh');
    expect(ipaOf(await speak('no 🙂 yes'))).toEqual(ipaOf(await speak('no yes')));
  });

  it('stops between sentences when aborted, and works on', async () => {
    const controller = new AbortController();
    const heard: SpeechChunk[] = [];
    const talk = async (): Promise<void> => {
      for await (const chunk of tts.synthesize('One. Two. Three. Four.', { signal: controller.signal })) {
        heard.push(chunk);
        if (heard.length === 2) controller.abort(new Error('enough'));
      }
    };
    await expect(talk()).rejects.toThrow('enough');
    expect(heard).toHaveLength(2);
    expect((await speak('Five.')).length).toBe(1);
  });

  it('answers callers that speak at the same time each with their own words', async () => {
    const [a, b] = await Promise.all([
      speak('Mamma mia.', { voice: 'it' }),
      speak('Good morning.', { voice: 'en-us' }),
    ]);
    expect(ipaOf(a).join('')).toMatch(/^mam/);
    expect(ipaOf(b).join('')).toMatch(/^ɡʊd/);
  });

  it('says how to install the synthesiser where it is missing', async () => {
    const reply =
      "const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => parentPort.postMessage({ kind: 'missing' }));";
    await using without = new EspeakSynthesizer(() => new Worker(reply, { eval: true }));
    const talk = without.synthesize('Hello.')[Symbol.asyncIterator]();
    await expect(talk.next()).rejects.toMatchObject({
      code: 'TTS_UNAVAILABLE',
      message: expect.stringContaining('npm install'),
    });
  });

  it('does not wait for a worker that died, and starts another', async () => {
    let starts = 0;
    const mortal =
      "const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => process.exit(3));";
    await using synthesizer = new EspeakSynthesizer(() => {
      starts++;
      return new Worker(mortal, { eval: true });
    });
    await expect(synthesizer.voices()).rejects.toThrow(/ended before it answered/);
    await expect(synthesizer.voices()).rejects.toThrow(/ended before it answered/);
    expect(starts).toBe(2);
  });

  it('lists voices with their languages', async () => {
    const voices = await tts.voices();
    expect(voices.length).toBeGreaterThan(100);
    expect(voices.find(({ id }) => id === 'roa/it')).toMatchObject({ name: 'Italian', languages: ['it'] });
  });

  it('speaks with a voice whose tag is none', async () => {
    for (const voice of ['en-us-nyc', 'piqd', 'zh-yue', 'chr-US-Qaaa-x-west'])
      expect(ipaOf(await speak('On 3 May, 10:30. Ciao!', { voice })).length, voice).toBeGreaterThan(0);
  });

  it("has each voice as a woman's, too, which is higher", async () => {
    const voice = (await tts.voices()).find(({ languages }) => languages[0] === 'en-us')!;
    const hz = await Promise.all(
      [voice.id, voice.woman!].map(async (id) => heightHz((await speak('ah', { voice: id }))[0]!)),
    );
    expect(hz[1]! / hz[0]!).toBeGreaterThan(1.4);
  });
});

/** Of the vowel in the middle: the lag at which it is most like itself. */
function heightHz({ samples, sampleRateHz }: SpeechChunk): number {
  const from = Math.round(samples.length / 3);
  const length = Math.round(0.06 * sampleRateHz);
  const likeness = (lag: number): number => {
    let sum = 0;
    for (let i = from; i < from + length; i++) sum += samples[i]! * samples[i + lag]!;
    return sum;
  };
  let best = Math.round(sampleRateHz / 320);
  for (let lag = best; lag <= sampleRateHz / 70; lag++) if (likeness(lag) > likeness(best)) best = lag;
  return sampleRateHz / best;
}

describe('events of the synthesiser', () => {
  const RATE_HZ = 1000;
  const sound = (parts: [ms: number, level: number][]): Float32Array =>
    Float32Array.from(parts.flatMap(([ms, level]) => Array.from({ length: ms }, (_, i) => (i % 2 ? level : -level))));
  const phoneme = (id: string, audio_position: number): EspeakEvent => ({
    type: 'phoneme',
    id,
    audio_position,
    text_position: 1,
    word_length: 0,
  });

  it('counts a nameless event to the sound before it where that goes on, and as a pause where it is silent', () => {
    const samples = sound([
      [200, 0.3],
      [100, 0],
    ]);
    const { phonemes } = speechFromEvents(
      [phoneme('ˈɔ', 0), phoneme('', 100), phoneme('', 200)],
      samples,
      RATE_HZ,
      'o',
    );
    expect(phonemes).toEqual([{ ipa: 'ɔ', startUs: 0, endUs: 200_000, stress: 2 }]);
  });

  it('leaves out language switches', () => {
    const { phonemes } = speechFromEvents([phoneme('(en)', 0), phoneme('a', 0)], sound([[50, 0.3]]), RATE_HZ, 'a');
    expect(phonemes.map(({ ipa }) => ipa)).toEqual(['a']);
  });

  it('moves a closure back by at most 90 ms and never over the whole sound before it', () => {
    const { phonemes } = speechFromEvents(
      [phoneme('a', 0), phoneme('t', 300)],
      sound([
        [100, 0.3],
        [200, 0],
        [60, 0.2],
      ]),
      RATE_HZ,
      'at',
    );
    expect(phonemes[1]).toMatchObject({ startUs: 210_000, releaseUs: 300_000 });
    expect(phonemes[0].endUs).toBe(210_000);
  });
});

describe('sentences', () => {
  const parts = (text: string, language?: string): string[] => [...splitSentences(text, language)];

  it('splits at sentences, in any script', () => {
    expect(parts('One. Two! Three?')).toEqual(['One.', 'Two!', 'Three?']);
    expect(parts('你好。今天天气很好！', 'zh')).toEqual(['你好。', '今天天气很好！']);
    expect(parts('  a\n\n b … 🙂 !')).toEqual(['a', 'b … !']);
    expect(parts('a. 🙂! … b.')).toEqual(['a.', '… b.']);
  });

  it('never gives more than 300 characters at once, and loses none', () => {
    for (const text of ['word '.repeat(500), 'x'.repeat(2000), '字'.repeat(1500), 'one, two, three and '.repeat(200)]) {
      const found = parts(text);
      for (const part of found) expect(part.length).toBeLessThanOrEqual(300);
      expect(found.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
    }
  });

  it('reads a book without holding it: the first sentence comes at once', () => {
    const book = 'It was the best of times. It was the worst of times. '.repeat(2000);
    const first = splitSentences(book).next();
    expect(first.value).toBe('It was the best of times.');
    let count = 0;
    for (const _ of splitSentences(book)) count++;
    expect(count).toBe(4000);
  });
});

describe('rests', () => {
  it('puts silence before and after, and moves all times', async () => {
    const chunks: SpeechChunk[] = [];
    for await (const chunk of withRests(tts.synthesize('Mama.'), 300, 700)) chunks.push(chunk);
    expect(chunks.map(({ samples, sampleRateHz }) => samples.length / sampleRateHz)).toEqual([
      0.3,
      expect.any(Number),
      0.7,
    ]);
    expect(chunks[1].startUs).toBeCloseTo(300_000, -1);
    expect(chunks[1].phonemes[0].startUs).toBeGreaterThanOrEqual(300_000);
    expect(chunks[2].startUs).toBeCloseTo(300_000 + (chunks[1].samples.length / chunks[1].sampleRateHz) * 1e6, -1);
  });
});
