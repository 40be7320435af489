// The pacer's promises: gapless audio, pictures with their own sound, late ones dropped, every turn reported once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AUDIO_RATE_HZ, AvPacer, type PacerAction, type Tick } from '../../src/media/av-pacer.ts';

const FPS = 25;
const PER_TICK = AUDIO_RATE_HZ / FPS;

function tick(index: number, turnId?: number, isLast = false): Tick {
  return {
    index,
    samples: new Float32Array(PER_TICK).fill(turnId === undefined ? 0 : 0.5),
    isLast,
    ...(turnId === undefined ? {} : { turnId }),
  };
}

function run(pacer: AvPacer, fromMs: number, toMs: number, before?: (ms: number) => void): PacerAction[] {
  const actions: PacerAction[] = [];
  for (let ms = fromMs; ms < toMs; ms += 5) {
    before?.(ms);
    actions.push(...pacer.poll(ms * 1000));
  }
  return actions;
}

const of = <K extends PacerAction['kind']>(actions: PacerAction[], kind: K) =>
  actions.filter((action): action is Extract<PacerAction, { kind: K }> => action.kind === kind);

describe('AvPacer', () => {
  it('sends 50 packets a second, contiguous, with or without sound', () => {
    const packets = of(run(new AvPacer(), 0, 1000), 'audio');
    expect(packets).toHaveLength(50);
    expect(packets.map((packet) => packet.timestampUs)).toEqual(packets.map((_, i) => i * 20_000));
  });

  it('lets a picture leave with its own sound', () => {
    const pacer = new AvPacer();
    for (let i = 0; i < 10; i++) {
      pacer.pushTick(tick(i));
      pacer.pushPicture(i, 100 + i);
    }
    const pictures = of(run(pacer, 0, 500), 'picture');
    expect(pictures.map((picture) => picture.slot)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
    expect(pictures.map((picture) => picture.timestampUs)).toEqual(pictures.map((_, i) => i * 40_000));
  });

  it('takes a picture as in time that is drawn before it is to leave, and then gives up none', () => {
    const pacer = new AvPacer({ pictureDelayUs: 100_000 });
    for (let i = 0; i < 6; i++) pacer.pushTick(tick(i));
    const actions = run(pacer, 0, 400, (ms) => {
      if (ms === 95) for (let i = 0; i < 3; i++) pacer.pushPicture(i, i); // the first is due to leave at 100
      if (ms === 300) for (let i = 3; i < 5; i++) pacer.pushPicture(i, i); // due at 220 and 260
    });
    expect(of(actions, 'picture').map(({ slot }) => slot)).toEqual([0, 1, 2, 4]);
  });

  it('shows a slightly late picture late and gives up a very late one', () => {
    const pacer = new AvPacer();
    for (let i = 0; i < 4; i++) pacer.pushTick(tick(i));
    const actions = run(pacer, 0, 300, (ms) => {
      if (ms === 20) pacer.pushPicture(0, 0);
      if (ms === 110) pacer.pushPicture(1, 1); // due at 40
      if (ms === 115) pacer.pushPicture(2, 2);
      if (ms === 150) pacer.pushPicture(3, 3);
    });
    expect(of(actions, 'picture').map((picture) => picture.slot)).toEqual([0, 2, 3]);
    expect(of(actions, 'drop').map((drop) => drop.slot)).toEqual([1]);
    expect(of(actions, 'hold')).toHaveLength(1);
    expect(of(actions, 'audio')).toHaveLength(15);
  });

  it('lets speech begin with the next packet, ahead of idle ticks that wait', () => {
    const pacer = new AvPacer();
    for (let i = 0; i < 4; i++) {
      pacer.pushTick(tick(i));
      pacer.pushPicture(i, i);
    }
    const actions = run(pacer, 0, 200, (ms) => {
      if (ms !== 50) return; // the second idle tick is half played
      pacer.pushTick(tick(4, 1, true));
      pacer.pushPicture(4, 4);
    });
    const loud = of(actions, 'audio').filter((packet) => packet.samples.some((sample) => sample > 0));
    expect(loud.map((packet) => packet.timestampUs)).toEqual([60_000, 80_000]);
    expect(of(actions, 'picture').map(({ slot, timestampUs }) => [slot, timestampUs])).toEqual([
      [0, 0],
      [1, 40_000],
      [4, 60_000],
    ]);
    expect(of(actions, 'drop').map(({ slot }) => slot)).toEqual([3, 2]);
  });

  it('reports a turn that played to its end', () => {
    const pacer = new AvPacer();
    for (let i = 0; i < 5; i++) pacer.pushTick(tick(i, 7, i === 4));
    const reports = of(run(pacer, 0, 400), 'report');
    expect(reports.map((action) => action.report)).toEqual([{ turnId: 7, playedUs: 200_000, interrupted: false }]);
  });

  it('fades out, frees the pictures and reports the true position on an interruption', () => {
    const pacer = new AvPacer();
    for (let i = 0; i < 25; i++) {
      pacer.pushTick(tick(i, 3, i === 24));
      if (i < 8) pacer.pushPicture(i, i);
    }
    const before = run(pacer, 0, 100);
    pacer.interrupt(3);
    pacer.pushTick(tick(25, 3)); // still in flight: dies on arrival
    pacer.pushPicture(24, 24);
    const after = run(pacer, 100, 300);
    const report = of(after, 'report').map((action) => action.report);
    expect(report).toEqual([{ turnId: 3, playedUs: 100_000, interrupted: true }]);
    const first = of(after, 'audio')[0]!.samples;
    expect(first[0]).toBeGreaterThan(0.4);
    expect(Math.max(...first.subarray(480))).toBe(0);
    expect(
      of(after, 'audio')
        .slice(1)
        .every((packet) => packet.samples.every((sample) => sample === 0)),
    ).toBe(true);
    const gone = [...of(before, 'picture'), ...of(after, 'picture'), ...of(after, 'drop')].map((action) => action.slot);
    expect(gone.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 24]);
  });

  it('fades what is cut off over 10 ms, at any picture rate and instant', () => {
    const wave = (i: number): number => 0.5 * Math.sin((2 * Math.PI * 170 * i) / AUDIO_RATE_HZ + 1);
    const fade = (fps: number, atMs: number, aheadTicks: number): void => {
      const pacer = new AvPacer();
      const perTick = AUDIO_RATE_HZ / fps;
      let index = 0;
      const draw = (): void => {
        while (pacer.queuedUs < (aheadTicks / fps) * 1e6) {
          const from = index * perTick;
          const samples = Float32Array.from({ length: perTick }, (_, i) => wave(from + i));
          pacer.pushTick({ index: index++, samples, turnId: 1, isLast: false });
        }
      };
      const heard: number[] = [];
      const play = (fromMs: number, toMs: number, before: () => void): void => {
        for (let ms = fromMs; ms < toMs; ms++) {
          before();
          for (const { samples } of of(pacer.poll(ms * 1000), 'audio')) heard.push(...samples);
        }
      };
      play(0, atMs, draw);
      const cutAt = heard.length;
      pacer.interrupt(1);
      play(atMs, atMs + 100, () => {});
      const faded = heard.slice(cutAt).map((_, i) => (i < 480 ? wave(cutAt + i) * (1 - (i + 1) / 480) : 0));
      const wrong = heard.slice(cutAt).findIndex((sample, i) => Math.abs(sample - faded[i]!) > 1e-5);
      expect(wrong).toBe(-1);
    };
    fc.assert(
      fc.property(
        fc.constantFrom(25, 30, 40, 50, 60),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 3, max: 8 }),
        fade,
      ),
      { numRuns: 200 },
    );
  });

  it('fades from the last sample where the engine has nothing more', () => {
    const pacer = new AvPacer();
    const samples = new Float32Array(960).fill(0.5);
    pacer.pushTick({ index: 0, samples, turnId: 1, isLast: false });
    expect(of(pacer.poll(0), 'audio')[0]!.samples.at(-1)).toBe(0.5);
    pacer.interrupt(1);
    const [next] = of(pacer.poll(20_000), 'audio');
    expect(next!.samples[0]).toBeCloseTo(0.5, 2);
    expect(next!.samples[240]).toBeCloseTo(0.25, 2);
    expect(next!.samples[480]).toBe(0);
  });

  it('remembers no more turns, however many there were', () => {
    const pacer = new AvPacer();
    const sizeOf = (): number =>
      JSON.stringify(pacer, (_, value) => (value instanceof Set ? [...value] : value)).length;
    const sizeAfter = (turns: number): number => {
      for (let i = 0; i < turns; i++) {
        pacer.pushTick({ index: i, samples: new Float32Array(960), turnId: 100_000 + i, isLast: false });
        pacer.interrupt(100_000 + i);
        pacer.poll(i * 20_000);
      }
      return sizeOf();
    };
    expect(sizeAfter(5000)).toBeLessThan(sizeAfter(100) + 1000);
  });

  it('says when it has something to do next, so that nothing waits and nobody asks in vain', () => {
    const pacer = new AvPacer();
    expect(pacer.nextDueUs).toBeLessThan(0);
    let nowUs = 7_000;
    let polls = 0;
    const actions: PacerAction[] = [];
    const leftUs: number[] = [];
    for (let i = 0; i < 10; i++) pacer.pushTick(tick(i, 1));
    while (nowUs < 300_000) {
      if (polls < 10) pacer.pushPicture(polls, polls);
      const found = pacer.poll(nowUs);
      expect(found.length).toBeGreaterThan(0);
      polls += 1;
      actions.push(...found);
      leftUs.push(...of(found, 'picture').map(() => nowUs));
      nowUs = pacer.nextDueUs;
    }
    // Fifteen packets of sound; every picture begins with one of them.
    expect(of(actions, 'audio')).toHaveLength(15);
    expect(leftUs).toEqual(leftUs.map((_, i) => 7_000 + i * 40_000));
    expect(leftUs).toHaveLength(8);
    expect(polls).toBe(15);
    pacer.interrupt(1);
    expect(pacer.nextDueUs).toBeLessThan(0);
  });

  it('does not burst after a stall of its own thread', () => {
    const pacer = new AvPacer();
    pacer.poll(0);
    expect(of(pacer.poll(5_000_000), 'audio').length).toBeLessThanOrEqual(11);
  });

  it('settles every turn once and frees every slot once, whatever happens', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('tick' as const), turn: fc.integer({ min: 0, max: 3 }), last: fc.boolean() }),
      fc.record({ kind: fc.constant('picture' as const) }),
      fc.record({ kind: fc.constant('interrupt' as const), turn: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 150 }) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const pacer = new AvPacer();
        const actions: PacerAction[] = [];
        let nowMs = 0;
        let index = 0;
        let drawn = 0;
        for (const e of events) {
          if (e.kind === 'tick') pacer.pushTick(tick(index++, e.turn || undefined, e.last));
          else if (e.kind === 'picture' && drawn < index) pacer.pushPicture(drawn, drawn++);
          else if (e.kind === 'interrupt') pacer.interrupt(e.turn);
          else if (e.kind === 'wait') {
            actions.push(...run(pacer, nowMs, nowMs + e.ms));
            nowMs += e.ms;
          }
        }
        for (let turn = 1; turn <= 3; turn++) pacer.interrupt(turn);
        actions.push(...run(pacer, nowMs, nowMs + 40 * (index + 5)));
        const reported = of(actions, 'report').map((action) => action.report.turnId);
        expect(new Set(reported).size).toBe(reported.length);
        const freed = actions.flatMap((action) =>
          action.kind === 'picture' || action.kind === 'drop' ? [action.slot] : [],
        );
        expect(new Set(freed).size).toBe(freed.length);
        expect(freed.length).toBe(drawn);
      }),
      { numRuns: 150 },
    );
  });
});
