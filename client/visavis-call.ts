/**
 * `<visavis-call>`: a live face as one element. Attributes: `server` (origin, default: where the script came from), `portrait`, `voice`,
 * `autojoin`, `captions`, `overlay`. Methods: join, leave, speak, stop, setControls, setMicrophone, setMirror, invite. Events (CustomEvent, detail):
 * `state`, `turn`, `caption`, `stats`, `failed`.
 */
import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import type { ControlsMessage, Invitation, StatsMessage } from '../src/signaling/protocol.ts';
import { Call, type CallState } from './call.ts';

const STATE_TEXT: Record<CallState, string> = {
  idle: '',
  joining: 'Joining …',
  live: '',
  reconnecting: 'The connection was lost. Reconnecting …',
  ended: '',
};

interface Receive {
  fps: number;
  bitrateKbps: number;
  lost: number;
  freezes: number;
  jitterBufferMs: number;
}

export class VisavisCall extends LitElement {
  static override properties = {
    server: { type: String },
    portrait: { type: String },
    voice: { type: String },
    autojoin: { type: Boolean },
    captions: { type: Boolean },
    overlay: { type: Boolean },
    state: { state: true },
    caption: { state: true },
    sent: { state: true },
    received: { state: true },
    needsGesture: { state: true },
    firstPictureMs: { state: true },
  };

  static override styles = css`
    :host { display: block; position: relative; background: #14110e; overflow: hidden; aspect-ratio: 1; }
    video { width: 100%; height: 100%; object-fit: cover; display: block; opacity: 0; transition: opacity 0.25s; }
    :host([live]) video { opacity: 1; }
    img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; filter: brightness(0.55) blur(6px); transform: scale(1.05); transition: opacity 0.25s; }
    :host([live]) img { opacity: 0; pointer-events: none; }
    button { position: absolute; inset: 0; margin: auto; width: 9rem; height: 3.2rem; border-radius: 999px; border: 0; font: 600 1.1rem system-ui, sans-serif; background: #e8b36a; color: #221a12; cursor: pointer; }
    button:hover { background: #f3c581; }
    button:focus-visible { outline: 3px solid #fff; outline-offset: 3px; }
    .note { position: absolute; left: 0; right: 0; bottom: 45%; text-align: center; color: #fff; font: 1rem system-ui, sans-serif; text-shadow: 0 1px 4px #000; }
    .caption { position: absolute; left: 6%; right: 6%; bottom: 4%; text-align: center; color: #fff; font: 500 clamp(0.9rem, 2.6vmin, 1.4rem)/1.35 system-ui, sans-serif; text-shadow: 0 1px 3px #000, 0 0 12px #000; }
    dl { position: absolute; top: 0.6rem; left: 0.6rem; margin: 0; padding: 0.5rem 0.7rem; background: #000a; color: #d8f0d0; border-radius: 0.5rem; font: 0.75rem/1.5 ui-monospace, monospace; display: grid; grid-template-columns: auto auto; column-gap: 0.8rem; }
    dd { margin: 0; text-align: right; }
  `;

  declare server: string;
  declare portrait: string;
  declare voice: string;
  declare autojoin: boolean;
  declare captions: boolean;
  declare overlay: boolean;
  declare state: CallState;
  declare caption: string;
  declare sent: StatsMessage | undefined;
  declare received: Receive | undefined;
  declare needsGesture: boolean;
  declare firstPictureMs: number | undefined;
  private call: Call | undefined;
  private controls: ControlsMessage = {};
  private microphone: MediaStreamTrack | null = null;
  private isMirror = false;
  private poll: ReturnType<typeof setInterval> | undefined;
  private lastReceived: { atMs: number; frames: number; bytes: number } | undefined;
  private joinedAtMs = 0;

