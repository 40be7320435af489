/** `visavis voices`: which voices there are; installs a neural voice from an archive, checked, whole or not at all; removes one. */
import type { Command } from 'commander';
import { loadConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { type Progress, startProgress } from './progress.ts';
import { type CommandIo, runCommand } from './run-command.ts';

interface VoicesFlags {
  json?: boolean;
}

interface InstallFlags extends VoicesFlags {
  sha256?: string;
}

const MB = 1_000_000;

export function addVoicesCommand(program: Command): void {
  const voices = program.command('voices').description('lists the voices; installs and removes neural ones');
  voices
    .command('list', { isDefault: true })
    .description('the embedded voices and those that were installed')
    .option('--json', 'print one JSON object on stdout, with every embedded voice')
    .action((flags: VoicesFlags) => runCommand(flags.json ?? false, listVoices));
  voices
    .command('install')
    .description('checks a voice for sherpa-onnx (Piper, Matcha, Kokoro …) and installs it')
    .argument('<source>', 'address or path of a .tar.bz2 (.gz, .xz), or a folder')
    .option('--sha256 <sum>', 'checksum that the archive must have; needed with an address')
    .option('--json', 'print one JSON object on stdout')
    .action((source: string, flags: InstallFlags) =>
      runCommand(flags.json ?? false, (io) => install(source, flags, io)),
    );
  voices
    .command('remove')
    .description('removes an installed voice')
    .argument('<name>', 'as "visavis voices" lists it')
    .option('--json', 'print one JSON object on stdout')
    .action((name: string, flags: VoicesFlags) => runCommand(flags.json ?? false, (io) => remove(name, io)));
}

async function listVoices(io: CommandIo): Promise<object> {
  const [{ EmbeddedSynthesizer }, { installedVoices }] = await Promise.all([
    import('../agent/embedded-synthesizer.ts'),
    import('../agent/voice-store.ts'),
  ]);
  const { voiceDir } = loadConfig().tts;
  await using embedded = new EmbeddedSynthesizer();
  const voices = await embedded.voices();
  const installed = (await installedVoices(voiceDir)).map(({ name, dir, model }) => ({
    name,
    kind: model.kind,
    languages: model.languages,
    dir,
  }));
  const languages = [...new Set(voices.flatMap((voice) => voice.languages[0] ?? []))].sort();
  io.print(
    [
      `Embedded: ${voices.length} voices, chosen with --voice or speech.voice (--json names them all)`,
      ...wrapped(languages, 100).map((line) => `  ${line}`),
      installed.length === 0 ? `Installed: none (in ${voiceDir})` : `Installed in ${voiceDir}, chosen with tts.voice:`,
      ...installed.map(({ name, kind, languages: tags }) => `  ${name}  ${kind}  ${tags.join(', ')}`.trimEnd()),
    ].join('\n'),
  );
  return { embedded: voices, voiceDir, installed };
}

async function install(source: string, { sha256 }: InstallFlags, io: CommandIo): Promise<object> {
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256))
    throw new AppError('BAD_USAGE', `--sha256 wants 64 hexadecimal digits, not "${sha256}".`);
  if (/^https?:/i.test(source) && sha256 === undefined)
    throw new AppError(
      'BAD_USAGE',
      'An address needs --sha256 with the checksum that the publisher states; or download the file yourself and give its path.',
    );
  const [{ installVoice }, { tryOutVoice }] = await Promise.all([
    import('../agent/voice-store.ts'),
    import('../agent/sherpa-synthesizer.ts'),
  ]);
  let progress: Progress | undefined;
  try {
    const result = await installVoice({
      source,
      sha256,
      storeDir: loadConfig().tts.voiceDir,
      signal: io.signal,
      onProgress(bytes, total) {
        progress ??= startProgress(source, total === null ? null : Math.ceil(total / MB), !io.json, 'MB');
        progress.update(Math.ceil(bytes / MB));
      },
      tryOut: tryOutVoice,
    });
    const { name, dir, model } = result.voice;
    progress?.stop();
    io.print(
      [
        result.licence === null
          ? 'No licence came with this voice; ask its publisher before you use it.'
          : result.licence,
        '',
        `Installed ${name} (${[model.kind, ...model.languages].join(', ')}) in ${dir}`,
        ...(result.sha256 === null ? [] : [`sha256 ${result.sha256}`]),
        `Use it with VISAVIS__TTS='${JSON.stringify({ kind: 'sherpa', voice: name })}'`,
      ].join('\n'),
    );
    return { name, dir, kind: model.kind, languages: model.languages, sha256: result.sha256, licence: result.licence };
  } finally {
    progress?.stop();
  }
}

async function remove(name: string, io: CommandIo): Promise<object> {
  const { removeVoice } = await import('../agent/voice-store.ts');
  await removeVoice(loadConfig().tts.voiceDir, name);
  io.print(`Removed ${name}`);
  return { removed: name };
}

/** Words in lines of at most so many characters. */
function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
