/** `visavis evaluate`: how good the motion is, measured on this very installation; a table, or one JSON object. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { assetsDir } from '../paths.ts';
import { openHeadPlanner } from './performance.ts';
import { type CommandIo, runCommand } from './run-command.ts';

interface EvaluateFlags {
  data?: string;
  portrait?: string[];
  rendering: boolean;
  performance?: string;
  quick?: boolean;
  json?: boolean;
}

export function addEvaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description(
      'how good the motion is: lips against what was said, on curves and in drawn pictures; head and eyes against real ones',
    )
    .option('--data <folder>', 'recordings with alignments (NAME.wav, NAME.tsv) in place of the embedded voices')
    .option('--portrait <images...>', 'the faces to draw (default: a shipped one)')
    .option('--no-rendering', 'draw nothing: curves only')
    .option('--performance <kind>', "how the head turns: learned or fitted (default: the configuration's)")
    .option('--quick', 'a smoke test: one sentence, few pictures')
    .option('--json', 'print one JSON object on stdout')
    .action((flags: EvaluateFlags) => runCommand(flags.json ?? false, (io) => evaluate(flags, io)));
}

async function evaluate(flags: EvaluateFlags, io: CommandIo): Promise<object> {
  const headPlanner = await openHeadPlanner(flags.performance);
  const { recordedMaterial, spokenMaterial } = await import('./evaluation/material.ts');
  const material =
    flags.data === undefined
      ? await spokenMaterial(flags.quick ?? false, io.signal)
      : await recordedMaterial(flags.data, io.signal, io.warn);
  const { evaluateLips, evaluatePerformance } = await import('./evaluation/evaluation.ts');
  const portraits = flags.rendering ? (flags.portrait ?? [join(assetsDir, 'portraits', 'maya.jpg')]) : [];
  const rows = [
    ...(await evaluateLips(material, portraits, flags.quick ?? false, io)),
    ...(await evaluatePerformance(material, headPlanner, flags.quick ?? false, io)),
  ];
  io.print(row('measure', 'value', 'unit', 'aim', 'met'));
  for (const { name, value, unit, aim, isMet } of rows)
    io.print(row(name, String(value), unit, aim, isMet === null ? '' : isMet ? 'yes' : 'no'));
  return { recordings: material.map(({ name }) => name), portraits, measures: rows };
}

function row(name: string, value: string, unit: string, aim: string, isMet: string): string {
  return `${name.padEnd(34)}${value.padStart(9)} ${unit.padEnd(7)}${aim.padEnd(16)}${isMet}`.trimEnd();
}
