// The peer: @met4citizen/headaudio's viseme detector on raw sound. In: its package folder, then files of 16 kHz float32 samples.
// Out, on stdout: for each file a JSON line of [time s, viseme name] events in order.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const NAMES = ['aa', 'E', 'I', 'O', 'U', 'PP', 'SS', 'TH', 'DD', 'FF', 'kk', 'nn', 'RR', 'CH', 'sil'];
const SAMPLE_RATE_HZ = 16_000;
const [packageFolder, ...files] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(resolve(packageFolder, 'modules', name)).href);
const { Processor } = await load('processor.mjs');
const { Training } = await load('training.mjs');

// Its loader fetches a URL; here the model is a file of the package.
globalThis.fetch = async () => new Response(await readFile(join(packageFolder, 'dist', 'model-en-mixed.bin')));
const { model } = await new Training().loadModel('model-en-mixed.bin');

for (const file of files) {
  const bytes = await readFile(file);
  const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const events = [];
  const port = {
    postMessage(message) {
      if (message.event === 'viseme') events.push([message.t, NAMES[message.viseme] ?? 'sil']);
      if (message.event === 'ended') events.push([message.t, 'sil']);
    },
  };
  const processor = new Processor({ sampleRate: SAMPLE_RATE_HZ }, { port });
  processor._onmessage({ data: { event: 'model', model } });
  for (let at = 0; at < samples.length; at += 128) processor.process(samples.subarray(at, at + 128));
  console.log(JSON.stringify(events));
}
