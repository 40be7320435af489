#!/usr/bin/env node
/** `visavis`: runs the command line, then ends the process with its exit code. */
import { runCli } from './cli/program.ts';

// A terminal that has gone, a reader that has read enough: what cannot be told is no reason to leave work half done.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const exitCode = await runCli(process.argv.slice(2));
// Commands await all that they own; a helper thread that is slow to end must not keep the terminal.
process.stdout.write('', () => process.exit(exitCode));
