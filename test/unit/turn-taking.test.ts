// Turn-taking: scripted conversations in virtual time, and for any order of events: one reply at a time, each ends once, nothing after the end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBackchannel, patienceMs } from '../../src/agent/endpointing.ts';
import type { TurnEffect, TurnEvent } from '../../src/agent/turn-events.ts';
import { TurnTaking, type TurnTakingSettings } from '../../src/agent/turn-taking.ts';

const SETTINGS: TurnTakingSettings = {
  completeMs: 350,
  plainMs: 550,
  unfinishedMs: 1200,
  canUnderstand: true,
  bargeIn: true,
  interruptAfterMs: 60,
  falseInterruptionMs: 1500,
  briefVoiceMs: 500,
  transcriptTimeoutMs: 5000,
  hasGreeting: false,
  promptAfterMs: 0,
  goodbyeAfterMs: 0,
};

/** A conversation in virtual time: ticks every 20 ms, remembers every effect with its moment. */
class Conversation {
  readonly log: { atMs: number; effect: TurnEffect }[] = [];
  private readonly turns: TurnTaking;
  private nowMs = 0;

  constructor(settings: Partial<TurnTakingSettings> = {}, isTalking = true) {
    this.turns = new TurnTaking({ ...SETTINGS, ...settings });
    if (isTalking) this.tell({ kind: 'talk', isOn: true });
  }

  tell(event: TurnEvent): TurnEffect[] {
    const effects = this.turns.push(event, this.nowMs * 1000);
    for (const effect of effects) this.log.push({ atMs: this.nowMs, effect });
    return effects;
  }

  wait(ms: number): void {
    for (let left = ms; left > 0; left -= 20) {
      this.nowMs += Math.min(20, left);
      this.tell({ kind: 'tick' });
    }
  }

  /** Voice for so long; the VAD notices its end 250 ms late. @returns the utterance's number, if it is heard. */
  voice(ms: number): number | undefined {
    const hear = this.tell({ kind: 'voice-started', sinceUs: this.nowMs * 1000 }).find(
      (effect) => effect.kind === 'hear',
    );
    this.wait(ms);
    const lastVoicedUs = this.nowMs * 1000;
    this.wait(250);
    this.tell({ kind: 'voice-stopped', lastVoicedUs });
    return hear?.utteranceId;
  }

  says(text: string, ms = 800): void {
    const utteranceId = this.voice(ms);
    if (utteranceId !== undefined) this.tell({ kind: 'transcript', utteranceId, text });
  }

  /** The reply under way is heard. */
  sounds(): number {
    const replyId = this.turns.replyId!;
    this.tell({ kind: 'sounded', replyId });
    return replyId;
  }

  find<K extends TurnEffect['kind']>(kind: K): (Extract<TurnEffect, { kind: K }> & { atMs: number })[] {
    return this.log.flatMap(({ atMs, effect }) =>
      effect.kind === kind ? [{ ...(effect as Extract<TurnEffect, { kind: K }>), atMs }] : [],
    );
  }
}

