/** Line icons of the toolbar, 24 × 24, in the colour of the text around them. Decoration: the button beside them has the name. */
import { html, svg, type TemplateResult } from 'lit';

const PATHS = {
  microphone: svg`<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5 11a7 7 0 0 0 14 0M12 18v3"/>`,
  microphoneOff: svg`<path d="M9 9v2a3 3 0 0 0 4.6 2.5M15 10V6a3 3 0 0 0-5.7-1.3M5 11a7 7 0 0 0 10.9 5.8M18.9 12A7 7 0 0 0 19 11M12 18v3M4 4l16 16"/>`,
  hand: svg`<path d="M8 12V6.5a1.5 1.5 0 0 1 3 0V11m0-.5v-5a1.5 1.5 0 0 1 3 0V11m0-.5V7a1.5 1.5 0 0 1 3 0v7a6 6 0 0 1-6 6h-.5a6 6 0 0 1-4.7-2.3L4.3 14a1.6 1.6 0 0 1 2.5-2L8 13.3"/>`,
  sound: svg`<path d="M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11"/>`,
  soundOff: svg`<path d="M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5"/>`,
  captions: svg`<rect x="3" y="5" width="18" height="14" rx="3"/><path d="M10.5 10.5a2 2 0 1 0 0 3M17.5 10.5a2 2 0 1 0 0 3"/>`,
  chart: svg`<path d="M4 4v16h16M8 16v-4M12 16V8M16 16v-6"/>`,
  end: svg`<path d="M3.5 14.5c-1-2 3-5 8.5-5s9.500 3 8.500 5c-.5 1-1.500 1.300-2.500 1l-2.500-.8c-.8-.3-1-1-1-2-1.700-.5-3.300-.5-5 0 0 1-.2 1.700-1 2l-2.500.8c-1 .3-2 0-2.500-1z"/>`,
  send: svg`<path d="M4 12 20 4l-4 16-4-7zM12 13l8-9"/>`,
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${PATHS[name]}</svg>`;
}
