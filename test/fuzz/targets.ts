/** The targets by name. Each is loaded in the process that fuzzes it, so that its coverage is its own. */
import type { FuzzTarget } from './target.ts';

const TARGETS: Readonly<Record<string, () => Promise<{ target: FuzzTarget }>>> = {
  signaling: () => import('./targets/signaling.ts'),
  'speech-api': () => import('./targets/speech-api.ts'),
  sdp: () => import('./targets/sdp.ts'),
  image: () => import('./targets/image.ts'),
  wav: () => import('./targets/wav.ts'),
  ssml: () => import('./targets/ssml.ts'),
  markdown: () => import('./targets/markdown.ts'),
  'spoken-text': () => import('./targets/spoken-text.ts'),
  chat: () => import('./targets/chat.ts'),
  'motion-file': () => import('./targets/motion-file.ts'),
  planted: () => import('./targets/planted.ts'),
};

/** Has a fault put there on purpose; a fuzzer that does not find it finds nothing. */
export const PLANTED = 'planted';

export const targetNames = Object.keys(TARGETS);

export async function loadTarget(name: string): Promise<FuzzTarget> {
  return (await TARGETS[name]!()).target;
}
