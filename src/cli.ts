#!/usr/bin/env node
/** `visavis`: one command per file in src/cli/. Loads nothing of a command before it is asked for. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addBenchCommand } from './cli/bench.ts';
import { addPortraitCommand } from './cli/portrait.ts';
import { addRenderCommand } from './cli/render.ts';
import { addServeCommand } from './cli/serve.ts';
import { reportError } from './cli/run-command.ts';
import { packageFile } from './paths.ts';

const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
const program = new Command('visavis')
  .description('One photo and a voice in, a talking face out.')
  .version(version)
  .showSuggestionAfterError()
  .exitOverride()
  .configureOutput({ writeErr: () => undefined });
addRenderCommand(program);
addPortraitCommand(program);
addBenchCommand(program);
addServeCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