describe('turn-taking', () => {
  it('answers when a finished sentence is followed by a short silence', () => {
    const talk = new Conversation();
    talk.says('Where are you?');
    talk.wait(400);
    expect(talk.find('answer')).toMatchObject([{ text: 'Where are you?', lastVoicedUs: 800_000 }]);
    expect(talk.find('answer')[0]!.atMs - 800).toBeLessThanOrEqual(SETTINGS.completeMs + 20);
  });

  it('waits longer after an "and", and joins what follows', () => {
    const talk = new Conversation();
    talk.says('I would like a room and');
    talk.wait(600);
    expect(talk.find('answer')).toEqual([]);
    talk.says('two breakfasts.');
    talk.wait(400);
    expect(talk.find('answer')).toMatchObject([{ text: 'I would like a room and two breakfasts.' }]);
  });

  it('waits for a transcript that is late, and not for ever', () => {
    const talk = new Conversation();
    const utteranceId = talk.voice(700)!;
    talk.wait(2000);
    expect(talk.find('answer')).toEqual([]);
    expect(talk.find('activity').at(-1)?.state).toBe('thinking');
    talk.tell({ kind: 'transcript', utteranceId, text: 'Hello.' });
    expect(talk.find('answer')).toMatchObject([{ text: 'Hello.' }]);

    const lost = new Conversation();
    lost.voice(1200);
    lost.wait(6000);
    expect(lost.find('drop-hearing')).toHaveLength(1);
    expect(lost.find('answer')).toEqual([]);
    expect(lost.find('line')).toMatchObject([{ line: 'not-understood' }]);
    lost.tell({ kind: 'settled', replyId: lost.sounds(), interrupted: false });
    expect(lost.find('activity').at(-1)?.state).toBe('listening');
    lost.says('', 1200);
    lost.wait(600);
    expect(lost.find('line'), 'said once').toHaveLength(1);
    expect(lost.find('hint'), 'and shown from then on').toHaveLength(1);
    lost.says('', 200);
    lost.wait(600);
    expect(lost.find('hint'), 'but not for a cough').toHaveLength(1);
  });

  it('is silent within 80 ms of a voice, and answers what interrupted', () => {
    const talk = new Conversation();
    talk.says('Tell me a story.');
    talk.wait(400);
    const replyId = talk.sounds();
    talk.wait(3000);
    const startMs = 800 + 250 + 400 + 3000;
    talk.says('Stop, another one.', 600);
    const [cut] = talk.find('interrupt');
    expect(cut).toMatchObject({ replyId });
    expect(cut!.atMs - startMs).toBeLessThanOrEqual(80);
    talk.tell({ kind: 'settled', replyId, interrupted: true });
    talk.wait(400);
    expect(talk.find('discard')).toMatchObject([{ replyId }]);
    expect(talk.find('answer').map(({ text }) => text)).toEqual(['Tell me a story.', 'Stop, another one.']);
  });

  it.each([
    ['a backchannel', 'mhm'],
    ['nothing that is understood', ''],
  ])('goes on where it was after %s', (_, text) => {
    const talk = new Conversation();
    talk.says('Tell me a story.');
    talk.wait(400);
    const cutReplyId = talk.sounds();
    talk.wait(1000);
    const utteranceId = talk.voice(300)!;
    talk.tell({ kind: 'settled', replyId: cutReplyId, interrupted: true });
    talk.tell({ kind: 'transcript', utteranceId, text });
    talk.wait(1000);
    expect(talk.find('resume')).toMatchObject([{ cutReplyId }]);
    expect(talk.find('discard')).toEqual([]);
    expect(talk.find('answer')).toHaveLength(1);
  });

  it("takes back half a sentence that was nobody's turn", () => {
    const talk = new Conversation();
    const half = (text: string) => {
      const [hear] = talk.tell({ kind: 'voice-started', sinceUs: 0 }).filter(({ kind }) => kind === 'hear');
      const { utteranceId } = hear as { utteranceId: number };
      talk.wait(100);
      talk.tell({ kind: 'partial', utteranceId, text });
      talk.wait(200);
      talk.tell({ kind: 'voice-stopped', lastVoicedUs: 0 });
      return utteranceId;
    };
    const said = () => talk.find('heard').map(({ text, isFinal }) => (isFinal ? `${text}.` : text));
    talk.tell({ kind: 'transcript', utteranceId: half('Tell'), text: 'Tell me a story' });
    talk.wait(800);
    const cutReplyId = talk.sounds();
    talk.wait(1000);
    const utteranceId = half('mhm');
    talk.tell({ kind: 'settled', replyId: cutReplyId, interrupted: true });
    talk.tell({ kind: 'transcript', utteranceId, text: 'mhm' });
    talk.wait(1500);
    expect(talk.find('resume')).toHaveLength(1);
    expect(said()).toEqual(['Tell', 'Tell me a story.', 'mhm', '.']);
  });

  it('tells a caller who goes on after a pause from one who objects', () => {
    const talk = new Conversation();
    talk.says('How much is a ticket for?');
    talk.wait(400);
    talk.sounds();
    talk.wait(500);
    talk.says('Two adults and a child.');
    talk.wait(400);
    expect(talk.find('answer').at(-1)).toMatchObject({ text: 'Two adults and a child.', goesOn: true });
    talk.sounds();
    talk.wait(1200);
    talk.says('No, three.');
    talk.wait(400);
    expect(talk.find('answer')).toHaveLength(3);
    expect(talk.find('answer').at(-1)).not.toHaveProperty('goesOn');

    // What was heard before a cough was heard, however short what comes after it.
    const coughed = new Conversation();
    coughed.says('How much is a ticket?');
    coughed.wait(400);
    const replyId = coughed.sounds();
    coughed.wait(3000);
    coughed.voice(200);
    coughed.tell({ kind: 'settled', replyId, interrupted: true });
    coughed.wait(2000);
    expect(coughed.find('resume')).toHaveLength(1);
    coughed.sounds();
    coughed.wait(100);
    coughed.says('And for children?');
    coughed.wait(400);
    expect(coughed.find('answer').at(-1)).not.toHaveProperty('goesOn');
  });

  it('goes on by itself when an interruption brings no words in time', () => {
    const talk = new Conversation();
    talk.says('Tell me a story.');
    talk.wait(400);
    const replyId = talk.sounds();
    talk.voice(400);
    talk.tell({ kind: 'settled', replyId, interrupted: true });
    talk.wait(1500);
    expect(talk.find('resume')).toHaveLength(1);
    expect(talk.find('drop-hearing')).toHaveLength(1);
  });

  it('does not even pause for a click', () => {
    const talk = new Conversation({ interruptAfterMs: 350 });
    talk.says('Tell me a story.');
    talk.wait(400);
    talk.sounds();
    talk.voice(40);
    talk.wait(2000);
    expect(talk.find('interrupt')).toEqual([]);
    expect(talk.find('answer')).toHaveLength(1);
  });

  it('takes "yes" for an answer when nobody is interrupted by it', () => {
    const talk = new Conversation();
    talk.says('yes', 300);
    talk.wait(600);
    expect(talk.find('answer')).toMatchObject([{ text: 'yes' }]);
  });

  it('obeys the key of push-to-talk, whatever the VAD says', () => {
    const talk = new Conversation();
    talk.tell({ kind: 'hold', isDown: true });
    const { utteranceId } = talk.find('hear')[0]!;
    talk.wait(500);
    talk.tell({ kind: 'voice-stopped', lastVoicedUs: 100_000 });
    talk.wait(3000);
    expect(talk.find('finish-hearing')).toEqual([]);
    talk.tell({ kind: 'hold', isDown: false });
    expect(talk.find('finish-hearing')).toEqual([expect.objectContaining({ utteranceId })]);
    talk.tell({ kind: 'transcript', utteranceId, text: 'and then' });
    expect(talk.find('answer')).toMatchObject([{ text: 'and then' }]);
  });

  it('lets typing take the floor at once', () => {
    const talk = new Conversation();
    talk.tell({ kind: 'typed', text: 'Hello' });
    const first = talk.sounds();
    talk.tell({ kind: 'typed', text: 'No, wait' });
    expect(talk.find('interrupt')).toMatchObject([{ replyId: first }]);
    expect(talk.find('discard')).toMatchObject([{ replyId: first }]);
    expect(talk.find('answer')).toHaveLength(2);
  });

  it('greets once, asks into a long silence, says goodbye and hangs up', () => {
    const talk = new Conversation({ hasGreeting: true, promptAfterMs: 10_000, goodbyeAfterMs: 20_000 });
    const lines = (): string[] => talk.find('line').map(({ line }) => line);
    expect(lines()).toEqual(['greeting']);
    talk.tell({ kind: 'settled', replyId: talk.sounds(), interrupted: false });
    // Nobody has said anything yet: perhaps nobody is there.
    talk.wait(30_000);
    expect(lines()).toEqual(['greeting']);
    talk.tell({ kind: 'typed', text: 'Hello' });
    talk.tell({ kind: 'settled', replyId: talk.sounds(), interrupted: false });
    talk.wait(9_900);
    expect(lines()).toHaveLength(1);
    talk.wait(200);
    expect(lines()).toEqual(['greeting', 'prompt']);
    talk.tell({ kind: 'settled', replyId: talk.sounds(), interrupted: false });
    talk.wait(20_100);
    expect(lines()).toEqual(['greeting', 'prompt', 'goodbye']);
    expect(talk.find('hang-up')).toEqual([]);
    talk.tell({ kind: 'settled', replyId: talk.sounds(), interrupted: false });
    expect(talk.find('hang-up')).toHaveLength(1);
    talk.tell({ kind: 'typed', text: 'Still there?' });
    expect(talk.find('answer')).toHaveLength(1);
  });

  it('greets when the caller can hear it, once, and not who was greeted before', () => {
    const settings = { hasGreeting: true, promptAfterMs: 0, goodbyeAfterMs: 0 };
    const lines = (talk: Conversation): string[] => talk.find('line').map(({ line }) => line);
    const blocked = new Conversation(settings, false);
    blocked.tell({ kind: 'hears', isOn: false, wasGreeted: false });
    blocked.tell({ kind: 'talk', isOn: true });
    expect(lines(blocked)).toEqual([]);
    blocked.tell({ kind: 'hears', isOn: true, wasGreeted: false });
    blocked.tell({ kind: 'hears', isOn: true, wasGreeted: false });
    expect(lines(blocked)).toEqual(['greeting']);

    const back = new Conversation(settings, false);
    back.tell({ kind: 'hears', isOn: true, wasGreeted: true });
    back.tell({ kind: 'talk', isOn: true });
    expect(lines(back)).toEqual([]);

    const typed = new Conversation(settings, false);
    typed.tell({ kind: 'hears', isOn: false, wasGreeted: false });
    typed.tell({ kind: 'typed', text: 'Hello' });
    typed.tell({ kind: 'settled', replyId: typed.sounds(), interrupted: false });
    typed.tell({ kind: 'hears', isOn: true, wasGreeted: false });
    expect(lines(typed)).toEqual([]);
  });

  it('hands over once the reply is said, and stays away until it is asked back', () => {
    const talk = new Conversation();
    talk.tell({ kind: 'typed', text: 'A human, please' });
    const replyId = talk.sounds();
    talk.tell({ kind: 'wish', replyId, wish: 'hand-off' });
    expect(talk.find('hand-off')).toEqual([]);
    talk.tell({ kind: 'settled', replyId, interrupted: false });
    expect(talk.find('hand-off')).toHaveLength(1);
    talk.says('Hello?');
    talk.wait(2000);
    expect(talk.find('answer')).toHaveLength(1);
    talk.tell({ kind: 'talk', isOn: true });
    talk.says('Hello?');
    talk.wait(2000);
    expect(talk.find('answer')).toHaveLength(2);
  });

  it('is there again when those who were brought together have gone', () => {
    const talk = new Conversation();
    talk.tell({ kind: 'typed', text: 'A human, please' });
    const replyId = talk.sounds();
    talk.tell({ kind: 'wish', replyId, wish: 'hand-off' });
    talk.tell({ kind: 'settled', replyId, interrupted: false });
    for (const said of ['How can I help?', 'Where are the toilets?']) {
      talk.wait(20_000);
      talk.says(said);
    }
    expect(talk.find('answer')).toHaveLength(1);
    talk.wait(31_000);
    expect(talk.find('line').map(({ line }) => line)).not.toContain('prompt');
    talk.says('Hello?');
    talk.wait(2000);
    expect(talk.find('answer')).toHaveLength(2);
  });

  it('without a recogniser says that it does not understand, and lets a cough pass', () => {
    const talk = new Conversation({ canUnderstand: false });
    talk.voice(1200);
    talk.wait(600);
    expect(talk.find('line')).toMatchObject([{ line: 'not-understood' }]);
    const replyId = talk.sounds();
    talk.voice(200);
    talk.tell({ kind: 'settled', replyId, interrupted: true });
    talk.wait(1000);
    expect(talk.find('resume')).toHaveLength(1);
    expect(talk.find('hear')).toEqual([]);
  });

  it('for any order of events: one reply at a time, each ends once, what is cut off never speaks again, nothing after the end', () => {
    const id = fc.integer({ min: 0, max: 3 });
    const text = fc.constantFrom('', 'mhm', 'Stop it.', 'well, and', 'Where is it?');
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3000 }) }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('voice-started' as const) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('voice-stopped' as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('partial' as const), back: id, text }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('transcript' as const), back: id, text }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('typed' as const), text }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), isDown: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('talk' as const), isOn: fc.boolean() }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('hears' as const), isOn: fc.boolean(), wasGreeted: fc.boolean() }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('guest' as const) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('sounded' as const), back: id }) },
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant('settled' as const), back: id, interrupted: fc.boolean() }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('wish' as const),
          back: id,
          wish: fc.constantFrom('hand-off' as const, 'goodbye' as const),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.boolean(),
        fc.boolean(),
        (steps, canUnderstand, hasGreeting) => {
          const turns = new TurnTaking({
            ...SETTINGS,
            canUnderstand,
            hasGreeting,
            promptAfterMs: 8000,
            goodbyeAfterMs: 8000,
          });
          let nowUs = 0;
          let isOver = false;
          let utterances = 0;
          let replies = 0;
          let open: number | undefined;
          const hearing = new Set<number>();
          /** Cut off and not yet resumed or discarded. */
          const cut = new Set<number>();
          const ended = new Set<number>();
          const guests = new Set<number>();
          const end = (replyId: number): void => {
            expect(ended.has(replyId)).toBe(false);
            ended.add(replyId);
          };
          const begin = (replyId: number): void => {
            expect(open).toBeUndefined();
            expect(replyId).toBeGreaterThan(replies);
            replies = replyId;
            open = replyId;
          };
          const tell = (event: TurnEvent): void => {
            // The face has fallen silent by itself.
            if (event.kind === 'settled' && event.replyId === open) {
              end(open);
              open = undefined;
            }
            for (const effect of turns.push(event, nowUs)) {
              expect(isOver).toBe(false);
              judge(effect);
            }
            if (event.kind === 'end') isOver = true;
            expect(turns.replyId).toBe(isOver ? undefined : open);
          };
          const judge = (effect: TurnEffect): void => {
            switch (effect.kind) {
              case 'hear':
                expect(effect.utteranceId).toBe(++utterances);
                hearing.add(effect.utteranceId);
                break;
              case 'drop-hearing':
                expect(hearing.delete(effect.utteranceId) || effect.utteranceId <= utterances).toBe(true);
                break;
              case 'finish-hearing':
                expect(hearing.delete(effect.utteranceId)).toBe(true);
                break;
              case 'answer':
              case 'line':
              case 'guest':
                begin(effect.replyId);
                if (effect.kind === 'guest') guests.add(effect.replyId);
                break;
              case 'resume':
                expect(cut.delete(effect.cutReplyId)).toBe(true);
                begin(effect.replyId);
                break;
              case 'interrupt':
                expect(effect.replyId).toBe(open);
                end(effect.replyId);
                if (!guests.has(effect.replyId)) cut.add(effect.replyId);
                open = undefined;
                break;
              case 'discard':
                cut.delete(effect.replyId);
                expect(ended.has(effect.replyId)).toBe(true);
                break;
              case 'hang-up':
                isOver = true;
                break;
            }
            expect(cut.size).toBeLessThanOrEqual(1);
          };
          tell({ kind: 'talk', isOn: true });
          for (const one of steps) {
            const wasOver = isOver;
            switch (one.kind) {
              case 'wait':
                for (let left = one.ms; left > 0; left -= 40) {
                  nowUs += Math.min(40, left) * 1000;
                  tell({ kind: 'tick' });
                }
                break;
              case 'voice-stopped':
                tell({ kind: 'voice-stopped', lastVoicedUs: Math.max(0, nowUs - 200_000) });
                break;
              case 'partial':
              case 'transcript':
                tell({ kind: one.kind, utteranceId: utterances - one.back, text: one.text });
                break;
              case 'sounded':
                tell({ kind: 'sounded', replyId: replies - one.back });
                break;
              case 'settled':
                tell({ kind: 'settled', replyId: replies - one.back, interrupted: one.interrupted });
                break;
              case 'wish':
                tell({ kind: 'wish', replyId: replies - one.back, wish: one.wish });
                break;
              case 'voice-started':
                tell({ kind: 'voice-started', sinceUs: Math.max(0, nowUs - 96_000) });
                break;
              default:
                tell(one);
            }
            if (wasOver) expect(isOver).toBe(true);
          }
          tell({ kind: 'end' });
          expect(turns.push({ kind: 'typed', text: 'hello' }, nowUs + 1)).toEqual([]);
          expect(turns.push({ kind: 'tick' }, nowUs + 60_000_000)).toEqual([]);
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('endpointing', () => {
  const patience = { completeMs: 1, plainMs: 2, unfinishedMs: 4 };
  it.each([
    ['Where is the station?', 1],
    ['I am done.', 1],
    ['I am done', 2],
    ['I want to', 4],
    ['Excuse me.', 4],
    ['Entschuldigung,', 4],
    ['first, second,', 4],
    ['Ich komme und.', 4],
    ['euh', 4],
    ['my number is 0 1 7', 3],
    ['', 2],
    ['東京はどこですか？', 1],
  ])('%j → patience %d', (text, expected) => {
    expect(patienceMs(text, patience)).toBe(expected);
  });

  it.each([
    ['mhm', true],
    ['Yeah, okay.', true],
    ['うん', true],
    ['okay?', false],
    ['okay but wait', false],
    ['stop', false],
    ['', false],
  ])('%j is a backchannel: %s', (text, expected) => {
    expect(isBackchannel(text)).toBe(expected);
  });
});
