/** The two dialects of the Realtime protocol. In: a session's first message and our wishes; out: the messages that set it up, in its words. */
import type { JsonMessage } from './json-socket.ts';
import { LIVE_MODEL_RATE_HZ } from './speech-to-speech.ts';

export type Dialect = 'current' | 'beta';

interface SessionWishes {
  voice: string;
  instructions: string;
  transcriptionModel: string;
  tools: { name: string; description: string; parameters: Record<string, unknown> }[];
}

export interface RememberedLine {
  role: 'user' | 'assistant';
  text: string;
}

/** The beta's sessions list modalities; today's have a type and an audio part. */
export function dialectOf({ session }: JsonMessage): Dialect {
  const fields = typeof session === 'object' && session !== null ? (session as JsonMessage) : {};
  return fields.type === undefined && fields.audio === undefined && fields.modalities !== undefined
    ? 'beta'
    : 'current';
}

export function sessionUpdate(
  dialect: Dialect,
  { voice, instructions, transcriptionModel, tools }: SessionWishes,
): JsonMessage {
  const shared = {
    instructions,
    tools: tools.map((tool) => ({ type: 'function', ...tool })),
    tool_choice: 'auto',
  };
  const transcription = { model: transcriptionModel };
  const turnDetection = { type: 'server_vad', create_response: true, interrupt_response: true };
  if (dialect === 'beta')
    return {
      type: 'session.update',
      session: {
        ...shared,
        modalities: ['text', 'audio'],
        voice,
        input_audio_format: 'pcm16',
        output_audio_format: 'pcm16',
        input_audio_transcription: transcription,
        turn_detection: turnDetection,
      },
    };
  const format = { type: 'audio/pcm', rate: LIVE_MODEL_RATE_HZ };
  return {
    type: 'session.update',
    session: {
      ...shared,
      type: 'realtime',
      output_modalities: ['audio'],
      audio: {
        input: { format, transcription, turn_detection: turnDetection },
        output: { format, voice },
      },
    },
  };
}

/** Something that was said, or typed, as an item of the conversation. */
export function messageItem(dialect: Dialect, { role, text }: RememberedLine): JsonMessage {
  const assistantKind = dialect === 'beta' ? 'text' : 'output_text';
  const content = [{ type: role === 'user' ? 'input_text' : assistantKind, text }];
  return { type: 'conversation.item.create', item: { type: 'message', role, content } };
}

/** Today's name of an event. */
export function currentName(type: unknown): string {
  return String(type)
    .replace(/^response\.audio_transcript\./, 'response.output_audio_transcript.')
    .replace(/^response\.audio\./, 'response.output_audio.');
}
