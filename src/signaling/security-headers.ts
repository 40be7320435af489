/**
 * What browsers are told to allow our pages: their own scripts, connections to this server and to the allowed origins, the microphone. Strict-Transport-Security
 * only where the operator wants it, and only over HTTPS.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import helmet from 'helmet';
import { hostNameOf } from './host-names.ts';
import type { OriginPolicy } from './origins.ts';

/** Allowed to our own pages; everything else that can be named is not. */
const OWN_FEATURES = ['microphone', 'autoplay', 'fullscreen', 'screen-wake-lock', 'speaker-selection'];
const NO_FEATURES = [
  ...[
    'accelerometer',
    'camera',
    'display-capture',
    'encrypted-media',
    'geolocation',
    'gyroscope',
    'hid',
    'idle-detection',
  ],
  ...[
    'magnetometer',
    'midi',
    'payment',
    'picture-in-picture',
    'publickey-credentials-get',
    'serial',
    'usb',
    'xr-spatial-tracking',
  ],
];
const PERMISSIONS = [...OWN_FEATURES.map((name) => `${name}=(self)`), ...NO_FEATURES.map((name) => `${name}=()`)].join(
  ', ',
);

/** WebSocket and HTTP of the same place. */
const socketOf = (origin: string): string => origin.replace(/^http/, 'ws');

/** @param trustedProxies of whom `X-Forwarded-Proto` is believed. */
export function isHttps({ socket, headers }: IncomingMessage, trustedProxies: number): boolean {
  if ((socket as Partial<TLSSocket>).encrypted) return true;
  return trustedProxies > 0 && String(headers['x-forwarded-proto']).split(',').at(-1)?.trim() === 'https';
}

/** Not every browser takes 'self' for the sockets of a page's own server. */
function ownSockets({ headers: { host } }: IncomingMessage): string {
  return host !== undefined && hostNameOf(host) !== undefined ? `ws://${host} wss://${host}` : '';
}

export function securityHeaders(
  origins: OriginPolicy,
  settings: { hstsS: number; trustedProxies: number },
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  const isEmbeddable = origins.allowed.length > 0;
  const { hstsS, trustedProxies } = settings;
  const protect = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'base-uri': ["'self'"],
        'connect-src': ["'self'", ownSockets, ...origins.allowed.flatMap((origin) => [origin, socketOf(origin)])],
        'font-src': ["'self'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'self'", ...origins.allowed],
        'img-src': ["'self'", 'blob:', 'data:'],
        'media-src': ["'self'", 'blob:'],
        'object-src': ["'none'"],
        'script-src': ["'self'"],
        'script-src-attr': ["'none'"],
        'style-src': ["'self'", "'unsafe-inline'"],
      },
    },
    // Pages of allowed origins load the element's script and may show the page in a frame.
    crossOriginResourcePolicy: { policy: isEmbeddable ? 'cross-origin' : 'same-origin' },
    xFrameOptions: isEmbeddable ? false : { action: 'sameorigin' },
    crossOriginEmbedderPolicy: false,
    strictTransportSecurity: false,
  });
  return (req, res, next) => {
    res.setHeader('permissions-policy', PERMISSIONS);
    if (hstsS > 0 && isHttps(req, trustedProxies)) res.setHeader('strict-transport-security', `max-age=${hstsS}`);
    protect(req, res, next);
  };
}
