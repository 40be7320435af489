/**
 * A brain behind the desk's rules for danger: what a caller says is looked at first, and where somebody may be in danger the desk's answer is given
 * at once, without asking the brain. In: any brain, and what is known of the place, if anything is. Everything else goes to the brain as it is.
 */
import type { Brain, Caller, Dialogue, Question } from './brain.ts';
import { DeskContext } from './desk/desk-context.ts';
import { type Knowledge, loadKnowledge, loadPhrases } from './desk/knowledge.ts';
import { NOWHERE } from './desk/place.ts';
import { dangerIn, emergencyReply } from './desk/safety-talk.ts';
import { tokens } from './desk/wording.ts';
import type { EmbeddedBrainSettings } from './embedded-brain.ts';
import type { Health } from './health.ts';
import { detectLanguage } from './language.ts';

const MAX_WORDS = 80;
const HAND_OFF = '[hand off]';

export class SafeBrain implements Brain {
  readonly name: string;
  readonly #brain: Brain;
  readonly #knowledge: Knowledge;
  readonly #settings: Pick<EmbeddedBrainSettings, 'language' | 'timeZone'>;

  /**
   * @param knowledgeDir tells exits, first aid and staff; '': nothing is known of the place.
   * @throws AppError KNOWLEDGE_INVALID, FILE_NOT_FOUND.
   */
  constructor(
    brain: Brain,
    { knowledgeDir, language, timeZone }: Omit<EmbeddedBrainSettings, 'name' | 'recordsDir'>,
    phrasesDir: string,
  ) {
    const known = knowledgeDir === '' ? undefined : loadKnowledge(knowledgeDir, phrasesDir);
    const languages = new Map([...loadPhrases(phrasesDir), ...(known?.languages ?? [])]);
    this.#knowledge = { languages, place: known?.place ?? NOWHERE };
    this.#brain = brain;
    this.name = brain.name;
    this.#settings = {
      language,
      timeZone: timeZone || this.#knowledge.place.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
  }

  open(caller?: Caller): Dialogue {
    const dialogue = this.#brain.open(caller);
    const desk = new DeskContext(this.#knowledge, new Map(), { ...this.#settings, name: '' }, 0);
    return { answer: (question) => this.#answer(dialogue, desk, question) };
  }

  async *#answer(dialogue: Dialogue, desk: DeskContext, question: Question): AsyncGenerator<string> {
    const said = question.history.findLast(({ text }) => text.trim() !== '');
    const reply = said?.role === 'user' ? this.#inDanger(desk, said.text, question.language) : undefined;
    if (reply === undefined) yield* dialogue.answer(question);
    else {
      question.signal.throwIfAborted();
      yield reply;
    }
  }

  #inDanger(desk: DeskContext, text: string, language = desk.language): string | undefined {
    desk.speak(desk.known(detectLanguage(text, language)) ?? desk.language);
    const found = dangerIn(desk, tokens(text).slice(0, MAX_WORDS));
    if (!found) return undefined;
    desk.speak(found.language);
    const { text: reply } = emergencyReply(desk, found.matter);
    return reply.includes(HAND_OFF) ? reply : `${reply} ${HAND_OFF}`;
  }

  check(signal: AbortSignal): Promise<Health> {
    return this.#brain.check(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#brain[Symbol.asyncDispose]();
  }
}
