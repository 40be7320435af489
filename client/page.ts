/**
 * The call page: a big face, what it should say, and everything about it that can be changed while it lives. `?kiosk` shows the face
 * alone, full size, joins by itself and comes back by itself; `?portrait=ID` chooses the face.
 */
import '@picocss/pico/css/pico.min.css';
import './page.css';
import { html, LitElement, nothing } from 'lit';
import type { ControlsMessage, PortraitInfo, VoiceInfo } from '../src/signaling/protocol.ts';
import type { CallState } from './call.ts';
import './gaze-pad.ts';
import { openMicrophone } from './microphone.ts';
import './visavis-call.ts';
import type { VisavisCall } from './visavis-call.ts';

const EMOTIONS = ['happy', 'surprised', 'sad', 'angry'] as const;
const GREETINGS: Record<string, string> = {
  en: 'Hello! I was a still picture a moment ago. Type something, and I will say it.',
  de: 'Hallo! Eben war ich noch ein Bild. Schreib etwas, und ich sage es.',
  es: '¡Hola! Hace un momento era solo una imagen. Escribe algo y lo diré.',
  fr: 'Bonjour ! Il y a un instant, je n’étais qu’une image. Écrivez, et je parlerai.',
  it: 'Ciao! Un momento fa ero solo un quadro. Scrivi qualcosa e lo dirò.',
  pt: 'Olá! Há um momento eu era só uma imagem. Escreva algo e eu direi.',
};

interface Notice {
  message: string;
  isError: boolean;
}

export class VisavisPage extends LitElement {
  static override properties = {
    portraits: { state: true },
    voices: { state: true },
    portraitId: { state: true },
    voice: { state: true },
    callState: { state: true },
    speaking: { state: true },
    overlay: { state: true },
    captions: { state: true },
    notice: { state: true },
    panelOpen: { state: true },
    controls: { state: true },
    consentFile: { state: true },
    isBusy: { state: true },
    microphone: { state: true },
    program: { state: true },
  };

  declare portraits: PortraitInfo[];
  declare voices: VoiceInfo[];
  declare portraitId: string;
  declare voice: string;
  declare callState: CallState;
  declare speaking: boolean;
  declare overlay: boolean;
  declare captions: boolean;
  declare notice: Notice | undefined;
  declare panelOpen: boolean;
  declare controls: Required<
    Pick<ControlsMessage, 'gaze' | 'headDistance' | 'emotion' | 'headMotion' | 'expressiveness'>
  >;
  declare consentFile: File | undefined;
  declare isBusy: boolean;
  /** Open while the face mirrors the caller's voice. */
  declare microphone: MediaStreamTrack | undefined;
  /** The command that lets a program speak through this face. */
  declare program: string | undefined;
  private readonly query = new URLSearchParams(location.search);
  private pendingControls: ControlsMessage = {};

  constructor() {
    super();
    this.portraits = [];
    this.voices = [];
    this.portraitId = '';
    this.voice = '';
    this.callState = 'idle';
    this.speaking = false;
    this.overlay = this.query.has('stats');
    this.captions = true;
    this.panelOpen = matchMedia('(min-width: 60rem)').matches;
    this.controls = {
      gaze: { yawRad: 0, pitchRad: 0 },
      headDistance: 1,
      emotion: {},
      headMotion: 1,
      expressiveness: 1,
    };
    this.isBusy = false;
  }

  /** Pico styles the page's own document, so the page does without a shadow root. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.load().catch((error: Error) => this.tell(`The gallery cannot be loaded: ${error.message}`, true));
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.speaking) void this.face?.stop();
    });
  }

  private async load(): Promise<void> {
    const [portraits, voices] = await Promise.all([
      getJson<PortraitInfo[]>('api/portraits'),
      getJson<VoiceInfo[]>('api/voices'),
    ]);
    this.portraits = portraits;
    this.voices = voices.toSorted((a, b) => a.title.localeCompare(b.title));
    const wanted = this.query.get('portrait');
    this.portraitId = portraits.find(({ id }) => id === wanted)?.id ?? portraits[0]?.id ?? '';
    const language = navigator.language.toLowerCase();
    const voice =
      this.voices.find(({ language: tag }) => tag.toLowerCase() === language) ??
      this.voices.find(({ language: tag }) => tag.split('-')[0] === language.split('-')[0]);
    this.voice = this.query.get('voice') ?? voice?.id ?? '';
  }

  private async mirror(isOn: boolean): Promise<void> {
    try {
      if (!isOn) {
        this.microphone?.stop();
        this.microphone = undefined;
        await this.face?.setMirror(false);
        await this.face?.setMicrophone(null);
        return;
      }
      this.microphone = await openMicrophone();
      if (this.callState !== 'live') await this.face?.join();
      await this.face?.setMicrophone(this.microphone);
      await this.face?.setMirror(true);
      this.notice = undefined;
    } catch (error) {
      this.tell((error as Error).message, true);
    }
  }

  private async connectProgram(): Promise<void> {
    try {
      const { ticket } = await this.face!.invite();
      this.program = `node examples/speech-api.mjs ${new URL('.', location.href).href} ${ticket} "Hello"`;
    } catch (error) {
      this.tell((error as Error).message, true);
    }
  }

  private get face(): VisavisCall | null {
    return this.querySelector('visavis-call');
  }

  private tell(message: string, isError = false): void {
    this.notice = { message, isError };
  }

  private async speak(event: Event): Promise<void> {
    event.preventDefault();
    const input = this.querySelector<HTMLTextAreaElement>('#say')!;
    const text = input.value.trim() || input.placeholder;
    try {
      if (this.callState !== 'live') await this.face?.join();
      await this.face?.speak(text);
      input.value = '';
      this.notice = undefined;
    } catch (error) {
      this.tell((error as Error).message, true);
    }
  }

  /** Sliders send many values: at most one message is on its way at a time, always the newest. */
  private change(controls: ControlsMessage): void {
    this.controls = { ...this.controls, ...controls } as VisavisPage['controls'];
    const isSending = Object.keys(this.pendingControls).length > 0;
    this.pendingControls = { ...this.pendingControls, ...controls };
    if (isSending) return;
    setTimeout(() => {
      const newest = this.pendingControls;
      this.pendingControls = {};
      this.face?.setControls(newest).catch((error: Error) => this.tell(error.message, true));
    }, 40);
  }

