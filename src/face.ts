/**
 * The face of one session as a conversation uses it: turns, activity, looks and emotions. In: what the conversation directs and what the
 * viewer has set; out: controls of the engine. A direction lasts for its turn; what the viewer sets holds where no direction does.
 */
import type { CallerProsody, Face, PlayListener } from './agent/conversation.ts';
import type { Script } from './agent/script.ts';
import type { StageDirection } from './agent/stage-directions.ts';
import type { Activity } from './agent/turn-events.ts';
import type { AvatarControls } from './engine/controls.ts';
import type { EngineSession } from './engine/engine-session.ts';
import type { SoundIntake } from './signaling/hosting.ts';
import type { Speaking } from './speaking.ts';

type Gaze = AvatarControls['gaze'];

/** Where a look goes, as the viewer sees it, beyond where the eyes rest. */
const LOOKS: Record<Extract<StageDirection, { kind: 'look' }>['at'], Gaze> = {
  me: { yawRad: 0, pitchRad: 0 },
  left: { yawRad: -0.3, pitchRad: 0 },
  right: { yawRad: 0.3, pitchRad: 0 },
  up: { yawRad: 0.05, pitchRad: 0.22 },
  down: { yawRad: 0.04, pitchRad: -0.25 },
  away: { yawRad: -0.22, pitchRad: 0.1 },
};
const MAX_GAZE_RAD = 0.6;

export class DirectedFace implements Face {
  private readonly speaking: Speaking;
  private readonly engine: EngineSession;
  private viewer: { gaze: Gaze; emotion: AvatarControls['emotion'] };
  private isDirected = false;

  constructor(speaking: Speaking, engine: EngineSession, controls: Pick<AvatarControls, 'gaze' | 'emotion'>) {
    this.speaking = speaking;
    this.engine = engine;
    this.viewer = { gaze: controls.gaze, emotion: controls.emotion };
  }

  /** What the viewer asks for, at once. */
  setControls(controls: Partial<AvatarControls>): void {
    const { gaze = this.viewer.gaze, emotion = this.viewer.emotion } = controls;
    this.viewer = { gaze, emotion };
    this.engine.setControls(controls);
  }

  play(script: Script, listener: PlayListener, fromUs?: number): number {
    return this.speaking.play(script, listener, fromUs);
  }

  openSound(listener: PlayListener): SoundIntake {
    return this.speaking.openSound(listener);
  }

  stop(turnId: number): void {
    this.speaking.stop(turnId);
  }

  setActivity(activity: Activity): void {
    // While it speaks the engine knows by itself; in its pauses it is at rest.
    this.engine.setActivity(activity === 'speaking' ? 'idle' : activity);
  }

  hearCaller(caller: CallerProsody): void {
    this.engine.hearCaller(caller);
  }

  direct(direction: StageDirection): void {
    if (direction.kind === 'look') {
      const { gaze } = this.viewer;
      const look = LOOKS[direction.at];
      this.engine.setControls({
        gaze: { yawRad: limited(gaze.yawRad + look.yawRad), pitchRad: limited(gaze.pitchRad + look.pitchRad) },
      });
    } else if (direction.kind === 'emotion')
      this.engine.setControls({ emotion: { [direction.emotion]: direction.weight } });
    else return;
    this.isDirected = true;
  }

  relax(): void {
    if (!this.isDirected) return;
    this.isDirected = false;
    this.engine.setControls(this.viewer);
  }
}

const limited = (angleRad: number): number => Math.min(MAX_GAZE_RAD, Math.max(-MAX_GAZE_RAD, angleRad));
