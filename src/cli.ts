#!/usr/bin/env node
/** `visavis`: sets the exit code and lets what is still being written out finish. */
import { runCli } from './cli/program.ts';

process.exitCode = await runCli(process.argv.slice(2));
