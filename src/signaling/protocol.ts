/**
 * What page and server say to each other: HTTP for portraits and tickets, one socket per visitor for a call. Every message from a
 * client passes these schemas before anything else sees it; the page imports the types only.
 */
import { z } from 'zod';
import { CONTROL_RANGES, EMOTIONS, MAX_SEED } from '../engine/controls.ts';
import type { TurnTrace } from '../media/turn-trace.ts';
import { fitsMessage, MAX_SAY_CHARACTERS, MAX_SPEAK_BYTES, MAX_SPEAK_CHARACTERS } from './message-limits.ts';
import type {
  RtpCapabilities,
  RtpParameters,
  SfuConnectMessage,
  SfuIceRestart,
  SfuOffer,
  SfuStream,
  SfuTransport,
} from './sfu-protocol.ts';

const ranged = ({ min, max }: { min: number; max: number }) => z.number().min(min).max(max);

/** Live controls, as in the public motion-frame contract; every part may be left out. */
export const controlsSchema = z.strictObject({
  gaze: z
    .strictObject({ yawRad: ranged(CONTROL_RANGES['gaze.yawRad']), pitchRad: ranged(CONTROL_RANGES['gaze.pitchRad']) })
    .exactOptional(),
  headDistance: ranged(CONTROL_RANGES.headDistance).exactOptional(),
  emotion: z.partialRecord(z.enum(EMOTIONS), ranged(CONTROL_RANGES.emotion)).exactOptional(),
  headMotion: ranged(CONTROL_RANGES.headMotion).exactOptional(),
  expressiveness: ranged(CONTROL_RANGES.expressiveness).exactOptional(),
  seed: z.number().int().min(0).max(MAX_SEED).exactOptional(),
});

/**
 * `POST /api/tickets?room=NAME&as=viewer`; without a room the ticket opens a call of one's own. `for=upload`: a ticket for one picture instead;
 * `call=ID`: one to speak by program in the call of this id.
 */
export const ticketQuerySchema = z.object({
  /** However its letters are composed; with vowel signs, which many scripts write as marks. */
  room: z
    .string()
    .normalize('NFC')
    .regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._-]{0,63}$/u)
    .optional(),
  /** Left out: speaker, but viewer in a room that is open already. */
  as: z.enum(['speaker', 'viewer']).optional(),
  for: z.enum(['call', 'upload']).default('call'),
  call: z.string().max(64).optional(),
});
export type TicketQuery = z.infer<typeof ticketQuerySchema>;

/** `GET /api/access`: what the asker may do here. */
export interface AccessInfo {
  /** Whether calls can be opened. */
  isAdmitted: boolean;
  canUpload: boolean;
  /** The only faces that calls may be opened with. */
  portraits?: string[];
  /** Why not, and how to get in. */
  error?: Failure['error'];
}

const MAX_SDP_CHARACTERS = 64_000;

export const joinSchema = z.strictObject({
  /** From `POST /api/tickets`, or the return token of the call before. */
  ticket: z.string().max(4000),
  portraitId: z.string().max(200),
  controls: controlsSchema.optional(),
  /** Who draws the face: the server, sending video (the default), or the page, from motion over a data channel. */
  render: z.enum(['server', 'client']).optional(),
});

export const answerSchema = z.strictObject({ sdp: z.string().min(1).max(MAX_SDP_CHARACTERS) });

export const candidateSchema = z.strictObject({
  candidate: z.string().max(2000),
  sdpMid: z.string().max(64).nullish(),
  sdpMLineIndex: z.number().int().min(0).max(64).nullish(),
  usernameFragment: z.string().max(256).nullish(),
});

export const speakSchema = z.strictObject({
  text: z
    .string()
    .min(1)
    .max(MAX_SPEAK_CHARACTERS)
    .refine(fitsMessage, `at most ${MAX_SPEAK_BYTES / 1000} kB; send it in parts`),
  voice: z.string().max(64).optional(),
});

