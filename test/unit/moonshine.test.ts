// What the embedded recogniser makes of what its network says; the network itself is heard in golden/moonshine.test.ts.
import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { MoonshineRecognizer } from '../../src/agent/moonshine.ts';
import type { MoonshineReply } from '../../src/agent/moonshine-worker.ts';
import { RECOGNIZER_RATE_HZ } from '../../src/agent/recognizer.ts';

const UNSURE = { text: 'Wait, where is the toy let me', confidence: -0.9 };

/** An utterance of a second for each look in between, of which the network says this; at its end it says the last. */
async function transcript(...replies: { text: string; confidence: number }[]): Promise<string> {
  const worker = Object.assign(new EventEmitter(), {
    postMessage(request: unknown) {
      if (request === 'end') worker.emit('exit');
      else queueMicrotask(() => worker.emit('message', replies.shift() satisfies MoonshineReply | undefined));
    },
  });
  await using recognizer = new MoonshineRecognizer(() => worker as unknown as Worker);
  const hearing = recognizer.open({ signal: new AbortController().signal, onPartial: () => {} });
  while (replies.length > 1) {
    hearing.push(new Float32Array(RECOGNIZER_RATE_HZ));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { text } = await hearing.finish();
  return text;
}

it('keeps what it was sure of before the end took its sureness away', async () => {
  const sure = { text: 'Wait, where are the toilets?', confidence: -0.2 };
  expect(await transcript({ text: 'Wait.', confidence: -0.6 }, sure, UNSURE)).toBe(sure.text);
});

it('takes what is heard at the end for the better, where it is sure', async () => {
  const end = { text: 'Wait, where are the toilets, please?', confidence: -0.3 };
  expect(await transcript({ text: 'Wait, wear other', confidence: -0.4 }, end)).toBe(end.text);
});

it('makes no words of a word or two in a noise', async () => {
  expect(await transcript({ text: 'The.', confidence: -0.7 }, UNSURE)).toBe('');
});

it('makes no words of what it was never sure of', async () => {
  expect(await transcript({ text: 'Good in talk van', confidence: -0.8 }, UNSURE)).toBe('');
});
