// Rooms without media or faces: who may speak, who comes and goes, what everyone is told, when it is over.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { LinkReport } from '../../src/media/bandwidth-estimator.ts';
import type { CallAudience, HostedCall, SoundIntake } from '../../src/signaling/hosting.ts';
import { LiveCalls } from '../../src/signaling/live-calls.ts';
import type { PeerEvents } from '../../src/signaling/peer.ts';
import type { RoomState } from '../../src/signaling/protocol.ts';
import type { RoomMedia, RoomMediaEvents, SfuPeer } from '../../src/signaling/room-media.ts';
import type { RoomAudience, RoomMember } from '../../src/signaling/room-member.ts';
import { Rooms } from '../../src/signaling/rooms.ts';

/** The shared call: writes down what it is asked. */
class FakeCall implements HostedCall {
  readonly asked: string[] = [];
  readonly links: LinkReport[] = [];
  readonly audience: CallAudience;
  readonly events: PeerEvents = {
    connected: () => void this.asked.push('connected'),
    keyframeRequest: () => void this.asked.push('keyframe'),
    microphone: ({ sequenceNumber }) => void this.asked.push(`heard ${sequenceNumber}`),
    link: (report) => void this.links.push(report),
    closed: () => {},
  };

  constructor(audience: CallAudience) {
    this.audience = audience;
  }

  speak({ text }: { text: string }): number {
    this.asked.push(`speak ${text}`);
    return 1;
  }

  openSound(): SoundIntake {
    this.asked.push('sound');
    return { turnId: 2, isOver: false, push: async () => {}, end: () => {} };
  }

  setMirror(isOn: boolean): void {
    this.asked.push(`mirror ${isOn}`);
  }

  say(text: string, voice = ''): void {
    this.asked.push(`say ${text} ${voice}`.trim());
  }

  setHears(isOn: boolean): void {
    this.asked.push(`hears ${isOn}`);
  }

  setTalk(isOn: boolean, voice = ''): void {
    this.asked.push(`talk ${isOn} ${voice}`.trim());
  }

  hold(isDown: boolean): void {
    this.asked.push(`hold ${isDown}`);
  }

  stop(): void {
    this.asked.push('stop');
  }

  setControls(): void {
    this.asked.push('controls');
  }

  followBuffers({ soundMs }: { soundMs: number }): void {
    this.asked.push(`buffers ${soundMs}`);
  }

  async close(reason: string): Promise<void> {
    this.asked.push(`closed ${reason}`);
  }
}

class FakeMedia implements RoomMedia {
  readonly videoCodec = 'VP8';
  readonly events: RoomMediaEvents;
  readonly viewers: PeerEvents[] = [];
  isClosed = false;
  refusal: AppError | undefined;

  constructor(events: RoomMediaEvents) {
    this.events = events;
  }

  async admit({ events }: { events: PeerEvents }): Promise<SfuPeer> {
    if (this.refusal) throw this.refusal;
    this.viewers.push(events);
    return {} as SfuPeer;
  }

  send(): void {}

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

class Visitor {
  readonly states: RoomState[] = [];
  readonly told: string[] = [];
  readonly audience: RoomAudience = {
    room: (state) => void this.states.push(state),
    caption: ({ text }) => void this.told.push(`caption ${text}`),
    turn: ({ state }) => void this.told.push(`turn ${state}`),
    heard: ({ text, isOthers }) => void this.told.push(`heard${isOthers ? ' another say' : ''} ${text}`),
    activity: ({ state }) => void this.told.push(`activity ${state}`),
    handoff: () => void this.told.push('handoff'),
    hint: ({ text }) => void this.told.push(`hint ${text}`),
    stats: () => void this.told.push('stats'),
    failed: ({ error }) => void this.told.push(`failed ${error.code}`),
    ended: (reason) => void this.told.push(`ended ${reason}`),
  };
}

let calls: LiveCalls;
let opened: FakeCall[];
let media: FakeMedia[];
let rooms: Rooms;
let isBusy: boolean;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  calls = new LiveCalls();
  opened = [];
  media = [];
  isBusy = false;
  rooms = new Rooms({
    calls,
    maxViewers: 3,
    async openMedia(events) {
      media.push(new FakeMedia(events));
      return media.at(-1)!;
    },
  });
});
afterEach(() => void vi.useRealTimers());

