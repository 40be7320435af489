// The server's own certificate: a pair that fits is taken, also while the server runs; one that does not is named, and the one before stays.
import { copyFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { readTlsFiles, watchTlsFiles } from '../../src/signaling/tls-files.ts';
import { makeCertificate } from '../support/certificate.ts';

const scratch = mkdtempSync(join(tmpdir(), 'visavis-tls-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const first = makeCertificate(scratch, 'first.example');
const second = makeCertificate(scratch, 'second.example');

describe('a certificate', () => {
  it('is read with its names and its end', () => {
    expect(readTlsFiles(first)).toMatchObject({ names: 'DNS:first.example' });
    expect(readTlsFiles(first).expiresMs).toBeGreaterThan(Date.now());
  });

  it('is refused by the name of the file that is wrong', () => {
    const junk = join(scratch, 'junk.pem');
    writeFileSync(junk, 'junk');
    const nowhere = join(scratch, 'nowhere.pem');
    for (const [files, words] of [
      [{ ...first, cert: nowhere }, [nowhere, 'no such file']],
      [{ ...first, key: nowhere }, [nowhere, 'no such file']],
      [{ ...first, cert: junk }, [junk, 'not a certificate']],
      [{ ...first, key: junk }, [junk, 'not a private key']],
      [{ ...first, key: second.key }, [second.key, 'does not belong to']],
    ] as const)
      for (const word of words) expect(() => readTlsFiles(files)).toThrow(word);
    expect(() => readTlsFiles({ ...first, cert: junk })).toThrow(expect.objectContaining({ code: 'TLS_INVALID' }));
  });
});

describe('while the server runs', () => {
  /** Files as certbot keeps them: links, which are turned to a new version. */
  function linked() {
    const files = { cert: join(scratch, 'live-cert.pem'), key: join(scratch, 'live-key.pem') };
    const turn = (file: keyof typeof files, to: string): void => {
      rmSync(`${files[file]}.new`, { force: true });
      symlinkSync(to, `${files[file]}.new`);
      renameSync(`${files[file]}.new`, files[file]);
    };
    turn('cert', first.cert);
    turn('key', first.key);
    return { files, turn };
  }

  it('a new pair is served to new connections; half of one and a damaged one leave the old pair in place', async () => {
    const { files, turn } = linked();
    const server = createServer(readTlsFiles(files));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const told: unknown[] = [];
    let noticed = (): void => {};
    const next = (change: () => void): Promise<void> =>
      new Promise((resolve) => {
        noticed = resolve;
        change();
      });
    using _watch = watchTlsFiles(
      files,
      (identity) => {
        server.setSecureContext(identity);
        noticed();
      },
      (error) => {
        told.push(error);
        noticed();
      },
      20,
    );
    const served = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await served()).toBe('first.example');
    await next(() => turn('cert', second.cert)); // the key has not followed yet
    expect(told).toHaveLength(1);
    expect(await served()).toBe('first.example');
    await next(() => turn('key', second.key));
    expect(await served()).toBe('second.example');
    const damaged = join(scratch, 'damaged.pem');
    writeFileSync(damaged, 'damaged');
    await next(() => turn('cert', damaged));
    expect(String(told.at(-1))).toContain(files.cert);
    expect(await served()).toBe('second.example');
    await next(() => copyFileSync(second.cert, damaged)); // written in place
    expect(await served()).toBe('second.example');
    server.close();
  });
});
