// Danger in front of any brain: answered at once by the desk's rules; everything else reaches the brain as it was said.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Brain, Question } from '../../src/agent/brain.ts';
import { PHRASES_DIR } from '../../src/agent/embedded-brain.ts';
import { openBrain } from '../../src/agent/providers.ts';
import { SafeBrain } from '../../src/agent/safe-brain.ts';
import { loadConfig } from '../../src/config.ts';
import { chat, MockProvider } from '../support/mock-provider.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'visavis-safe-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function inner(): { brain: Brain; asked: Question[] } {
  const asked: Question[] = [];
  const brain: Brain = {
    name: 'a model',
    open: () => ({
      async *answer(question) {
        asked.push(question);
        yield 'From the model.';
      },
    }),
    check: async () => ({ isOk: true, detail: '' }),
    async [Symbol.asyncDispose]() {},
  };
  return { brain, asked };
}

const settings = { knowledgeDir: '', language: 'en', timeZone: 'Europe/Rome' };

async function answerOf(brain: Brain, text: string, more: Partial<Question> = {}): Promise<string> {
  let answer = '';
  const history = [{ role: 'user', text } as const];
  for await (const piece of brain.open().answer({ history, signal: new AbortController().signal, ...more }))
    answer += piece;
  return answer;
}

describe('danger in front of a brain', () => {
  it.each([
    ["There's a fire!", /^\[neutral\] Leave the building now.*1 1 2.*\[hand off\]$/],
    ['my wife fell down the stairs', /^\[neutral\] Dial 1 1 2 now.*\[hand off\]$/],
    ['someone left a bag that ticks', /^\[neutral\] Do not touch it/],
    ['Hilfe, es brennt!', /^\[neutral\] Verlassen Sie/],
    ['mi marido no respira', /1 1 2.*\[hand off\]$/],
    ['au secours, il y a le feu', /^\[neutral\] .*1 1 2/],
    ["c'è una fuga di gas", /1 1 2/],
  ])('is answered without it: %s', async (text, reply) => {
    const { brain, asked } = inner();
    const answer = await answerOf(new SafeBrain(brain, settings, PHRASES_DIR), text);
    expect(answer).toMatch(reply);
    expect(answer).not.toMatch(/[{}]| {2}/);
    expect(asked).toEqual([]);
  });

  it.each([
    'Hello',
    'Where is the emergency exit?',
    'Are you a real person?',
    'I left my bag at the cloakroom',
    'help',
    '',
  ])('is nothing else: %s', async (text) => {
    const { brain, asked } = inner();
    expect(await answerOf(new SafeBrain(brain, settings, PHRASES_DIR), text)).toBe('From the model.');
    expect(asked[0]!.history).toEqual([{ role: 'user', text }]);
  });

  it('is looked for in the last words of the caller alone', async () => {
    const { brain } = inner();
    const safe = new SafeBrain(brain, settings, PHRASES_DIR);
    const fire = { role: 'user', text: "There's a fire!" } as const;
    const after = [fire, { role: 'assistant', text: 'Leave.' } as const];
    expect(await answerOf(safe, '', { history: after })).toBe('From the model.');
    expect(await answerOf(safe, '', { history: [...after, { role: 'user', text: 'Thanks' }] })).toBe('From the model.');
    expect(await answerOf(safe, '', { history: [fire, { role: 'assistant', text: '' }] })).toMatch(
      /Leave the building/,
    );
  });

  it('is answered with what the place tells', async () => {
    await mkdir(join(folder, 'en'));
    await writeFile(join(folder, 'place.yaml'), 'name: { en: the Town Hall }\nemergencyNumber: "144"\n');
    await writeFile(join(folder, 'en', 'exits.md'), '# Emergency exits\n\nThe exits are beside the stairs.\n');
    const safe = new SafeBrain(inner().brain, { ...settings, knowledgeDir: folder }, PHRASES_DIR);
    expect(await answerOf(safe, "There's a fire!")).toMatch(/beside the stairs.*1 4 4/);
    expect(await answerOf(safe, 'Hilfe, es brennt!')).toMatch(/^\[neutral\] Verlassen Sie.*1 4 4/);
  });

  it.each([true, false])('stands before a configured model where it is wanted: %s', async (safetyRules) => {
    await using mock = await MockProvider.start();
    mock.on('POST /v1/chat/completions', (_, response) => chat(response, [{ content: 'From the model.' }]));
    const { llm, ...config } = loadConfig({});
    const logger = undefined as never;
    const settings = { ...llm, kind: 'openai' as const, baseUrl: `${mock.url}/v1`, model: 'small', safetyRules };
    await using brain = openBrain({ config: { ...config, llm: settings }, secrets: () => undefined, logger });
    expect(await answerOf(brain, "There's a fire!")).toMatch(safetyRules ? /Leave the building/ : /^From the model/);
  });
});