export const mirrorSchema = z.strictObject({ isOn: z.boolean() });
/** A typed turn of the caller's, which the face answers. */
export const saySchema = z.strictObject({
  text: z.string().trim().min(1).max(MAX_SAY_CHARACTERS),
  voice: z.string().max(64).optional(),
});
/** Whether the conversation hears the microphone; the voice is the one it answers in from now on. */
export const talkSchema = z.strictObject({ isOn: z.boolean(), voice: z.string().max(64).optional() });
/** Whether the caller can hear the face: a browser may forbid sound until the page is touched. */
export const hearsSchema = z.strictObject({
  isOn: z.boolean(),
  wasGreeted: z.boolean().optional(),
  voice: z.string().max(64).optional(),
});
/** Push-to-talk: while the key is down the turn is the caller's; letting go ends it. */
export const holdSchema = z.strictObject({ isDown: z.boolean() });

/** What the browser's buffers hold, once a second: how long sound and pictures wait there, and how far apart they are played, ms. */
export const buffersSchema = z.strictObject({
  soundMs: z.number().min(0).max(10_000),
  pictureMs: z.number().min(0).max(10_000),
  skewMs: z.number().min(-10_000).max(10_000).exactOptional(),
});

export type JoinMessage = z.infer<typeof joinSchema>;
export type AnswerMessage = z.infer<typeof answerSchema>;
export type CandidateMessage = z.infer<typeof candidateSchema>;
export type SpeakMessage = z.infer<typeof speakSchema>;
export type SayMessage = z.infer<typeof saySchema>;
export type BuffersMessage = z.infer<typeof buffersSchema>;
export type HearsMessage = z.infer<typeof hearsSchema>;
export type TalkMessage = z.infer<typeof talkSchema>;
export type ControlsMessage = z.infer<typeof controlsSchema>;

export interface Failure {
  error: { code: string; message: string; retryAfterS?: number };
}

/** Every request is answered: with its result or with what went wrong in one sentence. */
export type Reply<T> = (result: T | Failure) => void;

export interface Joined {
  sessionId: string;
  offerSdp: string;
  iceServers: { urls: string; username?: string; credential?: string }[];
  fps: number;
  /** What is really done, whatever was asked for. */
  render: Render;
  /** The ticket for coming back after a cut, in the handshake (`auth.returnToken`) and in `join`; renewed by `returnToken`. */
  returnToken: string;
  /** Of a ticket to a room. */
  room?: RoomState;
}

/** A new offer on the same session; the passwords of the ICE servers may have expired since the first. */
export interface Restarted {
  offerSdp: string;
  iceServers: Joined['iceServers'];
}

export type Render = NonNullable<JoinMessage['render']>;

/** Joined a room that an SFU serves: negotiated by the `sfu…` messages instead of SDP. */
export interface SfuJoined extends Pick<Joined, 'sessionId' | 'iceServers' | 'fps' | 'render' | 'returnToken'> {
  sfu: SfuOffer;
  room: RoomState;
}

/** A room, as one member sees it. */
export interface RoomState {
  name: string;
  portraitId: string;
  viewers: number;
  /** Whose microphone is heard. */
  floor: 'free' | 'mine' | 'taken';
  maySpeak: boolean;
}

export interface Invitation {
  sessionId: string;
  /** For `/api/speech`, as bearer token or `?ticket=`. */
  ticket: string;
  expiresInS: number;
}

export interface ClientToServerEvents {
  join(message: JoinMessage, reply: Reply<Joined | SfuJoined>): void;
  answer(message: AnswerMessage, reply: Reply<object>): void;
  candidate(message: CandidateMessage): void;
  /** A new offer on the same session, after the network changed. */
  restart(message: object, reply: Reply<Restarted>): void;
  sfuReceive(message: { rtpCapabilities: RtpCapabilities }, reply: Reply<{ streams: SfuStream[] }>): void;
  sfuConnect(message: SfuConnectMessage, reply: Reply<object>): void;
  /** The streams may flow. */
  sfuReady(message: object, reply: Reply<object>): void;
  /** A transport to send the microphone on. */
  sfuMicrophone(message: object, reply: Reply<SfuTransport>): void;
  sfuProduce(message: { rtpParameters: RtpParameters }, reply: Reply<{ id: string }>): void;
  /** As `restart`. */
  sfuRestart(message: object, reply: Reply<{ transports: SfuIceRestart[]; iceServers: Joined['iceServers'] }>): void;
  speak(message: SpeakMessage, reply: Reply<{ turnId: number }>): void;
  /** Silence, now. */
  stop(message: object, reply: Reply<object>): void;
  /** The face says what our microphone hears. */
  mirror(message: { isOn: boolean }, reply: Reply<object>): void;
  /** A typed turn of the caller's; the face answers it. */
  say(message: SayMessage, reply: Reply<object>): void;
  /** The conversation hears the microphone, or no longer. It has to be on for `hold`, too. */
  talk(message: TalkMessage, reply: Reply<object>): void;
  /** The caller can hear the face, or cannot yet. The face greets when it is heard, once; without this message, when `talk` is first on. */
  hears(message: HearsMessage, reply: Reply<object>): void;
  /** Push-to-talk. The first one of a call ends the automatic finding of turns until `talk` is sent anew. */
  hold(message: { isDown: boolean }, reply: Reply<object>): void;
  /** A ticket for a program that is to speak through this call's face. */
  invite(message: object, reply: Reply<Invitation>): void;
  controls(message: ControlsMessage, reply: Reply<object>): void;
  /** Is anybody there? */
  probe(message: object, reply: Reply<object>): void;
  /** The pictures are kept back for as long as the sound waits in the browser. */
  buffers(message: BuffersMessage): void;
  leave(message: object, reply: Reply<object>): void;
}

