/**
 * A call that nobody sees or hears, so that the first caller's picture and words come from a warm engine, encoder and voice. In: who opens
 * calls, a face, a text; out: nothing, when the face has been drawn and the text begins to sound.
 */
import type { LiveCodec } from './media/live-video-encoder.ts';
import type { CallAudience, CallHost } from './signaling/hosting.ts';
import type { MediaOutlet } from './signaling/peer.ts';

export interface RehearsalParts {
  host: Pick<CallHost, 'open'>;
  portraitId: string;
  codec: LiveCodec;
  /** Undefined: the voice is left alone, because asking it costs. */
  text: string | undefined;
  signal: AbortSignal;
}

/** @throws whatever keeps a call from being opened or a text from being said; the signal's reason. */
export async function rehearse({ host, portraitId, codec, text, signal }: RehearsalParts): Promise<void> {
  const drawn = new Awaited(signal);
  const spoken = new Awaited(signal);
  const outlet: MediaOutlet = {
    videoCodec: codec,
    send: ({ kind }) => kind === 'video' && drawn.resolve(),
    close: async () => {},
  };
  const fail = (why: string): void => {
    for (const each of [drawn, spoken]) each.reject(new Error(why));
  };
  const ignore = (): void => {};
  const audience: CallAudience = {
    ...{ turn: ignore, heard: ignore, activity: ignore, handoff: ignore, hint: ignore, stats: ignore },
    caption: () => spoken.resolve(),
    failed: ({ error }) => fail(error.message),
    ended: fail,
  };
  const call = await host.open(
    { sessionId: 'rehearsal', portraitId, controls: {}, render: 'server' },
    () => outlet,
    audience,
  );
  try {
    call.events.connected();
    await drawn.promise;
    if (text === undefined) return;
    call.speak({ text });
    await spoken.promise;
  } finally {
    await call.close('left');
  }
}

class Awaited {
  resolve!: () => void;
  reject!: (error: unknown) => void;
  readonly promise: Promise<void>;

  constructor(signal: AbortSignal) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {}); // nobody may be waiting
    signal.addEventListener('abort', () => this.reject(signal.reason), { once: true });
  }
}
