// Scripted conversations in virtual time, through the real session: who speaks when, what is heard, what is remembered.
import { describe, expect, it } from 'vitest';
import type { Question } from '../../src/agent/brain.ts';
import { FakeSynthesizer } from '../support/fake-providers.ts';
import { random } from '../support/random.ts';
import { ScriptedCall } from '../support/scripted-call.ts';

const talking = async (call: ScriptedCall): Promise<ScriptedCall> => {
  call.session.setTalk(true);
  await call.run(200);
  return call;
};
const historyOf = ({ history }: Question): string[] => history.map(({ role, text }) => `${role}: ${text}`);

describe('conversation', () => {
  it('hears a question and answers it, captions in time', async () => {
    await using call = await talking(new ScriptedCall({ answers: ['Paris is in France. It is large.'] }));
    call.user({ says: 'Where is Paris?', forMs: 900 });
    await call.expectWithin(1500, 'heard', { isFinal: true, text: 'Where is Paris?' });
    const first = await call.expectWithin(400, 'caption', { text: 'Paris is in France.' });
    const second = await call.expectWithin(4000, 'caption', { text: 'It is large.' });
    // The fake voice takes 60 ms a character.
    expect(second.atMs - first.atMs).toBeGreaterThan(1000);
    expect(second.atMs - first.atMs).toBeLessThan(1300);
    const ended = await call.expectWithin(4000, 'turn-ended');
    expect(ended).toMatchObject({ interrupted: false, heard: 'Paris is in France. It is large.' });
    expect(ended.trace).toMatchObject({ sttDelayMs: 0 });
    expect(call.find('activity').map(({ state }) => state)).toEqual(['listening', 'thinking', 'speaking', 'listening']);
    expect(call.brain.questions.map(historyOf)).toEqual([['user: Where is Paris?']]);
  });

  it('is silent within 250 ms of the first syllable and 60 ms of the decision, and remembers only what was heard', async () => {
    await using call = await talking(
      new ScriptedCall({ answers: ['Once upon a time there was a very old king who lived alone.', 'Fine.'] }),
    );
    call.user({ says: 'Tell me a story.', forMs: 800 });
    await call.expectWithin(2000, 'activity', { state: 'speaking' });
    await call.run(1500);
    const voiceMs = call.nowMs;
    call.user({ says: 'Stop, thank you.', forMs: 700 });
    const ended = await call.expectWithin(400, 'turn-ended', { interrupted: true });
    const lastSoundMs = call.sent.findLast(({ level }) => level > 0.05)!.atMs;
    expect(lastSoundMs - voiceMs).toBeLessThanOrEqual(250);
    expect((ended.trace as { interruptionLatencyMs: number }).interruptionLatencyMs).toBeLessThanOrEqual(60);
    const heard = String(ended.heard);
    expect('Once upon a time there was a very old king who lived alone.').toContain(heard);
    expect(heard.length).toBeGreaterThan(10);
    expect(heard.length).toBeLessThan(40);
    await call.expectWithin(2500, 'caption', { text: 'Fine.' });
    expect(historyOf(call.brain.questions[1]!)).toEqual([
      'user: Tell me a story.',
      `assistant: ${heard}`,
      'user: Stop, thank you.',
    ]);
  });

  it.each(['[BLANK_AUDIO]', '(coughing)', '...', '♪'])(
    'goes on where it was after a cough that is written down as %s',
    async (noise) => {
      const answer = 'The first thing is this and the second thing is that.';
      await using call = await talking(new ScriptedCall({ answers: [answer] }));
      call.user({ says: 'Explain it.', forMs: 800 });
      await call.expectWithin(2500, 'activity', { state: 'speaking' });
      await call.run(1200);
      call.user({ says: noise, forMs: 500 });
      await call.expectWithin(600, 'turn-ended', { interrupted: true });
      expect(await call.expectWithin(9000, 'turn-ended', { interrupted: false })).toMatchObject({ heard: answer });
      expect(call.brain.questions).toHaveLength(1);
      expect(call.find('heard').filter(({ text }) => text === noise)).toEqual([]);
    },
  );

  it('goes on where it was after an "mhm", as if nothing had been', async () => {
    const answer = 'The first thing is this and the second thing is that.';
    await using call = await talking(new ScriptedCall({ answers: [answer] }));
    call.user({ says: 'Explain it.', forMs: 800 });
    await call.expectWithin(2000, 'activity', { state: 'speaking' });
    await call.run(1000);
    call.user({ says: 'mhm', forMs: 300 });
    const cut = await call.expectWithin(500, 'turn-ended', { interrupted: true });
    await call.expectWithin(1500, 'turn-started');
    const ended = await call.expectWithin(5000, 'turn-ended');
    expect(ended).toMatchObject({ interrupted: false, heard: answer });
    const wholeMs = answer.length * 60;
    const playedMs = Number(cut.playedMs) + Number(ended.playedMs);
    expect(playedMs).toBeGreaterThanOrEqual(wholeMs);
    expect(playedMs, 'little is said twice').toBeLessThan(wholeMs + 600);
    expect(call.brain.questions, 'nobody was asked again').toHaveLength(1);
    expect(call.brain.workUnderWay).toBe(0);
  });

  it('joins what the caller adds before anything was answered', async () => {
    await using call = await talking(new ScriptedCall({ answers: ['Good.'] }));
    call.session.say('I want a room');
    await call.run(5);
    call.session.say('with a view');
    await call.expectWithin(2000, 'turn-ended', { interrupted: false });
    expect(historyOf(call.brain.questions.at(-1)!)).toEqual(['user: I want a room with a view']);
  });

  it('joins what the caller says after a pause, when of the answer to the first half hardly a word was heard', async () => {
    await using call = await talking(
      new ScriptedCall({ answers: ['A ticket costs eight euros for everyone who comes.', 'Twenty-one euros.'] }),
    );
    call.user({ says: 'How much is a ticket for?', forMs: 900 });
    await call.expectWithin(2000, 'activity', { state: 'speaking' });
    await call.run(200);
    call.user({ says: 'Two adults and one child.', forMs: 900 });
    await call.expectWithin(3000, 'caption', { text: 'Twenty-one euros.' });
    expect(historyOf(call.brain.questions[1]!)).toEqual(['user: How much is a ticket for? Two adults and one child.']);
  });

  it('plays directions when their words sound, not when they arrive, and lets go of them at the end', async () => {
    await using call = await talking(
      new ScriptedCall({ answers: ['Well then. [happy] That is great. [look left] Over there.'] }),
    );
    call.session.say('Really?');
    const first = await call.expectWithin(1000, 'caption', { text: 'Well then.' });
    expect(call.engine.controls).toEqual([]);
    const second = await call.expectWithin(3000, 'caption', { text: 'That is great.' });
    expect(call.engine.controls).toMatchObject([{ emotion: { happy: 0.7 } }]);
    expect(second.atMs - first.atMs).toBeGreaterThan(550);
    await call.expectWithin(3000, 'caption', { text: 'Over there.' });
    expect(call.engine.controls[1]).toMatchObject({ gaze: { yawRad: -0.3 } });
    await call.expectWithin(3000, 'turn-ended', { heard: 'Well then. That is great. Over there.' });
    expect(call.engine.controls[2]).toMatchObject({ gaze: { yawRad: 0 }, emotion: {} });
  });

  it.each(['fails', 'stalls'] as const)(
    'says a line of its own when the brain %s, and answers the next question',
    async (mood) => {
      await using call = await talking(new ScriptedCall({ answers: ['Good day to you.'] }));
      call.brain.mood = mood;
      call.brain.patienceMs = 20;
      call.session.say('Hello');
      const deadline = Date.now() + 5000;
      while (call.find('failed').length === 0 && Date.now() < deadline) await call.run(50);
      expect(call.find('failed')).toMatchObject([{ error: { code: 'BRAIN_UNAVAILABLE' } }]);
      await call.expectWithin(3000, 'caption', { text: 'I cannot answer.' });
      await call.expectWithin(3000, 'turn-ended', { interrupted: false });
      call.brain.mood = 'well';
      call.session.say('Hello again');
      await call.expectWithin(2000, 'caption', { text: 'Good day to you.' });
    },
  );

  it.each(['fails', 'stalls'] as const)('goes on when the recogniser %s', async (mood) => {
    await using call = await talking(new ScriptedCall({ answers: ['Good day.'] }));
    call.recognizer.mood = mood;
    call.recognizer.patienceMs = 20;
    call.user({ says: 'Good day to you, too.', forMs: 1500 });
    await call.run(2000);
    await new Promise((resolve) => setTimeout(resolve, 30)); // the fake's patience is real
    await call.run(100);
    expect(call.find('failed')).toMatchObject([{ error: { code: 'RECOGNIZER_UNAVAILABLE' } }]);
    await call.expectWithin(1000, 'caption', { text: 'Please type.' });
    await call.expectWithin(3000, 'turn-ended');
    call.recognizer.mood = 'well';
    call.user({ says: 'Good day.', forMs: 900 });
    await call.expectWithin(2000, 'caption', { text: 'Good day.' });
  });

  it('hears what is said while the key is down, pauses and all, and answers when it is let go', async () => {
    await using call = await talking(new ScriptedCall({ answers: ['Good day.'] }));
    call.session.hold(true);
    call.user({ says: 'Well, and then I thought', forMs: 600 });
    await call.run(3000);
    expect(call.find('turn-started')).toEqual([]);
    call.session.hold(false);
    await call.expectWithin(200, 'heard', { isFinal: true, text: 'Well, and then I thought' });
    await call.expectWithin(500, 'caption', { text: 'Good day.' });
    call.session.hold(true);
    await call.expectWithin(100, 'turn-ended', { interrupted: true });
  });

  it('without a recogniser hears a voice all the same, says that it cannot follow, and answers what is typed', async () => {
    await using call = await talking(new ScriptedCall({ answers: ['Good day.'], understands: false }));
    call.user({ says: '', forMs: 1500 });
    await call.expectWithin(3000, 'caption', { text: 'Please type.' });
    await call.expectWithin(3000, 'turn-ended');
    call.user({ says: '', forMs: 1500 });
    await call.expectWithin(3000, 'hint', { text: 'Please type.' });
    call.session.say('Hello');
    await call.expectWithin(500, 'caption', { text: 'Good day.' });
  });

  it('says in a sentence what a voice that fails is about, and what was not spoken was not heard', async () => {
    const synthesizer = new FakeSynthesizer();
    await using call = await talking(new ScriptedCall({ answers: ['Good day.'], synthesizer }));
    synthesizer.mood = 'fails';
    call.session.say('Hello');
    await call.expectWithin(500, 'failed');
    expect(await call.expectWithin(500, 'turn-ended')).toMatchObject({ heard: '' });
    synthesizer.mood = 'well';
    call.session.say('Hello again');
    await call.expectWithin(2500, 'turn-ended', { heard: 'Good day.' });
    expect(historyOf(call.brain.questions[1]!)).toEqual(['user: Hello Hello again']);
  });

  it('speaks in the voice that the visitor chose', async () => {
    const synthesizer = new FakeSynthesizer();
    await using call = await talking(new ScriptedCall({ answers: ['Good day.'], synthesizer }));
    call.session.say('Hello', 'someone');
    expect(await call.expectWithin(500, 'failed')).toMatchObject({ error: { code: 'VOICE_UNKNOWN' } });
    call.session.say('Hello', 'tone');
    await call.expectWithin(2500, 'turn-ended', { heard: 'Good day.' });
  });

  it('greets, hands over to a human, says goodbye and hangs up', async () => {
    await using call = new ScriptedCall({
      answers: ['Welcome.', 'Somebody will come. [hand off]', 'See you. [goodbye]'],
      settings: { hasGreeting: true },
    });
    call.session.setTalk(true);
    await call.expectWithin(1000, 'caption', { text: 'Welcome.' });
    expect(call.brain.questions[0]!.history).toEqual([]);
    await call.expectWithin(2000, 'turn-ended');
    call.session.say('A human please');
    await call.expectWithin(4000, 'handoff');
    expect(call.find('turn-ended')).toHaveLength(2);
    call.session.say('Thanks');
    await call.expectWithin(4000, 'call-ended', { reason: 'goodbye' });
    expect(call.find('turn-ended')).toHaveLength(3);
  });

  it('yields to a program that speaks, and lets the caller interrupt that, too', async () => {
    await using call = await talking(
      new ScriptedCall({ answers: ['A long answer that nobody wants to hear to its end.'] }),
    );
    call.session.say('Tell me');
    await call.expectWithin(1000, 'activity', { state: 'speaking' });
    await call.run(500);
    const turnId = call.session.speak({ text: 'This is an announcement from somewhere else entirely.' });
    await call.expectWithin(100, 'turn-ended', { interrupted: true });
    await call.run(800);
    call.user({ says: 'Quiet please.', forMs: 600 });
    await call.expectWithin(400, 'turn-ended', { interrupted: true, turnId });
    await call.expectWithin(2500, 'turn-started');
    expect(call.brain.questions).toHaveLength(2);
  });

  it.each([25, 30, 50])(
    'survives 50 interruptions in random places at %i pictures a second: every turn ends once, nothing of a dead turn is sent',
    async (fps) => {
      await using call = await talking(
        new ScriptedCall({ answers: ['One two three four five six seven eight nine ten.'], fps }),
      );
      const draw = random(7);
      for (let i = 0; i < 50; i++) {
        const kind = draw();
        if (kind < 0.6)
          call.user({ says: draw() < 0.2 ? 'mhm' : 'Say it again.', forMs: 150 + Math.floor(draw() * 600) });
        else if (kind < 0.8) call.session.say('Again');
        else if (kind < 0.9) call.session.speak({ text: 'An announcement.' });
        else call.session.stop();
        await call.run(20 + Math.floor(draw() * 1500));
      }
      await call.run(8000);
      const started = call.find('turn-started').map(({ turnId }) => turnId);
      const ended = call.find('turn-ended').map(({ turnId }) => turnId);
      expect(started.length).toBeGreaterThan(25);
      expect(new Set(ended).size).toBe(ended.length);
      expect(ended.toSorted()).toEqual(started.toSorted());
      expect(call.find('turn-ended').filter(({ interrupted }) => interrupted).length).toBeGreaterThan(10);
      expect(call.engine.stale).toBe(0);
      expect(call.find('failed')).toEqual([]);
      expect(call.brain.workUnderWay).toBe(0);
      // While no turn is under way, nothing sounds.
      const isUnderWay = (atMs: number): boolean => {
        const count = (kind: string): number => call.find(kind).filter((event) => event.atMs <= atMs).length;
        return count('turn-started') > count('turn-ended');
      };
      const loudInSilence = call.sent.filter(
        ({ atMs, level }) => level > 0.1 && !isUnderWay(atMs) && !isUnderWay(atMs - 40),
      );
      expect(loudInSilence).toEqual([]);
    },
    120_000,
  );
});
