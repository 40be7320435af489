/**
 * What visitors read where the operator's sentence names things of the server: its files, folders, settings, services and their addresses. In:
 * a code and the sentence; out: what a visitor may read and can act on. Everything else is about what visitors sent, and passes as it is.
 */
import type { ErrorCode } from '../errors.ts';

const INSTALLATION =
  'Something is wrong with the server, and trying again will not mend it soon; its operator finds the reason in the log.';

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  FILE_NOT_FOUND: INSTALLATION,
  FILE_UNREADABLE: INSTALLATION,
  FILE_UNWRITABLE: INSTALLATION,
  WRITE_FAILED: INSTALLATION,
  RIG_INVALID: INSTALLATION,
  MOTION_INVALID: INSTALLATION,
  MODEL_MISSING: INSTALLATION,
  MODEL_CORRUPT: INSTALLATION,
  PROVIDER_UNAVAILABLE: INSTALLATION,
  ENCODER_UNAVAILABLE: INSTALLATION,
  CONFIG_INVALID: INSTALLATION,
  KNOWLEDGE_INVALID: INSTALLATION,
  TLS_INVALID: INSTALLATION,
  KEYS_INVALID: INSTALLATION,
  PORT_UNAVAILABLE: INSTALLATION,
  BRAIN_UNAVAILABLE: 'No answer could be had right now; ask again in a moment.',
  RECOGNIZER_UNAVAILABLE: 'What you say cannot be understood right now; type instead, or try again in a moment.',
  TTS_UNAVAILABLE: 'The voice cannot speak right now; try again in a moment.',
  LIVE_MODEL_UNAVAILABLE: 'The conversation was interrupted on the server’s side; say it again in a moment.',
};

/** Codes whose sentences are for the operator. */
export const OPERATORS_CODES: ReadonlySet<string> = new Set(Object.keys(SENTENCES));

/** @returns what a visitor reads instead; undefined where the sentence may pass. */
export const visitorSentence = (code: string): string | undefined => SENTENCES[code as ErrorCode];