function enter(visitor: Visitor, maySpeak = true, name = 'hall', portraitId = 'mona'): Promise<RoomMember> {
  return rooms.enter(
    {
      name,
      portraitId,
      async openCall(_peer, audience) {
        if (isBusy) throw new AppError('SERVER_BUSY', 'All lines are taken.');
        opened.push(new FakeCall(audience));
        return opened.at(-1)!;
      },
    },
    { maySpeak, audience: visitor.audience, onCandidate: () => {}, listening: (events) => events },
  );
}

const codeOf = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as AppError).code;
  }
};

describe('coming and going', () => {
  it('shares one face: the first opens it, the second finds it, whatever face that one asked for', async () => {
    const [a, b] = [new Visitor(), new Visitor()];
    const [first, second] = await Promise.all([enter(a), enter(b, true, 'hall', 'girl')]);
    expect(opened.length).toBe(1);
    expect(second.sessionId).toBe(first.sessionId);
    expect(second.state).toEqual({ name: 'hall', portraitId: 'mona', viewers: 2, floor: 'free', maySpeak: true });
    expect(a.states.at(-1)!.viewers).toBe(2);
    expect(calls.get(first.sessionId).call).toBe(opened[0]);
  });

  it('keeps rooms of other names apart', async () => {
    const one = await enter(new Visitor());
    const other = await enter(new Visitor(), true, 'attic');
    expect(opened.length).toBe(2);
    expect(one.sessionId).not.toBe(other.sessionId);
  });

  it('starts the face with the first viewer who is connected and gives later ones a whole picture', async () => {
    await enter(new Visitor());
    await enter(new Visitor());
    media[0]!.viewers[0]!.connected();
    media[0]!.viewers[1]!.connected();
    expect(opened[0]!.asked).toEqual(['connected', 'keyframe']);
  });

  it('goes on when one leaves, and is over when the last has left; the next one opens it anew', async () => {
    const [a, b] = [new Visitor(), new Visitor()];
    const first = await enter(a);
    const second = await enter(b);
    await first.close('left');
    await first.close('left');
    expect(opened[0]!.asked).toEqual([]);
    expect(b.states.at(-1)!.viewers).toBe(1);
    await second.close('left');
    expect(opened[0]!.asked).toEqual(['closed left']);
    expect(media[0]!.isClosed).toBe(true);
    expect(codeOf(() => calls.get(first.sessionId))).toBe('SESSION_GONE');
    await enter(a);
    expect(opened.length).toBe(2);
  });

  it('is full at its limit, and has room again when somebody has left', async () => {
    const members = [await enter(new Visitor()), await enter(new Visitor()), await enter(new Visitor())];
    await expect(enter(new Visitor())).rejects.toMatchObject({ code: 'SERVER_BUSY' });
    await members[1]!.close('left');
    await enter(new Visitor());
  });

  it('tells a visitor of a new room that the machine is busy, and opens it later', async () => {
    isBusy = true;
    await expect(enter(new Visitor())).rejects.toMatchObject({ code: 'SERVER_BUSY' });
    isBusy = false;
    await enter(new Visitor());
    expect(opened.length).toBe(1);
  });

  it('is closed again when its only visitor cannot be let in', async () => {
    const member = await enter(new Visitor());
    media[0]!.refusal = new AppError('SIGNALING_INVALID', 'No.');
    await expect(enter(new Visitor())).rejects.toMatchObject({ code: 'SIGNALING_INVALID' });
    expect(member.state.viewers).toBe(1);
  });

  it('leaves a viewer whose transport is gone behind, and nobody else', async () => {
    const [a, b] = [new Visitor(), new Visitor()];
    await enter(a);
    const second = await enter(b);
    media[0]!.viewers[0]!.closed('failed');
    expect(a.told).toEqual(['ended failed']);
    expect(b.told).toEqual([]);
    expect(second.state.viewers).toBe(1);
  });
});

