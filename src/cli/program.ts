/**
 * The command line as a function: arguments in, exit code out. One command per file beside this one.
 *
 * 0 done · 1 failed while working · 2 bad usage or bad input · 130 interrupted. An error is one sentence on stderr with
 * its code, and with --json also the one object on stdout.
 */
import { Command, CommanderError } from 'commander';
import { AppError, type ErrorCode } from '../errors.ts';
import { packageVersion } from '../paths.ts';
import { addAccessCommand } from './access.ts';
import { addBenchCommand } from './bench.ts';
import { addDoctorCommand } from './doctor.ts';
import { addEvaluateCommand } from './evaluate.ts';
import { addPortraitCommand } from './portrait.ts';
import { addRenderCommand } from './render.ts';
import { CommandFailed } from './run-command.ts';
import { addServeCommand } from './serve.ts';
import { addVoicesCommand } from './voices.ts';

/** The machine or the installation is at fault, not what the user gave. */
const WORKING_FAILURES: readonly ErrorCode[] = [
  'WRITE_FAILED',
  'ENCODER_UNAVAILABLE',
  'MODEL_MISSING',
  'MODEL_CORRUPT',
  'TTS_UNAVAILABLE',
  'PORT_UNAVAILABLE',
  'SERVER_BUSY',
];

const DISK_FAILURES = ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EFBIG', 'EPIPE', 'ENAMETOOLONG'];

/** @param args what follows the program's name. */
export async function runCli(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommandFailed) return 1;
    const { code, message, exitCode } = explain(error);
    console.error(`visavis: ${code}: ${message}`);
    if (args.includes('--json')) console.log(JSON.stringify({ error: { code, message } }));
    return exitCode;
  }
}

function createProgram(): Command {
  const program = new Command('visavis')
    .description('One photo and a voice in, a talking face out.')
    .version(packageVersion())
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => undefined });
  for (const add of [
    ...[addServeCommand, addRenderCommand, addPortraitCommand, addBenchCommand, addEvaluateCommand],
    ...[addVoicesCommand, addAccessCommand, addDoctorCommand],
  ])
    add(program);
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
    command.exitOverride();
  return program;
}

function explain(error: unknown): { code: ErrorCode | 'INTERNAL'; message: string; exitCode: number } {
  if (error instanceof CommanderError) {
    const text = error.code === 'commander.help' ? 'A command is needed' : error.message.replace(/^error: /, '');
    return { code: 'BAD_USAGE', message: `${sentence(text)} See visavis --help.`, exitCode: 2 };
  }
  if (error instanceof AppError) {
    const { code, message } = error;
    const exitCode = code === 'INTERRUPTED' ? 130 : WORKING_FAILURES.includes(code) ? 1 : 2;
    return { code, message, exitCode };
  }
  const errno = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (DISK_FAILURES.includes(errno)) {
    return { code: 'WRITE_FAILED', message: `Writing failed (${(error as Error).message}).`, exitCode: 1 };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'INTERNAL', message, exitCode: 1 };
}

function sentence(text: string): string {
  const trimmed = text.trim().replaceAll(/\s+/g, ' ');
  return `${trimmed.slice(0, 1).toUpperCase()}${trimmed.slice(1)}${/[.!?)]$/.test(trimmed) ? '' : '.'}`;
}
