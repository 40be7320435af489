/**
 * Worker thread in which the embedded recogniser's network runs, because it computes for tenths of a second at a time. In: a few seconds of
 * sound; out: the words and how sure the network is of them. It ends when told to: a thread must not be ended while a model runs in it.
 *
 * Moonshine is an encoder over raw sound and a decoder that writes one token at a time, the most likely one (arXiv 2410.15608).
 */
import tokenizer from 'llama-tokenizer-js';
import { loadModel, type Model, type TensorInput } from '../inference.ts';
import { answerInOrder } from '../media/worker-replies.ts';

export interface MoonshineRequest {
  /** 16 kHz mono, at most some 30 s. */
  samples: Float32Array;
}

export interface MoonshineReply {
  text: string;
  /** Mean natural logarithm of the tokens' probabilities, ≤ 0. */
  confidence: number;
}

const RATE_HZ = 16_000;
/** Below this the encoder has nothing to look at. */
const MIN_SAMPLES = RATE_HZ / 2;
/** More than anybody says; where it is reached the network has begun to repeat itself. */
const MAX_TOKENS_PER_S = 6.5;
const LAYERS = 6;
const HEADS = 8;
const HEAD_SIZE = 36;
const START_TOKEN = 1;
const END_TOKEN = 2;
/** Above these there are only marks that are not words. */
const WORD_TOKENS = 32_000;

let networks: Promise<{ encoder: Model; decoder: Model }> | undefined;

function load(): Promise<{ encoder: Model; decoder: Model }> {
  networks ??= Promise.all([loadModel('moonshine-tiny-en-encoder'), loadModel('moonshine-tiny-en-decoder')]).then(
    ([encoder, decoder]) => ({ encoder, decoder }),
  );
  networks.catch(() => {
    networks = undefined;
  });
  return networks;
}

async function transcribe(sound: Float32Array): Promise<MoonshineReply> {
  const { encoder, decoder } = await load();
  const samples = new Float32Array(Math.max(sound.length, MIN_SAMPLES));
  samples.set(sound);
  const { last_hidden_state: heard } = await encoder.run({
    input_values: { data: samples, dims: [1, samples.length] },
  });
  let memory: Record<string, TensorInput> = emptyMemory();
  const tokens: number[] = [];
  let logProbability = 0;
  let token = START_TOKEN;
  const maxTokens = Math.ceil((MAX_TOKENS_PER_S * samples.length) / RATE_HZ);
  for (let step = 0; step < maxTokens; step++) {
    const outputs = await decoder.run({
      ...memory,
      input_ids: { data: BigInt64Array.of(BigInt(token)), dims: [1, 1] },
      encoder_hidden_states: heard!,
      use_cache_branch: { data: Uint8Array.of(step > 0 ? 1 : 0), dims: [1] },
    });
    const best = mostLikely(outputs.logits!.data);
    logProbability += best.logProbability;
    token = best.index;
    if (token === END_TOKEN) break;
    if (token < WORD_TOKENS) tokens.push(token);
    memory = remember(memory, outputs, step === 0);
  }
  if (tokens.length === 0) return { text: '', confidence: logProbability };
  return {
    text: tokenizer.decode([START_TOKEN, ...tokens]).trim(),
    confidence: logProbability / (tokens.length + 1),
  };
}

function emptyMemory(): Record<string, TensorInput> {
  const memory: Record<string, TensorInput> = {};
  for (let layer = 0; layer < LAYERS; layer++)
    for (const part of ['decoder', 'encoder'])
      for (const kind of ['key', 'value'])
        memory[`past_key_values.${layer}.${part}.${kind}`] = {
          data: new Float32Array(0),
          dims: [0, HEADS, 1, HEAD_SIZE],
        };
  return memory;
}

/** What the encoder said is remembered once; what was written grows with every token. */
function remember(
  memory: Record<string, TensorInput>,
  outputs: Record<string, TensorInput>,
  isFirst: boolean,
): Record<string, TensorInput> {
  const next: Record<string, TensorInput> = {};
  for (const [name, before] of Object.entries(memory)) {
    const isNew = isFirst || name.includes('.decoder.');
    next[name] = isNew ? outputs[name.replace('past_key_values', 'present')]! : before;
  }
  return next;
}

function mostLikely(logits: Float32Array): { index: number; logProbability: number } {
  let index = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[index]!) index = i;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - logits[index]!);
  return { index, logProbability: -Math.log(sum) };
}

answerInOrder<MoonshineRequest, MoonshineReply>(({ samples }) => transcribe(samples));
