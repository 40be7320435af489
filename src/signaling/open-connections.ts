/**
 * The connections of a server, which end with it. Node's own `close` waits for requests that never become whole and for sockets that were upgraded, as
 * long as their other side likes. In: a server; out: closed, with a short time for what is on its way.
 */
import type { Server, Socket } from 'node:net';

const GRACE_MS = 1000;

export class OpenConnections {
  private readonly sockets = new Set<Socket>();

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  /** @param close takes no new connections and settles when there are none. */
  async end(close: () => Promise<unknown>, graceMs = GRACE_MS): Promise<void> {
    const destroy = (): void => {
      for (const socket of this.sockets) socket.destroy();
    };
    const force = setTimeout(destroy, graceMs);
    await close();
    clearTimeout(force);
  }
}
