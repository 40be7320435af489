/** Where an answer's time went, ms; a part that did not happen is missing. */
export interface TurnTrace {
  /** The caller's last voiced sample → the turn counted as over. */
  eouDelayMs?: number;
  /** The end of the voice was found → the final transcript was there. */
  sttDelayMs?: number;
  /** Question asked → first piece of the answer. */
  llmTtftMs?: number;
  /** First sentence known → its first sound. */
  ttsTtfbMs?: number;
  /** First sound at the engine → announced by it. */
  engineFirstFrameMs?: number;
  /** The caller's last voiced sample (or the typed text's arrival) → the answer's first sound sent. */
  responseLatencyMs?: number;
  /** Decision to be silent → last sound sent. */
  interruptionLatencyMs?: number;
}
