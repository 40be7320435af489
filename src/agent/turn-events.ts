/** The vocabulary of turn-taking: what can happen in a conversation, and what may have to be done about it. */

export type Activity = 'idle' | 'listening' | 'thinking' | 'speaking';

export type TurnEvent =
  /** The microphone is part of the conversation, or no longer. */
  | { kind: 'talk'; isOn: boolean }
  /** The caller can hear the face, or cannot yet. @param wasGreeted in the call before this one, which was cut off. */
  | { kind: 'hears'; isOn: boolean; wasGreeted: boolean }
  | { kind: 'voice-started'; sinceUs: number }
  | { kind: 'voice-stopped'; lastVoicedUs: number }
  | { kind: 'partial'; utteranceId: number; text: string }
  /** The final words of an utterance; empty where none were understood. */
  | { kind: 'transcript'; utteranceId: number; text: string; language?: string }
  | { kind: 'typed'; text: string }
  | { kind: 'hold'; isDown: boolean }
  /** Someone else makes the face speak (a program, mirror mode). */
  | { kind: 'guest' }
  /** The first sound of a reply was sent. */
  | { kind: 'sounded'; replyId: number }
  /** The last of a reply was sent, or it was cut off. */
  | { kind: 'settled'; replyId: number; interrupted: boolean }
  /** The reply asks to hand over to a human, or to end the call, once it is said. */
  | { kind: 'wish'; replyId: number; wish: 'hand-off' | 'goodbye' }
  | { kind: 'tick' }
  | { kind: 'end' };

export type TurnEffect =
  /** An utterance begins: the recogniser is to hear it, from a little before now. */
  | { kind: 'hear'; utteranceId: number }
  | { kind: 'finish-hearing'; utteranceId: number }
  | { kind: 'drop-hearing'; utteranceId: number }
  | { kind: 'heard'; text: string; isFinal: boolean }
  /** @param goesOn the caller spoke on as if the answer before had not begun: these words belong to those it was to answer. */
  | { kind: 'answer'; replyId: number; text: string; lastVoicedUs?: number; language?: string; goesOn?: true }
  | { kind: 'line'; replyId: number; line: 'greeting' | 'prompt' | 'goodbye' | 'not-understood' }
  /** The guest's speech has this number. */
  | { kind: 'guest'; replyId: number }
  /** Silence, now. For all but guests `resume` or `discard` follows. */
  | { kind: 'interrupt'; replyId: number }
  /** The reply that was cut off goes on where it was. */
  | { kind: 'resume'; replyId: number; cutReplyId: number }
  /** What was cut off will not be said; whatever still works on it stops. */
  | { kind: 'discard'; replyId: number }
  | { kind: 'activity'; state: Activity }
  /** The caller should be told that words are not understood, without a sound. */
  | { kind: 'hint' }
  | { kind: 'hand-off' }
  | { kind: 'hang-up' };
