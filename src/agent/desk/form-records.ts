/**
 * Where finished forms go: a line of JSON in a file, or an HTTP POST. In: a form's values. Out: whether they arrived. What could not be posted is
 * kept in a file beside the others, so that nothing a caller gave is lost.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unwritable } from '../../media/disk-failure.ts';
import type { Logger } from '../../telemetry.ts';
import type { FormSpec } from './form-spec.ts';

interface FormRecord {
  form: string;
  language: string;
  /** ISO 8601. */
  at: string;
  values: Record<string, string | number>;
}

/** `kept`: written down, but not passed on. `lost`: neither. */
type Delivery = 'delivered' | 'kept' | 'lost';

const POST_TIMEOUT_MS = 5_000;

export class FormRecords {
  readonly #dir: string;
  readonly #logger: Logger | undefined;

  /** @param dir made when the first record comes. */
  constructor(dir: string, logger?: Logger) {
    this.#dir = dir;
    this.#logger = logger;
  }

  /** Never throws. @param signal ends the waiting for a server; the record is kept then. */
  async deliver(spec: FormSpec, record: FormRecord, signal: AbortSignal): Promise<Delivery> {
    if (spec.record !== undefined) return (await this.#append(spec.record, record)) ? 'delivered' : 'lost';
    try {
      const response = await fetch(spec.post!, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(record),
        signal: AbortSignal.any([signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      if (response.ok) return 'delivered';
      throw new Error(`the server answered ${response.status}`);
    } catch (error) {
      this.#logger?.warn(
        { form: spec.id, error: String(error) },
        'a form could not be posted; it is kept in the records folder',
      );
      return (await this.#append(`${spec.id}.unsent.jsonl`, record)) ? 'kept' : 'lost';
    }
  }

  async #append(name: string, record: FormRecord): Promise<boolean> {
    const path = join(this.#dir, name);
    try {
      await mkdir(this.#dir, { recursive: true });
      await appendFile(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
      return true;
    } catch (error) {
      this.#logger?.error(
        { error: unwritable(path, error, 'brain.recordsDir').message },
        'a form could not be written',
      );
      return false;
    }
  }
}
