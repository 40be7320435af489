/** What a visitor has chosen, kept in the browser between visits where it allows that. */
import type { ControlsMessage, Render } from '../src/signaling/protocol.ts';

export type FaceControls = Required<
  Pick<ControlsMessage, 'gaze' | 'headDistance' | 'emotion' | 'headMotion' | 'expressiveness'>
>;

export interface Settings {
  portraitId: string;
  voice: string;
  /** Whose voice; empty: the one that suits the face. */
  voiceOf: '' | 'woman' | 'man';
  /** Device ids; empty: the system's. */
  microphone: string;
  speaker: string;
  render: Render;
  isPushToTalk: boolean;
  captions: boolean;
}

export const NEUTRAL_CONTROLS: FaceControls = {
  gaze: { yawRad: 0, pitchRad: 0 },
  headDistance: 1,
  emotion: {},
  headMotion: 1,
  expressiveness: 1,
};

const KEY = 'visavis';
const DEFAULTS: Settings = {
  portraitId: '',
  voice: '',
  voiceOf: '',
  microphone: '',
  speaker: '',
  render: 'server',
  isPushToTalk: false,
  captions: true,
};

/** What was kept, under what the address says: `?portrait= &voice= &render=`. */
export function loadSettings(query: URLSearchParams): Settings {
  let kept: Partial<Settings> = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>;
  } catch {
    // A browser that keeps nothing, or something that is not ours.
  }
  const settings = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof Settings)[])
    if (typeof kept[key] === typeof DEFAULTS[key]) Object.assign(settings, { [key]: kept[key] });
  const render = query.get('render') ?? settings.render;
  return {
    ...settings,
    portraitId: query.get('portrait') ?? settings.portraitId,
    voice: query.get('voice') ?? settings.voice,
    render: render === 'client' ? 'client' : 'server',
  };
}

export function keepSettings(settings: Settings): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // As above: the choice holds for this visit.
  }
}
