/** A caller in a process of its own, to be stopped or killed in mid-call: `node --import tsx caller-process.ts URL PORTRAIT`. */
import { LoopbackClient } from './loopback-client.ts';

const [url, portraitId] = process.argv.slice(2);
const client = new LoopbackClient(url!);
await client.join(portraitId!);
await client.until('pictures', () => client.pictures.length > 3, 60_000);
console.log('in the call');
