import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Two files at a time: the machine that must pass has two cores, and some tests open a browser or worker threads.
  test: { maxWorkers: 2, testTimeout: 120_000, hookTimeout: 120_000 },
});
