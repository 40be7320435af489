/** Logs (pino). Message texts are constant, values go into fields, spoken text is never logged. */
import { pino } from 'pino';

export type Logger = pino.Logger;

/** @param level one of pino's levels, or `silent`. Writes JSON lines to stderr, so that stdout stays the program's own. */
export function createLogger(level: string): Logger {
  return pino(
    { level, redact: { paths: ['text', '*.text', 'authorization', '*.authorization'], censor: '[redacted]' } },
    pino.destination(2),
  );
}
