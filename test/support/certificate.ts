/** A self-signed certificate, made by openssl. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** @returns the paths of both files, in `folder`. */
export function makeCertificate(folder: string, name: string, file = name): { cert: string; key: string } {
  const paths = { cert: join(folder, `${file}-cert.pem`), key: join(folder, `${file}-key.pem`) };
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-out', paths.cert, '-keyout', paths.key],
    ],
    { stdio: 'ignore' },
  );
  return paths;
}
