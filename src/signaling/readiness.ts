/** Whether callers may be sent here: a list of named checks in, one verdict with each check's sentence out. */

export interface ReadinessCheck {
  name: string;
  /** @returns what is wrong, in one sentence; undefined when all is well. A rejection counts as wrong. */
  check(): string | undefined | Promise<string | undefined>;
  /** Said where the check passes. */
  detail?(): string;
}

export interface Readiness {
  status: 'ready' | 'not ready';
  checks: { name: string; isOk: boolean; detail?: string }[];
}

/** A check that hangs must not hang the balancer that asks. */
const TIME_LIMIT_MS = 3000;

/** Runs all checks side by side; one that takes longer than 3 s counts as failed. */
export async function readinessOf(checks: readonly ReadinessCheck[]): Promise<Readiness> {
  const results = await Promise.all(
    checks.map(async ({ name, check, detail: note }) => {
      const wrong = await withTimeLimit(check).catch((error: unknown) =>
        error instanceof Error ? error.message : String(error),
      );
      const detail = wrong ?? note?.();
      return { name, isOk: wrong === undefined, ...(detail === undefined ? {} : { detail }) };
    }),
  );
  return { status: results.every(({ isOk }) => isOk) ? 'ready' : 'not ready', checks: results };
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
