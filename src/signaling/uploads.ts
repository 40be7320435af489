/**
 * Pictures as they come in over HTTP. In: a request; out: its body, whole, or an AppError. Bounded: so many uploads at a time, of everybody and
 * of one address, each of a size, none slower than allowed. What is no photo is refused at its first bytes; one that is given up leaves nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../errors.ts';
import { HEAD_BYTES, recognizePicture } from '../media/picture-format.ts';

export interface UploadLimits {
  /** Largest body. */
  maxBytes: number;
  /** Uploads that are being received or analysed. */
  atATime: number;
  /** Of these, from one address. */
  ofOneAddress: number;
  /** For all of the body. */
  totalMs: number;
  /** Without a byte of it. */
  silenceMs: number;
}

export const UPLOAD_LIMITS: Omit<UploadLimits, 'maxBytes'> = {
  atATime: 8,
  ofOneAddress: 3,
  totalMs: 120_000,
  silenceMs: 15_000,
};
const RETRY_AFTER_S = 15;
const MAX_NAME_CHARACTERS = 100;
/** The rest of a refused body is thrown away for so long, so that its sender gets to read why; then the connection is closed. */
const REFUSED_MS = 5000;

/** The middleware leaves the body in `request.body`, and frees its place when the response has been sent or the caller has gone. */
export class Uploads<Incoming extends IncomingMessage = IncomingMessage> {
  private readonly limits: UploadLimits;
  private readonly addressOf: (request: Incoming) => string;
  private readonly admit: (request: Incoming) => void | Promise<void>;
  private readonly placesOf = new Map<string, number>();
  private places = 0;

  /** @param admit throws for a caller who may not send a picture, before any of it is read. */
  constructor(
    limits: UploadLimits,
    addressOf: (request: Incoming) => string,
    admit: (request: Incoming) => void | Promise<void>,
  ) {
    this.limits = limits;
    this.addressOf = addressOf;
    this.admit = admit;
  }

  readonly receive = async (
    request: Incoming & { body?: Buffer },
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): Promise<void> => {
    try {
      await this.admit(request);
      const leave = this.enter(this.addressOf(request), request.headers['content-length']);
      response.once('close', leave);
      request.body = await this.bodyOf(request);
      next();
    } catch (error) {
      throwAway(request);
      next(error);
    }
  };

  /** @throws AppError IMAGE_TOO_LARGE, SERVER_BUSY before anything is read. */
  private enter(address: string, announcedBytes: string | undefined): () => void {
    const { atATime, maxBytes, ofOneAddress } = this.limits;
    if (Number(announcedBytes ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const own = this.placesOf.get(address) ?? 0;
    if (this.places >= atATime || own >= ofOneAddress)
      throw new AppError('SERVER_BUSY', `Other pictures are being received; try again in ${RETRY_AFTER_S} seconds.`, {
        retryAfterS: RETRY_AFTER_S,
      });
    this.places += 1;
    this.placesOf.set(address, own + 1);
    return () => {
      this.places -= 1;
      const left = this.placesOf.get(address)! - 1;
      if (left > 0) this.placesOf.set(address, left);
      else this.placesOf.delete(address);
    };
  }

  private bodyOf(request: IncomingMessage): Promise<Buffer> {
    const { maxBytes, silenceMs, totalMs } = this.limits;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      let isRecognized = false;
      const settle = (act: () => void): void => {
        clearTimeout(total);
        clearTimeout(silence);
        request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
        chunks.length = 0;
        act();
      };
      const refuse = (error: AppError): void => settle(() => reject(error));
      const tooSlow = (): void =>
        refuse(
          new AppError(
            'UPLOAD_INCOMPLETE',
            'The upload takes too long; send a smaller picture, or try again on a better connection.',
          ),
        );
      const onData = (chunk: Buffer): void => {
        silence.refresh();
        bytes += chunk.length;
        if (bytes > maxBytes) {
          refuse(tooLarge(maxBytes));
          return;
        }
        chunks.push(chunk);
        if (isRecognized || bytes < HEAD_BYTES) return;
        isRecognized = true;
        const wrong = noPhoto(Buffer.concat(chunks), uploadName(request));
        if (wrong) refuse(wrong);
      };
      const onEnd = (): void => {
        const body = Buffer.concat(chunks, bytes);
        const wrong = isRecognized ? undefined : noPhoto(body, uploadName(request));
        settle(() => (wrong ? reject(wrong) : resolve(body)));
      };
      const onClose = (): void =>
        refuse(new AppError('UPLOAD_INCOMPLETE', 'The upload was broken off; send it again.'));
      const total = setTimeout(tooSlow, totalMs);
      const silence = setTimeout(tooSlow, silenceMs);
      request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    });
  }
}

function throwAway(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.on('error', () => {});
  request.resume();
  const close = setTimeout(() => request.destroy(), REFUSED_MS);
  request.once('close', () => clearTimeout(close));
}

/** As the page sends it, percent-encoded; what is not properly encoded is taken as it is. */
export function uploadName(request: IncomingMessage): string {
  const header = String(request.headers['x-file-name'] ?? '') || 'upload';
  let name = header;
  try {
    name = decodeURIComponent(header);
  } catch {
    // As it is.
  }
  // Names are shown: no paths, no control characters, no novels.
  return (
    [...name.replaceAll(/[\p{Cc}\p{Cf}]/gu, '').replace(/^.*[/\\]/, '')].slice(0, MAX_NAME_CHARACTERS).join('') ||
    'upload'
  );
}

const tooLarge = (maxBytes: number): AppError =>
  new AppError('IMAGE_TOO_LARGE', `The picture file is larger than ${maxBytes / 1e6} MB; send a smaller one.`);

function noPhoto(head: Buffer, name: string): AppError | undefined {
  if (head.length === 0)
    return new AppError('IMAGE_INVALID', 'The upload is empty; send the picture itself with an image/… content type.');
  const found = recognizePicture(head);
  if (found?.photo) return undefined;
  const what = found
    ? `is ${found.what}, not a photo: ${found.remedy}`
    : 'is not an image that can be read: give a JPEG, PNG, WebP or AVIF photo';
  return new AppError('IMAGE_INVALID', `${name} ${what}.`);
}
