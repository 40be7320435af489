/**
 * The brain that comes with the package behind the `Brain` port: a service desk over Markdown knowledge, without network or model. In: what a
 * caller says. Out: what the knowledge says about it, at once, in the caller's language; the same questions at the same time give the same answers.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { configDir } from '../paths.ts';
import type { Logger } from '../telemetry.ts';
import type { Brain, Caller, Dialogue, Question } from './brain.ts';
import { isTimeZone } from './desk/civil-time.ts';
import type { DeskReply } from './desk/desk-context.ts';
import { DeskDialogue } from './desk/desk-dialogue.ts';
import { FormRecords } from './desk/form-records.ts';
import { type Knowledge, loadKnowledge } from './desk/knowledge.ts';
import { TopicSearch } from './desk/topic-search.ts';
import type { Health } from './health.ts';

export interface EmbeddedBrainSettings {
  /** Folder of Markdown; '' is the shipped example. */
  knowledgeDir: string;
  /** What every face is called; '' takes the one in `place.yaml`, else the face's own. */
  name: string;
  /** BCP 47: spoken until the caller's language is known. */
  language: string;
  /** IANA name; '' takes the one in `place.yaml`, else the machine's. */
  timeZone: string;
  /** Where finished forms are written. */
  recordsDir: string;
}

export interface EmbeddedBrainParts {
  /** The wall clock. */
  now?: () => Date;
  logger?: Logger;
}

interface Loaded {
  knowledge: Knowledge;
  searches: ReadonlyMap<string, TopicSearch>;
}

const RELOAD_DELAY_MS = 200;
export const PHRASES_DIR = join(configDir, 'phrases');

export class EmbeddedBrain implements Brain {
  readonly name = 'embedded';
  readonly #settings: EmbeddedBrainSettings;
  readonly #dir: string;
  readonly #now: () => Date;
  readonly #logger: Logger | undefined;
  readonly #records: FormRecords;
  #loaded: Loaded;
  #problem: string | undefined;
  #watcher: FSWatcher | undefined;
  #reload: NodeJS.Timeout | undefined;
  #opened = 0;

  /** @throws AppError KNOWLEDGE_INVALID naming the file and line; FILE_NOT_FOUND; CONFIG_INVALID for an unknown time zone. */
  constructor(settings: EmbeddedBrainSettings, { now = () => new Date(), logger }: EmbeddedBrainParts = {}) {
    if (settings.timeZone !== '' && !isTimeZone(settings.timeZone))
      throw new AppError(
        'CONFIG_INVALID',
        `Setting "brain.timeZone" is "${settings.timeZone}"; it must be a name such as Europe/Rome.`,
      );
    this.#settings = settings;
    this.#dir = settings.knowledgeDir || join(configDir, 'knowledge');
    this.#now = now;
    this.#logger = logger;
    this.#records = new FormRecords(settings.recordsDir, logger);
    this.#loaded = this.#load();
    this.#warmUp();
    this.#watch();
  }

  /** Dates and calendars of a language take their time when they are first used; no caller shall wait for it. */
  #warmUp(): void {
    const { knowledge, searches } = this.#loaded;
    for (const language of knowledge.languages.keys())
      new DeskDialogue(knowledge, searches, { name: '', language, timeZone: 'UTC' }).answer(
        'hello 24 ab',
        this.#now(),
        { language },
      );
  }

  #load(): Loaded {
    const knowledge = loadKnowledge(this.#dir, PHRASES_DIR);
    const searches = new Map(
      [...knowledge.languages].map(([language, known]) => [
        language,
        new TopicSearch(known, knowledge.place.subjects[0]?.names[language]),
      ]),
    );
    return { knowledge, searches };
  }

  /** Knowledge that is edited holds for the next caller; a mistake in it leaves what was known. */
  #watch(): void {
    try {
      this.#watcher = watch(this.#dir, { recursive: true, persistent: false }, () => {
        clearTimeout(this.#reload);
        this.#reload = setTimeout(() => this.#reloadNow(), RELOAD_DELAY_MS).unref();
      });
      this.#watcher.on('error', (error) =>
        this.#logger?.warn({ error: String(error) }, 'knowledge is no longer watched; restart after editing'),
      );
    } catch (error) {
      this.#logger?.warn({ error: String(error) }, 'knowledge cannot be watched here; restart after editing');
    }
  }

  #reloadNow(): void {
    try {
      this.#loaded = this.#load();
      this.#problem = undefined;
      this.#logger?.info({ dir: this.#dir }, 'knowledge reloaded');
    } catch (error) {
      // Whatever it is: nobody waits for it here, and what was known still holds.
      this.#problem = error instanceof Error ? error.message : String(error);
      this.#logger?.error({ error: this.#problem }, 'knowledge not reloaded');
    }
  }

  open(caller?: Caller): Dialogue {
    const { knowledge, searches } = this.#loaded;
    const { name, language } = this.#settings;
    const timeZone =
      this.#settings.timeZone || knowledge.place.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;
    const desk = new DeskDialogue(
      knowledge,
      searches,
      { name, faceName: caller?.faceName ?? '', language, timeZone },
      this.#opened++,
    );
    let last = '';
    return {
      answer: (question) =>
        this.#answer(desk, question, last, (text) => {
          last = text;
        }),
    };
  }

  async *#answer(
    desk: DeskDialogue,
    { history, language, signal }: Question,
    last: string,
    said: (text: string) => void,
  ): AsyncGenerator<string> {
    signal.throwIfAborted();
    const user = history.at(-1);
    const text = user?.role === 'user' ? user.text : '';
    const before = history.at(-2);
    const heard = before?.role === 'assistant' && last !== '' ? before.text : undefined;
    const reply = desk.answer(text, this.#now(), { ...(heard === undefined ? {} : { heard }), language });
    const answer = reply.finished ? await this.#deliver(reply.finished, signal) : reply.text;
    said(answer);
    yield answer;
  }

  async #deliver(finished: NonNullable<DeskReply['finished']>, signal: AbortSignal): Promise<string> {
    const record = {
      form: finished.form.id,
      language: finished.language,
      at: this.#now().toISOString(),
      values: finished.values,
    };
    const delivery = await this.#records.deliver(finished.form, record, signal);
    signal.throwIfAborted();
    return delivery === 'delivered' ? finished.done : delivery === 'kept' ? finished.kept : finished.lost;
  }

  async check(): Promise<Health> {
    const { languages } = this.#loaded.knowledge;
    const topics = [...languages.values()].reduce((sum, { topics }) => sum + topics.length, 0);
    if (this.#problem !== undefined)
      return {
        isOk: false,
        detail: `The knowledge was edited and is not right: ${this.#problem}`,
        remedy: 'Correct the file; what was known before is used until then.',
      };
    return { isOk: true, detail: `${topics} topics in ${[...languages.keys()].join(', ')} from ${this.#dir}.` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#reload);
    this.#watcher?.close();
  }
}
