/** `<gaze-pad>`: where the eyes look, as a point to drag (or arrow keys). Value and `change` detail: {yawRad, pitchRad}, ±0.6. */
import { css, html, LitElement } from 'lit';

const LIMIT_RAD = 0.6;
const KEY_STEP_RAD = 0.05;
const KEYS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

export class GazePad extends LitElement {
  static override properties = { value: { attribute: false } };
  static override styles = css`
    :host { display: block; width: 7rem; aspect-ratio: 1; }
    div { position: relative; width: 100%; height: 100%; border-radius: 50%; background: radial-gradient(circle, #3a3129, #1d1815); cursor: crosshair; touch-action: none; }
    div:focus-visible { outline: 2px solid #e8b36a; outline-offset: 2px; }
    i { position: absolute; width: 34%; height: 34%; margin: -17%; border-radius: 50%; background: radial-gradient(circle at 50% 50%, #14100c 38%, #8a5a2b 40%, #5d3b1b 95%); box-shadow: 0 0 0 2px #0008; }
  `;

  declare value: { yawRad: number; pitchRad: number };

  constructor() {
    super();
    this.value = { yawRad: 0, pitchRad: 0 };
  }

  private set(yawRad: number, pitchRad: number): void {
    const clamp = (angle: number): number => Math.max(-LIMIT_RAD, Math.min(LIMIT_RAD, angle));
    this.value = { yawRad: clamp(yawRad), pitchRad: clamp(pitchRad) };
    this.dispatchEvent(new CustomEvent('change', { detail: this.value }));
  }

  private drag(event: PointerEvent): void {
    if (event.buttons === 0) return;
    const pad = event.currentTarget as HTMLElement;
    pad.setPointerCapture(event.pointerId);
    const { left, top, width, height } = pad.getBoundingClientRect();
    this.set(
      ((event.clientX - left) / width - 0.5) * 2 * LIMIT_RAD,
      -((event.clientY - top) / height - 0.5) * 2 * LIMIT_RAD,
    );
  }

  private press(event: KeyboardEvent): void {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    this.set(this.value.yawRad + step[0] * KEY_STEP_RAD, this.value.pitchRad + step[1] * KEY_STEP_RAD);
  }

  protected override render(): unknown {
    const { yawRad, pitchRad } = this.value;
    const position = `left:${50 + (33 * yawRad) / LIMIT_RAD}%;top:${50 - (33 * pitchRad) / LIMIT_RAD}%`;
    const text = `right ${Math.round((yawRad * 180) / Math.PI)} degrees, up ${Math.round((pitchRad * 180) / Math.PI)} degrees`;
    return html`<div role="slider" tabindex="0" aria-label="Gaze" aria-valuetext=${text} aria-valuenow=${yawRad}
      @pointerdown=${this.drag} @pointermove=${this.drag} @keydown=${this.press}><i style=${position}></i></div>`;
  }
}

customElements.define('gaze-pad', GazePad);
