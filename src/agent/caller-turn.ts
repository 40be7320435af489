/**
 * A turn of the caller's: one or more utterances, each between a voice that began and one that ended, and what was understood of them. In:
 * voice and words with their times; out: the turn's text so far. Pure.
 */

interface CallerUtterance {
  id: number;
  /** The final words; undefined while they are waited for. */
  text: string | undefined;
  finishedUs: number | undefined;
}

export class CallerTurn {
  private readonly utterances: CallerUtterance[] = [];
  /** While the voice sounds, or the key is down: since when. */
  private voiceSinceUs: number | undefined;
  /** What the last utterance sounds like so far. */
  private heard: { utteranceId: number; text: string } | undefined;
  lastVoicedUs: number;
  /** How much voice there was, without the pauses. */
  voicedUs = 0;
  /** BCP 47 tag, where the recogniser tells. */
  language: string | undefined;

  constructor(sinceUs: number) {
    this.lastVoicedUs = sinceUs;
  }

  get isVoiced(): boolean {
    return this.voiceSinceUs !== undefined;
  }

  voicedForUs(nowUs: number): number {
    return this.voiceSinceUs === undefined ? 0 : nowUs - this.voiceSinceUs;
  }

  /** Final words are still to come. */
  get isWaiting(): boolean {
    return this.utterances.some(({ text }) => text === undefined);
  }

  get text(): string {
    return this.utterances
      .map(({ id, text }) => text ?? (this.heard?.utteranceId === id ? this.heard.text : ''))
      .filter((text) => text !== '')
      .join(' ');
  }

  /** @param utteranceId undefined where nobody recognises words. */
  voiceStarted(sinceUs: number, utteranceId: number | undefined): void {
    this.voiceSinceUs = sinceUs;
    this.lastVoicedUs = Math.max(this.lastVoicedUs, sinceUs);
    if (utteranceId !== undefined) this.utterances.push({ id: utteranceId, text: undefined, finishedUs: undefined });
  }

  /** @returns the utterance that is complete by this; undefined where there is none, or its words are there already. */
  voiceStopped(lastVoicedUs: number, nowUs: number): number | undefined {
    this.voicedUs += Math.max(0, lastVoicedUs - (this.voiceSinceUs ?? lastVoicedUs));
    this.lastVoicedUs = lastVoicedUs;
    this.voiceSinceUs = undefined;
    const utterance = this.utterances.at(-1);
    if (!utterance || utterance.finishedUs !== undefined) return undefined;
    utterance.finishedUs = nowUs;
    return utterance.id;
  }

  /** @returns whether this is news. */
  partial({ utteranceId, text }: { utteranceId: number; text: string }): boolean {
    const utterance = this.utterances.find(({ id }) => id === utteranceId);
    if (!utterance || utterance.finishedUs !== undefined) return false;
    if ((this.heard?.utteranceId === utteranceId ? this.heard.text : '') === text) return false;
    this.heard = { utteranceId, text };
    return true;
  }

  transcript(
    { utteranceId, text, language }: { utteranceId: number; text: string; language?: string },
    nowUs: number,
  ): void {
    const utterance = this.utterances.find(({ id }) => id === utteranceId);
    if (utterance?.text !== undefined || !utterance) return;
    utterance.text = text.trim();
    this.language = language ?? this.language;
    // A recogniser may end by itself, before the voice does.
    utterance.finishedUs ??= nowUs;
  }

  /** Waits no longer for the words of utterances that ended before then: their last guess counts. @returns those. */
  giveUp(beforeUs: number): number[] {
    const late = this.utterances.filter(
      ({ text, finishedUs }) => text === undefined && finishedUs !== undefined && finishedUs <= beforeUs,
    );
    for (const utterance of late) utterance.text = this.heard?.utteranceId === utterance.id ? this.heard.text : '';
    return late.map(({ id }) => id);
  }

  /** Utterances whose words have not come. */
  unheard(): number[] {
    return this.utterances.filter(({ text }) => text === undefined).map(({ id }) => id);
  }
}
