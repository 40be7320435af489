/** Voice and language model behind one address, well for a while and then not: they stall, fail, hang up in mid-answer or talk nonsense. */
import type { ServerResponse } from 'node:http';
import { chat, json, MockProvider } from '../support/mock-provider.ts';

const MOODS = ['well', 'well', 'stalls', 'fails', 'hangs up', 'nonsense', 'nothing'] as const;
const MOOD_MS = 4000;
const VOICE_HZ = 24_000;

/** @returns the service; `seen` counts its answers by mood. */
export async function startMoodyServices(
  random: () => number,
): Promise<{ service: MockProvider; seen: Record<string, number> } & AsyncDisposable> {
  const service = await MockProvider.start();
  const seen: Record<string, number> = {};
  let mood: (typeof MOODS)[number] = 'well';
  const timer = setInterval(() => {
    mood = MOODS[Math.floor(random() * MOODS.length)]!;
  }, MOOD_MS);
  const answer = (response: ServerResponse, well: () => void, begin: () => void): void => {
    seen[mood] = (seen[mood] ?? 0) + 1;
    if (mood === 'well') well();
    else if (mood === 'fails') json(response, { error: { message: 'overloaded' } }, 503);
    else if (mood === 'nothing') response.writeHead(200).end();
    else if (mood === 'nonsense')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('\u0000data: {]\n\n<html>');
    else if (mood === 'hangs up') {
      begin();
      setTimeout(() => response.destroy(), 50);
    }
    // One that stalls is left as it is.
  };
  const deltas = [{ content: 'The museum ' }, { content: 'opens at nine. ' }, { content: 'Come and see it.' }];
  service.on('POST /v1/chat/completions', (_request, response) =>
    answer(
      response,
      () => chat(response, deltas),
      () => chat(response, deltas.slice(0, 1), { isOpen: true }),
    ),
  );
  const tone = Buffer.alloc(2 * VOICE_HZ);
  for (let i = 0; i < VOICE_HZ; i++) tone.writeInt16LE(Math.round(6000 * Math.sin(i / 20) * Math.sin(i / 900)), 2 * i);
  service.on('POST /v1/audio/speech', (_request, response) => {
    const head = { 'content-type': 'audio/pcm' };
    answer(
      response,
      () => response.writeHead(200, head).end(tone),
      () => response.writeHead(200, head).write(tone.subarray(0, 9001)),
    );
  });
  service.on('GET /v1/models', (_request, response) => json(response, { data: [{ id: 'moody' }] }));
  return {
    service,
    seen,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await service[Symbol.asyncDispose]();
    },
  };
}
