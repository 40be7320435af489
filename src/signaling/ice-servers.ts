/**
 * The STUN and TURN servers of one call. In: configuration and the time. Out: a list as browsers take it. Where the TURN server shares a
 * secret with us (coturn: `use-auth-secret`), each call gets a user name and password that expire by themselves, as in
 * draft-uberti-behave-turn-rest-00 §2.2: user = expiry:name, password = base64(HMAC-SHA1(secret, user)).
 */
import { createHmac } from 'node:crypto';

export interface IceServer {
  urls: string;
  username?: string;
  credential?: string;
}

export interface TurnSettings {
  urls: string[];
  /** Shared with the TURN server; empty: no such server. */
  secret: string;
  lifetimeS: number;
}

/**
 * @param name tells calls apart in the TURN server's log; no secret.
 * @param callEndsS unix time after which nobody needs them; undefined: not known.
 */
export function iceServersOf(
  { iceServers, turn }: { iceServers: IceServer[]; turn: TurnSettings },
  name: string,
  nowMs: number,
  callEndsS = Number.POSITIVE_INFINITY,
): IceServer[] {
  if (turn.secret === '') return iceServers;
  const expiresS = Math.min(Math.floor(nowMs / 1000) + turn.lifetimeS, Math.ceil(callEndsS));
  const username = `${expiresS}:${name}`;
  const credential = createHmac('sha1', turn.secret).update(username).digest('base64');
  return [...iceServers, ...turn.urls.map((urls) => ({ urls, username, credential }))];
}
