/**
 * With what this page gets in where the server asks for it: a link's or a kiosk's key, or a signed ticket. It comes once, behind the # of the address,
 * which no server sees, and is taken from there at once: a kiosk keeps its key for good, everybody else for this tab.
 */
import type { AccessInfo, Failure } from '../src/signaling/protocol.ts';

const KEY = 'visavis-access';
const PARAMETER = 'access';

/** A ticket opens one call by itself; a key gets tickets. */
export const isTicket = (credential: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential);

export const bearer = (credential: string): Record<string, string> =>
  credential === '' || isTicket(credential) ? {} : { authorization: `Bearer ${credential}` };

/** Of the page's address, else the one kept from an earlier visit; empty: none. */
export function takeAccess(isKiosk: boolean): string {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const given = parameters.get(PARAMETER);
  if (given !== null) {
    parameters.delete(PARAMETER);
    const rest = parameters.toString();
    history.replaceState(history.state, '', `${location.pathname}${location.search}${rest ? `#${rest}` : ''}`);
  }
  try {
    const store = isKiosk ? localStorage : sessionStorage;
    if (given !== null && !isTicket(given)) store.setItem(KEY, given);
    return given ?? store.getItem(KEY) ?? '';
  } catch {
    return given ?? ''; // a browser that keeps nothing
  }
}

/** What the server lets this page do. @throws Error when it does not answer. */
export async function fetchAccess(credential: string): Promise<AccessInfo> {
  // A signed ticket is not spent on asking; whether it is good the call will tell.
  if (isTicket(credential)) return { isAdmitted: true, canUpload: false };
  const response = await fetch('api/access', { headers: bearer(credential) });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return (await response.json()) as AccessInfo;
}

/** The header that lets one picture in. @throws Error with the server's own sentence. */
export async function uploadHeaders(credential: string): Promise<Record<string, string>> {
  const response = await fetch('api/tickets?for=upload', { method: 'POST', headers: bearer(credential) });
  const { ticket, error } = (await response.json().catch(() => ({}))) as { ticket?: string } & Partial<Failure>;
  if (ticket === undefined) throw new Error(error?.message ?? `The server answered ${response.status}.`);
  return { authorization: `Bearer ${ticket}` };
}
