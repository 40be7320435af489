/**
 * The call page: a big face, what was said, and everything about the face that can be changed while it lives. `?kiosk` shows the face
 * alone, joins by itself and comes back by itself; `?room=NAME` shares it with everyone who opens that, `&viewer` only to watch,
 * `&speak` to speak though others opened it. `#access=…` lets in where the server asks for a key.
 * `?portrait= &voice= &render=client &stats` choose what else could be clicked.
 */
import '@picocss/pico/css/pico.min.css';
import './page.css';
import { html, LitElement, nothing } from 'lit';
import type { AccessInfo, ControlsMessage, PortraitInfo, VoiceInfo } from '../src/signaling/protocol.ts';
import { fetchAccess, takeAccess } from './access.ts';
import { type AudioDevices, listAudioDevices, watchAudioDevices } from './audio-devices.ts';
import { CallModel } from './call-model.ts';
import './call-toolbar.ts';
import { fetchPortraits, fetchVoices, greetingOf, voiceFor } from './catalog.ts';
import './conversation-panel.ts';
import './face-panel.ts';
import { fetchOwnPortraits, rememberOwnPortrait } from './own-portraits.ts';
import { renderConsent, renderGallery, uploadPortrait } from './portrait-gallery.ts';
import { pauseMs } from './recovery.ts';
import { renderRoomNote } from './room-note.ts';
import { keepSettings, loadSettings, type Settings } from './settings.ts';
import './visavis-call.ts';
import { pageLanguage, words, wordsWith } from './words.ts';

const DISCLOSURE = html`<p class="disclosure">${words('This face is synthetic: a picture, brought to life by a computer.')}</p>`;

/** @param code why the server does not let this page in. */
function wayIn(code: string): string {
  if (code === 'KEY_INVALID')
    return words('Your link or key is not valid any more: ask whoever runs this page for another.');
  return words(
    'This face is for invited visitors: open the link that you were given, or ask whoever runs this page for one.',
  );
}

export class VisavisPage extends LitElement {
  static override properties = {
    portraits: { state: true },
    voices: { state: true },
    settings: { state: true },
    devices: { state: true },
    overlay: { state: true },
    isMuted: { state: true },
    tab: { state: true },
    consentFile: { state: true },
    isBusy: { state: true },
    info: { state: true },
  };

  declare private portraits: PortraitInfo[];
  declare private voices: VoiceInfo[];
  declare private settings: Settings;
  declare private devices: AudioDevices;
  declare private overlay: boolean;
  declare private isMuted: boolean;
  declare private tab: 'conversation' | 'face';
  declare private consentFile: File | undefined;
  declare private isBusy: boolean;
  /** What the server lets this page do, once it has said. */
  declare private info: AccessInfo | undefined;
  private readonly query = new URLSearchParams(location.search);
  private readonly access = takeAccess(this.query.has('kiosk'));
  private readonly call = new CallModel(this.query.has('kiosk'), () => this.requestUpdate());
  private wasTalking = false;

  constructor() {
    super();
    this.portraits = [];
    this.voices = [];
    this.settings = loadSettings(this.query);
    this.devices = { microphones: [], speakers: [] };
    this.overlay = this.query.has('stats');
    this.isMuted = false;
    this.tab = 'conversation';
    this.isBusy = false;
  }

