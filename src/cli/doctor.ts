/** `visavis doctor`: checks what a call needs, and says in plain words how to mend what is missing. Never hangs: every check has its limit. */
import type { Command } from 'commander';
import { type Config, loadConfig } from '../config.ts';
import { type Check, checksOf, type Finding, findingFromError } from './doctor-checks.ts';
import { CommandFailed, type CommandIo, runCommand } from './run-command.ts';

const MARKS = { ok: '✓', warning: '!', problem: '✗' };

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('checks what a call needs and says how to mend what is missing')
    .option('--json', 'print one JSON object on stdout')
    .action(async (flags: { json?: boolean }) => {
      let isWell = false;
      await runCommand(flags.json ?? false, async (io) => {
        const report = await examine(io);
        isWell = report.isOk;
        return report;
      });
      if (!isWell) throw new CommandFailed();
    });
}

async function examine(io: CommandIo): Promise<{ isOk: boolean; checks: ({ name: string } & Finding)[] }> {
  let config: Config;
  const findings: ({ name: string } & Finding)[] = [];
  const tell = (name: string, finding: Finding): void => {
    findings.push({ name, ...finding });
    io.print(`${MARKS[finding.state]} ${name.padEnd(22)} ${finding.detail}`);
    if (finding.remedy !== undefined) io.print(`${' '.repeat(25)}→ ${finding.remedy}`);
  };
  try {
    config = loadConfig();
    tell('configuration', { state: 'ok', detail: 'It is valid.' });
  } catch (error) {
    tell('configuration', findingFromError(error));
    return { isOk: false, checks: findings };
  }
  // One after the other: they share the processor, and what one loads another may need.
  for (const check of checksOf(config)) {
    io.signal.throwIfAborted();
    tell(check.name, await runCheck(check, io.signal));
  }
  const problems = findings.filter(({ state }) => state === 'problem').length;
  const warnings = findings.filter(({ state }) => state === 'warning').length;
  io.print('');
  io.print(
    problems === 0
      ? `Ready${warnings === 0 ? '' : `, with ${warnings} ${warnings === 1 ? 'note' : 'notes'}`}.`
      : `${problems} ${problems === 1 ? 'thing has' : 'things have'} to be mended.`,
  );
  return { isOk: problems === 0, checks: findings };
}

/** A check's finding, or that it took too long: what it leaves behind then ends with the process. */
export async function runCheck({ name, limitMs, run }: Check, signal: AbortSignal): Promise<Finding> {
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  // The check learns of its limit a little earlier, so that it can say what it was waiting for.
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(() => {
      limit.abort(new DOMException(`nothing came for ${limitMs} ms`, 'TimeoutError'));
      timer = setTimeout(
        () =>
          resolve({
            state: 'problem',
            detail: `"${name}" gave no answer within ${limitMs / 1000} s.`,
            remedy: 'Try again when the machine is less busy; check the service if there is one behind it.',
          }),
        500,
      );
    }, limitMs);
  });
  try {
    return await Promise.race([
      Promise.resolve(run(AbortSignal.any([signal, limit.signal]))).catch(findingFromError),
      late,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
