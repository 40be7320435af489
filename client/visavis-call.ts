/**
 * `<visavis-call>`: a live face as one element.
 *
 * Attributes: `server` (where Visavis is; default: where this script came from), `portrait`, `voice`, `autojoin`, `captions`, `overlay`,
 * `muted`, `unread` (captions are not read out), `render` (`server`: video; `client`: drawn here), `microphone` and `speaker` (device ids), `room` (a face shared with all who name the
 * same room), `viewer` (only to watch there) and `may-speak` (to speak in a room that others opened), `access` (a key or a signed ticket, for a server
 * that asks for one).
 * Methods: join, leave, say, speak, stop, setTalk, hold, setMirror, setMicrophone, setControls, restartNetwork, invite. Properties: `state`, `activity`.
 * Events (CustomEvent, detail): `state {state}`, `activity {state}`, `heard {text, isFinal}`, `caption {turnId, text}`, `turn`, `hint {text}`,
 * `handoff`, `stats`, `room {viewers, floor, …}`, `level {level}` of the microphone, 0…1, `talk {isOn}`, `failed {code, message, retryAfterS?}`.
 */
import { html, LitElement, nothing, type PropertyValues } from 'lit';
import type { TurnTrace } from '../src/media/turn-trace.ts';
import type { ActivityMessage, ControlsMessage, Invitation, Render, StatsMessage } from '../src/signaling/protocol.ts';
import { Call, type CallState } from './call.ts';
import type { JoinOptions } from './call-connection.ts';
import { callStyles } from './call-styles.ts';
import { DrawnFace } from './drawn-face.ts';
import { Ears } from './ears.ts';
import { FacePlayer } from './face-player.ts';
import { icon } from './icons.ts';
import { LinkMeter, type LinkStatistics } from './link-statistics.ts';
import { renderStatistics } from './statistics-overlay.ts';
import { words } from './words.ts';

export type Activity = ActivityMessage['state'];

const STATE_TEXT: Record<CallState, string> = {
  idle: '',
  joining: words('Joining …'),
  live: '',
  reconnecting: words('The connection was lost. Reconnecting …'),
  ended: '',
};
const ACTIVITY_TEXT: Record<Activity, string> = {
  idle: '',
  listening: words('Listening'),
  thinking: words('Thinking'),
  speaking: words('Speaking'),
};
const STATISTICS_MS = 1000;
/** The face where none is chosen. */
const DEFAULT_PORTRAIT = 'mona-lisa';

export class VisavisCall extends LitElement {
  static override properties = {
    server: { type: String },
    portrait: { type: String },
    voice: { type: String },
    autojoin: { type: Boolean },
    captions: { type: Boolean },
    overlay: { type: Boolean },
    muted: { type: Boolean },
    unread: { type: Boolean },
    renderSide: { attribute: 'render' },
    microphone: { type: String },
    speaker: { type: String },
    room: { type: String },
    access: { type: String },
    maySpeak: { type: Boolean, attribute: 'may-speak' },
    viewer: { type: Boolean },
    state: { state: true },
    activity: { state: true },
    caption: { state: true },
    sent: { state: true },
    received: { state: true },
    trace: { state: true },
    needsGesture: { state: true },
    firstPictureMs: { state: true },
    view: { state: true },
  };
  static override styles = callStyles;

