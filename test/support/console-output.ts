/** What a command prints, line by line, kept from the terminal; forgotten before each test. */
import { beforeEach, vi } from 'vitest';

export function captureConsole(): { stdout: string[]; stderr: string[] } {
  const stdout: string[] = [];
  const stderr: string[] = [];
  beforeEach(() => {
    stdout.length = 0;
    stderr.length = 0;
    vi.spyOn(console, 'log').mockImplementation((text) => void stdout.push(String(text)));
    vi.spyOn(console, 'error').mockImplementation((text) => void stderr.push(String(text)));
  });
  return { stdout, stderr };
}
