/**
 * A sound device without a loudspeaker (PulseAudio with a null sink), for Firefox, whose AudioContext does not run without any. Out: the address
 * for PULSE_SERVER. Skipped where pulseaudio is not installed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 20_000;

export const hasPulseAudio = (): boolean => spawnSync('pulseaudio', ['--version']).status === 0;

export class SilentSoundDevice implements Disposable {
  readonly address: string;
  private readonly child: ChildProcess;
  private readonly folder: string;

  private constructor(child: ChildProcess, folder: string, socket: string) {
    this.child = child;
    this.folder = folder;
    this.address = `unix:${socket}`;
  }

  static async open(): Promise<SilentSoundDevice> {
    const folder = mkdtempSync(join(tmpdir(), 'visavis-sound-'));
    const socket = join(folder, 'socket');
    const script = join(folder, 'script.pa');
    writeFileSync(
      script,
      `load-module module-native-protocol-unix socket=${socket} auth-anonymous=1\nload-module module-null-sink rate=48000\n`,
    );
    const child = spawn('pulseaudio', ['-n', '-F', script, '--exit-idle-time=-1', '--use-pid-file=no'], {
      env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder },
      stdio: 'ignore',
    });
    const device = new SilentSoundDevice(child, folder, socket);
    for (const deadline = performance.now() + PATIENCE_MS; !existsSync(socket); await delay(50))
      if (child.exitCode !== null || performance.now() > deadline) {
        device[Symbol.dispose]();
        throw new Error('pulseaudio did not start');
      }
    return device;
  }

  [Symbol.dispose](): void {
    this.child.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
