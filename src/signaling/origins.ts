/**
 * Which web pages may come in. In: the headers Origin and Host of a request; out: yes or no. A page of the server's own origin may, and
 * those of the configured ones; a program that is no browser sends no Origin and is judged by its ticket.
 */

import { AppError } from '../errors.ts';

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i;

export class OriginPolicy {
  readonly allowed: readonly string[];
  private readonly isLocalOnly: boolean;
  private readonly names: readonly string[];

  /**
   * @param listensOn the address that the server listens on.
   * @param names its own, besides those of this machine.
   */
  constructor(allowed: readonly string[], listensOn: string, names: readonly string[] = []) {
    this.names = names.map((name) => name.toLowerCase());
    this.allowed = allowed.map((origin) => new URL(origin).origin);
    this.isLocalOnly = LOOPBACK.test(listensOn) || listensOn === '::1';
  }

  isAllowed(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.allowed.includes(origin)) return true;
    let url: URL;
    try {
      url = new URL(origin);
    } catch {
      return false;
    }
    if (url.host !== host?.toLowerCase()) return false;
    // A page elsewhere can give its own name our loopback address; a server for this machine only knows which names are its own.
    return !this.isLocalOnly || LOOPBACK.test(url.hostname) || this.names.includes(url.hostname);
  }
}

export const originRefused = (): AppError =>
  new AppError(
    'ORIGIN_REFUSED',
    'Pages of this site may not use this server; its operator can add the site to server.allowedOrigins.',
  );
