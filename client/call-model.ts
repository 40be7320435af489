/**
 * The call as the page shows it. In: the events of `<visavis-call>` and what the visitor does. Out: plain fields to render from, and a word to
 * the page when they have changed. What goes wrong ends as a notice.
 */
import type {
  CaptionMessage,
  ControlsMessage,
  Failure,
  HeardMessage,
  HintMessage,
  RoomState,
  TurnMessage,
} from '../src/signaling/protocol.ts';
import type { CallState } from './call.ts';
import { Kiosk } from './kiosk.ts';
import { type FaceControls, NEUTRAL_CONTROLS } from './settings.ts';
import { type Line, withCaption, withHeard, withNote, withTurn, withTyped } from './transcript.ts';
import type { Activity, VisavisCall } from './visavis-call.ts';
import { words } from './words.ts';

/** Sliders send many values: as often as a face can follow. */
const CONTROLS_MS = 40;
/** A kiosk whose key was taken back asks now and then whether it is good again. */
const DOOR_CODES = ['ACCESS_REQUIRED', 'KEY_INVALID'];
const DOOR_WAIT_S = 60;

export interface Notice {
  message: string;
  isError: boolean;
}

export class CallModel {
  state: CallState = 'idle';
  activity: Activity = 'idle';
  lines: Line[] = [];
  notice: Notice | undefined;
  /** With `?room=NAME`: who shares this face, and who may speak. */
  room: RoomState | undefined;
  isTalking = false;
  isMirror = false;
  /** Of the microphone, 0 … 1. */
  level = 0;
  controls: FaceControls = NEUTRAL_CONTROLS;
  /** The command that lets a program speak through this face, once it was asked for. */
  program = '';
  readonly kiosk: Kiosk | undefined;
  private readonly changed: () => void;
  private element: VisavisCall | undefined;
  /** The turn that is spoken now; 0 while none is. */
  private speakingTurn = 0;
  private isHolding = false;
  private pendingControls: ControlsMessage = {};

  constructor(isKiosk: boolean, changed: () => void) {
    this.changed = changed;
    if (isKiosk)
      this.kiosk = new Kiosk(
        () => void this.face.join(),
        () => this.isTalking || this.setTalk(true),
      );
  }

  get isLive(): boolean {
    return this.state === 'live' || this.state === 'reconnecting';
  }

  get isSpeaking(): boolean {
    return this.speakingTurn > 0;
  }

  /** Without the right to speak here. */
  get isWatching(): boolean {
    return this.room?.maySpeak === false;
  }

  /** Listens to the element from now on. */
  attach(face: VisavisCall | null): void {
    if (!face || face === this.element) return;
    this.element = face;
    for (const [name, handle] of Object.entries(this.handlers))
      face.addEventListener(name, (event) => {
        handle((event as CustomEvent).detail as never);
        this.changed();
      });
  }

  private get face(): VisavisCall {
    if (!this.element) throw new Error('the page has no face yet');
    return this.element;
  }

  private readonly handlers: Record<string, (detail: never) => void> = {
    state: ({ state }: { state: CallState }) => this.enter(state),
    activity: ({ state }: { state: Activity }) => {
      this.activity = state;
    },
    talk: ({ isOn }: { isOn: boolean }) => {
      this.isTalking = isOn;
    },
    level: ({ level }: { level: number }) => {
      this.level = level;
    },
    heard: (message: HeardMessage) => {
      this.lines = withHeard(this.lines, message);
    },
    caption: (message: CaptionMessage) => {
      this.lines = withCaption(this.lines, message);
    },
    turn: (message: TurnMessage) => {
      // A new turn may begin before the one that it cuts off is told to be over.
      if (message.state === 'started') this.speakingTurn = message.turnId;
      else if (message.turnId === this.speakingTurn) this.speakingTurn = 0;
      this.lines = withTurn(this.lines, message);
    },
    hint: ({ text }: HintMessage) => this.tell(text),
    handoff: () => {
      this.lines = withNote(this.lines, words('A person has been asked for.'));
    },
    room: (room: RoomState) => {
      this.room = room;
    },
    failed: ({ code, message, retryAfterS }: Failure['error']) => {
      this.tell(message, true);
      this.kiosk?.refused(retryAfterS ?? (DOOR_CODES.includes(code) ? DOOR_WAIT_S : 0));
    },
  };

  private enter(state: CallState): void {
    this.state = state;
    if (state === 'live') {
      if (this.notice?.isError) this.notice = undefined;
      void this.kiosk?.live();
    }
    if (state === 'joining') this.program = '';
    if (this.isLive) return;
    this.speakingTurn = 0;
    this.isMirror = false;
    if (state === 'ended') this.kiosk?.ended();
  }

  tell(message: string, isError = false): void {
    this.notice = { message, isError };
    this.changed();
  }

  dismissNotice(): void {
    this.notice = undefined;
    this.changed();
  }

  private attempt(action: () => Promise<unknown>): void {
    action().then(
      () => {
        if (this.notice?.isError) this.dismissNotice();
      },
      (error: Error) => this.tell(error.message, true),
    );
  }

  /** Joins first where there is no call; where there is none to be had, the visitor was told why. */
  private inCall(action: () => Promise<unknown>): void {
    this.attempt(async () => {
      if (this.isLive || (await this.face.join())) await action();
    });
  }

  /** @param isExact to be spoken as it stands, not answered. */
  send(text: string, isExact: boolean): void {
    this.inCall(async () => {
      if (isExact) return await this.face.speak(text);
      this.lines = withTyped(this.lines, text);
      this.changed();
      return await this.face.say(text);
    });
  }

  setTalk(isOn: boolean): void {
    if (isOn) this.inCall(() => this.face.setTalk(true));
    else this.attempt(() => this.face.setTalk(false));
  }

  setMirror(isOn: boolean): void {
    const set = async (): Promise<void> => {
      await this.face.setMirror(isOn);
      this.isMirror = isOn;
      this.changed();
    };
    if (isOn) this.inCall(set);
    else this.attempt(set);
  }

  hold(isDown: boolean): void {
    if (isDown === this.isHolding) return;
    this.isHolding = isDown;
    this.attempt(() => this.face.hold(isDown));
  }

  interrupt(): void {
    if (this.isSpeaking) this.attempt(() => this.face.stop());
  }

  end(): void {
    this.face.leave();
  }

  connectProgram(): void {
    this.attempt(async () => {
      const { ticket } = await this.face.invite();
      this.program = `node examples/speech-api.mjs ${new URL('.', location.href).href} ${ticket} "Hello"`;
      this.changed();
    });
  }

  /** At most one message is on its way at a time, always the newest. */
  setControls(controls: ControlsMessage): void {
    this.controls = { ...this.controls, ...controls } as FaceControls;
    this.changed();
    const isSending = Object.keys(this.pendingControls).length > 0;
    this.pendingControls = { ...this.pendingControls, ...controls };
    if (isSending) return;
    setTimeout(() => {
      const newest = this.pendingControls;
      this.pendingControls = {};
      this.attempt(() => this.face.setControls(newest));
    }, CONTROLS_MS);
  }
}
