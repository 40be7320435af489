/**
 * Why a call is over, as the page is told. After most ends the page joins again by itself; after those named here it does not, because somebody
 * wanted the end. Pure: the browser shares this file.
 */
const FINAL_ENDS: ReadonlySet<string> = new Set([
  'goodbye', // the face hung up
  'revoked', // the right to be here was taken back
  'expired', // the time that the ticket allows is over
  'replaced', // the same caller came back on another connection
]);

/** The server stops, or is drained for good: the caller comes back to whoever answers there next. */
export const SHUTDOWN = 'shutdown';

export const isFinalEnd = (reason: string): boolean => FINAL_ENDS.has(reason);
