/**
 * The call page: a big face, what was said, and everything about the face that can be changed while it lives. `?kiosk` shows the face
 * alone, joins by itself and comes back by itself; `?room=NAME` shares it with everyone who opens that, `&viewer` only to watch.
 * `?portrait= &voice= &render=client &stats` choose what else could be clicked.
 */
import '@picocss/pico/css/pico.min.css';
import './page.css';
import { html, LitElement, nothing, type PropertyValues } from 'lit';
import type {
  CaptionMessage,
  ControlsMessage,
  Failure,
  HeardMessage,
  PortraitInfo,
  RoomState,
  TurnMessage,
  VoiceInfo,
} from '../src/signaling/protocol.ts';
import { type AudioDevices, listAudioDevices, watchAudioDevices } from './audio-devices.ts';
import type { CallState } from './call.ts';
import './call-toolbar.ts';
import { fetchPortraits, fetchVoices, greetingOf, voiceFor } from './catalog.ts';
import './conversation-panel.ts';
import './face-panel.ts';
import { Kiosk } from './kiosk.ts';
import { renderConsent, renderGallery, uploadPortrait } from './portrait-gallery.ts';
import { renderRoomNote } from './room-note.ts';
import { type FaceControls, keepSettings, loadSettings, NEUTRAL_CONTROLS, type Settings } from './settings.ts';
import { type Line, withCaption, withHeard, withNote, withTurn, withTyped } from './transcript.ts';
import './visavis-call.ts';
import type { Activity, VisavisCall } from './visavis-call.ts';

const DISCLOSURE = html`<p class="disclosure">This face is synthetic: a picture, brought to life by a computer.</p>`;
/** Sliders send many values: as often as a face can follow. */
const CONTROLS_MS = 40;

interface Notice {
  message: string;
  isError: boolean;
}

export class VisavisPage extends LitElement {
  static override properties = {
    portraits: { state: true },
    voices: { state: true },
    settings: { state: true },
    controls: { state: true },
    devices: { state: true },
    callState: { state: true },
    activity: { state: true },
    speakingTurn: { state: true },
    level: { state: true },
    lines: { state: true },
    overlay: { state: true },
    isMuted: { state: true },
    tab: { state: true },
    notice: { state: true },
    room: { state: true },
    consentFile: { state: true },
    isBusy: { state: true },
    isTalking: { state: true },
    isMirror: { state: true },
    program: { state: true },
  };

  declare private portraits: PortraitInfo[];
  declare private voices: VoiceInfo[];
  declare private settings: Settings;
  declare private controls: FaceControls;
  declare private devices: AudioDevices;
  declare private callState: CallState;
  declare private activity: Activity;
  /** The turn that is spoken now; 0 while none is. */
  declare private speakingTurn: number;
  /** Of the microphone, 0 … 1. */
  declare private level: number;
  declare private lines: Line[];
  declare private overlay: boolean;
  declare private isMuted: boolean;
  declare private tab: 'conversation' | 'face';
  declare private notice: Notice | undefined;
  /** With `?room=NAME`: who shares this face, and who may speak. */
  declare private room: RoomState | undefined;
  declare private consentFile: File | undefined;
  declare private isBusy: boolean;
  declare private isTalking: boolean;
  declare private isMirror: boolean;
  declare private program: string;
  private readonly query = new URLSearchParams(location.search);
  private pendingControls: ControlsMessage = {};
  private isHolding = false;
  private readonly kiosk = this.query.has('kiosk')
    ? new Kiosk(
        () => void this.face.join(),
        () => this.isTalking || this.attempt(this.setTalk(true)),
      )
    : undefined;

  constructor() {
    super();
    this.portraits = [];
    this.voices = [];
    this.settings = loadSettings(this.query);
    this.controls = NEUTRAL_CONTROLS;
    this.devices = { microphones: [], speakers: [] };
    this.callState = 'idle';
    this.activity = 'idle';
    this.speakingTurn = 0;
    this.level = 0;
    this.lines = [];
    this.overlay = this.query.has('stats');
    this.isMuted = false;
    this.tab = 'conversation';
    this.isBusy = false;
    this.isTalking = false;
    this.isMirror = false;
    this.program = '';
  }

