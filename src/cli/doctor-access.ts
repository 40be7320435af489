/**
 * What `visavis doctor` says about who gets in: the door, the keys, the secret that signs tickets, the certificate. In: the configuration; out: findings
 * in plain words with a remedy. Secrets that are too short are no configuration at all: `config.ts` refuses them.
 */
import type { Config } from '../config.ts';
import { environmentSecrets } from '../config.ts';
import { openDoorWarning, requireChosenAccess } from '../signaling/access.ts';
import { KeyRing } from '../signaling/access-keys.ts';
import { isLoopbackHost } from '../signaling/host-names.ts';
import { readTlsFiles } from '../signaling/tls-files.ts';
import type { Finding } from './doctor-checks.ts';

const DAY_MS = 86_400_000;
/** Certificates of Let's Encrypt are renewed when 30 days are left. */
const SOON_DAYS = 21;

const ok = (detail: string): Finding => ({ state: 'ok', detail });
const warning = (detail: string, remedy: string): Finding => ({ state: 'warning', detail, remedy });
const problem = (detail: string, remedy: string): Finding => ({ state: 'problem', detail, remedy });

/** @throws AppError for keys that cannot be read, and for a server that would refuse to start. */
export function checkAccess(config: Config): Finding {
  const { access, host, trustedProxies } = config.server;
  if (access === 'open') {
    requireChosenAccess(config);
    if (openDoorWarning(config) === undefined) return ok('Open, for this machine alone.');
    const how = isLoopbackHost(host) ? `through ${trustedProxies} proxies` : `on ${host}`;
    return warning(
      `Open to everyone ${how}: strangers may call, upload pictures and use the LLM and voices that you pay for.`,
      'Set server.access to "keys", and let people in with "visavis access link".',
    );
  }
  using keys = new KeyRing(config.server.keysFile, environmentSecrets('VISAVIS_API_KEYS') ?? '');
  if (!keys.isEmpty) return ok(`Closed: callers show a key or a signed ticket (${config.server.keysFile}).`);
  const isSigned = config.server.ticketSecret !== '';
  return warning(
    isSigned
      ? 'Closed, without a key: only tickets that a back end signs get in.'
      : 'Closed, without a key: nobody gets in.',
    'Make a link with "visavis access link", or a key for a back end with "visavis access add NAME".',
  );
}

export function checkTicketSecret({ server: { ticketSecret } }: Config): Finding {
  if (ticketSecret !== '')
    return ok(`Tickets are signed with ${Buffer.byteLength(ticketSecret)} bytes of server.ticketSecret.`);
  return ok(
    'Tickets are signed with a random key, good until the server stops; callers come back after a restart by themselves if server.ticketSecret is set.',
  );
}

/** @throws AppError TLS_INVALID. */
export function checkCertificate({ server: { tls, hosts } }: Config, nowMs = Date.now()): Finding {
  if (tls.cert === '') return ok('None of its own: plain HTTP, for this machine or behind a proxy.');
  const { expiresMs, names } = readTlsFiles(tls);
  const days = Math.floor((expiresMs - nowMs) / DAY_MS);
  const renew = 'Renew it; a running server takes the new files over by itself.';
  if (days < 0) return problem(`The certificate ${tls.cert} has expired.`, renew);
  const missing = hosts.find((name) => !names.toLowerCase().includes(name.toLowerCase()));
  if (missing !== undefined)
    return warning(`The certificate ${tls.cert} does not name ${missing} (server.hosts).`, 'Get one that does.');
  if (days < SOON_DAYS) return warning(`The certificate ${tls.cert} expires in ${days} days.`, renew);
  return ok(`${tls.cert} is good for ${days} days (${names}).`);
}

/** Browsers give the microphone to secure pages only. */
export function checkSecureContext({ server: { host, tls, trustedProxies } }: Config): Finding {
  if (isLoopbackHost(host) && trustedProxies === 0)
    return ok('Browsers on this machine give the microphone; they ask for it at the first call.');
  if (tls.cert !== '') return ok('Pages come by HTTPS: browsers give the microphone.');
  if (trustedProxies > 0) return ok('Behind a proxy: browsers give the microphone if it speaks HTTPS.');
  return warning(
    `Pages from http://${host} get no microphone: browsers give it to https and localhost only.`,
    'Set server.tls, or put an HTTPS proxy in front of the server; typing works without.',
  );
}
