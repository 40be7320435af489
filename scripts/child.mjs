// Programs that a script runs. A signal to the script is passed on to them, and ends the script once they are gone: nothing
// stays behind, whoever was asked to stop.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const running = new Set();

/** A program that is still there by then, such as an npm that puts back what it found, is ended. */
const END_LIMIT_MS = 5000;

function passOn(signal) {
  process.exitCode = 128 + constants.signals[signal];
  for (const child of running) child.kill(signal);
  setTimeout(() => {
    for (const child of running) child.kill('SIGKILL');
  }, END_LIMIT_MS).unref();
}

/**
 * A program beside the script.
 * @param {string} command @param {string[]} args @param {import('node:child_process').SpawnOptions} [options]
 */
export function startChild(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', shell: process.platform === 'win32', ...options });
  if (running.size === 0) for (const signal of SIGNALS) process.on(signal, passOn);
  running.add(child);
  const forget = () => {
    if (!running.delete(child) || running.size > 0) return;
    for (const signal of SIGNALS) process.off(signal, passOn);
    // The script was told to stop, and waited for this.
    if (process.exitCode > 128) process.exit();
  };
  child.once('close', forget);
  child.once('error', forget);
  return child;
}

/** Runs a program to its end. @returns {Promise<number | string>} its exit code, or why it has none. */
export async function runChild(command, args, options) {
  try {
    const [code, signal] = await once(startChild(command, args, options), 'close');
    return code ?? signal;
  } catch (error) {
    return error.message;
  }
}
