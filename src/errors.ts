/**
 * Errors that a person is meant to read.
 *
 * `AppError` is bad input or a missing thing from outside: one plain sentence that names the file or flag and the
 * remedy, plus a stable code. Everything else that is thrown is a bug.
 */
export type ErrorCode =
  | 'BAD_USAGE'
  | 'FILE_NOT_FOUND'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'WRITE_FAILED'
  | 'IMAGE_INVALID'
  | 'IMAGE_TOO_SMALL'
  | 'IMAGE_TOO_LARGE'
  | 'NO_FACE'
  | 'FACE_TOO_SMALL'
  | 'FACE_PROFILE'
  | 'RIG_INVALID'
  | 'MOTION_INVALID'
  | 'CONTROL_OUT_OF_RANGE'
  | 'AUDIO_INVALID'
  | 'NO_AUDIO'
  | 'VOICE_UNKNOWN'
  | 'TEXT_EMPTY'
  | 'TEXT_TOO_LONG'
  | 'SSML_INVALID'
  | 'TTS_UNAVAILABLE'
  | 'BRAIN_UNAVAILABLE'
  | 'RECOGNIZER_UNAVAILABLE'
  | 'LIVE_MODEL_UNAVAILABLE'
  | 'MODEL_MISSING'
  | 'MODEL_CORRUPT'
  | 'PROVIDER_UNAVAILABLE'
  | 'ENCODER_UNAVAILABLE'
  | 'CONFIG_INVALID'
  | 'KNOWLEDGE_INVALID'
  | 'TICKET_INVALID'
  | 'ACCESS_REQUIRED'
  | 'KEY_INVALID'
  | 'KEYS_INVALID'
  | 'TLS_INVALID'
  | 'HOST_REFUSED'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'REQUEST_TIMEOUT'
  | 'CONSENT_MISSING'
  | 'UPLOAD_INCOMPLETE'
  | 'PORTRAIT_UNKNOWN'
  | 'PORTRAIT_UNAVAILABLE'
  | 'PORT_UNAVAILABLE'
  | 'SIGNALING_INVALID'
  | 'SERVER_BUSY'
  | 'SERVER_DRAINING'
  | 'RATE_LIMITED'
  | 'ORIGIN_REFUSED'
  | 'SESSION_GONE'
  | 'NOT_ALLOWED'
  | 'FLOOR_TAKEN'
  | 'INTERRUPTED';

export class AppError extends Error {
  readonly code: ErrorCode;
  /** When to try again, for what passes by itself. */
  readonly retryAfterS: number | undefined;

  /** @param message one sentence: what is wrong, with the name of the file or flag, and what to do. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; retryAfterS?: number }) {
    super(message, options);
    this.name = 'AppError';
    this.code = code;
    this.retryAfterS = options?.retryAfterS;
  }
}
