/** A program's WebSocket: JSON messages and bytes in any order. The first byte of a line says which: `{` JSON, `!` raw text, `~` bytes of sound. */
import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import type { WebSocket } from 'ws';
import { describeFailure } from '../../../src/signaling/failure.ts';
import type { HostedCall } from '../../../src/signaling/hosting.ts';
import { MessageBudget } from '../../../src/signaling/limits.ts';
import { ProgramSocket } from '../../../src/signaling/program-socket.ts';
import { type FuzzTarget, holds } from '../target.ts';

const logger = pino({ level: 'silent' });

export const target: FuzzTarget = {
  name: 'speech-api',
  covers: [
    'src/signaling/program-socket.ts',
    'src/signaling/protocol.ts',
    'src/media/pcm-decoder.ts',
    'src/media/resampler.ts',
  ],
  seeds: () => [
    '{"type":"start","sampleRateHz":24000}\n~abcdabcd\n~x\n{"type":"end"}\n{"type":"text","text":"Hi."}',
    '{"type":"start","sampleRateHz":16000,"channels":2}\n~abcdefgh\n{"type":"clear"}\n{"type":"start","sampleRateHz":8000}',
    '{"type":"end"}\n!no json\n{"type":"text","text":"","voice":"x"}\n~early',
  ],
  words: [
    '{"type":"',
    'start',
    'end',
    'text',
    'clear',
    '"sampleRateHz":',
    '"channels":',
    '\n~',
    '\n{',
    '\n!',
    '7999',
    '96000',
    '1e3',
  ],
  async run(input) {
    const sent: string[] = [];
    const socket = Object.assign(new EventEmitter(), {
      OPEN: 1,
      readyState: 1,
      send: (text: string) => sent.push(text),
      pause() {},
      resume() {},
      close() {
        socket.readyState = 3;
      },
    });
    const call = {
      speak: () => 2,
      openSound: () => ({
        turnId: 1,
        isOver: false,
        push: async (samples: Float32Array) => holds(samples.every(Number.isFinite), 'sound is finite'),
        end() {},
      }),
      stop() {},
    } as unknown as HostedCall;
    new ProgramSocket(
      socket as unknown as WebSocket,
      's',
      { call, watchers: new Set() },
      new MessageBudget(0),
      (error) => describeFailure(error, logger).failure,
    );
    for (const line of Buffer.from(input).toString('latin1').split('\n')) {
      const isBinary = line.startsWith('~');
      socket.emit('message', Buffer.from(isBinary || line.startsWith('!') ? line.slice(1) : line, 'latin1'), isBinary);
      await Promise.resolve();
    }
    socket.emit('close');
    for (const text of sent) {
      const { type, code } = JSON.parse(text) as { type: string; code?: string };
      holds(type !== 'error' || code !== 'INTERNAL', `no insides are told: ${text}`);
    }
  },
};
