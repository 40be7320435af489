/** Where a Chromium or Chrome is on this machine: for the browser tests and the measurements in a browser. */
import { existsSync } from 'node:fs';
import { environmentSecrets } from '../config.ts';

const CANDIDATES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The one that CHROMIUM_PATH names wins. */
export function findChromium(): string | undefined {
  // Not a secret, but it too lives in the environment.
  const named = environmentSecrets('CHROMIUM_PATH');
  return [named, ...CANDIDATES].find((path) => path !== undefined && existsSync(path));
}
