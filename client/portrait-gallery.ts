/** The faces to choose from, and a picture of one's own, with consent. Markup only: what is chosen is told to the caller. */
import { html, nothing, type TemplateResult } from 'lit';
import type { PortraitInfo } from '../src/signaling/protocol.ts';
import { uploadHeaders } from './access.ts';
import { words, wordsAround } from './words.ts';

const CONSENT =
  'You are about to animate {}. Use only pictures of yourself, of people who agreed to it, or works that are free to use. Your picture appears in your gallery only. This server keeps the face made of it, not the file, until it stops at most.';

export interface GalleryProps {
  portraits: PortraitInfo[];
  portraitId: string;
  /** A picture is being looked at. */
  isBusy: boolean;
  /** Whether own pictures may be added. */
  canUpload: boolean;
  choose(portraitId: string): void;
  /** A picture was picked; consent is still to be asked for. */
  pick(file: File): void;
}

export function renderGallery({
  portraits,
  portraitId,
  isBusy,
  canUpload,
  choose,
  pick,
}: GalleryProps): TemplateResult {
  return html`
    <section class="gallery" aria-label=${words('Choose a face')}>
      ${portraits.map(
        ({ id, title }) => html`
          <button type="button" class="thumb" aria-pressed=${id === portraitId} title=${title} @click=${() => choose(id)}>
            <img src="api/portraits/${encodeURIComponent(id)}/thumbnail" alt=${title} loading="lazy" />
          </button>
        `,
      )}
      ${canUpload ? renderUpload(isBusy, pick) : nothing}
    </section>
  `;
}

function renderUpload(isBusy: boolean, pick: GalleryProps['pick']): TemplateResult {
  return html`<label class="thumb add" title=${words('Use your own picture')} aria-busy=${isBusy}>
        <span aria-hidden="true">${isBusy ? '' : '+'}</span>
        <input type="file" accept="image/*" aria-label=${words('Use your own picture')} ?disabled=${isBusy} @change=${(
          e: Event,
        ) => {
          const input = e.target as HTMLInputElement;
          const [file] = input.files ?? [];
          input.value = '';
          if (file) pick(file);
        }} />
      </label>`;
}

export function renderConsent(file: File, answer: (mayUse: boolean) => void): TemplateResult {
  return html`
    <dialog class="consent" aria-labelledby="consent-title" @close=${() => answer(false)}>
      <article>
        <h2 id="consent-title">${words('May this face speak?')}</h2>
        <p>${wordsAround(CONSENT, html`<strong>${file.name}</strong>`)}</p>
        <footer>
          <button class="secondary" @click=${() => answer(false)}>${words('Cancel')}</button>
          <button autofocus @click=${() => answer(true)}>${words('Yes, I may use it')}</button>
        </footer>
      </article>
    </dialog>
  `;
}

/** @param access of this page. @throws Error with the server's own sentence when the picture is refused. */
export async function uploadPortrait(file: File, access: string): Promise<PortraitInfo> {
  const response = await fetch('api/portraits', {
    method: 'POST',
    headers: {
      ...(await uploadHeaders(access)),
      'content-type': file.type || 'image/jpeg',
      'x-portrait-consent': 'yes',
      'x-file-name': encodeURIComponent(file.name),
    },
    body: file,
  });
  const result = (await response.json().catch(() => ({}))) as PortraitInfo & { error?: { message: string } };
  if (!response.ok) throw new Error(result.error?.message ?? `The picture was refused (${response.status}).`);
  return result;
}
