/** What a chat service answers: events, lines, whole objects, cut anywhere. */
import { readChat } from '../../../src/agent/chat-stream.ts';
import { type FuzzTarget, holds } from '../target.ts';

const PIECE = '{"choices":[{"delta":{"content":"Hi "}}]}';

async function eventsOf(bytes: Uint8Array, step: number): Promise<string> {
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
  }
  const events: unknown[] = [];
  try {
    for await (const event of readChat(body())) events.push(event);
  } catch (error) {
    holds(error instanceof Error, 'a refusal has words');
    events.push('refused');
  }
  return JSON.stringify(events);
}

export const target: FuzzTarget = {
  name: 'chat',
  covers: ['src/agent/chat-stream.ts'],
  seeds: () =>
    [
      `data: ${PIECE}\n\ndata: [DONE]\n\n`,
      `: ping\r\nevent: message\r\ndata:${PIECE}\r\n\r\n`,
      `${PIECE}\n${PIECE}\n`,
      '{"choices":[{"message":{"content":[{"type":"text","text":"Hi"}],"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}}]}',
      'data: {"error":{"message":"no"}}\n\n',
      '<html>',
    ].map((text) => Buffer.from(text)),
  words: [
    'data: ',
    'data:',
    '\n\n',
    '\r\n',
    '\r',
    '[DONE]',
    PIECE,
    '{"choices":[',
    ']}',
    '"delta":{',
    '"message":{',
    '"content":',
    'null',
    '[]',
    'event: error',
  ],
  maxBytes: 1024,
  async run(input) {
    const step = 1 + ((input[0] ?? 3) % 13);
    holds((await eventsOf(input, step)) === (await eventsOf(input, input.length || 1)), 'events do not depend on cuts');
  },
};
