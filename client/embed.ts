/** The example page around `<visavis-call>`: everything a site needs to do. */
import './visavis-call.ts';
import type { VisavisCall } from './visavis-call.ts';

const face = document.querySelector('visavis-call') as VisavisCall;
const form = document.querySelector('#form') as HTMLFormElement;
const text = document.querySelector('#text') as HTMLInputElement;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  face.speak(text.value).catch((error: Error) => alert(error.message));
});
face.addEventListener('failed', (event) => alert((event as CustomEvent<{ message: string }>).detail.message));
