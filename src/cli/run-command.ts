/** What every command shares: interruption, warnings, and one JSON object on stdout where asked for. */
import { AppError } from '../errors.ts';

export interface CommandIo {
  /** Aborted by Ctrl-C or another of END_SIGNALS; its reason is an AppError INTERRUPTED. */
  signal: AbortSignal;
  json: boolean;
  /** One sentence on stderr. */
  warn(sentence: string): void;
  /** For people, on stdout; left out with --json. */
  print(text: string): void;
}

/**
 * Everything that asks a program to end: Ctrl-C and Ctrl-\, a service manager, a closed terminal or a dropped ssh connection, a timer, a
 * limit on processor time, a power cut that is announced. Systems know some of them only.
 */
export const END_SIGNALS: readonly NodeJS.Signals[] = [
  ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGBREAK'] as const),
  ...(['SIGALRM', 'SIGVTALRM', 'SIGXCPU', 'SIGPWR', 'SIGUSR2'] as const),
];

/** npm passes on the Ctrl-C that the terminal has sent already: signals so close to each other are one. */
export const SAME_SIGNAL_MS = 300;

/** The command has said what is wrong; its exit code is 1. */
export class CommandFailed extends Error {}

/** Runs a command to its end; with `json` its result is printed as one object. Throws what the command throws. */
export async function runCommand(json: boolean, body: (io: CommandIo) => Promise<object | undefined>): Promise<void> {
  const interruption = new AbortController();
  const { signal } = interruption;
  let firstMs = 0;
  const onSignal = (name: NodeJS.Signals) => {
    // A second Ctrl-C does not wait for tidying up.
    if (signal.aborted && performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(130);
    if (signal.aborted) return;
    firstMs = performance.now();
    interruption.abort(new AppError('INTERRUPTED', `Interrupted by ${name}; no unfinished file was left.`));
  };
  for (const name of END_SIGNALS) process.on(name, onSignal);
  try {
    const result = await body({
      signal,
      json,
      warn: (sentence) => console.error(`visavis: ${sentence}`),
      print: (text) => {
        if (!json) console.log(text);
      },
    });
    if (json && result !== undefined) console.log(JSON.stringify(result));
  } catch (error) {
    // Whatever an aborted step throws on its way out, the reason is the interruption.
    throw signal.aborted ? signal.reason : error;
  } finally {
    for (const name of END_SIGNALS) process.off(name, onSignal);
  }
}