  /** Pico styles the page's own document, so the page does without a shadow root. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.load().catch((error: Error) => this.tell(`The gallery cannot be loaded: ${error.message}`, true));
    if (!('RTCPeerConnection' in window))
      this.tell(
        'This browser has no WebRTC, or it is switched off: use a current Firefox, Chrome, Edge or Safari.',
        true,
      );
    const readDevices = (): void =>
      void listAudioDevices().then((devices) => {
        this.devices = devices;
      });
    readDevices();
    watchAudioDevices(readDevices);
    document.addEventListener('keydown', (event) => this.onKey(event, true));
    document.addEventListener('keyup', (event) => this.onKey(event, false));
  }

  protected override updated(changed: PropertyValues): void {
    // The browser names the devices once the microphone is open.
    if (changed.has('isTalking') && this.isTalking)
      void listAudioDevices().then((devices) => {
        this.devices = devices;
      });
    const consent = this.querySelector<HTMLDialogElement>('dialog.consent:not([open])');
    consent?.showModal();
  }

  /** The face comes first, its voices when the server has opened them. */
  private async load(): Promise<void> {
    this.portraits = await fetchPortraits();
    const known = this.portraits.find(({ id }) => id === this.settings.portraitId) ?? this.portraits[0];
    this.settings = { ...this.settings, portraitId: known?.id ?? '' };
    this.voices = await fetchVoices();
    if (this.voices.some(({ id }) => id === this.settings.voice)) return;
    this.settings = { ...this.settings, voice: voiceFor(this.voices, navigator.language)?.id ?? '' };
  }

  private get face(): VisavisCall {
    return this.querySelector('visavis-call')!;
  }

  private get isLive(): boolean {
    return this.callState === 'live' || this.callState === 'reconnecting';
  }

  private tell(message: string, isError = false): void {
    this.notice = { message, isError };
  }

  /** What goes wrong is told, in one place. */
  private attempt(action: Promise<unknown>): void {
    action.then(
      () => {
        if (this.notice?.isError) this.notice = undefined;
      },
      (error: Error) => this.tell(error.message, true),
    );
  }

  private onKey(event: KeyboardEvent, isDown: boolean): void {
    if (event.key === 'Escape' && isDown && this.speakingTurn) this.attempt(this.face.stop());
    if (event.key !== ' ' || !this.isTalking || !this.settings.isPushToTalk) return;
    if ((event.target as HTMLElement).closest('textarea, input, select, button, summary, [role=slider]')) return;
    event.preventDefault();
    this.hold(isDown);
  }

  private hold(isDown: boolean): void {
    if (isDown === this.isHolding) return;
    this.isHolding = isDown;
    this.attempt(this.face.hold(isDown));
  }

  /** @returns false when there is no call to be had; the visitor was told why. */
  private async joined(): Promise<boolean> {
    return this.isLive || (await this.face.join());
  }

  private async send({ text, isExact }: { text: string; isExact: boolean }): Promise<void> {
    if (!(await this.joined())) return;
    if (isExact) {
      await this.face.speak(text);
      return;
    }
    this.lines = withTyped(this.lines, text);
    await this.face.say(text);
  }

  private async setTalk(isOn: boolean): Promise<void> {
    if (isOn && !(await this.joined())) return;
    await this.face.setTalk(isOn);
  }

  private async setMirror(isOn: boolean): Promise<void> {
    if (isOn && !(await this.joined())) return;
    await this.face.setMirror(isOn);
    this.isMirror = isOn;
  }

  private async connectProgram(): Promise<void> {
    const { ticket } = await this.face.invite();
    this.program = `node examples/speech-api.mjs ${new URL('.', location.href).href} ${ticket} "Hello"`;
  }

  private choose(part: Partial<Settings>): void {
    this.settings = { ...this.settings, ...part };
    keepSettings(this.settings);
    if (part.isPushToTalk === false) this.hold(false);
  }

  /** At most one message is on its way at a time, always the newest. */
  private change(controls: ControlsMessage): void {
    this.controls = { ...this.controls, ...controls } as FaceControls;
    const isSending = Object.keys(this.pendingControls).length > 0;
    this.pendingControls = { ...this.pendingControls, ...controls };
    if (isSending) return;
    setTimeout(() => {
      const newest = this.pendingControls;
      this.pendingControls = {};
      this.attempt(this.face.setControls(newest));
    }, CONTROLS_MS);
  }

