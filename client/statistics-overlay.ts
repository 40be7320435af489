/** What the overlay shows: how the call arrives, how it leaves the server, and where the last answer's time went. Markup only. */
import { css, html, nothing, type TemplateResult } from 'lit';
import type { TurnTrace } from '../src/media/turn-trace.ts';
import type { Render, StatsMessage } from '../src/signaling/protocol.ts';
import type { LinkStatistics } from './link-statistics.ts';

export interface Statistics {
  render: Render;
  firstPictureMs: number | undefined;
  received: LinkStatistics | undefined;
  sent: StatsMessage | undefined;
  /** Of the last answer. */
  trace: TurnTrace | undefined;
}

const ms = (value: number | undefined, digits = 0): string =>
  value === undefined ? '–' : `${value.toFixed(digits)} ms`;

type Row = [name: string, value: string, explanation: string];

/** In the order in which they happen, ear to mouth. */
const TRACE_PARTS: [key: keyof TurnTrace, name: string][] = [
  ['eouDelayMs', 'you have finished'],
  ['sttDelayMs', 'understood'],
  ['llmTtftMs', 'first words'],
  ['ttsTtfbMs', 'first sound'],
  ['engineFirstFrameMs', 'face'],
];

export function renderStatistics({ render, firstPictureMs, received, sent, trace }: Statistics): TemplateResult {
  const arrives: Row[] = [
    ['first picture', ms(firstPictureMs), 'From pressing Join to the first picture'],
    [
      'pictures',
      received ? `${received.fps.toFixed(1)} /s` : '–',
      `Shown here; drawn by the ${render === 'client' ? 'page' : 'server'}`,
    ],
    ['bitrate', received ? `${received.bitrateKbps.toFixed(0)} kbit/s` : '–', 'Everything that arrives'],
    ['round trip', ms(received?.roundTripMs), 'Network, there and back'],
    ['sound buffer', ms(received?.soundBufferMs), 'Wait of the sound between network and loudspeaker'],
    ['picture after sound', ms(received?.skewMs), 'As this browser plays them; negative: picture first'],
    ['lost · freezes', received ? `${received.lost} · ${received.freezes}` : '–', 'Packets, stops of the picture'],
  ];
  const leaves: Row[] = [
    ['skew p95', ms(sent?.skewP95Ms, 1), 'Picture against its sound when they leave the server'],
    [
      'picture delay',
      ms(sent?.pictureDelayMs),
      'Pictures are sent so much later than their sound, for this browser keeps sound back',
    ],
    ['held · dropped', sent ? `${sent.heldFrames} · ${sent.droppedFrames}` : '–', 'Pictures that came too late'],
    ['draw · encode', sent ? `${sent.renderMs.toFixed(1)} · ${sent.encodeMs.toFixed(1)} ms` : '–', 'Per picture'],
  ];
  return html`
    <div class="frame">
      <div class="statistics" role="group" aria-label="Statistics" tabindex="0">
        ${renderRows(`Arrives, ${render === 'client' ? 'drawn here' : 'as video'}`, arrives)}
        ${renderRows('Leaves the server', leaves)}
        ${trace ? renderTrace(trace, received) : nothing}
      </div>
    </div>
  `;
}

function renderRows(title: string, rows: Row[]): TemplateResult {
  return html`<h3>${title}</h3>
    <dl>${rows.map(([name, value, why]) => html`<dt title=${why}>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function renderTrace(trace: TurnTrace, received: LinkStatistics | undefined): TemplateResult {
  const parts = TRACE_PARTS.flatMap(([key, name]) => (trace[key] === undefined ? [] : [{ name, value: trace[key] }]));
  if (received) parts.push({ name: 'to your ear', value: (received.roundTripMs ?? 0) / 2 + received.soundBufferMs });
  const total = Math.max(
    1,
    parts.reduce((sum, { value }) => sum + value, 0),
  );
  return html`<h3>Last answer, ear to mouth</h3>
    <div class="bar" aria-hidden="true">
      ${parts.map(({ value }, i) => html`<i class="part${i}" style=${`flex-grow:${(value / total).toFixed(4)}`}></i>`)}
    </div>
    <dl>
      ${parts.map(({ name, value }, i) => html`<dt><b class="part${i}"></b>${name}</dt><dd>${ms(value)}</dd>`)}
      ${trace.responseLatencyMs === undefined ? nothing : html`<dt>sound sent after</dt><dd>${ms(trace.responseLatencyMs)}</dd>`}
      ${trace.interruptionLatencyMs === undefined ? nothing : html`<dt>silent after stop</dt><dd>${ms(trace.interruptionLatencyMs)}</dd>`}
    </dl>`;
}

export const statisticsStyles = css`
  .frame { position: absolute; inset: 0; container-type: size; pointer-events: none; }
  .statistics { pointer-events: auto; position: absolute; top: 0.6rem; left: 0.6rem; max-height: calc(100% - 1.2rem); overflow: auto; padding: 0.5rem 0.75rem 0.6rem; background: #0c0a08cc; color: #e9e2d6; border-radius: 0.7rem; font: 0.72rem/1.5 ui-monospace, monospace; font-variant-numeric: tabular-nums; box-sizing: border-box; }
  .statistics h3 { margin: 0.3rem 0 0.1rem; font: 600 0.68rem/1.4 system-ui, sans-serif; color: #e8b36a; letter-spacing: 0.02em; }
  .statistics dl { margin: 0; display: grid; grid-template-columns: auto auto; column-gap: 1rem; }
  .statistics dd { margin: 0; text-align: right; }
  .statistics b { display: inline-block; width: 0.55em; height: 0.55em; margin-right: 0.45em; border-radius: 2px; }
  .bar { display: flex; height: 0.4rem; border-radius: 0.2rem; overflow: hidden; margin: 0.25rem 0; }
  .bar i { flex-basis: 0; }
  /* A small face: a strip at its lower edge, to be scrolled. */
  @container (max-width: 30rem) {
    .statistics { inset: auto 0 0 0; max-height: 36%; padding: 0.2rem 0.6rem 0.4rem; background: #0c0a08b0; border-radius: 0; font-size: 0.62rem; line-height: 1.4; overscroll-behavior: contain; }
    .statistics h3 { font-size: 0.62rem; }
    .statistics dl { grid-template-columns: 1fr auto 1fr auto; column-gap: 0.6rem; }
  }
  @container (max-width: 20rem) {
    .statistics dl { grid-template-columns: 1fr auto; }
  }
  /* The words of the face go to the upper edge: between, they would cover the mouth. */
  @media (max-width: 40rem), (max-height: 30rem) {
    .caption:has(+ .frame) { top: 3.2rem; bottom: auto; }
  }
  .part0 { background: #7fb4d8; } .part1 { background: #8fcfa3; } .part2 { background: #e8d06a; } .part3 { background: #e8a35a; } .part4 { background: #d9776a; } .part5 { background: #b79ad6; }
`;
