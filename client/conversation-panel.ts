/**
 * `<conversation-panel>`: what was said, and a field to say more. Properties: `lines`, `activity`, `isLive`, `isWatching`, `greeting` (said when the field is empty in
 * "say exactly this"). Event `send`, detail {text, isExact}: to be answered, or to be spoken as it stands.
 */
import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { MAX_SAY_CHARACTERS } from '../src/signaling/message-limits.ts';
import { icon } from './icons.ts';
import type { Line } from './transcript.ts';
import type { Activity } from './visavis-call.ts';
import { type English, words, wordsAround } from './words.ts';

const OPENERS: English[] = ['Hello! Who are you?', 'What can you do for me?', 'When are you open?'];
const NAMES: Record<Line['who'], English> = {
  caller: 'You',
  visitor: 'Another visitor',
  face: 'The face',
  note: 'Note',
};

export class ConversationPanel extends LitElement {
  static override properties = {
    lines: { attribute: false },
    activity: { type: String },
    greeting: { type: String },
    isLive: { type: Boolean },
    isWatching: { type: Boolean },
    isExact: { state: true },
  };

  declare lines: Line[];
  declare activity: Activity;
  declare greeting: string;
  declare isLive: boolean;
  /** Without the right to speak here: what is said is shown, nothing can be written. */
  declare isWatching: boolean;
  declare private isExact: boolean;

  constructor() {
    super();
    this.lines = [];
    this.activity = 'idle';
    this.greeting = '';
    this.isLive = false;
    this.isWatching = false;
    this.isExact = false;
  }

  /** Styled by the page, as everything on it. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has('lines') && !changed.has('activity')) return;
    const log = this.querySelector('.transcript')!;
    log.scrollTop = log.scrollHeight;
  }

  private submit(event: Event): void {
    event.preventDefault();
    const field = this.querySelector('textarea')!;
    const text = field.value.trim() || (this.isExact ? this.greeting : '');
    if (!text) return;
    field.value = '';
    this.send(text, this.isExact);
  }

  private send(text: string, isExact: boolean): void {
    this.dispatchEvent(new CustomEvent('send', { detail: { text, isExact } }));
  }

  protected override render(): unknown {
    return html`
      <ol class="transcript" role="log" aria-live="polite" aria-label=${words('What was said')} tabindex="0">
        ${this.lines.length === 0 ? this.renderOpening() : this.lines.map((line) => this.renderLine(line))}
        ${this.activity === 'thinking' ? html`<li class="line face thinking" aria-hidden="true"><i></i><i></i><i></i></li>` : nothing}
      </ol>
      <form class="composer" ?hidden=${this.isWatching} @submit=${(e: Event) => this.submit(e)}>
        <fieldset class="modes">
          <legend class="hidden">${words('What becomes of the text')}</legend>
          ${this.renderMode(false, words('Talk to the face'))} ${this.renderMode(true, words('Say exactly this'))}
        </fieldset>
        <div class="field">
          <textarea rows="2" maxlength=${MAX_SAY_CHARACTERS} enterkeyhint="send"
            aria-label=${words(this.isExact ? 'What the face should say' : 'Your message')}
            placeholder=${this.isExact ? this.greeting : words('Type to the face …')}
            @keydown=${(e: KeyboardEvent) => {
              if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) this.submit(e);
            }}></textarea>
          <button type="submit" class="send" aria-label=${words(this.isExact ? 'Speak' : 'Send')}>${icon('send')}</button>
        </div>
      </form>
    `;
  }

  private renderOpening(): unknown {
    if (this.isWatching) return html`<li class="opening"><p>${words('What the face says appears here.')}</p></li>`;
    return html`
      <li class="opening">
        <p>${this.isLive ? nothing : html`${wordsAround('Press {}.', html`<strong>${words('Join')}</strong>`)} `}${wordsAround('Press {} and speak, or type. Interrupt at any time.', html`<strong>${words('Microphone')}</strong>`)}</p>
        <div class="openers">
          ${OPENERS.map(words).map((text) => html`<button type="button" class="chip" @click=${() => this.send(text, false)}>${text}</button>`)}
        </div>
      </li>
    `;
  }

  private renderLine({ who, text, isOpen, wasInterrupted }: Line): unknown {
    return html`<li class="line ${who} ${isOpen ? 'open' : ''}">
      <span class=${who === 'visitor' ? 'who' : 'hidden'}>${words(NAMES[who])}: </span>${text}${wasInterrupted ? html`<span class="cut"> — ${words('interrupted')}</span>` : nothing}
    </li>`;
  }

  private renderMode(isExact: boolean, name: string): unknown {
    return html`<label><input type="radio" name="mode" .checked=${this.isExact === isExact} @change=${() => {
      this.isExact = isExact;
    }} /><span>${name}</span></label>`;
  }
}

customElements.define('conversation-panel', ConversationPanel);