  private async upload(file: File): Promise<void> {
    this.isBusy = true;
    this.tell(`Looking at ${file.name} …`);
    try {
      const added = await uploadPortrait(file);
      this.portraits = [...this.portraits.filter(({ id }) => id !== added.id), added];
      this.settings = { ...this.settings, portraitId: added.id };
      this.notice = added.warnings.length > 0 ? { message: added.warnings.join(' '), isError: false } : undefined;
    } catch (error) {
      this.tell((error as Error).message, true);
    } finally {
      this.isBusy = false;
    }
  }

  private onState(state: CallState): void {
    this.callState = state;
    if (state === 'live') {
      if (this.notice?.isError) this.notice = undefined;
      void this.kiosk?.live();
    }
    if (state === 'joining') this.program = '';
    if (state === 'live' || state === 'reconnecting') return;
    this.speakingTurn = 0;
    this.isMirror = false;
    if (state === 'ended') this.kiosk?.ended();
  }

  private onTurn(message: TurnMessage): void {
    // A new turn may begin before the one that it cuts off is told to be over.
    if (message.state === 'started') this.speakingTurn = message.turnId;
    else if (message.turnId === this.speakingTurn) this.speakingTurn = 0;
    this.lines = withTurn(this.lines, message);
  }

  protected override render(): unknown {
    if (!this.settings.portraitId || this.portraits.length === 0)
      return html`<main class="loading"><p aria-busy=${!this.notice} role="status">${this.notice?.message ?? 'Loading …'}</p></main>`;
    if (this.kiosk) return this.renderKiosk();
    return html`
      <main class=${this.isLive ? 'stage live' : 'stage'}>
        <section class="face" aria-label="Call">
          ${this.renderFace()}
          ${this.isLive ? this.renderToolbar() : this.renderGallery()}
          ${this.renderNotice()}
          ${this.room && this.isLive ? renderRoomNote(this.room) : nothing}
          ${DISCLOSURE}
        </section>
        <aside class="side">
          <div class="tabs" role="tablist" aria-label="Beside the face">
            ${this.renderTab('conversation', 'Conversation')} ${this.renderTab('face', 'Face & settings')}
          </div>
          <div id="panel" role="tabpanel" aria-label=${this.tab === 'face' ? 'Face & settings' : 'Conversation'} class=${this.tab}>
            ${this.tab === 'face' ? this.renderFacePanel() : this.renderConversation()}
          </div>
        </aside>
      </main>
      ${
        this.consentFile
          ? renderConsent(this.consentFile, (mayUse) => {
              const file = this.consentFile;
              this.consentFile = undefined;
              if (mayUse && file) void this.upload(file);
            })
          : nothing
      }
    `;
  }

  private renderFace(): unknown {
    const { settings } = this;
    return html`
      <visavis-call
        portrait=${settings.portraitId}
        voice=${settings.voice}
        render=${settings.render}
        microphone=${settings.microphone}
        speaker=${settings.speaker}
        room=${this.query.get('room') ?? ''}
        ?viewer=${this.query.has('viewer')}
        ?autojoin=${this.query.has('kiosk')}
        .captions=${settings.captions}
        .overlay=${this.overlay}
        .muted=${this.isMuted}
        @state=${(e: CustomEvent<{ state: CallState }>) => this.onState(e.detail.state)}
        @activity=${(e: CustomEvent<{ state: Activity }>) => {
          this.activity = e.detail.state;
        }}
        @talk=${(e: CustomEvent<{ isOn: boolean }>) => {
          this.isTalking = e.detail.isOn;
        }}
        @level=${(e: CustomEvent<{ level: number }>) => {
          this.level = e.detail.level;
        }}
        @heard=${(e: CustomEvent<HeardMessage>) => {
          this.lines = withHeard(this.lines, e.detail);
        }}
        @caption=${(e: CustomEvent<CaptionMessage>) => {
          this.lines = withCaption(this.lines, e.detail);
        }}
        @turn=${(e: CustomEvent<TurnMessage>) => this.onTurn(e.detail)}
        @hint=${(e: CustomEvent<{ text: string }>) => this.tell(e.detail.text)}
        @handoff=${() => {
          this.lines = withNote(this.lines, 'You are being handed over to a person. Stay on the line.');
        }}
        @room=${(e: CustomEvent<RoomState>) => {
          this.room = e.detail;
        }}
        @failed=${(e: CustomEvent<Failure['error']>) => {
          this.tell(e.detail.message, true);
          this.kiosk?.refused(e.detail.retryAfterS ?? 0);
        }}
      ></visavis-call>
    `;
  }

