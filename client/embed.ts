/** The example page around `<visavis-call>`: everything a site needs to do, and a list of what the element tells. */
import './visavis-call.ts';
import type { VisavisCall } from './visavis-call.ts';

const MAX_EVENTS = 200;
const face = document.querySelector('visavis-call') as VisavisCall;
const form = document.querySelector('#form') as HTMLFormElement;
const text = document.querySelector('#text') as HTMLInputElement;
const talk = document.querySelector('#talk') as HTMLButtonElement;
const log = document.querySelector('#log') as HTMLOListElement;

function write(line: string): void {
  const item = document.createElement('li');
  item.textContent = line;
  log.append(item);
  if (log.children.length > MAX_EVENTS) log.firstElementChild?.remove();
  log.scrollTop = log.scrollHeight;
}

/** What a method could not do is said where the events are. */
function attempt(action: Promise<unknown>): void {
  action.catch((error: Error) => write(`could not: ${error.message}`));
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const isExact = (event.submitter as HTMLButtonElement | null)?.name !== 'answered';
  attempt(isExact ? face.speak(text.value) : face.say(text.value));
});
talk.addEventListener('click', () => attempt(face.setTalk(talk.ariaPressed !== 'true')));
document.querySelector('#stop')!.addEventListener('click', () => attempt(face.stop()));
document.querySelector('#leave')!.addEventListener('click', () => face.leave());

face.addEventListener('talk', (event) => {
  talk.ariaPressed = String((event as CustomEvent<{ isOn: boolean }>).detail.isOn);
});
for (const name of ['state', 'activity', 'heard', 'caption', 'turn', 'hint', 'handoff', 'talk', 'failed'])
  face.addEventListener(name, (event) => write(`${name} ${JSON.stringify((event as CustomEvent).detail)}`));
