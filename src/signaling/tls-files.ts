/**
 * The server's own certificate: two PEM files, read at start and again whenever they change, as certbot and others renew them (new files under
 * the same names, or links that point elsewhere). New ones that do not fit are named and the old ones stay.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { AppError } from '../errors.ts';

const WATCH_MS = 2000;

export interface TlsFiles {
  cert: string;
  key: string;
}

export interface TlsIdentity {
  cert: Buffer;
  key: Buffer;
  /** Of the server's own certificate, the first in the file. */
  expiresMs: number;
  names: string;
}

/** @throws AppError TLS_INVALID naming the file. */
export function readTlsFiles({ cert, key }: TlsFiles): TlsIdentity {
  const [certPem, keyPem] = [read(cert), read(key)];
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certPem);
  } catch (cause) {
    throw new AppError('TLS_INVALID', `${cert} (server.tls.cert) is not a certificate in PEM form.`, { cause });
  }
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(keyPem);
  } catch (cause) {
    throw new AppError('TLS_INVALID', `${key} (server.tls.key) is not a private key in PEM form without a password.`, {
      cause,
    });
  }
  if (!certificate.checkPrivateKey(privateKey))
    throw new AppError('TLS_INVALID', `The key ${key} does not belong to the certificate ${cert}; name a pair.`);
  const names = certificate.subjectAltName ?? certificate.subject;
  return { cert: certPem, key: keyPem, expiresMs: Date.parse(certificate.validTo), names };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'EACCES' ? 'this user may not' : 'there is no such file';
    throw new AppError('TLS_INVALID', `${path} (server.tls) cannot be read: ${why}.`, { cause });
  }
}

/** @param use gets every new pair that fits. @param failed is told of one that does not. @returns what ends the watch. */
export function watchTlsFiles(
  files: TlsFiles,
  use: (identity: TlsIdentity) => void,
  failed: (error: unknown) => void,
  intervalMs = WATCH_MS,
): Disposable {
  const reread = (): void => {
    try {
      use(readTlsFiles(files));
    } catch (error) {
      failed(error);
    }
  };
  // By polling: it follows links, and sees a file that is replaced as well as one that is written.
  const paths = [files.cert, files.key];
  for (const path of paths) watchFile(path, { interval: intervalMs, persistent: false }, reread);
  return {
    [Symbol.dispose]() {
      for (const path of paths) unwatchFile(path, reread);
    },
  };
}
