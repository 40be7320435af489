/**
 * `<face-panel>`: everything about the face and the devices that can be changed, also while it lives. In: properties. Out, as events: `choose`
 * (detail: a part of Settings), `controls` (detail: a part of the live controls), `mirror` (detail: boolean), `invite`.
 */
import { html, LitElement, nothing } from 'lit';
import type { ControlsMessage, VoiceInfo } from '../src/signaling/protocol.ts';
import { type AudioDevice, type AudioDevices, canChooseSpeaker } from './audio-devices.ts';
import './gaze-pad.ts';
import { type FaceControls, NEUTRAL_CONTROLS, type Settings } from './settings.ts';
import { words } from './words.ts';

const EMOTIONS = ['happy', 'surprised', 'sad', 'angry'] as const;

export class FacePanel extends LitElement {
  static override properties = {
    gallery: { attribute: false },
    credit: { type: String },
    voices: { attribute: false },
    isWoman: { attribute: false },
    settings: { attribute: false },
    controls: { attribute: false },
    devices: { attribute: false },
    isLive: { type: Boolean },
    isMirror: { type: Boolean },
    program: { type: String },
  };

  /** The gallery's markup. */
  declare gallery: unknown;
  declare credit: string;
  declare voices: VoiceInfo[];
  declare isWoman: boolean;
  declare settings: Settings;
  declare controls: FaceControls;
  declare devices: AudioDevices;
  declare isLive: boolean;
  declare isMirror: boolean;
  /** The command that lets a program speak through this face, once it was asked for. */
  declare program: string;

  /** Styled by the page, as everything on it. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  private choose(part: Partial<Settings>): void {
    this.tell('choose', part);
  }

  private change(part: ControlsMessage): void {
    this.tell('controls', part);
  }

  protected override render(): unknown {
    const { controls, settings } = this;
    const looksAtMe = controls.gaze.yawRad === 0 && controls.gaze.pitchRad === 0;
    return html`
      ${this.gallery}
      <p class="credit">${this.credit}</p>
      ${this.select(
        words('Voice'),
        settings.voice,
        this.voices
          .filter(({ id, isUnlisted }) => !isUnlisted || id === settings.voice)
          .map(({ id, title }) => ({ id, name: title })),
        (voice) => this.choose({ voice }),
      )}
      ${
        this.voices.find(({ id }) => id === settings.voice)?.woman
          ? this.checkbox(words('A woman’s voice'), this.isWoman, (isWoman) =>
              this.choose({ voiceOf: isWoman ? 'woman' : 'man' }),
            )
          : nothing
      }

      <h3>${words('Eyes and mood')}</h3>
      <div class="gaze">
        <gaze-pad .value=${controls.gaze} @change=${(e: CustomEvent<FaceControls['gaze']>) => this.change({ gaze: e.detail })}></gaze-pad>
        <div>
          <button type="button" class=${looksAtMe ? 'pill on' : 'pill'} aria-pressed=${looksAtMe} @click=${() => this.change({ gaze: NEUTRAL_CONTROLS.gaze })}>${words('Look at me')}</button>
          <button type="button" class="pill" @click=${() => this.change(this.neutral())}>${words('Reset all')}</button>
        </div>
      </div>
      ${this.slider(words('Distance'), controls.headDistance, 0.6, 1.8, (headDistance) => this.change({ headDistance }))}
      ${this.slider(words('Head motion'), controls.headMotion, 0, 2, (headMotion) => this.change({ headMotion }))}
      ${this.slider(words('Expressiveness'), controls.expressiveness, 0, 2, (expressiveness) => this.change({ expressiveness }))}
      ${EMOTIONS.map((name) =>
        this.slider(words(name), controls.emotion[name] ?? 0, 0, 1, (weight) =>
          this.change({ emotion: { ...controls.emotion, [name]: weight } }),
        ),
      )}

      <h3>${words('Sound and picture')}</h3>
      ${this.devicePicker(words('Microphone'), settings.microphone, this.devices.microphones, (microphone) => this.choose({ microphone }))}
      ${
        canChooseSpeaker
          ? this.devicePicker(words('Loudspeaker'), settings.speaker, this.devices.speakers, (speaker) =>
              this.choose({ speaker }),
            )
          : nothing
      }
      ${this.checkbox(words('Push to talk (hold the space bar or the button)'), settings.isPushToTalk, (isPushToTalk) => this.choose({ isPushToTalk }))}
      ${this.checkbox(words('Draw the face here, on this machine’s graphics'), settings.render === 'client', (isHere) => this.choose({ render: isHere ? 'client' : 'server' }))}
      ${this.checkbox(words('Mirror: the face says what I say'), this.isMirror, (isOn) => this.tell('mirror', isOn))}
      ${
        this.isLive
          ? html`<details class="program" @toggle=${(e: Event) => {
              if ((e.target as HTMLDetailsElement).open) this.tell('invite', {});
            }}><summary>${words('Connect a program')}</summary><pre><code>${this.program}</code></pre></details>`
          : nothing
      }
    `;
  }

  /** An emotion that is left out stays as it was: each is set to nothing by name. */
  private neutral(): ControlsMessage {
    return { ...NEUTRAL_CONTROLS, emotion: Object.fromEntries(EMOTIONS.map((name) => [name, 0])) };
  }

  private devicePicker(name: string, value: string, devices: AudioDevice[], set: (id: string) => void): unknown {
    return this.select(name, value, [{ id: '', name: words('The system’s own') }, ...devices], set);
  }

  private select(name: string, value: string, options: AudioDevice[], set: (id: string) => void): unknown {
    return html`<label class="row"><span>${name}</span>
      <select @change=${(e: Event) => set((e.target as HTMLSelectElement).value)}>
        ${options.map((option) => html`<option value=${option.id} ?selected=${option.id === value}>${option.name}</option>`)}
      </select></label>`;
  }

  private slider(name: string, value: number, min: number, max: number, set: (value: number) => void): unknown {
    return html`<label class="row"><span>${name}</span>
      <input type="range" min=${min} max=${max} step="0.01" .value=${String(value)} @input=${(e: Event) => set(Number((e.target as HTMLInputElement).value))} /></label>`;
  }

  private checkbox(name: string, isOn: boolean, set: (isOn: boolean) => void): unknown {
    return html`<label class="check"><input type="checkbox" role="switch" .checked=${isOn} @change=${(e: Event) => set((e.target as HTMLInputElement).checked)} />${name}</label>`;
  }
}

customElements.define('face-panel', FacePanel);
