/**
 * Whether callers may be sent here. In: named checks; out: one verdict with each check's sentence. Cheap to ask, however often: those who
 * ask within a second share an answer.
 */

/** What a server is: the first of these that one of its checks says. While it starts, what fails may only not be there yet. */
const STATUSES = ['draining', 'starting', 'not ready', 'full', 'ready'] as const;
export type ReadinessStatus = (typeof STATUSES)[number];

export interface ReadinessCheck {
  name: string;
  /** What the server is while this check fails; `not ready` when missing. */
  status?: Exclude<ReadinessStatus, 'ready'>;
  /** @returns what is wrong, in one sentence; undefined when all is well. A rejection counts as wrong. */
  check(): string | undefined | Promise<string | undefined>;
  /** Said where the check passes. */
  detail?(): string;
}

export interface ReadinessAnswer {
  status: ReadinessStatus;
  checks: { name: string; isOk: boolean; detail?: string }[];
}

/** A check that hangs must not hang the balancer that asks. */
const TIME_LIMIT_MS = 3000;
const SHARED_MS = 1000;

export class Readiness {
  private readonly checks: readonly ReadinessCheck[];
  private readonly changed: (answer: ReadinessAnswer) => void;
  private readonly nowMs: () => number;
  private last: { answer: Promise<ReadinessAnswer>; untilMs: number } | undefined;
  private told: ReadinessStatus | undefined;

  /** @param changed told of each answer whose status is another than that before. */
  constructor(
    checks: readonly ReadinessCheck[],
    changed: (answer: ReadinessAnswer) => void = () => {},
    nowMs: () => number = () => performance.now(),
  ) {
    this.checks = checks;
    this.changed = changed;
    this.nowMs = nowMs;
  }

  /** Runs all checks side by side; one that takes longer than 3 s counts as failed. */
  ask(): Promise<ReadinessAnswer> {
    const nowMs = this.nowMs();
    if (!this.last || nowMs >= this.last.untilMs) this.last = { answer: this.run(), untilMs: nowMs + SHARED_MS };
    return this.last.answer;
  }

  /** What was known is out of date: the next who asks gets a new answer. */
  forget(): void {
    this.last = undefined;
  }

  private async run(): Promise<ReadinessAnswer> {
    const results = await Promise.all(this.checks.map((check) => judged(check)));
    const found = new Set(results.map(({ status }) => status));
    const answer: ReadinessAnswer = {
      status: STATUSES.find((status) => found.has(status)) ?? 'ready',
      checks: results.map(({ name, isOk, detail }) => ({ name, isOk, ...(detail === undefined ? {} : { detail }) })),
    };
    if (answer.status !== this.told) this.changed(answer);
    this.told = answer.status;
    return answer;
  }
}

async function judged({ name, status = 'not ready', check, detail: note }: ReadinessCheck) {
  const wrong = await withTimeLimit(check).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  return {
    name,
    isOk: wrong === undefined,
    detail: wrong ?? note?.(),
    status: wrong === undefined ? ('ready' as const) : status,
  };
}

async function withTimeLimit(check: ReadinessCheck['check']): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${TIME_LIMIT_MS / 1000} s`), TIME_LIMIT_MS);
  });
  try {
    return await Promise.race([check(), late]);
  } finally {
    clearTimeout(timer);
  }
}