export interface CaptionMessage {
  turnId: number;
  text: string;
}

export interface TurnMessage {
  turnId: number;
  state: 'started' | 'ended';
  playedMs?: number;
  interrupted?: boolean;
  /** With `ended`: the words that were really heard. */
  heard?: string;
  /** With `ended`, of turns that answer the caller. */
  trace?: TurnTrace;
}

/** What the caller said, as understood so far; one that is final begins the next. */
export interface HeardMessage {
  text: string;
  isFinal: boolean;
  /** In a room: another visitor said or typed it. */
  isOthers?: true;
}

/** What the face does, for the page to show. */
export interface ActivityMessage {
  state: 'idle' | 'listening' | 'thinking' | 'speaking';
}

/** Something the caller should know, e.g. that the microphone is heard but not understood here: please type. */
export interface HintMessage {
  text: string;
}

/** What the sender sees, once a second. */
export interface StatsMessage {
  fps: number;
  bitrateKbps: number;
  skewP95Ms: number;
  /** How much later than their sound pictures are sent, for the viewer's browser keeps sound back. */
  pictureDelayMs: number;
  heldFrames: number;
  droppedFrames: number;
  renderMs: number;
  encodeMs: number;
  /** Pictures a second that the link is given. */
  targetFps: number;
  /** What the link is believed to carry. */
  estimatedKbps: number;
  lossPercent: number;
  /** Round trip; absent before the first measurement. */
  rttMs?: number;
}

export interface ServerToClientEvents {
  candidate(message: CandidateMessage): void;
  caption(message: CaptionMessage): void;
  turn(message: TurnMessage): void;
  heard(message: HeardMessage): void;
  activity(message: ActivityMessage): void;
  /** The caller is to be handed over to a human; the conversation answers no more until `talk` or `say` is sent, or half a minute is quiet. */
  handoff(message: object): void;
  hint(message: HintMessage): void;
  stats(message: StatsMessage): void;
  /** Who is in the room, and who has the floor. */
  room(message: RoomState): void;
  failed(message: Failure): void;
  /** A newer one, in the place of that of `Joined`. */
  returnToken(message: { returnToken: string }): void;
  /** The server is about to stop. The call goes on, and ends as `shutdown` if it has not ended by then. */
  draining(message: DrainingMessage): void;
  /** The session is over; the socket stays for another join. */
  ended(message: EndedMessage): void;
}

export interface DrainingMessage {
  /** The call has so long to come to its end. */
  endsInS: number;
}

export interface EndedMessage {
  /** See `call-ends.ts` for those after which the page does not come back. */
  reason: string;
  /** When to come back, if the server knows. */
  retryAfterS?: number;
}

/** One face of the gallery. */
export interface PortraitInfo {
  id: string;
  title: string;
  /** Who made it and under which licence it may be shown; empty for a visitor's own upload. */
  credit: string;
  warnings: string[];
  /** Whose voice suits the face, where that is known. */
  voice?: 'woman' | 'man';
  /** What the face calls itself where no other name is configured; a picture of the operator's or a visitor's has none. */
  name?: string;
}

export interface VoiceInfo {
  id: string;
  title: string;
  language: string;
  /** The id of the same voice as a woman's. */
  woman?: string;
  /** Not worth a line in a list; whoever names it gets it. */
  isUnlisted?: true;
}
