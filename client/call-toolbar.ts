/**
 * `<call-toolbar>`: what one does during a call. In: properties. Out, as events: `talk`, `mute`, `captions`, `statistics` (detail: boolean), `hold`
 * (detail: is the button down), `interrupt`, `end`.
 */
import { html, LitElement, nothing } from 'lit';
import { type IconName, icon } from './icons.ts';
import { words } from './words.ts';

export class CallToolbar extends LitElement {
  static override properties = {
    isTalking: { type: Boolean },
    isPushToTalk: { type: Boolean },
    isSpeaking: { type: Boolean },
    isMuted: { type: Boolean },
    hasCaptions: { type: Boolean },
    hasStatistics: { type: Boolean },
    isWatching: { type: Boolean },
    isKiosk: { type: Boolean },
    level: { type: Number },
  };

  declare isTalking: boolean;
  declare isPushToTalk: boolean;
  /** The face speaks, and can be interrupted. */
  declare isSpeaking: boolean;
  declare isMuted: boolean;
  declare hasCaptions: boolean;
  declare hasStatistics: boolean;
  /** Without the right to speak. */
  declare isWatching: boolean;
  /** Nothing but the microphone. */
  declare isKiosk: boolean;
  /** Of the microphone, 0 … 1. */
  declare level: number;

  /** Styled by the page, as everything on it. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private tell(name: string, detail?: boolean): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  protected override render(): unknown {
    if (this.isKiosk) return this.renderTalk();
    return html`
      <div class="toolbar" role="toolbar" aria-label="Call">
        ${this.isWatching ? nothing : this.renderWord()}
        ${this.renderToggle(this.isMuted ? 'soundOff' : 'sound', words(this.isMuted ? 'Sound off' : 'Sound on'), !this.isMuted, (isOn) => this.tell('mute', !isOn))}
        ${this.renderToggle('captions', words('Captions'), this.hasCaptions, (isOn) => this.tell('captions', isOn))}
        ${this.renderToggle('chart', words('Statistics'), this.hasStatistics, (isOn) => this.tell('statistics', isOn))}
        <button class="tool end" @click=${() => this.tell('end')}>${icon('end')}<span>${words('End')}</span></button>
      </div>
    `;
  }

  /** For those who may speak. */
  private renderWord(): unknown {
    return html`
      ${this.renderTalk()}
      ${this.isTalking && this.isPushToTalk ? this.renderHold() : nothing}
      <button class="tool interrupt" ?disabled=${!this.isSpeaking} title="Esc" @click=${() => this.tell('interrupt')}>${icon('hand')}<span>${words('Interrupt')}</span></button>
    `;
  }

  private renderTalk(): unknown {
    const { isTalking, level } = this;
    return html`<button class=${isTalking ? 'tool talk on' : 'tool talk'} style=${`--level:${level.toFixed(2)}`} aria-pressed=${isTalking}
      @click=${() => this.tell('talk', !isTalking)}>${icon(isTalking ? 'microphone' : 'microphoneOff')}<span>${words(isTalking ? 'Microphone on' : 'Microphone off')}</span></button>`;
  }

  private renderHold(): unknown {
    const set = (isDown: boolean) => () => this.tell('hold', isDown);
    const key = (isDown: boolean) => (event: KeyboardEvent) => {
      if (event.key === ' ' || event.key === 'Enter') this.tell('hold', isDown);
    };
    return html`<button class="tool" @pointerdown=${set(true)} @pointerup=${set(false)} @pointercancel=${set(false)} @pointerleave=${set(false)}
      @blur=${set(false)} @keydown=${key(true)} @keyup=${key(false)}>${icon('microphone')}<span>${words('Hold')}</span></button>`;
  }

  private renderToggle(picture: IconName, name: string, isOn: boolean, set: (isOn: boolean) => void): unknown {
    return html`<button class=${isOn ? 'tool on' : 'tool'} aria-pressed=${isOn} @click=${() => set(!isOn)}>${icon(picture)}<span>${name}</span></button>`;
  }
}

customElements.define('call-toolbar', CallToolbar);
