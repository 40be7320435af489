/** What a visitor's socket needs to serve a call, without a face, a voice or a network. A test replaces what it is about. */
import { pino } from 'pino';
import { AppError } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics.ts';
import type { CallSocketParts } from '../../src/signaling/call-socket.ts';
import { Drain } from '../../src/signaling/drain.ts';
import { describer } from '../../src/signaling/failure.ts';
import { PerMinute } from '../../src/signaling/limits.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import { Returns } from '../../src/signaling/returns.ts';
import { TicketOffice } from '../../src/signaling/tickets.ts';
import { openAccess } from './open-access.ts';

export function callSocketParts(replaced: Partial<CallSocketParts> & Pick<CallSocketParts, 'host' | 'openPeer'>) {
  const logger = pino({ level: 'silent' });
  const metrics = createMetrics();
  const tickets = replaced.tickets ?? new TicketOffice('');
  const rooms = {
    async enter(): Promise<never> {
      throw new AppError('NOT_ALLOWED', 'There are no rooms in this test.');
    },
  };
  return {
    iceServers: () => [],
    tickets,
    access: openAccess as unknown as CallSocketParts['access'],
    candidateRules: { allowLoopback: true, denyPrivate: false },
    maxCallS: 0,
    calls: new LiveCalls(),
    joins: new PerMinute('joins', 0),
    returns: new Returns(tickets, 0),
    rooms: rooms as unknown as CallSocketParts['rooms'],
    silenceS: 30,
    drain: new Drain(),
    describe: describer(logger, metrics),
    metrics,
    logger,
    ...replaced,
  } satisfies CallSocketParts;
}
