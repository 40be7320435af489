/**
 * What every command shares: interruption, warnings, one JSON object on stdout, and errors turned into exit codes:
 * 0 done · 1 failed while working · 2 bad usage or bad input · 130 interrupted.
 */
import { CommanderError } from 'commander';
import { AppError, type ErrorCode } from '../errors.ts';

export interface CommandIo {
  /** Aborted by Ctrl-C or a termination signal; its reason is an AppError INTERRUPTED. */
  signal: AbortSignal;
  json: boolean;
  /** One sentence on stderr. */
  warn(sentence: string): void;
  /** For people, on stdout; left out with --json. */
  print(text: string): void;
}

/** The machine or the installation is at fault, not what the user gave. */
const WORKING_FAILURES: readonly ErrorCode[] = [
  'ENCODER_UNAVAILABLE',
  'MODEL_MISSING',
  'MODEL_CORRUPT',
  'TTS_UNAVAILABLE',
  'PORT_UNAVAILABLE',
];

/** Runs a command to its end and sets the process' exit code; with `json` the result is printed as one object. */
export async function runCommand(json: boolean, body: (io: CommandIo) => Promise<object | undefined>): Promise<void> {
  const interruption = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    // A second Ctrl-C does not wait for tidying up.
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort(new AppError('INTERRUPTED', `Interrupted by ${name}; no output file was left.`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const result = await body({
      signal: interruption.signal,
      json,
      warn: (sentence) => console.error(`visavis: ${sentence}`),
      print: (text) => {
        if (!json) console.log(text);
      },
    });
    if (json && result !== undefined) console.log(JSON.stringify(result));
  } catch (error) {
    process.exitCode = reportError(interruption.signal.aborted ? interruption.signal.reason : error);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Prints the error for people and says which exit code it means. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    console.error(`visavis: BAD_USAGE: ${sentence(error.message.replace(/^error: /, ''))} See visavis --help.`);
    return 2;
  }
  if (error instanceof AppError) {
    console.error(`visavis: ${error.code}: ${error.message}`);
    if (error.code === 'INTERRUPTED') return 130;
    return WORKING_FAILURES.includes(error.code) ? 1 : 2;
  }
  console.error(`visavis: INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}

function sentence(text: string): string {
  const trimmed = text.trim().replaceAll(/\s+/g, ' ');
  return `${trimmed[0].toUpperCase()}${trimmed.slice(1)}${/[.!?)]$/.test(trimmed) ? '' : '.'}`;
}