  private async upload(): Promise<void> {
    const file = this.consentFile;
    this.consentFile = undefined;
    if (!file) return;
    this.isBusy = true;
    this.tell(`Looking at ${file.name} …`);
    try {
      const response = await fetch('api/portraits', {
        method: 'POST',
        headers: {
          'content-type': file.type || 'image/jpeg',
          'x-portrait-consent': 'yes',
          'x-file-name': encodeURIComponent(file.name),
        },
        body: file,
      });
      const result = (await response.json()) as PortraitInfo & { error?: { message: string } };
      if (!response.ok) throw new Error(result.error?.message ?? 'The picture was refused.');
      this.portraits = [...this.portraits.filter(({ id }) => id !== result.id), result];
      this.portraitId = result.id;
      this.notice = result.warnings.length > 0 ? { message: result.warnings.join(' '), isError: false } : undefined;
    } catch (error) {
      this.tell((error as Error).message, true);
    } finally {
      this.isBusy = false;
    }
  }

  protected override render(): unknown {
    const isKiosk = this.query.has('kiosk');
    const face = html`
      <visavis-call
        portrait=${this.portraitId}
        voice=${this.voice}
        ?autojoin=${isKiosk}
        .captions=${this.captions}
        .overlay=${this.overlay}
        @state=${(e: CustomEvent<{ state: CallState }>) => this.onState(e.detail.state, isKiosk)}
        @turn=${(e: CustomEvent<{ state: string }>) => {
          this.speaking = e.detail.state === 'started';
        }}
        @failed=${(e: CustomEvent<{ message: string }>) => this.tell(e.detail.message, true)}
      ></visavis-call>
    `;
    if (!this.portraitId)
      return html`<main class="stage"><p aria-busy=${!this.notice}>${this.notice?.message ?? 'Loading …'}</p></main>`;
    if (isKiosk) return html`<main class="kiosk">${face}</main>`;
    return html`
      <main class="stage">
        <section class="face" aria-label="Call">
          ${face}
          <div class="toolbar" role="toolbar" aria-label="Call">
            ${
              this.callState === 'live'
                ? html`<button class="secondary" @click=${() => this.face?.leave()}>End</button>`
                : html`<button @click=${() => void this.face?.join()} aria-busy=${this.callState === 'joining'}>Join</button>`
            }
            ${this.toggle('Mirror my voice', this.microphone !== undefined, (on) => void this.mirror(on))}
            ${this.toggle('Captions', this.captions, (on) => {
              this.captions = on;
            })}
            ${this.toggle('Statistics', this.overlay, (on) => {
              this.overlay = on;
            })}
            <button class="outline contrast" aria-expanded=${this.panelOpen} aria-controls="panel" @click=${() => {
              this.panelOpen = !this.panelOpen;
            }}>Face</button>
          </div>
          <form class="say" @submit=${(e: Event) => void this.speak(e)}>
            <textarea id="say" rows="2" aria-label="What the face should say" placeholder=${this.greeting}
              @keydown=${(e: KeyboardEvent) => {
                if (e.key === 'Enter' && !e.shiftKey) void this.speak(e);
              }}></textarea>
            ${
              this.speaking && !this.microphone
                ? html`<button type="button" class="contrast" @click=${() => void this.face?.stop()}>Stop</button>`
                : html`<button type="submit">Speak</button>`
            }
          </form>
          ${this.notice ? html`<p class=${this.notice.isError ? 'notice error' : 'notice'} role=${this.notice.isError ? 'alert' : 'status'}>${this.notice.message}</p>` : nothing}
          ${
            this.callState === 'live'
              ? html`<details class="program" @toggle=${(e: Event) => {
                  if ((e.target as HTMLDetailsElement).open) void this.connectProgram();
                }}><summary>Connect a program</summary><pre><code>${this.program ?? ''}</code></pre></details>`
              : nothing
          }
          <p class="disclosure">This face is synthetic: a picture, brought to life on this server.</p>
        </section>
        ${this.panelOpen ? this.renderPanel() : nothing}
      </main>
      ${this.consentFile ? this.renderConsent(this.consentFile) : nothing}
    `;
  }