  /** Pico styles the page's own document, so the page does without a shadow root. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.documentElement.lang = pageLanguage;
    void this.loadPatiently();
    if (!('RTCPeerConnection' in window))
      this.call.tell(
        words('This browser has no WebRTC, or it is switched off: use a current Firefox, Chrome, Edge or Safari.'),
        true,
      );
    void this.readDevices();
    watchAudioDevices(() => void this.readDevices());
    document.addEventListener('keydown', (event) => this.onKey(event, true));
    document.addEventListener('keyup', (event) => this.onKey(event, false));
  }

  protected override updated(): void {
    this.call.attach(this.querySelector('visavis-call'));
    // The browser names the devices once the microphone is open.
    if (this.call.isTalking && !this.wasTalking) void this.readDevices();
    this.wasTalking = this.call.isTalking;
    this.querySelector<HTMLDialogElement>('dialog.consent:not([open])')?.showModal();
  }

  private async readDevices(): Promise<void> {
    this.devices = await listAudioDevices();
  }

  /** Again and again where the server does not answer: nobody stands beside a kiosk to open its page anew. */
  private async loadPatiently(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.load();
        if (attempt > 1 && this.call.notice?.isError) this.call.dismissNotice();
        return;
      } catch (error) {
        if (attempt === 1)
          this.call.tell(wordsWith('The gallery cannot be loaded: {}', (error as Error).message), true);
        await new Promise((resolve) => setTimeout(resolve, pauseMs(attempt, undefined, Math.random())));
      }
    }
  }

  /** The face comes first, its voices when the server has opened them. */
  private async load(): Promise<void> {
    this.info = await fetchAccess(this.access);
    if (!this.info.isAdmitted) return;
    const { portraits: allowed } = this.info;
    const listed = (await fetchPortraits()).filter(({ id }) => allowed?.includes(id) ?? true);
    this.portraits = [...listed, ...(await fetchOwnPortraits(listed, this.query.get('portrait')))];
    const known = this.portraits.find(({ id }) => id === this.settings.portraitId) ?? this.portraits[0];
    const missing: string[] = [];
    const named = this.query.get('portrait');
    if (named && known && known.id !== named)
      missing.push(wordsWith('There is no face “{}” here; this is “{}”.', named, known.title));
    this.settings = { ...this.settings, portraitId: known?.id ?? '' };
    this.voices = await fetchVoices();
    if (!this.voices.some(({ id }) => id === this.settings.voice)) {
      const voice = voiceFor(this.voices, navigator.language);
      const unknown = this.query.get('voice');
      if (unknown)
        missing.push(
          wordsWith('There is no voice “{}” here; the face speaks with “{}”.', unknown, voice?.title ?? '–'),
        );
      this.settings = { ...this.settings, voice: voice?.id ?? '' };
    }
    if (missing.length > 0) this.call.tell(missing.join(' '));
  }

  private get voice(): VoiceInfo | undefined {
    return this.voices.find(({ id }) => id === this.settings.voice);
  }

  private get isWoman(): boolean {
    const { portraitId, voiceOf } = this.settings;
    return (voiceOf || this.portraits.find(({ id }) => id === portraitId)?.voice) === 'woman';
  }

  private onKey(event: KeyboardEvent, isDown: boolean): void {
    if (event.key === 'Escape' && isDown) this.call.interrupt();
    if (event.key !== ' ' || !this.call.isTalking || !this.settings.isPushToTalk) return;
    if ((event.target as HTMLElement).closest('textarea, input, select, button, summary, [role=slider]')) return;
    event.preventDefault();
    this.call.hold(isDown);
  }

  private choose(part: Partial<Settings>): void {
    // Another face has its own voice again.
    const voiceOf = part.portraitId === undefined ? {} : { voiceOf: '' as const };
    this.settings = { ...this.settings, ...voiceOf, ...part };
    keepSettings(this.settings);
    if (part.isPushToTalk === false) this.call.hold(false);
  }

  private async upload(file: File): Promise<void> {
    this.isBusy = true;
    this.call.tell(wordsWith('Looking at {} …', file.name));
    try {
      const added = await uploadPortrait(file, this.access);
      this.portraits = [...this.portraits.filter(({ id }) => id !== added.id), added];
      rememberOwnPortrait(added.id);
      this.choose({ portraitId: added.id });
      if (added.warnings.length > 0) this.call.tell(added.warnings.join(' '));
      else this.call.dismissNotice();
    } catch (error) {
      this.call.tell((error as Error).message, true);
    } finally {
      this.isBusy = false;
    }
  }

  protected override render(): unknown {
    const { call } = this;
    if (this.info?.error) return html`<main class="loading"><p role="status">${wayIn(this.info.error.code)}</p></main>`;
    if (!this.settings.portraitId || this.portraits.length === 0)
      return html`<main class="loading"><p aria-busy=${!call.notice} role="status">${call.notice?.message ?? words('Loading …')}</p></main>`;
    if (call.kiosk) return this.renderKiosk();
    return html`
      <main class=${call.isLive ? 'stage live' : 'stage'}>
        <section class="face" aria-label="Call">
          ${this.renderFace()}
          ${call.isLive ? this.renderToolbar() : this.renderGallery()}
          ${this.renderNotice()}
          ${call.room && call.isLive ? renderRoomNote(call.room) : nothing}
          <div class="below">
            ${DISCLOSURE}
            ${call.isLive ? html`<button type="button" class="pill" @click=${() => this.openFacePanel()}>${words('Change face')}</button>` : nothing}
          </div>
        </section>
        <aside class="side">
          <div class="tabs" role="tablist" aria-label="Beside the face">
            ${this.renderTab('conversation', words('Conversation'))} ${this.renderTab('face', words('Face & settings'))}
          </div>
          <div id="panel" role="tabpanel" aria-label=${words(this.tab === 'face' ? 'Face & settings' : 'Conversation')} class=${this.tab}>
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
        voice=${this.isWoman ? (this.voice?.woman ?? settings.voice) : settings.voice}
        render=${settings.render}
        microphone=${settings.microphone}
        speaker=${settings.speaker}
        room=${this.query.get('room') ?? ''}
        access=${this.access}
        ?may-speak=${this.query.has('speak')}
        ?viewer=${this.query.has('viewer')}
        ?autojoin=${this.query.has('kiosk')}
        .captions=${settings.captions}
        .unread=${!this.call.kiosk && this.tab === 'conversation'}
        .overlay=${this.overlay}
        .muted=${this.isMuted}
      ></visavis-call>
    `;
  }

  private renderToolbar(): unknown {
    const { call } = this;
    return html`<call-toolbar
      .isTalking=${call.isTalking}
      .isPushToTalk=${this.settings.isPushToTalk}
      .isSpeaking=${call.isSpeaking}
      .isMuted=${this.isMuted}
      .hasCaptions=${this.settings.captions}
      .hasStatistics=${this.overlay}
      .isWatching=${call.isWatching}
      .isKiosk=${call.kiosk !== undefined}
      .level=${call.level}
      @talk=${(e: CustomEvent<boolean>) => call.setTalk(e.detail)}
      @hold=${(e: CustomEvent<boolean>) => call.hold(e.detail)}
      @interrupt=${() => call.interrupt()}
      @mute=${(e: CustomEvent<boolean>) => {
        this.isMuted = e.detail;
      }}
      @captions=${(e: CustomEvent<boolean>) => this.choose({ captions: e.detail })}
      @statistics=${(e: CustomEvent<boolean>) => {
        this.overlay = e.detail;
      }}
      @end=${() => call.end()}
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

  /** On a narrow screen the panel is below the face. */
  private openFacePanel(): void {
    this.tab = 'face';
    void this.updateComplete.then(() => {
      const panel = this.querySelector<HTMLElement>('#panel');
      panel?.scrollIntoView({ block: 'nearest' });
      panel?.querySelector<HTMLElement>('.thumb[aria-pressed=true]')?.focus();
    });
  }

  private renderConversation(): unknown {
    const { call } = this;
    return html`<conversation-panel
      .lines=${call.lines}
      .activity=${call.activity}
      .isLive=${call.isLive}
      .isWatching=${call.isWatching}
      .greeting=${greetingOf(this.voice)}
      @send=${(e: CustomEvent<{ text: string; isExact: boolean }>) => call.send(e.detail.text, e.detail.isExact)}
    ></conversation-panel>`;
  }

  private renderGallery(): unknown {
    return renderGallery({
      portraits: this.portraits,
      portraitId: this.settings.portraitId,
      isBusy: this.isBusy,
      canUpload: this.info?.canUpload ?? false,
      choose: (portraitId) => this.choose({ portraitId }),
      pick: (file) => {
        // A browser that does not know the kind of a file leaves it to the server.
        if (file.type === '' || file.type.startsWith('image/')) this.consentFile = file;
        else this.call.tell(wordsWith('{} is not a picture: choose a JPEG, PNG or WebP.', file.name), true);
      },
    });
  }

  private renderFacePanel(): unknown {
    const { call } = this;
    const portrait = this.portraits.find(({ id }) => id === this.settings.portraitId);
    return html`<face-panel
      .gallery=${call.isLive ? this.renderGallery() : nothing}
      .credit=${portrait ? `${portrait.title}. ${portrait.credit}` : ''}
      .voices=${this.voices}
      .isWoman=${this.isWoman}
      .settings=${this.settings}
      .controls=${call.controls}
      .devices=${this.devices}
      .isLive=${call.isLive}
      .isMirror=${call.isMirror}
      .program=${call.program}
      @choose=${(e: CustomEvent<Partial<Settings>>) => this.choose(e.detail)}
      @controls=${(e: CustomEvent<ControlsMessage>) => call.setControls(e.detail)}
      @mirror=${(e: CustomEvent<boolean>) => call.setMirror(e.detail)}
      @invite=${() => call.connectProgram()}
    ></face-panel>`;
  }

  private renderNotice(): unknown {
    const { notice } = this.call;
    if (!notice) return nothing;
    return html`<p class=${notice.isError ? 'notice error' : 'notice'} role=${notice.isError ? 'alert' : 'status'}>${notice.message}
      <button class="close" aria-label=${words('Close this message')} @click=${() => this.call.dismissNotice()}>×</button></p>`;
  }

  /** Nothing but the face, and one button where somebody has to touch. */
  private renderKiosk(): unknown {
    return html`<main class="kiosk" @click=${() => void document.documentElement.requestFullscreen?.().catch(() => {})}>
      <img class="backdrop" src=${`api/portraits/${encodeURIComponent(this.settings.portraitId)}/poster`} alt="" />
      ${this.renderFace()}
      ${DISCLOSURE}
      <div class="kiosk-bar">${this.renderNotice()} ${this.call.isLive ? this.renderToolbar() : nothing}</div>
    </main>`;
  }
}

customElements.define('visavis-page', VisavisPage);