  constructor() {
    super();
    this.server = new URL('.', location.href).href;
    this.portrait = '';
    this.voice = '';
    this.autojoin = false;
    this.captions = true;
    this.overlay = false;
    this.state = 'idle';
    this.caption = '';
    this.needsGesture = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.poll = setInterval(() => void this.readStats(), 1000);
    if (this.autojoin) void this.join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.poll);
    this.leave();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('state')) this.toggleAttribute('live', this.state === 'live' || this.state === 'reconnecting');
    // Another face was chosen in the middle of a call: same call, new face.
    if (changed.has('portrait') && changed.get('portrait') && this.state === 'live') void this.join();
  }

  private get video(): HTMLVideoElement {
    return this.renderRoot.querySelector('video')!;
  }

  /** Starts the call with the chosen portrait. A failure is told by the `failed` event. */
  async join(): Promise<void> {
    await this.updateComplete;
    this.call?.end();
    this.joinedAtMs = performance.now();
    this.firstPictureMs = undefined;
    this.lastReceived = undefined;
    const call = new Call(this.server, {
      stream: (stream) => this.show(stream),
      state: (state) => {
        if (call !== this.call) return;
        this.state = state;
        this.tell('state', { state });
      },
      caption: (message) => {
        this.caption = message.text;
        this.tell('caption', message);
      },
      turn: (message) => {
        if (message.state === 'ended') this.caption = '';
        this.tell('turn', message);
      },
      stats: (message) => {
        this.sent = message;
        this.tell('stats', message);
      },
      failed: (failure) => this.tell('failed', failure),
    });
    this.call = call;
    if (this.microphone) await call.setMicrophone(this.microphone);
    if (this.isMirror) await call.setMirror(true);
    try {
      await call.join(this.portrait, this.controls);
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      this.tell('failed', { code: code ?? 'NETWORK', message });
    }
  }

  leave(): void {
    this.call?.end();
    this.call = undefined;
    this.state = 'ended';
    this.caption = '';
  }

  /** @returns the turn's number; `turn` events carry it. */
  async speak(text: string): Promise<number> {
    if (!this.call) throw new Error('Join first, then the face can speak.');
    return this.call.speak(text, this.voice || undefined);
  }

  async stop(): Promise<void> {
    await this.call?.stop();
  }

  async setControls(controls: ControlsMessage): Promise<void> {
    this.controls = { ...this.controls, ...controls };
    await this.call?.setControls(controls);
  }

  /** The face says what the microphone hears. */
  async setMirror(isOn: boolean): Promise<void> {
    this.isMirror = isOn;
    await this.call?.setMirror(isOn);
  }

  /** A ticket with which a program can speak through this face. */
  async invite(): Promise<Invitation> {
    if (!this.call) throw new Error('Join first, then a program can be connected.');
    return this.call.invite();
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.microphone = track;
    await this.call?.setMicrophone(track);
  }

  private tell(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  private show(stream: MediaStream): void {
    const { video } = this;
    if (video.srcObject === stream) return;
    video.srcObject = stream;
    video.requestVideoFrameCallback?.(() => {
      this.firstPictureMs = Math.round(performance.now() - this.joinedAtMs);
    });
    this.play();
  }

  /** Browsers forbid sound before the visitor has touched the page: then the face plays silently and asks for a touch. */
  private play(): void {
    const { video } = this;
    video.muted = false;
    video.play().then(
      () => {
        this.needsGesture = false;
      },
      () => {
        video.muted = true;
        this.needsGesture = true;
        video.play().catch(() => {});
      },
    );
  }

  private async readStats(): Promise<void> {
    if (!this.overlay || this.state !== 'live') return;
    const report = await this.call?.getStats();
    for (const entry of report?.values() ?? []) {
      if (entry.type !== 'inbound-rtp' || entry.kind !== 'video') continue;
      const now = {
        atMs: performance.now(),
        frames: entry.framesDecoded as number,
        bytes: entry.bytesReceived as number,
      };
      const last = this.lastReceived;
      this.lastReceived = now;
      if (!last) continue;
      const seconds = (now.atMs - last.atMs) / 1000;
      this.received = {
        fps: (now.frames - last.frames) / seconds,
        bitrateKbps: ((now.bytes - last.bytes) * 8) / 1000 / seconds,
        lost: entry.packetsLost as number,
        freezes: entry.freezeCount as number,
        jitterBufferMs:
          (1000 * (entry.jitterBufferDelay as number)) / Math.max(1, entry.jitterBufferEmittedCount as number),
      };
    }
  }

  protected override render(): unknown {
    const waits = this.state === 'idle' || this.state === 'ended';
    const poster = this.portrait
      ? new URL(`api/portraits/${encodeURIComponent(this.portrait)}/thumbnail`, this.server).href
      : '';
    return html`
      <video playsinline autoplay aria-label="The face"></video>
      ${poster ? html`<img src=${poster} alt="" />` : nothing}
      ${waits ? html`<button @click=${() => void this.join()}>${this.state === 'ended' ? 'Join again' : 'Join'}</button>` : nothing}
      ${this.needsGesture ? html`<button @click=${() => this.play()}>Turn on sound</button>` : nothing}
      <div class="note" role="status">${STATE_TEXT[this.state]}</div>
      ${this.captions ? html`<div class="caption" aria-live="polite">${this.caption}</div>` : nothing}
      ${this.overlay ? this.renderOverlay() : nothing}
    `;
  }

  private renderOverlay(): unknown {
    const { sent, received } = this;
    const rows: [string, string][] = [
      ['first picture', this.firstPictureMs === undefined ? '–' : `${this.firstPictureMs} ms`],
      ['pictures', received ? `${received.fps.toFixed(1)} /s` : '–'],
      ['bitrate', received ? `${received.bitrateKbps.toFixed(0)} kbit/s` : '–'],
      ['lost · freezes', received ? `${received.lost} · ${received.freezes}` : '–'],
      ['jitter buffer', received ? `${received.jitterBufferMs.toFixed(0)} ms` : '–'],
      ['skew at send p95', sent ? `${sent.skewP95Ms.toFixed(1)} ms` : '–'],
      ['held · dropped', sent ? `${sent.heldFrames} · ${sent.droppedFrames}` : '–'],
      ['draw · encode', sent ? `${sent.renderMs.toFixed(1)} · ${sent.encodeMs.toFixed(1)} ms` : '–'],
    ];
    return html`<dl aria-label="Statistics">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
  }
}

customElements.define('visavis-call', VisavisCall);