  private renderToolbar(): unknown {
    return html`<call-toolbar
      .isTalking=${this.isTalking}
      .isPushToTalk=${this.settings.isPushToTalk}
      .isSpeaking=${this.speakingTurn > 0}
      .isMuted=${this.isMuted}
      .hasCaptions=${this.settings.captions}
      .hasStatistics=${this.overlay}
      .isWatching=${this.room?.maySpeak === false}
      .isKiosk=${this.kiosk !== undefined}
      .level=${this.level}
      @talk=${(e: CustomEvent<boolean>) => this.attempt(this.setTalk(e.detail))}
      @hold=${(e: CustomEvent<boolean>) => this.hold(e.detail)}
      @interrupt=${() => this.attempt(this.face.stop())}
      @mute=${(e: CustomEvent<boolean>) => {
        this.isMuted = e.detail;
      }}
      @captions=${(e: CustomEvent<boolean>) => this.choose({ captions: e.detail })}
      @statistics=${(e: CustomEvent<boolean>) => {
        this.overlay = e.detail;
      }}
      @end=${() => this.face.leave()}
    ></call-toolbar>`;
  }

  private renderTab(tab: VisavisPage['tab'], name: string): unknown {
    const isChosen = this.tab === tab;
    return html`<button role="tab" aria-selected=${isChosen} aria-controls="panel" tabindex=${isChosen ? 0 : -1}
      @click=${() => {
        this.tab = tab;
      }}
      @keydown=${(e: KeyboardEvent) => {
        if (e.key !== 'ArrowLeft' && e.key !== 'ArrowRight') return;
        this.tab = tab === 'face' ? 'conversation' : 'face';
        void this.updateComplete.then(() => this.querySelector<HTMLElement>('[role=tab][aria-selected=true]')?.focus());
      }}>${name}</button>`;
  }

  private renderConversation(): unknown {
    return html`<conversation-panel
      .lines=${this.lines}
      .activity=${this.activity}
      .isLive=${this.isLive}
      .isWatching=${this.room?.maySpeak === false}
      .greeting=${greetingOf(this.voices.find(({ id }) => id === this.settings.voice))}
      @send=${(e: CustomEvent<{ text: string; isExact: boolean }>) => this.attempt(this.send(e.detail))}
    ></conversation-panel>`;
  }

  private renderGallery(): unknown {
    return renderGallery({
      portraits: this.portraits,
      portraitId: this.settings.portraitId,
      isBusy: this.isBusy,
      choose: (portraitId) => this.choose({ portraitId }),
      pick: (file) => {
        this.consentFile = file;
      },
    });
  }

  private renderFacePanel(): unknown {
    const portrait = this.portraits.find(({ id }) => id === this.settings.portraitId);
    return html`<face-panel
      .gallery=${this.isLive ? this.renderGallery() : nothing}
      .credit=${portrait ? `${portrait.title}. ${portrait.credit}` : ''}
      .voices=${this.voices}
      .settings=${this.settings}
      .controls=${this.controls}
      .devices=${this.devices}
      .isLive=${this.isLive}
      .isMirror=${this.isMirror}
      .program=${this.program}
      @choose=${(e: CustomEvent<Partial<Settings>>) => this.choose(e.detail)}
      @controls=${(e: CustomEvent<ControlsMessage>) => this.change(e.detail)}
      @mirror=${(e: CustomEvent<boolean>) => this.attempt(this.setMirror(e.detail))}
      @invite=${() => this.attempt(this.connectProgram())}
    ></face-panel>`;
  }

  private renderNotice(): unknown {
    if (!this.notice) return nothing;
    const { message, isError } = this.notice;
    return html`<p class=${isError ? 'notice error' : 'notice'} role=${isError ? 'alert' : 'status'}>${message}
      <button class="close" aria-label="Close this message" @click=${() => {
        this.notice = undefined;
      }}>×</button></p>`;
  }

  /** Nothing but the face, and one button where somebody has to touch. */
  private renderKiosk(): unknown {
    return html`<main class="kiosk" @click=${() => void document.documentElement.requestFullscreen?.().catch(() => {})}>
      ${this.renderFace()}
      ${DISCLOSURE}
      <div class="kiosk-bar">${this.renderNotice()} ${this.isLive ? this.renderToolbar() : nothing}</div>
    </main>`;
  }
}

customElements.define('visavis-page', VisavisPage);