  private onState(state: CallState, isKiosk: boolean): void {
    this.callState = state;
    if (state === 'live') this.notice = undefined;
    if (state === 'ended') {
      this.speaking = false;
      if (isKiosk) setTimeout(() => void this.face?.join(), 3000);
    }
  }

  private get greeting(): string {
    const tag = this.voices.find(({ id }) => id === this.voice)?.language ?? 'en';
    return GREETINGS[tag.split('-')[0]!] ?? GREETINGS.en!;
  }

  private toggle(name: string, isOn: boolean, set: (on: boolean) => void): unknown {
    return html`<button class=${isOn ? 'contrast' : 'outline contrast'} aria-pressed=${isOn} @click=${() => set(!isOn)}>${name}</button>`;
  }

  private renderPanel(): unknown {
    const { controls } = this;
    const portrait = this.portraits.find(({ id }) => id === this.portraitId);
    return html`
      <aside id="panel" class="panel" aria-label="The face">
        <div class="gallery" role="radiogroup" aria-label="Portrait">
          ${this.portraits.map(
            ({ id, title }) => html`
              <button role="radio" class="thumb" aria-checked=${id === this.portraitId} title=${title} @click=${() => {
                this.portraitId = id;
                this.notice = undefined;
              }}>
                <img src="api/portraits/${encodeURIComponent(id)}/thumbnail" alt=${title} />
              </button>
            `,
          )}
          <label class="thumb add" title="Use your own picture" aria-busy=${this.isBusy}>
            <span aria-hidden="true">${this.isBusy ? '' : '+'}</span>
            <input type="file" accept="image/*" aria-label="Use your own picture" @change=${(e: Event) => {
              const input = e.target as HTMLInputElement;
              this.consentFile = input.files?.[0];
              input.value = '';
            }} />
          </label>
        </div>
        <p class="credit">${portrait ? `${portrait.title}. ${portrait.credit}` : ''}</p>
        <label>Voice
          <select @change=${(e: Event) => {
            this.voice = (e.target as HTMLSelectElement).value;
          }}>
            ${this.voices.map(({ id, title }) => html`<option value=${id} ?selected=${id === this.voice}>${title}</option>`)}
          </select>
        </label>
        <div class="gaze">
          <gaze-pad .value=${controls.gaze} @change=${(e: CustomEvent<ControlsMessage['gaze']>) => this.change({ gaze: e.detail! })}></gaze-pad>
          <button class="outline contrast" @click=${() => this.change({ gaze: { yawRad: 0, pitchRad: 0 } })}>Look at me</button>
        </div>
        ${this.slider('Distance', controls.headDistance, 0.6, 1.8, (headDistance) => this.change({ headDistance }))}
        ${this.slider('Head motion', controls.headMotion, 0, 2, (headMotion) => this.change({ headMotion }))}
        ${this.slider('Expressiveness', controls.expressiveness, 0, 2, (expressiveness) => this.change({ expressiveness }))}
        <fieldset class="emotions">
          <legend>Mood</legend>
          ${EMOTIONS.map((name) =>
            this.slider(name, controls.emotion[name] ?? 0, 0, 1, (weight) =>
              this.change({ emotion: { ...controls.emotion, [name]: weight } }),
            ),
          )}
        </fieldset>
      </aside>
    `;
  }

  private slider(name: string, value: number, min: number, max: number, set: (value: number) => void): unknown {
    return html`<label class="slider"><span>${name}</span>
      <input type="range" min=${min} max=${max} step="0.01" .value=${String(value)} @input=${(e: Event) => set(Number((e.target as HTMLInputElement).value))} /></label>`;
  }

  private renderConsent(file: File): unknown {
    return html`
      <dialog open aria-labelledby="consent-title">
        <article>
          <h2 id="consent-title">May this face speak?</h2>
          <p>You are about to animate <strong>${file.name}</strong>. Use only pictures of yourself, of people who agreed to it, or works that are free to use. The picture stays on this server until it stops.</p>
          <footer>
            <button class="secondary" @click=${() => {
              this.consentFile = undefined;
            }}>Cancel</button>
            <button autofocus @click=${() => void this.upload()}>Yes, I may use it</button>
          </footer>
        </article>
      </dialog>
    `;
  }
}

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return (await response.json()) as T;
}

customElements.define('visavis-page', VisavisPage);
