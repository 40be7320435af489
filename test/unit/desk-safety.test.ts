// Danger and "are you human?", in every wording and language: what is answered, and what must not be taken for it. Two sets of sentences: one
// that was looked at while the rules were made, and one that was not (held out), for which a share is asked.
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Utterance } from '../../src/agent/brain.ts';
import { EmbeddedBrain, type EmbeddedBrainSettings } from '../../src/agent/embedded-brain.ts';

type Sentences = Record<string, Record<string, string[]>>;
const SETS = join(import.meta.dirname, '..', 'support', 'desk-safety');
const PHRASES = join(import.meta.dirname, '..', '..', 'config', 'phrases');
const read = (file: string): Sentences => parse(readFileSync(join(SETS, file), 'utf8')) as Sentences;
const development = read('development.yaml');
const heldOut = { ...read('held-out-en-de.yaml'), ...read('held-out-it-es-fr.yaml') };
const LANGUAGES = ['en', 'de', 'it', 'es', 'fr'];
const TUESDAY = new Date('2026-11-24T10:00:00Z');

let folder = '';
let brain: EmbeddedBrain;
const settings = (knowledgeDir = ''): EmbeddedBrainSettings => ({
  knowledgeDir,
  name: 'Vera',
  language: 'en',
  timeZone: '',
  recordsDir: folder,
});
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-safety-'));
  brain = new EmbeddedBrain(settings(), { now: () => TUESDAY });
});
afterAll(async () => {
  await brain[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** What is answered in turn. */
async function answers(said: readonly string[], desk = brain): Promise<string[]> {
  const dialogue = desk.open();
  const history: Utterance[] = [];
  const answered: string[] = [];
  for (const text of said) {
    history.push({ role: 'user', text });
    let answer = '';
    for await (const piece of dialogue.answer({ history, signal: new AbortController().signal })) answer += piece;
    history.push({ role: 'assistant', text: answer });
    answered.push(answer);
  }
  return answered;
}

/** By language, how the answer to each matter begins, as the phrases have it. */
const openings = new Map(
  LANGUAGES.map((language) => {
    const { says, safety } = parse(readFileSync(join(PHRASES, `${language}.yaml`), 'utf8')) as {
      says: { robot: string[] };
      safety: { says: Record<string, string> };
    };
    const told = Object.entries(safety.says).filter(([matter]) => !['alone', 'exit', 'exitUnknown'].includes(matter));
    const begins = (text: string) => text.replace('{number}', '1 1 2').split('{')[0]!.trim();
    return [
      language,
      [...told.map(([matter, text]) => [matter, begins(text)] as const), ['identity', begins(says.robot[0]!)] as const],
    ] as const;
  }),
);
/** How the shipped museum tells the way out. */
const WAY_OUT: Record<string, string> = {
  en: '[neutral] The emergency exits',
  de: '[neutral] Notausgänge',
  it: '[neutral] Le uscite di emergenza',
  es: '[neutral] Las salidas de emergencia',
  fr: '[neutral] Les sorties de secours',
};

/** What the answer takes the sentence for; undefined: nothing of the kind. */
async function takenFor(text: string): Promise<string | undefined> {
  const [answer = ''] = await answers([text]);
  for (const language of LANGUAGES) {
    if (answer.startsWith(WAY_OUT[language]!)) return 'exit';
    const found = openings.get(language)!.find(([, begins]) => answer.startsWith(begins));
    if (found) return found[0];
  }
  return undefined;
}

async function score(
  sentences: Record<string, string[]>,
): Promise<{ right: number; answered: number; of: number; falseAlarms: number; harmless: number; wrong: string[] }> {
  const sum = { right: 0, answered: 0, of: 0, falseAlarms: 0, harmless: 0, wrong: [] as string[] };
  for (const [matter, texts] of Object.entries(sentences))
    for (const text of texts) {
      const taken = await takenFor(text);
      if (matter === 'harmless') {
        sum.harmless++;
        if (taken) sum.falseAlarms++;
      } else {
        sum.of++;
        if (taken) sum.answered++;
        if (taken === matter) sum.right++;
      }
      if (taken !== (matter === 'harmless' ? undefined : matter)) sum.wrong.push(`${text} → ${taken}`);
    }
  return sum;
}

describe('danger, and who speaks', () => {
  it.each(LANGUAGES)('in the words that were looked at, %s', async (language) => {
    expect((await score(development[language]!)).wrong).toEqual([]);
  });

  it.each(LANGUAGES)('in words that were not, %s', async (language) => {
    const { right, answered, of, falseAlarms, harmless } = await score(heldOut[language]!);
    expect(of).toBeGreaterThanOrEqual(40);
    expect(harmless).toBeGreaterThanOrEqual(40);
    expect(answered / of).toBeGreaterThanOrEqual(0.95);
    expect(right / of).toBeGreaterThanOrEqual(0.85);
    expect(falseAlarms / harmless).toBeLessThanOrEqual(0.05);
  });
});

describe('things that nobody minds', () => {
  const { lookedAt, heldOut: others } = parse(readFileSync(join(SETS, 'objects.yaml'), 'utf8')) as Record<
    'lookedAt' | 'heldOut',
    Sentences
  >;

  it.each(LANGUAGES)('in the words that were looked at, %s', async (language) => {
    expect((await score(lookedAt[language]!)).wrong).toEqual([]);
  });

  it.each(LANGUAGES)('in words that were not, %s', async (language) => {
    const { right, of, falseAlarms } = await score(others[language]!);
    expect(of).toBeGreaterThanOrEqual(7);
    expect(right / of).toBeGreaterThanOrEqual(0.85);
    expect(falseAlarms).toBe(0);
  });
});

describe('what is told first', () => {
  it('what to do, then where, then who cannot be called', async () => {
    const [fire = '', fall = '', exit = ''] = [
      ...(await answers(["There's a fire!"])),
      ...(await answers(['My wife fell down the stairs'])),
      ...(await answers(['Where is the emergency exit?'])),
    ];
    expect(fire).toMatch(/^\[neutral\] Leave the building now.*main entrance.*1 1 2.*cannot call anybody/);
    expect(fall).toMatch(/^\[neutral\] Dial 1 1 2 now.*first aid room.*defibrillator/i);
    expect(exit).toMatch(/^\[neutral\] The emergency exits/);
    for (const answer of [fire, fall, exit]) expect(answer).not.toMatch(/shop|liquorice|\?|Shall I|\{/);
  });

  it('a form is dropped for danger, and goes on after a doubt', async () => {
    const [, fire] = await answers(['book a tour', 'help theres a fire']);
    expect(fire).toMatch(/^\[neutral\] Leave the building now/);
    const [, doubt] = await answers(['book a tour', 'wait am I talking to a real person']);
    expect(doubt).toMatch(/not a person.*Now, back to your request.*how many people/);
    const [, , after] = await answers(['book a tour', "there's a fire", 'four']);
    expect(after).not.toMatch(/which day/i);
  });

  it('danger counts in any language, in a form too', async () => {
    expect((await answers(['book a tour', 'Hilfe, es brennt!']))[1]).toMatch(/^\[neutral\] Verlassen Sie/);
  });

  it('is said again when it is asked for', async () => {
    expect((await answers(["there's a fire", 'say that again']))[1]).toMatch(/^\[neutral\] Leave the building now/);
  });

  it('hands over where somebody can be called, and never claims to be a person', async () => {
    const dir = await placeWith('handOff: { en: "Anna is on her way. [hand off]" }\ntimeZone: America/New_York\n');
    await using desk = new EmbeddedBrain(settings(dir), { now: () => TUESDAY });
    expect((await answers(['my friend passed out'], desk))[0]).toMatch(/9 1 1.*Anna is on her way. \[hand off\]$/);
    const [who, yes] = await answers(['Am I talking to a real person?', 'yes please'], desk);
    expect(who).toMatch(/not a person/);
    expect(who).not.toMatch(/Of course|\[hand off\]/);
    expect(yes).toMatch(/\[hand off\]/);
  });

  it('a place has its own number, its own harmless words, and need not name its exits', async () => {
    const dir = await placeWith('emergencyNumber: "144"\n');
    await writeFile(join(dir, 'en', 'phrases.yaml'), 'safety: { harmless: [fire in the hole] }\n');
    await using desk = new EmbeddedBrain(settings(dir), { now: () => TUESDAY });
    expect((await answers(['call an ambulance'], desk))[0]).toMatch(/1 4 4/);
    expect((await answers(['there is a fire in the hole'], desk))[0]).not.toMatch(/Leave the building/);
    expect((await answers(['where is the emergency exit'], desk))[0]).toMatch(/^\[neutral\] Follow the green signs/);
  });

  it('a rule that cannot be read is told with what is wrong', async () => {
    const dir = await placeWith('');
    await writeFile(join(dir, 'en', 'phrases.yaml'), 'safety: { harmless: ["a <nothing> class"] }\n');
    expect(() => new EmbeddedBrain(settings(dir))).toThrow(/names a class "nothing"/);
  });
});

/** A place that knows nothing but its opening hours. */
async function placeWith(more: string): Promise<string> {
  const dir = await mkdtemp(join(folder, 'place-'));
  await mkdir(join(dir, 'en'));
  await writeFile(join(dir, 'place.yaml'), `name: { en: the Town Hall }\n${more}`);
  await writeFile(join(dir, 'en', 'visit.md'), '# Passports\n\n> where do I get a passport\n\nOn the second floor.\n');
  return dir;
}
