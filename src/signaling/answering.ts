/**
 * Messages of a socket and their answers. In: whatever a client sends under a name of the protocol. Out: what passes the name's schema, to
 * its handler; and an answer in every case, the handler's or what went wrong.
 */
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Door } from '../metrics.ts';
import type { CallSocket } from './call-sockets.ts';
import { type Describe, issueOf } from './failure.ts';
import type { ClientToServerEvents, Reply } from './protocol.ts';

export const emptySchema = z.object({}).optional();

export type OnMessage = <S extends z.ZodType, R extends object>(
  name: keyof ClientToServerEvents,
  schema: S,
  handle: (message: z.infer<S>) => R | Promise<R>,
) => void;

/** @returns a function that takes a message's handler. */
export function answering(socket: CallSocket, describe: Describe): OnMessage {
  return (name, schema, handle) => {
    const listener = async (raw: unknown, reply?: unknown): Promise<void> => {
      const answer: Reply<object> = typeof reply === 'function' ? (reply as Reply<object>) : () => {};
      try {
        const parsed = schema.safeParse(raw);
        if (!parsed.success)
          throw new AppError('SIGNALING_INVALID', `Message "${name}" is not acceptable: ${issueOf(parsed.error)}.`);
        answer(await handle(parsed.data));
      } catch (error) {
        answer(describe(error, doorOf(name)).failure);
      }
    };
    socket.on(name, listener as never);
  };
}

const doorOf = (name: keyof ClientToServerEvents): Door => (name === 'join' || name === 'candidate' ? name : 'message');