  declare server: string;
  declare portrait: string;
  declare voice: string;
  declare autojoin: boolean;
  declare captions: boolean;
  declare overlay: boolean;
  declare muted: boolean;
  /** Captions are only to be seen: what is said is read out from elsewhere on the page. */
  declare unread: boolean;
  /** The attribute `render`: who draws. */
  declare renderSide: Render;
  declare microphone: string;
  declare speaker: string;
  declare room: string;
  declare access: string;
  declare maySpeak: boolean;
  declare viewer: boolean;
  declare state: CallState;
  declare activity: Activity;
  declare private caption: string;
  declare private sent: StatsMessage | undefined;
  declare private received: LinkStatistics | undefined;
  declare private trace: TurnTrace | undefined;
  declare private needsGesture: boolean;
  declare private firstPictureMs: number | undefined;
  /** Where the face is drawn here. */
  declare private view: DrawnFace | undefined;
  private call: Call | undefined;
  private controls: ControlsMessage = {};
  private isMirror = false;
  private isTalking = false;
  private poll: ReturnType<typeof setInterval> | undefined;
  private readonly meter = new LinkMeter();
  private player: FacePlayer | undefined;
  /** In the room that was entered last. */
  private spoke = false;
  private joinedAtMs = 0;
  private captionTurn = 0;
  private readonly ears = new Ears({
    level: (level) => this.tell('level', { level }),
    track: async (track) => this.call?.setMicrophone(track),
    lost: (message) => {
      this.closeEars();
      this.fail(new Error(message), 'MICROPHONE');
    },
  });

