// What was said, as lines: partial becomes final, sentences grow into an answer, an interrupted one ends where it was heard.
import { describe, expect, it } from 'vitest';
import { type Line, withCaption, withHeard, withNote, withTurn, withTyped } from '../../client/transcript.ts';

const texts = (lines: Line[]) => lines.map(({ who, text, isOpen }) => `${who}${isOpen ? '…' : ''}: ${text}`);

describe('the transcript', () => {
  it('lets what is heard grow until it is final', () => {
    let lines = withHeard([], { text: 'when', isFinal: false });
    lines = withHeard(lines, { text: 'when are you', isFinal: false });
    expect(texts(lines)).toEqual(['caller…: when are you']);
    lines = withHeard(lines, { text: 'When are you open?', isFinal: true });
    lines = withHeard(lines, { text: 'and', isFinal: false });
    expect(texts(lines)).toEqual(['caller: When are you open?', 'caller…: and']);
  });

  it('keeps what another visitor says apart from the caller’s own words', () => {
    let lines = withHeard([], { text: 'when', isFinal: false });
    lines = withHeard(lines, { text: 'Hello', isFinal: true, isOthers: true });
    lines = withHeard(lines, { text: 'When?', isFinal: true });
    expect(texts(lines)).toEqual(['caller: When?', 'visitor: Hello']);
  });

  it('takes back what turned out to be nothing', () => {
    const lines = withHeard([], { text: 'hm', isFinal: false });
    expect(withHeard(lines, { text: ' ', isFinal: true })).toEqual([]);
    expect(withHeard([], { text: '', isFinal: true })).toEqual([]);
  });

  it('joins the sentences of a turn, and keeps the lines of others apart', () => {
    let lines = withTyped([], 'Hello');
    lines = withCaption(lines, { turnId: 1, text: 'Good morning.' });
    lines = withHeard(lines, { text: 'Wait', isFinal: true });
    lines = withCaption(lines, { turnId: 1, text: 'How are you?' });
    lines = withCaption(lines, { turnId: 2, text: 'Yes?' });
    expect(texts(lines)).toEqual(['caller: Hello', 'face…: Good morning. How are you?', 'caller: Wait', 'face…: Yes?']);
    expect(new Set(lines.map(({ key }) => key)).size).toBe(4);
  });

  it('replaces a sentence that is told again as it grows', () => {
    let lines = withCaption([], { turnId: 1, text: 'Good' });
    lines = withCaption(lines, { turnId: 1, text: 'Good morning.' });
    expect(texts(lines)).toEqual(['face…: Good morning.']);
  });

  it('cuts an interrupted turn to what was heard; what nobody heard was not said', () => {
    let lines = withCaption([], { turnId: 1, text: 'Our opening hours are long.' });
    lines = withTurn(lines, { turnId: 1, state: 'ended', interrupted: true, heard: 'Our opening' });
    expect(lines[0]).toMatchObject({ text: 'Our opening', wasInterrupted: true, isOpen: false });
    // A straggler changes nothing.
    expect(texts(withCaption(lines, { turnId: 1, text: 'hours' }))).toEqual(['face: Our opening']);
    const unheard = withCaption([], { turnId: 2, text: 'Well' });
    expect(withTurn(unheard, { turnId: 2, state: 'ended', interrupted: true, heard: '' })).toEqual([]);
  });

  it('closes a turn that was said to its end, and leaves unknown turns alone', () => {
    const lines = withCaption([], { turnId: 1, text: 'Yes.' });
    expect(texts(withTurn(lines, { turnId: 1, state: 'ended', interrupted: false }))).toEqual(['face: Yes.']);
    expect(withTurn(lines, { turnId: 9, state: 'ended' })).toEqual(lines);
    expect(withTurn(lines, { turnId: 2, state: 'started' })).toEqual(lines);
  });

  it('keeps the turns of another call apart, though they have the same numbers', () => {
    let lines = withTurn([], { turnId: 1, state: 'started' });
    lines = withCaption(lines, { turnId: 1, text: 'Good morning.' });
    // The call breaks; the next one begins at 1 again.
    lines = withTurn(lines, { turnId: 1, state: 'started' });
    lines = withCaption(lines, { turnId: 1, text: 'Hello again.' });
    expect(texts(lines)).toEqual(['face: Good morning.', 'face…: Hello again.']);
    lines = withTurn(lines, { turnId: 1, state: 'ended', interrupted: true, heard: 'Hello' });
    expect(texts(lines)).toEqual(['face: Good morning.', 'face: Hello']);
  });

  it('says a thing once and forgets the oldest lines', () => {
    let lines: Line[] = withNote(withNote([], 'Stay on the line.'), 'Stay on the line.');
    expect(lines).toHaveLength(1);
    for (let i = 0; i < 500; i++) lines = withTyped(lines, `line ${i}`);
    expect(lines).toHaveLength(200);
    expect(lines.at(-1)!.text).toBe('line 499');
  });
});
