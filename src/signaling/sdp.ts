/** The few things that we read in session descriptions ourselves. In: SDP as text; out: yes, no, or a number. */

/** RFC 3264 §6: the same kinds of media in the same order; besides, someone who can be reached and recognised. */
export function isAnswerTo(offer: string, answer: string): boolean {
  const kinds = (sdp: string): string => (sdp.match(/^m=\w+/gm) ?? []).join();
  return kinds(offer) === kinds(answer) && /^a=ice-ufrag:\S/m.test(answer) && /^a=fingerprint:\S/m.test(answer);
}

/** Under which number an answer accepts the header extension whose URI has this name in it (RFC 8285 §5); undefined: not at all. */
export function extensionId(answer: string, name: string): number | undefined {
  const id = answer.match(new RegExp(`a=extmap:(\\d+)\\S* \\S*${name}`))?.[1];
  return id === undefined ? undefined : Number(id);
}
