/** `visavis portrait`: what a photo gives: is there one usable face, its landmarks, pose and warnings; and how fast. */
import { devNull } from 'node:os';
import { extname } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import { type CommandIo, runCommand } from './run-command.ts';

interface PortraitFlags {
  json?: boolean;
  debugSheet?: string;
}

export function addPortraitCommand(program: Command): void {
  program
    .command('portrait')
    .description('analyses a photo: one usable face? landmarks, pose, warnings, time taken')
    .argument('<image>', 'JPEG, PNG, WebP or AVIF')
    .option('--debug-sheet <file>', 'write a PNG of what was found in the photo and of the face in motion')
    .option('--json', 'print one JSON object on stdout')
    .action((image: string, flags: PortraitFlags) =>
      runCommand(flags.json ?? false, (io) => analysePortrait(image, flags, io)),
    );
}

async function analysePortrait(image: string, { debugSheet }: PortraitFlags, io: CommandIo): Promise<object> {
  if (debugSheet !== undefined && debugSheet !== devNull && extname(debugSheet).toLowerCase() !== '.png') {
    throw new AppError('BAD_USAGE', `--debug-sheet writes a PNG; give a name that ends in .png, not ${debugSheet}.`);
  }
  const { analysePhoto } = await import('./open-portrait.ts');
  const startMs = performance.now();
  // Always baked anew: the cache keeps the rig, not the analysis.
  const { rig, analysis, timings } = await analysePhoto(image, null, io);
  const totalMs = performance.now() - startMs;
  if (analysis === null) throw new Error('a fresh bake has an analysis');
  if (debugSheet !== undefined) {
    const { writeDebugSheet } = await import('./debug-sheet.ts');
    await writeDebugSheet(debugSheet, rig);
  }

  const { x0Px, y0Px, sidePx } = analysis.framing;
  const toPhotoPx = sidePx / 512;
  const landmarks = Array.from({ length: analysis.landmarks.length / 3 }, (_, i) => [
    tenth(x0Px + analysis.landmarks[3 * i] * toPhotoPx),
    tenth(y0Px + analysis.landmarks[3 * i + 1] * toPhotoPx),
  ]);
  const degrees = (rad: number) => tenth((rad * 180) / Math.PI);
  const { yawRad, pitchRad, rollRad } = rig.photoPose;
  const { widthPx, heightPx } = rig.source;
  io.print(
    [
      `${image}: ${widthPx} × ${heightPx} px, ${analysis.faceCount === 1 ? 'one face' : `${analysis.faceCount} faces`}`,
      `  face     ${Math.round(analysis.faceSizePx)} px wide, certainty ${analysis.faceScore.toFixed(2)}`,
      `  pose     yaw ${degrees(yawRad)}°, pitch ${degrees(pitchRad)}°, roll ${degrees(rollRad)}°`,
      `  fit      ${(analysis.fitError * 100).toFixed(2)} % of the face's height`,
      `  time     ${Math.round(totalMs)} ms`,
      ...rig.warnings.map(({ message }) => `  warning  ${message}`),
      ...(rig.warnings.length === 0 ? ['  no warnings: this photo is fine'] : []),
      ...(debugSheet === undefined ? [] : [`  sheet    ${debugSheet}`]),
    ].join('\n'),
  );
  return {
    image,
    usable: true,
    photo: { widthPx, heightPx },
    faceCount: analysis.faceCount,
    face: { score: analysis.faceScore, widthPx: tenth(analysis.faceSizePx), fitError: analysis.fitError },
    crop: { x0Px: tenth(x0Px), y0Px: tenth(y0Px), sidePx: tenth(sidePx) },
    poseDegrees: { yaw: degrees(yawRad), pitch: degrees(pitchRad), roll: degrees(rollRad) },
    landmarksPx: landmarks,
    warnings: rig.warnings,
    totalMs: tenth(totalMs),
    timingsMs: Object.fromEntries(Object.entries(timings).map(([step, ms]) => [step.replace(/Ms$/, ''), tenth(ms)])),
  };
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
