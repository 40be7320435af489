/** What every benchmark of calls needs: the sample face, an engine, the embedded voice and brain; 25 pictures a second, nothing said unasked. */
import { EmbeddedBrain } from '../../agent/embedded-brain.ts';
import { EmbeddedSynthesizer } from '../../agent/embedded-synthesizer.ts';
import { loadConfig } from '../../config.ts';
import { AvatarEngine } from '../../engine/avatar-engine.ts';
import { cachePortrait } from '../../engine/portrait/portrait.ts';
import type { Scope } from '../../media/scope.ts';
import type { LiveCallParts } from './live-call.ts';
import { samplePortrait } from './sample-portrait.ts';

/** @param workers threads that draw. @throws AppError FILE_UNWRITABLE. */
export async function openBenchEngine(
  scope: Scope,
  workers: number,
): Promise<LiveCallParts & { engine: AvatarEngine }> {
  const config = structuredClone(loadConfig({}));
  config.motion.fps = 25;
  config.conversation.greets = false;
  const { path } = await cachePortrait(samplePortrait);
  const engine = scope.use(new AvatarEngine(workers));
  await engine.warmUp();
  await engine.answer();
  const synthesizer = scope.use(new EmbeddedSynthesizer());
  const brain = scope.use(new EmbeddedBrain(config.brain));
  return { config, engine, rigPath: path, synthesizer, brain };
}