  constructor() {
    super();
    // The built script lies in a folder of the server's root.
    this.server = new URL('..', import.meta.url).href;
    this.portrait = DEFAULT_PORTRAIT;
    this.voice = '';
    this.autojoin = false;
    this.captions = false;
    this.overlay = false;
    this.muted = false;
    this.unread = false;
    this.renderSide = 'server';
    this.microphone = '';
    this.speaker = '';
    this.room = '';
    this.access = '';
    this.maySpeak = false;
    this.viewer = false;
    this.state = 'idle';
    this.activity = 'idle';
    this.caption = '';
    this.needsGesture = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.poll = setInterval(() => void this.readStatistics(), STATISTICS_MS);
    if (this.autojoin) void this.join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.poll);
    this.leave();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('state')) this.toggleAttribute('live', this.state === 'live' || this.state === 'reconnecting');
    this.toggleAttribute('pictured', this.firstPictureMs !== undefined && this.state !== 'ended');
    if (changed.has('room')) this.spoke = false;
    if (changed.has('muted')) this.player?.setMuted(this.muted);
    if (changed.has('voice')) this.call?.setVoice(this.voice).catch((error) => this.fail(error, 'NETWORK'));
    if (changed.has('speaker'))
      this.player?.setSpeaker(this.speaker).catch(() => {
        this.fail(new Error(words('The chosen loudspeaker cannot be used; the one before plays on.')), 'SPEAKER');
      });
    if (changed.has('microphone')) this.ears.use(this.microphone).catch((error) => this.fail(error, 'MICROPHONE'));
    // Another face, or another way to draw it, in the middle of a call: same page, new call.
    const isOther = changed.get('portrait') || changed.get('renderSide');
    if (isOther && this.state === 'live') void this.join();
  }

  protected override firstUpdated(): void {
    this.player = new FacePlayer(this.renderRoot.querySelector('video')!, (isNeeded) => {
      this.needsGesture = isNeeded;
      this.noteHearing();
    });
  }

  /** Starts the call with the chosen portrait. @returns whether there is one now; if not, the `failed` event has told why. */
  async join(): Promise<boolean> {
    await this.updateComplete;
    const previous = this.call;
    this.call = undefined;
    previous?.end();
    this.joinedAtMs = performance.now();
    this.firstPictureMs = undefined;
    this.meter.restart();
    this.caption = '';
    this.enter('joining');
    const call = this.newCall();
    this.call = call;
    const render = this.renderSide === 'client' && (await this.prepareView()) ? 'client' : 'server';
    if (call !== this.call) return false;
    if (render === 'server') this.dropView();
    try {
      await call.setMicrophone(this.ears.track);
      await call.setVoice(this.voice);
      await call.setMirror(this.isMirror);
      await call.setTalk(this.isTalking);
      const { portrait: portraitId, controls, access } = this;
      await call.join({ portraitId, controls, render, access, ...this.roomPart });
      if (call.render === 'server') this.dropView();
      return true;
    } catch (error) {
      if (call !== this.call) return false; // left meanwhile, or joined anew
      this.call = undefined;
      this.enter('ended');
      this.fail(error, 'NETWORK');
      return false;
    }
  }

  /** Who spoke in a room goes on to, with another face too. */
  private get roomPart(): { room?: NonNullable<JoinOptions['room']> } {
    if (!this.room) return {};
    if (this.viewer) return { room: { name: this.room, as: 'viewer' } };
    return { room: { name: this.room, ...(this.maySpeak || this.spoke ? { as: 'speaker' } : {}) } };
  }

  private newCall(): Call {
    const call: Call = new Call(this.server, {
      stream: (stream) => this.show(stream),
      motion: (message) => this.receiveMotion(message),
      state: (state) => {
        if (call !== this.call) return;
        this.requestUpdate();
        if (state === 'ended') this.leave();
        else this.enter(state);
      },
      caption: (message) => {
        this.caption = message.text;
        this.captionTurn = message.turnId;
        this.tell('caption', message);
      },
      turn: (message) => {
        if (message.state === 'ended') {
          if (message.turnId >= this.captionTurn) this.caption = '';
          if (message.trace) this.trace = message.trace;
        }
        this.tell('turn', message);
      },
      heard: (message) => this.tell('heard', message),
      activity: (message) => {
        this.activity = message.state;
        this.tell('activity', message);
      },
      handoff: () => this.tell('handoff', {}),
      hint: (message) => this.tell('hint', message),
      stats: (message) => {
        this.sent = message;
        this.tell('stats', message);
      },
      room: (message) => {
        this.spoke = message.maySpeak;
        this.tell('room', message);
      },
      failed: (failure) => this.tell('failed', failure),
    });
    return call;
  }

  private enter(state: CallState): void {
    if (state === this.state) return;
    this.state = state;
    if (state !== 'live') this.activity = 'idle';
    this.tell('state', { state });
    this.noteHearing();
  }

  /** The face greets once it is heard, from its first word on. */
  private noteHearing(): void {
    if (this.state !== 'live' || !this.player?.isHeard) return;
    this.call?.setHears().catch((error) => this.fail(error, 'NETWORK'));
  }

  leave(): void {
    const { call } = this;
    this.call = undefined;
    call?.end();
    this.player?.stop();
    this.dropView();
    this.caption = '';
    this.closeEars();
    if (call) this.enter('ended');
  }

  /** What the caller says, typed: the face answers. */
  async say(text: string): Promise<void> {
    await this.requireCall().say(text);
  }

  /** The face says exactly this. @returns the turn's number; `turn` events carry it. */
  async speak(text: string): Promise<number> {
    return this.requireCall().speak(text);
  }

  /** Silence, now. */
  async stop(): Promise<void> {
    await this.call?.stop();
  }

  async setControls(controls: ControlsMessage): Promise<void> {
    this.controls = { ...this.controls, ...controls };
    await this.call?.setControls(controls);
  }

  /** Opens the microphone and lets the face listen, or closes it. @throws Error that says what to do. */
  async setTalk(isOn: boolean): Promise<void> {
    if (isOn) await this.ears.open();
    this.isTalking = isOn;
    await this.call?.setTalk(isOn);
    if (!isOn && !this.isMirror) await this.ears.close();
    this.tell('talk', { isOn });
  }

  /** Push-to-talk, while talking is on. */
  async hold(isDown: boolean): Promise<void> {
    await this.call?.hold(isDown);
  }

  /** The face says what the microphone hears. @throws Error that says what to do. */
  async setMirror(isOn: boolean): Promise<void> {
    if (isOn) await this.ears.open();
    this.isMirror = isOn;
    await this.call?.setMirror(isOn);
    if (!isOn && !this.isTalking) await this.ears.close();
  }

  /** A track of one's own in the microphone's place; null gives it back. */
  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.ears.give(track);
  }

  /** A ticket with which a program can speak through this face. */
  async invite(): Promise<Invitation> {
    return this.requireCall().invite();
  }

  /** The same call over another way through the network; done by itself when the network changes. */
  restartNetwork(): void {
    this.requireCall().restartIce();
  }

  private requireCall(): Call {
    if (!this.call) throw new Error(words('There is no call; join first.'));
    return this.call;
  }

  private closeEars(): void {
    const wasOn = this.isTalking;
    this.isTalking = false;
    this.isMirror = false;
    void this.ears.close();
    if (wasOn) {
      void this.call?.setTalk(false).catch(() => {});
      this.tell('talk', { isOn: false });
    }
  }

  private portraitUrl(what: string): string {
    return new URL(`api/portraits/${encodeURIComponent(this.portrait)}/${what}`, this.server).href;
  }

  private tell(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param otherwise the code of an error that has none. */
  private fail(error: unknown, otherwise: string): void {
    const { message, code, ...more } = error as Error & { code?: string; retryAfterS?: number };
    this.tell('failed', { ...more, code: code ?? otherwise, message });
  }

  private show(stream: MediaStream): void {
    this.view?.restart();
    this.player?.show(stream, () => this.notePicture());
  }

  private notePicture(): void {
    this.firstPictureMs ??= Math.round(performance.now() - this.joinedAtMs);
  }

  /** @returns false where the face cannot be drawn here; then the caller is told and gets video. */
  private async prepareView(): Promise<boolean> {
    this.dropView();
    try {
      const view = await DrawnFace.open(this.portraitUrl('rig'), this.clientWidth * devicePixelRatio);
      this.view = view;
      view.live(
        () => this.call?.audioReceiver,
        () => {
          if (view.frameCount > 0) this.notePicture();
        },
      );
      return true;
    } catch (error) {
      this.tell('hint', { text: `The face cannot be drawn here, so it comes as video. ${(error as Error).message}` });
      return false;
    }
  }

  private dropView(): void {
    this.view?.dispose();
    this.view = undefined;
  }

  private receiveMotion(message: ArrayBuffer): void {
    try {
      this.view?.receive(message);
    } catch (error) {
      this.fail(error, 'MOTION_INVALID');
      this.leave();
    }
  }

  private async readStatistics(): Promise<void> {
    if (!this.overlay || this.state !== 'live') return;
    const report = await this.call?.getStats();
    if (!report) return;
    this.received = this.meter.read(report, this.view) ?? this.received;
  }

  private get stateText(): string {
    const cause = this.state === 'reconnecting' ? this.call?.cause : undefined;
    if (cause === 'shutdown') return words('The server is restarting. Back in a moment …');
    if (cause === 'unreachable')
      return words('The server cannot be reached yet; check the network, and whether it is running. Trying again …');
    return STATE_TEXT[this.state];
  }

  protected override render(): unknown {
    const waits = this.state === 'idle' || this.state === 'ended';
    const { view, sent, received, trace, firstPictureMs } = this;
    return html`
      <video playsinline autoplay aria-label=${words('The face')}></video>
      ${view?.canvas}
      ${this.portrait ? ['thumbnail', 'poster'].map((picture) => html`<img src=${this.portraitUrl(picture)} alt="" />`) : nothing}
      ${waits ? html`<button class="join" @click=${() => void this.join()}>${words(this.state === 'ended' ? 'Join again' : 'Join')}</button>` : nothing}
      ${this.needsGesture && !waits ? html`<button class="join" @click=${() => this.player?.tryAgain()}>${icon('sound')} ${words('Tap to hear')}</button>` : nothing}
      <div class="note" role="status">${this.stateText}</div>
      ${
        this.activity === 'idle'
          ? nothing
          : html`<div class="activity ${this.activity}"><i></i>${ACTIVITY_TEXT[this.activity]}</div>`
      }
      ${this.captions ? html`<div class="captions"><div class="caption" aria-live=${this.unread ? 'off' : 'polite'} aria-hidden=${this.unread}>${this.caption}</div></div>` : nothing}
      ${this.overlay ? renderStatistics({ render: view ? 'client' : 'server', firstPictureMs, received, sent, trace }) : nothing}
    `;
  }
}

customElements.define('visavis-call', VisavisCall);
