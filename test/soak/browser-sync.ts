/**
 * Lips against sound for minutes, in Chromium and Firefox: a face that flashes and beeps once a second, watched and heard in the browser. In: how
 * long, whether a program that keeps a core busy runs beside it. Out: how far apart they were, of all flashes and of the first ten, and what is too far.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { BROWSERS, type BrowserName, isInstalled, launchEither } from '../support/either-browser.ts';
import { startFlashServer } from '../support/flash-call.ts';
import { type Flash, flashes, joinWatched, medianOf, seenAndHeard, type Watched } from '../support/flash-watcher.ts';
import { hasPulseAudio, SilentSoundDevice } from '../support/silent-sound-device.ts';

const MOST_APART_MS = { quiet: 40, besideBusyCore: 80 };
const READ_S = 5;
const FIRST = 10;

interface Apart {
  flashes: number;
  medianMs: number;
  p95Ms: number;
}

function apart(seen: readonly Flash[]): Apart {
  const skews = seen.map(({ skewMs }) => skewMs);
  const sizes = skews.map(Math.abs).sort((a, b) => a - b);
  return { flashes: skews.length, medianMs: medianOf(skews), p95Ms: sizes[Math.floor(0.95 * (sizes.length - 1))]! };
}

export async function browserSync(
  minutes: number,
  besideBusyCore: boolean,
): Promise<{ report: object; findings: string[] }> {
  const report: Record<string, object> = {};
  const findings: string[] = [];
  for (const name of BROWSERS) {
    if (!isInstalled(name) || (name === 'firefox' && !hasPulseAudio())) {
      report[name] = { skipped: 'not installed (Firefox also needs pulseaudio)' };
      continue;
    }
    const seen = await watchOne(name, minutes, besideBusyCore);
    const all = apart(seen);
    report[name] = { besideBusyCore, ...all, first: apart(seen.slice(0, FIRST)) };
    // The other browser may fail yet.
    console.info(`${name}: ${JSON.stringify(report[name])}`);
    const most = besideBusyCore ? MOST_APART_MS.besideBusyCore : MOST_APART_MS.quiet;
    if (all.p95Ms > most)
      findings.push(`${name}: sound and picture are ${all.p95Ms} ms apart (p95), more than ${most}`);
    if (all.flashes < minutes * 60 * 0.9)
      findings.push(`${name}: only ${all.flashes} flashes were seen with their beep`);
  }
  return { report, findings };
}

async function watchOne(name: BrowserName, minutes: number, besideBusyCore: boolean): Promise<Flash[]> {
  await using server = await startFlashServer();
  using device = name === 'firefox' ? await SilentSoundDevice.open() : undefined;
  const busy: ChildProcess | undefined = besideBusyCore ? spawn(process.execPath, ['-e', 'for (;;);']) : undefined;
  try {
    const joined = await joinWatched(
      () => launchEither(name, device ? { pulseServer: device.address } : {}),
      server.url,
    );
    if (!joined) throw new Error(`${name} does not begin to play sound`);
    await using _browser = joined.browser;
    const watched: Watched = { pictures: [], sounds: [] };
    for (let s = 0; s < minutes * 60; s += READ_S) {
      await new Promise((resolve) => setTimeout(resolve, READ_S * 1000));
      const { pictures, sounds } = await seenAndHeard(joined.page);
      watched.pictures = watched.pictures.concat(pictures);
      watched.sounds = watched.sounds.concat(sounds);
    }
    return flashes(watched);
  } finally {
    busy?.kill();
  }
}
