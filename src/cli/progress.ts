/** A progress bar on stderr when a person is watching; nothing otherwise, so that logs stay clean. */
import cliProgress from 'cli-progress';

export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** @param total in units; null when it is not known ahead. */
export function startProgress(title: string, total: number | null, visible: boolean, unit = 'pictures'): Progress {
  if (!visible || !process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const startMs = performance.now();
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    fps: 8,
    format:
      total === null
        ? `${title} {value} ${unit} · {perSecond} per second`
        : `${title} {bar} {percentage} % · {value}/{total} ${unit} · {perSecond} per second · {eta_formatted} left`,
  });
  bar.start(total ?? 1, 0, { perSecond: '…' });
  return {
    update(done) {
      if (total === null || done > bar.getTotal()) bar.setTotal(Math.max(done, bar.getTotal()));
      bar.update(done, { perSecond: Math.round((done / (performance.now() - startMs)) * 1000) });
    },
    stop: () => bar.stop(),
  };
}
