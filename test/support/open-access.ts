/** The door of a server without keys: whoever comes may do everything. */
import type { Access } from '../../src/signaling/access.ts';
import { ALL_RIGHTS } from '../../src/signaling/rights.ts';

export const openAccess = {
  grantOf: async () => ({ rights: ALL_RIGHTS, mayCall: true }),
  requireUpload: async () => {},
  requireInForce: () => {},
  isInForce: () => true,
  countTicket: async () => {},
  openCall: () => () => {},
} satisfies Pick<Access, keyof Access>;
