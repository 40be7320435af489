// Speaks through the face of a running call: node examples/speech-api.mjs SERVER TICKET voice.wav|"Some text"
// The call page shows SERVER and TICKET under "Connect a program".
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';

const [server, ticket, what] = process.argv.slice(2);
if (!what) {
  console.error('Usage: node examples/speech-api.mjs SERVER TICKET voice.wav|"Some text"');
  process.exit(2);
}
const socket = new WebSocket(new URL(`api/speech?ticket=${ticket}`, server.replace(/^http/, 'ws')));
const send = (message) => socket.send(JSON.stringify(message));

socket.on('open', () => {
  if (!what.endsWith('.wav')) return send({ type: 'text', text: what });
  const wav = readFileSync(what); // 16-bit PCM with the usual 44-byte header
  send({ type: 'start', sampleRateHz: wav.readUInt32LE(24), channels: wav.readUInt16LE(22) });
  for (let at = 44; at < wav.length; at += 32_000) socket.send(wav.subarray(at, at + 32_000));
  send({ type: 'end' });
});
socket.on('message', (data) => {
  const event = JSON.parse(String(data));
  process.stdout.write(`${data}\n`);
  if (event.type === 'ended' || event.type === 'error') socket.close();
});
