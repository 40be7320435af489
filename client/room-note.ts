/** One line about the room, for those who share a face: how many watch, and who may speak now. */
import { html } from 'lit';
import type { RoomState } from '../src/signaling/protocol.ts';

export function renderRoomNote({ name, viewers, floor, maySpeak }: RoomState): unknown {
  const company = viewers === 1 ? 'you are alone here' : `${viewers} people see this face`;
  const word = !maySpeak
    ? 'You are here to watch.'
    : floor === 'mine'
      ? 'The face hears you.'
      : floor === 'taken'
        ? 'Someone else is speaking.'
        : '';
  return html`<p class="room" role="status">Room “${name}”: ${company}. ${word}</p>`;
}
