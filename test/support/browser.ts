/** Chromium for the e2e lane: headless, offline, with a fake microphone where a WAV is given. */
import { type Browser, chromium } from 'playwright-core';
import { findChromium } from '../../src/cli/find-chromium.ts';

export interface BrowserOptions {
  /** File that the fake microphone plays in a loop. */
  microphoneWav?: string;
  /** WebGL in software; costs time, so only where it is tested. */
  webgl?: boolean;
  /** When sound may play; without it, always. */
  autoplay?: 'user-gesture-required' | 'document-user-activation-required';
}

export async function launchBrowser(options: BrowserOptions = {}): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('no Chromium found; install one or name it in CHROMIUM_PATH');
  return chromium.launch({ executablePath, args: chromiumArguments(options) });
}

export function chromiumArguments({ microphoneWav, webgl, autoplay }: BrowserOptions): string[] {
  return [
    '--no-sandbox',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    ...(webgl ? ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'] : ['--disable-gpu']),
    `--autoplay-policy=${autoplay ?? 'no-user-gesture-required'}`,
    // A page that hears a microphone may play sound, too: where that is judged, nobody allows one.
    ...(autoplay ? [] : ['--use-fake-ui-for-media-stream']),
    '--use-fake-device-for-media-stream',
    ...(microphoneWav ? [`--use-file-for-fake-audio-capture=${microphoneWav}`] : []),
    '--disable-features=WebRtcHideLocalIpsWithMdns',
  ];
}