describe('the floor', () => {
  it('lets a viewer only watch', async () => {
    const viewer = await enter(new Visitor(), false);
    expect(viewer.state.maySpeak).toBe(false);
    for (const act of [
      () => viewer.speak({ text: 'x' }),
      () => viewer.openSound(),
      () => viewer.setMirror(true),
      () => viewer.say('x'),
      () => viewer.setTalk(true),
      () => viewer.hold(true),
      () => viewer.stop(),
      () => viewer.setControls({}),
    ])
      expect(codeOf(act)).toBe('NOT_ALLOWED');
    media[0]!.viewers[0]!.microphone({ sequenceNumber: 1, rtpTimestamp: 0, opus: new Uint8Array(1) });
    expect(opened[0]!.asked).toEqual([]);
  });

  it('belongs to one microphone at a time: nobody else is heard or speaks until it is given back', async () => {
    const [a, b] = [new Visitor(), new Visitor()];
    const first = await enter(a);
    const second = await enter(b);
    first.setMirror(true);
    expect([a.states.at(-1)!.floor, b.states.at(-1)!.floor]).toEqual(['mine', 'taken']);
    expect(codeOf(() => second.setMirror(true))).toBe('FLOOR_TAKEN');
    expect(codeOf(() => second.speak({ text: 'x' }))).toBe('FLOOR_TAKEN');
    expect(first.speak({ text: 'y' })).toBe(1);
    first.say('z', 'en-gb');
    const packet = { rtpTimestamp: 0, opus: new Uint8Array(1) };
    media[0]!.viewers[0]!.microphone({ sequenceNumber: 1, ...packet });
    media[0]!.viewers[1]!.microphone({ sequenceNumber: 2, ...packet });
    second.setMirror(false); // not theirs to end
    first.setMirror(false);
    media[0]!.viewers[0]!.microphone({ sequenceNumber: 3, ...packet });
    expect(opened[0]!.asked).toEqual(['mirror true', 'speak y', 'say z en-gb', 'heard 1', 'mirror false']);
    expect(b.states.at(-1)!.floor).toBe('free');
    second.setMirror(true);
    expect(b.states.at(-1)!.floor).toBe('mine');
  });

  it('is kept while anything hears the microphone, and given back with the last', async () => {
    const a = new Visitor();
    const member = await enter(a);
    member.setTalk(true, 'en-gb');
    member.setMirror(true);
    member.hold(true);
    member.setMirror(false);
    expect(a.states.at(-1)!.floor).toBe('mine');
    member.setTalk(false);
    member.setTalk(false);
    expect(a.states.at(-1)!.floor).toBe('free');
    expect(opened[0]!.asked).toEqual(['talk true en-gb', 'mirror true', 'hold true', 'mirror false', 'talk false']);
  });

  it('is not needed to be greeted; who may only watch is not', async () => {
    const speaker = await enter(new Visitor());
    const viewer = await enter(new Visitor(), false);
    viewer.setHears(true, false);
    speaker.setHears(true, false);
    expect(opened[0]!.asked).toEqual(['hears true']);
  });

  it('is free again when the speaker leaves, and the face stops listening', async () => {
    const speaker = await enter(new Visitor());
    const b = new Visitor();
    await enter(b);
    speaker.setMirror(true);
    await speaker.close('left');
    expect(opened[0]!.asked).toEqual(['mirror true', 'mirror false']);
    expect(b.states.at(-1)).toMatchObject({ floor: 'free', viewers: 1 });
  });
});

