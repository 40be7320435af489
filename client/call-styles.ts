/** Looks of `<visavis-call>`: the face fills its box, everything else floats above it. */
import { css } from 'lit';
import { statisticsStyles } from './statistics-overlay.ts';

export const callStyles = [
  css`
    :host { display: block; position: relative; background: #14110e; overflow: hidden; aspect-ratio: 1; color: #fff; font-family: system-ui, sans-serif; }
    video, canvas, img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; display: block; }
    video, canvas { opacity: 0; }
    :host([pictured]) video, :host([pictured]) canvas { opacity: 1; }
    :host([pictured]) img { visibility: hidden; }
    button { cursor: pointer; border: 0; }
    .join { position: absolute; z-index: 1; inset: auto 0 12% 0; margin: auto; display: flex; align-items: center; justify-content: center; gap: 0.6rem; min-width: 9rem; width: max-content; height: 3.4rem; padding: 0 2rem; border-radius: 999px; font: 600 1.15rem system-ui, sans-serif; background: #e8b36a; color: #221a12; box-shadow: 0 0.4rem 2rem #0009; }
    .join svg { width: 1.6rem; height: 1.6rem; }
    .join:hover { background: #f3c581; }
    .join:focus-visible { outline: 3px solid #fff; outline-offset: 3px; }
    .note { position: absolute; left: 0; right: 0; bottom: 14%; text-align: center; font-size: 1rem; text-shadow: 0 1px 4px #000, 0 0 1rem #000; }
    .activity { position: absolute; top: 0.8rem; right: 0.8rem; display: flex; align-items: center; gap: 0.5rem; padding: 0.3rem 0.8rem; border-radius: 999px; background: #0c0a08b0; font-size: 0.85rem; }
    .activity i { width: 0.6rem; height: 0.6rem; border-radius: 50%; background: #8fcfa3; }
    .activity.thinking i { background: #e8d06a; animation: breathe 1s ease-in-out infinite alternate; }
    .activity.speaking i { background: #e8a35a; }
    .captions { position: absolute; inset: 0; pointer-events: none; container-type: inline-size; }
    .caption { position: absolute; left: 6%; right: 6%; bottom: 4%; text-align: center; font: 500 clamp(0.9rem, 3.4cqi, 2.8rem)/1.35 system-ui, sans-serif; text-shadow: 0 1px 3px #000, 0 0 12px #000; text-wrap: balance; }
    @keyframes breathe { to { opacity: 0.25; } }
    @media (prefers-reduced-motion: reduce) { .activity.thinking i { animation: none; } }
  `,
  statisticsStyles,
];
