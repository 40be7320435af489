/**
 * What a visitor may do: the same few rights in a ticket's claims, on a key, and of a call that is under way. Whoever passes rights on
 * (a key for a ticket, a call for an invitation) can pass on no more than it has.
 */
import { z } from 'zod';

export interface Rights {
  /** Join as speaker; without it only to watch a room. */
  canSpeak: boolean;
  /** Add a picture to animate. */
  canUpload: boolean;
  /** Speak through a call as a program, over `/api/speech`. */
  canProgram: boolean;
  /** Get tickets to one's own call for programs. */
  canInvite: boolean;
  /** Ids of the faces that calls may be opened with; undefined: all. */
  portraits?: string[];
  /** Longest call; undefined: as long as the server allows. */
  maxCallS?: number;
}

export const ALL_RIGHTS: Rights = { canSpeak: true, canUpload: true, canProgram: true, canInvite: true };

/** In claims and in the key file: a right that is not named is not given, but what goes with speaking goes with it. */
export const rightsSchema = z
  .object({
    canSpeak: z.boolean().default(false),
    canUpload: z.boolean().default(false),
    canProgram: z.boolean().optional(),
    canInvite: z.boolean().optional(),
    portraits: z.array(z.string().max(200)).min(1).max(1000).optional(),
    maxCallS: z.number().positive().optional(),
  })
  .transform(
    ({ canSpeak, canUpload, canProgram, canInvite, portraits, maxCallS }): Rights => ({
      canSpeak,
      canUpload,
      canProgram: canProgram ?? canSpeak,
      canInvite: canInvite ?? canSpeak,
      ...(portraits ? { portraits } : {}),
      ...(maxCallS === undefined ? {} : { maxCallS }),
    }),
  );

/** The same rights without those that only a speaker has use for. */
export const asViewer = (rights: Rights): Rights => ({
  ...rights,
  canSpeak: false,
  canProgram: false,
  canInvite: false,
});