describe('what everyone shares', () => {
  it('is also what was asked: the others see it as another visitor’s', async () => {
    const [a, b] = [new Visitor(), new Visitor()];
    const first = await enter(a);
    const second = await enter(b);
    second.say('When are you open?');
    expect([a.told, b.told]).toEqual([['heard another say When are you open?'], []]);
    first.setTalk(true);
    opened[0]!.audience.heard({ text: 'and', isFinal: false });
    first.setTalk(false);
    opened[0]!.audience.heard({ text: 'And today?', isFinal: true });
    expect(a.told.slice(1)).toEqual(['heard and', 'heard And today?']);
    expect(b.told).toEqual(['heard another say and', 'heard another say And today?']);
  });

  it('is told to all, and to programs once', async () => {
    const [a, b] = [new Visitor(), new Visitor()];
    const { sessionId } = await enter(a);
    await enter(b);
    const heard: string[] = [];
    const note = (what: string) => () => void heard.push(what);
    calls.get(sessionId).watchers.add({ turn: note('turn'), failed: note('failed'), ended: note('ended') });
    const { audience } = opened[0]!;
    audience.caption({ turnId: 1, text: 'hello' });
    audience.turn({ turnId: 1, state: 'started' });
    audience.failed({ error: { code: 'VOICE_UNKNOWN', message: '' } });
    audience.heard({ text: 'hi', isFinal: true });
    audience.activity({ state: 'thinking' });
    audience.hint({ text: 'type' });
    audience.handoff();
    const expected = ['caption hello', 'turn started', 'failed VOICE_UNKNOWN'].concat([
      'heard another say hi',
      'activity thinking',
      'hint type',
      'handoff',
    ]);
    expect([a.told, b.told]).toEqual([expected, expected]);
    expect(heard).toEqual(['turn', 'failed']);
  });

  it.each(['the face', 'the media'])('ends for everyone once when %s is gone', async (what) => {
    const [a, b] = [new Visitor(), new Visitor()];
    const member = await enter(a);
    await enter(b);
    const end = (): void =>
      what === 'the face' ? opened[0]!.audience.ended('failed') : media[0]!.events.closed('failed');
    end();
    end();
    expect([a.told, b.told]).toEqual([['ended failed'], ['ended failed']]);
    expect(member.isOver).toBe(true);
    await member.close('failed');
    expect(opened[0]!.asked).toEqual(['closed failed']);
    expect(media[0]!.isClosed).toBe(true);
    await enter(a);
    expect(opened.length).toBe(2);
  });

  it('asks for one whole picture however many want one, and for another for those who come just after', async () => {
    await enter(new Visitor());
    await enter(new Visitor());
    const [first, second] = media[0]!.viewers as [PeerEvents, PeerEvents];
    first.keyframeRequest();
    second.keyframeRequest();
    media[0]!.events.keyframeRequest();
    expect(opened[0]!.asked).toEqual(['keyframe']);
    vi.advanceTimersByTime(299);
    expect(opened[0]!.asked).toEqual(['keyframe']);
    vi.advanceTimersByTime(1);
    expect(opened[0]!.asked).toEqual(['keyframe', 'keyframe']);
    vi.advanceTimersByTime(1000);
    expect(opened[0]!.asked.length).toBe(2);
  });

  it('takes no picture from a room that is over', async () => {
    const member = await enter(new Visitor());
    media[0]!.events.keyframeRequest();
    media[0]!.events.keyframeRequest();
    await member.close('left');
    vi.advanceTimersByTime(1000);
    expect(opened[0]!.asked).toEqual(['keyframe', 'closed left']);
  });

  it('follows the link of the viewer in the middle, so that one bad link spoils it for nobody', async () => {
    await Promise.all([enter(new Visitor()), enter(new Visitor()), enter(new Visitor())]);
    const [a, b, c] = media[0]!.viewers as [PeerEvents, PeerEvents, PeerEvents];
    a.link({ fractionLost: 0.01, rttMs: 10 });
    b.link({ fractionLost: 0.5, rttMs: 400 });
    c.link({ fractionLost: 0.02, rttMs: 20 });
    vi.advanceTimersByTime(1000);
    b.link({ fractionLost: 0.6, rttMs: 500 });
    expect(opened[0]!.links.at(-1)).toEqual({ fractionLost: 0.02, rttMs: 20 });
    expect(opened[0]!.links.length).toBe(2);
  });

  it('keeps pictures back for the viewer in the middle, so that one full buffer spoils it for nobody', async () => {
    const [a, b, c] = await Promise.all([enter(new Visitor()), enter(new Visitor(), false), enter(new Visitor())]);
    a!.followBuffers({ soundMs: 60, pictureMs: 5 });
    b!.followBuffers({ soundMs: 9000, pictureMs: 0 });
    c!.followBuffers({ soundMs: 110, pictureMs: 10 });
    expect(opened[0]!.asked).toEqual(['buffers 55', 'buffers 55', 'buffers 100']);
    await c!.close('left');
    b!.followBuffers({ soundMs: 9000, pictureMs: 0 });
    expect(opened[0]!.asked.at(-1)).toBe('buffers 55');
  });
});
