// The same wishes in other words: what callers really say to the shipped desk, and where a topic must not be guessed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Utterance } from '../../src/agent/brain.ts';
import { EmbeddedBrain } from '../../src/agent/embedded-brain.ts';

/** Tuesday, 11:00 in the museum. */
const TUESDAY = new Date('2026-11-24T10:00:00Z');
let folder = '';
let brain: EmbeddedBrain;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-desk-'));
  brain = new EmbeddedBrain(
    { knowledgeDir: '', name: '', language: 'en', timeZone: '', recordsDir: folder },
    { now: () => TUESDAY },
  );
});
afterAll(async () => {
  await brain[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function converse(turns: readonly (readonly [said: string, expected?: RegExp, not?: RegExp])[]): Promise<void> {
  const dialogue = brain.open();
  const history: Utterance[] = [];
  for (const [text, expected, not] of turns) {
    history.push({ role: 'user', text });
    let answer = '';
    for await (const piece of dialogue.answer({ history, signal: new AbortController().signal })) answer += piece;
    if (expected) expect(answer, `after "${text}"`).toMatch(expected);
    if (not) expect(answer, `after "${text}"`).not.toMatch(not);
    history.push({ role: 'assistant', text: answer });
  }
}

describe('a person is called for, and goodbye is said', () => {
  it.each([
    'I am really angry, let me talk to a human please',
    'I want to speak to the manager',
    'this is useless, can I talk to someone?',
    'Guten Tag, das hilft mir nicht, ich möchte mit einem Menschen sprechen',
    'Buongiorno, non ho capito niente, vorrei parlare con una persona vera',
    'Hola, esto no sirve, quiero hablar con una persona real',
    "Bonjour, je ne comprends rien, je veux parler à quelqu'un",
  ])('%s', async (text) => {
    await converse([[text, /\[hand off\]/]]);
  });

  it.each([
    'ok thanks, goodbye',
    'it was nice talking to you, bye',
    'thank you very much, goodbye!',
    'good bye',
    'Das war sehr hilfreich, vielen Dank, auf Wiedersehen',
    'Lei è stata molto gentile, arrivederci',
    'Ha sido muy amable, muchas gracias, adiós',
    'Vous avez été très gentille, merci, au revoir',
  ])('%s', async (text) => {
    await converse([[text, /\[goodbye\]/]]);
  });

  it('also in the middle of a form', async () => {
    await converse([['book a tour'], ['I am really angry, let me talk to a human please', /\[hand off\]/]]);
    await converse([['book a tour'], ['ok thanks, goodbye', /\[goodbye\]/]]);
  });

  it('but not where they are only spoken of', async () => {
    await converse([
      ['did a colleague find my umbrella?', /./, /\[hand off\]/],
      ['how do I say goodbye in Italian?', /./, /\[goodbye\]/],
    ]);
  });
});

describe('small talk after a greeting, and in the middle of a form', () => {
  it.each([
    ['Guten Tag! Wie geht es Ihnen?', /danke/],
    ['Good evening, what is your name?', /I am Vera/],
    ['Buongiorno, come si chiama?', /Sono Vera/],
    ['Come si chiama?', /Sono Vera/],
    ['Buenos días, ¿cómo se llama?', /Soy Vera/],
    ['Bonjour, comment vous appelez-vous ?', /Je suis Vera/],
    ['how are you today?', /thank you/],
    ['how old are you', /not a person/],
    ['my name is Peter', /Nice to meet you, Peter/],
  ])('%s', async (text, expected) => {
    await converse([[text, expected]]);
  });

  it('a form goes on after it', async () => {
    await converse([
      ['book a tour', /For how many people/],
      ['how are you?', /thank you.*For how many people/],
      ['how old are you', /not a person.*For how many people/],
    ]);
  });
});
